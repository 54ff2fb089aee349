"""Files that appear whole or not at all, and the folder of what can be made again.

And archives of arrays, read without trust in what is in them.
"""

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np


def cache_folder() -> Path:
    """Returns the folder of the cache: `$XDG_CACHE_HOME/jaxgen`, or `~/.cache/jaxgen`.

    It may not be there yet: `open_whole` makes it.

    Raises:
        RuntimeError: There is neither.
    """
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "jaxgen"


@contextlib.contextmanager
def open_whole(path: Path) -> Iterator[BinaryIO]:
    """Opens a file that takes its place when the block ends without an error.

    A reader, or a run killed meanwhile, sees the old content or the new, never a part;
    nor does who reads after a power failure, where the file system keeps its word.

    A killed process may leave a file `.NAME.xxxxxxxxxxxxxxxx.tmp` behind, of an ending
    that nothing reads.

    Args:
        path: Where to; the folder is made where it is missing.

    Raises:
        OSError: The place cannot be written to.

    Examples:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "new" / "count"
        >>> with open_whole(path) as file:
        ...     _ = file.write(b"one")
        ...     path.exists()
        False
        >>> path.read_bytes()
        b'one'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # In the same folder: a rename across file systems would not be atomic. Its own name
    # for every writer, and made by `open`, so that the file has the user's usual mode.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            _sync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def write_whole(path: Path, content: bytes) -> None:
    """Writes all of a file at once; see `open_whole`."""
    with open_whole(path) as file:
        file.write(content)


def _sync(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some file systems cannot; a full or a broken disk is another matter.
        if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
            raise


def _sync_folder(folder: Path) -> None:
    """Puts a rename on disk, where a folder can be opened: not on Windows."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read_npz(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Reads the arrays of an `.npz` file, whatever the file may hold.

    Nothing is unpickled, and the file is closed also where it is damaged.

    Args:
        path: The file.

    Returns:
        Arrays by their names.

    Raises:
        OSError: The file is missing or cannot be read.
        ValueError: It is damaged, or holds anything but plain arrays.
    """
    # np.load would leave a file open that it finds damaged.
    with open(path, "rb") as file:
        try:
            saved = np.load(file, allow_pickle=False)
            if not isinstance(saved, np.lib.npyio.NpzFile):
                raise ValueError("it is one array, and no archive of arrays")
            with saved:
                arrays = {name: saved[name] for name in saved.files}
        # Of damage, zipfile, zlib and NumPy raise whatever comes up; none has a list.
        except Exception as error:
            # EINVAL is a place before the file's start, where damage sent zipfile.
            if isinstance(error, OSError) and error.errno != errno.EINVAL:
                raise
            raise ValueError(str(error) or type(error).__name__) from error
    for name, array in arrays.items():
        # NumPy hands out a member that is no array as the bytes it has.
        if not isinstance(array, np.ndarray):
            raise ValueError(f"{name} in it is not an array")
    return arrays

"""Files that appear whole or not at all, and the folder of what can be made again.

And files of arrays, read without trust in what is in them.
"""

import contextlib
import errno
import io
import math
import os
import secrets
import shutil
import stat
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

__all__ = [
    "cache_folder",
    "is_full",
    "map_npy",
    "open_regular",
    "open_whole",
    "read_npz",
    "remove",
    "write_npz",
    "write_whole",
]


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


def write_npz(path: Path, **arrays: Any) -> None:
    """Writes a `.npz` file whole or not at all."""
    with open_whole(path) as file:
        np.savez_compressed(file, **arrays)


def remove(path: Path) -> None:
    """Removes a file, a link or a folder, as far as that goes, or nothing."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    shutil.rmtree(path, ignore_errors=True)


def is_full(error: BaseException | None) -> bool:
    """Whether an error, or what caused it, is that of a full disk or quota.

    Libraries tell of it in words of their own, so its text counts too.
    """
    while error is not None:
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
            return True
        if "No space left" in str(error) or "quota exceeded" in str(error):
            return True
        error = error.__cause__
    return False


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


def open_regular(path: str | os.PathLike[str]) -> io.BufferedReader:
    """Opens a file for reading, and nothing else that has a path.

    A named pipe in its place would make a reader wait for ever.

    Args:
        path: The file, or a link to it.

    Raises:
        OSError: The file is missing or cannot be read, or it is a folder, a named pipe,
            a socket or a device.
    """
    return open(path, "rb", opener=_open_regular)


def _open_regular(path: str, flags: int) -> int:
    # Without blocking a pipe opens at once; for files it makes no difference.
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    kind = stat.S_IFMT(os.fstat(descriptor).st_mode)
    if kind != stat.S_IFREG:
        os.close(descriptor)
        kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a named pipe"}
        raise OSError(errno.EINVAL, f"it is {kinds.get(kind, 'a device')}", path)
    return descriptor


def read_npz(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Reads the arrays of an `.npz` file, whatever the file may hold.

    Nothing is unpickled, nothing is allocated that the file cannot hold, and the file
    is closed also where it is damaged.

    Args:
        path: The file, with at most 8 GiB of arrays.

    Returns:
        Arrays by their names.

    Raises:
        OSError: The file is missing or cannot be read, or it is no regular file.
        ValueError: It is damaged, or holds anything but plain arrays.
    """
    with open_regular(path) as file, _damage_as_value_error():
        if file.read(len(_MAGIC)) == _MAGIC:
            raise ValueError("it is one array, and no archive of arrays")
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            _check_claims(members, os.fstat(file.fileno()).st_size)
            return {
                member.filename.removesuffix(".npy"): _read_member(archive, member)
                for member in members
            }


def map_npy(path: str | os.PathLike[str]) -> np.ndarray:
    """Maps the array of an `.npy` file into memory, whatever the file may hold.

    Nothing is unpickled, and numbers are read when they are used.

    Args:
        path: The file.

    Returns:
        The array; it cannot be written to.

    Raises:
        OSError: The file is missing or cannot be read, or it is no regular file.
        ValueError: It is damaged, or holds no plain array.
    """
    with open_regular(path) as file, _damage_as_value_error():
        if file.read(2) == b"PK":
            raise ValueError("it is an archive of arrays, and no single one")
        file.seek(0)
        size = os.fstat(file.fileno()).st_size
        shape, by_columns, dtype = _read_header(file, size)
        order = "F" if by_columns else "C"
        if not math.prod(shape):
            return np.empty(shape, dtype, order)
        return np.memmap(file, dtype, "r", file.tell(), shape, order)


_MAGIC = np.lib.format.MAGIC_PREFIX

_MOST_BYTES = 2**33
"""Of the arrays of an archive: what is compressed can claim any number."""

_MOST_COMPRESSION = 1032
"""By how much deflate can shrink: two bits for 258 bytes."""


@contextlib.contextmanager
def _damage_as_value_error() -> Iterator[None]:
    try:
        yield
    # Of damage, zipfile, zlib, tokenize and NumPy raise whatever comes up, MemoryError
    # and RecursionError too; none has a list.
    except Exception as error:
        # EINVAL is a place before the file's start, where damage sent zipfile.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        raise ValueError(str(error) or type(error).__name__) from error


def _check_claims(members: Sequence[zipfile.ZipInfo], size: int) -> None:
    """Raises a ValueError if an archive claims more bytes than it can hold."""
    if sum(member.compress_size for member in members) > size:
        raise ValueError("its parts claim more bytes than the file has")
    for member in members:
        most = member.compress_size * _MOST_COMPRESSION
        if member.file_size > most and member.compress_type == zipfile.ZIP_DEFLATED:
            raise ValueError(f"{member.filename} claims more bytes than it can hold")
    claimed = sum(member.file_size for member in members)
    if claimed > _MOST_BYTES:
        raise ValueError(f"it claims {claimed:,} bytes, and {_MOST_BYTES:,} are read")


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(member) as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise ValueError(f"{member.filename} in it is not an array")
        file.seek(0)
        _read_header(file, member.file_size)
        file.seek(0)
        return np.lib.format.read_array(file, allow_pickle=False)


def _read_header(file: Any, size: int) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Reads the header of an array, and leaves the file behind it.

    Raises:
        ValueError: The header is damaged, or not of as many bytes as there are.
    """
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        shape, by_columns, dtype = np.lib.format.read_array_header_1_0(file)
    elif version == (2, 0):
        shape, by_columns, dtype = np.lib.format.read_array_header_2_0(file)
    else:
        raise ValueError(f"its format is {version}, expected (1, 0) or (2, 0)")
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are never unpickled")
    claimed, held = math.prod(shape) * dtype.itemsize, size - file.tell()
    if claimed != held or min(shape, default=0) < 0 or not dtype.itemsize:
        raise ValueError(
            f"an array of {dtype} of shape {shape} has {claimed:,} bytes, and there "
            f"are {held:,}"
        )
    return shape, by_columns, dtype

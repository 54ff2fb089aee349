"""Files that appear whole or not at all, and the folder of what can be made again."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


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

    A reader, or a run killed meanwhile, sees the old content or the new, never a part.

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
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_whole(path: Path, content: bytes) -> None:
    """Writes all of a file at once; see `open_whole`."""
    with open_whole(path) as file:
        file.write(content)

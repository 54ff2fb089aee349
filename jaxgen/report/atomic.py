"""Files that appear whole or not at all."""

import os
from pathlib import Path

from jaxgen.errors import InputError


def write(path: Path, content: bytes) -> None:
    """Writes a file so that a reader sees the old content or the new, never a part.

    Args:
      path: where to; the folder is made where it is missing.
      content: all of the file.

    Raises:
      InputError: the place cannot be written to.
    """
    # In the same folder: a rename across file systems would not be atomic.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(content)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {error.strerror}; give a run in a folder that "
            "you may write to."
        ) from error

"""Files that appear whole or not at all."""

from pathlib import Path

from jaxgen import files
from jaxgen.errors import InputError


def write(path: Path, content: bytes) -> None:
    """Writes a file so that a reader sees the old content or the new, never a part.

    Args:
      path: where to; the folder is made where it is missing.
      content: all of the file.

    Raises:
      InputError: the place cannot be written to.
    """
    try:
        files.write_whole(path, content)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {error.strerror}; give a run in a folder that "
            "you may write to."
        ) from error

"""The digest of a checkpoint: what each of its files held when it was written.

`digest.json` in a folder lists the SHA-256 of every other file in it, beside what the
checkpoint is: its step, its root key, its options and the versions that wrote it. It
also holds a digest of itself.
"""

import contextlib
import functools
import hashlib
import json
import stat
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from jaxgen import files
from jaxgen.errors import InputError
from jaxgen.version import __version__

__all__ = [
    "NAME",
    "DamageError",
    "UnfinishedError",
    "read_digest",
    "refuse_pipes",
    "write_digest",
]

NAME = "digest.json"


class DamageError(Exception):
    """A folder is not as it was when its digest was written; the message says how."""


class UnfinishedError(DamageError):
    """A folder has no digest, which is written last."""

    def __init__(self) -> None:
        """Says so."""
        super().__init__(f"it has no {NAME}, which is written last")


def write_digest(folder: Path, facts: Mapping[str, Any]) -> None:
    """Writes the digest of a folder.

    Args:
        folder: The folder, which nothing else is written to any more.
        facts: What the folder is, as JSON values; versions are added.

    Raises:
        OSError: A file cannot be read, or the digest cannot be written.
    """
    digests = _digests(folder)
    if not digests:
        raise FileNotFoundError(f"The folder {folder} is gone")
    content = dict(facts) | {"versions": _versions(), "files": digests}
    content["digest"] = _digest(content)
    files.write_whole(folder / NAME, (json.dumps(content, indent=1) + "\n").encode())


def read_digest(folder: Path) -> dict[str, Any] | None:
    """Holds a folder against its digest, and returns its facts; None without digest.

    Files that the digest does not list do not count.

    Raises:
        DamageError: A file is missing, cannot be read or holds something else, the
            digest included.
    """
    try:
        with files.open_regular(folder / NAME) as file:
            content = json.loads(file.read())
        if content.pop("digest") != _digest(content):
            raise ValueError
        saved = content.pop("files")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DamageError(f"{NAME} cannot be read: {error.strerror}") from error
    # A damaged file may be anything: no JSON, nested without end, no object.
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DamageError(f"{NAME} is damaged") from error
    for name, digest in saved.items():
        try:
            same = _file_digest(folder / name) == digest
        except FileNotFoundError as error:
            raise DamageError(f"{name} is missing") from error
        except OSError as error:
            raise DamageError(f"{name} cannot be read: {error.strerror}") from error
        if not same:
            raise DamageError(f"{name} is not as it was written")
    return content


def refuse_pipes(directory: Path) -> None:
    """Raises an InputError for what a reader would wait for, for ever."""
    for path in directory.rglob("*"):
        kind = path.lstat().st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind) or stat.S_ISLNK(kind)):
            raise InputError(f"{path} is no file: remove it, and what it is part of.")


@functools.cache
def _versions() -> dict[str, str]:
    """Returns the versions of the packages that are installed."""
    found = {"jaxgen": __version__}
    for name in ("jax", "flax", "optax", "orbax-checkpoint"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def _digests(folder: Path) -> dict[str, str]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    found = {path.relative_to(folder).as_posix(): path for path in paths}
    return {name: _file_digest(path) for name, path in found.items() if name != NAME}


def _file_digest(path: Path) -> str:
    with files.open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

"""A lock on the folder of a run: one process at a time goes on in it."""

import datetime
import json
import os
import socket
import time
from pathlib import Path

import jax

from jaxgen.errors import InputError

try:
    import fcntl
except ImportError:  # Windows: there is no lock
    fcntl = None

__all__ = ["NAME", "release", "take"]

NAME = ".lock"
"""The file in the run's folder; it names its owner while there is one."""

_held: dict[Path, int] = {}
"""Open files by the folders that this process has locked."""


def take(folder: Path) -> bool:
    """Locks a folder until `release`, or until this process ends, however it ends.

    A folder that this process has locked already stays locked. Of many processes of one
    run the first locks for all. Where the system or the file system has no locks, there
    is none.

    Args:
        folder: The folder, which is there.

    Returns:
        Whether it was locked now.

    Raises:
        InputError: Another process has locked it; the message names that process.
        OSError: The folder cannot be written to.
    """
    if fcntl is None or jax.process_index() != 0:
        return False
    folder = folder.resolve()
    if folder in _held:
        if _is_file(_held[folder], folder / NAME):
            return False
        os.close(_held.pop(folder))  # of a folder that was removed since
    while True:
        file = os.open(folder / NAME, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(file)
            raise InputError(
                f"The run {folder} is in use by {_owner(folder)}: wait until that "
                "process has ended or stop it, or start anew under another name."
            ) from error
        except OSError:  # a file system without locks
            os.close(file)
            return False
        # Its former owner may have removed the file between the two calls.
        if _is_file(file, folder / NAME):
            break
        os.close(file)
    owner = {
        "process": os.getpid(),
        "host": socket.gethostname(),
        "since": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
    }
    _held[folder] = file
    os.ftruncate(file, 0)
    os.pwrite(file, json.dumps(owner).encode() + b"\n", 0)
    return True


def release(folder: Path) -> None:
    """Unlocks a folder that this process has locked; of others nothing happens."""
    folder = folder.resolve()
    file = _held.pop(folder, None)
    if file is None:
        return
    if _is_file(file, folder / NAME):
        (folder / NAME).unlink(missing_ok=True)
    os.close(file)


def _is_file(file: int, path: Path) -> bool:
    """Whether an open file is the one that has that name now."""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except OSError:
        return False


def _owner(folder: Path) -> str:
    # Who has just locked the folder may not have written its name yet.
    for _ in range(20):
        try:
            owner = json.loads((folder / NAME).read_text())
            return (
                f"process {int(owner['process'])} on {owner['host']}, since "
                f"{owner['since']}"
            )
        except (OSError, ValueError, KeyError, TypeError):
            time.sleep(0.02)
    return "another process"

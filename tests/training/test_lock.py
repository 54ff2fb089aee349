"""One process at a time has a run, by two real processes."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jaxgen import training
from jaxgen.errors import InputError
from jaxgen.training import lock

ROOT = Path(__file__).parents[2]

OWNER = """
import sys
from pathlib import Path
from jaxgen.training import lock

lock.take(Path(sys.argv[1]))
print("locked", flush=True)
sys.stdin.read()
"""

pytestmark = pytest.mark.skipif(lock.fcntl is None, reason="no locks on this system")


@contextlib.contextmanager
def owner(folder: Path) -> Iterator[subprocess.Popen]:
    """Runs a process that has locked a folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "locked\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def open_run(folder: Path, *, resume: bool) -> training.RunFolder:
    return training.open_run(
        folder.parent, folder.name, {"config": {}}, resume=resume, free=set()
    )


def test_the_run_of_another_process_is_refused_and_after_its_kill_taken(tmp_path):
    folder = open_run(tmp_path / "run", resume=False)
    training.release_run(folder)
    described = folder.config.read_bytes()
    with owner(folder.path) as process:
        # That it has no checkpoint yet is another matter.
        message = rf"in use by process {process.pid} on .*, since 20\d\d-\d\d-\d\dT"
        with pytest.raises(InputError, match=message):
            open_run(folder.path, resume=True)
        (folder.path / ".lock").write_text("{")
        with pytest.raises(InputError, match="in use by another process"):
            lock.take(folder.path)
    # Killed, it had no chance to unlock: the system did.
    assert process.returncode < 0
    assert (folder.path / ".lock").exists()
    with pytest.raises(InputError, match="has no checkpoints"):
        open_run(folder.path, resume=True)
    assert not (folder.path / ".lock").exists()
    assert folder.config.read_bytes() == described
    (folder.checkpoints / "3").mkdir(parents=True)
    open_run(folder.path, resume=True)
    assert json.loads((folder.path / ".lock").read_text())["process"] == os.getpid()
    training.release_run(folder)


def test_a_process_may_open_its_own_run_again_and_leaves_no_lock(tmp_path):
    folder = open_run(tmp_path / "run", resume=False)
    (folder.checkpoints / "3").mkdir(parents=True)
    assert open_run(folder.path, resume=True) == folder
    training.release_run(folder)
    training.release_run(folder)
    assert not (folder.path / ".lock").exists()


def test_a_run_that_was_removed_and_made_again_is_locked_again(tmp_path):
    lock.take(tmp_path)
    (tmp_path / ".lock").unlink()
    lock.take(tmp_path)
    assert (tmp_path / ".lock").exists()
    lock.release(tmp_path)


def test_a_file_system_without_locks_is_no_error(tmp_path, monkeypatch):
    def refuse(file: int, kind: int) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(lock.fcntl, "flock", refuse)
    lock.take(tmp_path)
    monkeypatch.setattr(lock, "fcntl", None)
    lock.take(tmp_path)

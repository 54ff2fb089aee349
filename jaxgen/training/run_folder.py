"""The folder a run leaves: where each file is, and whether a run may go on in it."""

import contextlib
import json
import os
import platform
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import jax

from jaxgen import run_files
from jaxgen.errors import InputError
from jaxgen.files import write_whole
from jaxgen.run_files import read_records
from jaxgen.training import lock

__all__ = [
    "RunFolder",
    "check_name",
    "discard_run",
    "environment",
    "has_checkpoint",
    "open_run",
    "release_run",
    "write_json",
]


class RunFolder(NamedTuple):
    """The folder of one run, `runs/<experiment>/<name>`."""

    path: Path

    @property
    def config(self) -> Path:
        """What was asked for, and where it ran."""
        return self.path / "config.json"

    @property
    def metrics(self) -> Path:
        """The records of the curves, one JSON object a line."""
        return self.path / "metrics.jsonl"

    @property
    def summary(self) -> Path:
        """The final numbers."""
        return self.path / "summary.json"

    @property
    def checkpoints(self) -> Path:
        """Orbax checkpoints."""
        return self.path / "checkpoints"

    @property
    def arrays(self) -> Path:
        """Arrays that the figures are drawn from, `.npz`."""
        return self.path / "arrays"

    @property
    def tensorboard(self) -> Path:
        """TensorBoard events."""
        return self.path / "tensorboard"


def open_run(
    root: Path,
    name: str,
    description: dict[str, Any],
    *,
    resume: bool,
    free: set[str],
    exact: bool = False,
) -> RunFolder:
    """Makes the folder of a new run, or opens that of a run to be resumed.

    Args:
        root: The folder of the experiment's runs.
        name: The run's name. A new run whose name is taken gets the next free number;
            to resume without a number means the newest of that name.
        description: What `config.json` holds; its entry "config" are the options.
        resume: Whether to go on.
        free: Options that may differ when a run is resumed.
        exact: Resume the run of just that name, not the newest of its numbers.

    Returns:
        The folder, with `config.json` written. It is locked until `release_run`, or
        until this process ends; see `lock`.

    Raises:
        InputError: If the folder cannot be written, if another process has locked it,
            if there is no run to resume, if its options differ from those asked for,
            or if it has no checkpoints, as of a run whose checkpoints were moved.
            Nothing in the folder has changed then.
    """
    check_name(name)
    taken = sorted(_numbered(root, name))
    if resume and exact and (root / name / "config.json").exists():
        folder = RunFolder(root / name)
        _check_same(folder, description["config"], free)
    elif resume:
        if not taken:
            raise InputError(
                f"There is no run {name!r} in {root} to resume: leave out resume=True, "
                f"or name one of: {', '.join(_names(root)) or 'there is none'}."
            )
        folder = RunFolder(root / _name(name, taken[-1]))
        _check_same(folder, description["config"], free)
    else:
        folder = RunFolder(root / _name(name, taken[-1] + 1 if taken else 1))
    held = False
    try:
        if not resume:
            folder = _claim(root, name, taken[-1] + 1 if taken else 1)
        held = lock.take(folder.path)
        if resume:
            _check_checkpoints(folder)
        folder.arrays.mkdir(parents=True, exist_ok=True)
        write_json(folder.config, description | {"environment": environment()})
    except (InputError, OSError) as error:
        if held:
            lock.release(folder.path)
        if isinstance(error, InputError):
            raise
        if not resume:
            discard_run(folder)
        raise InputError(
            f"The run {folder.path} cannot be written ({error.strerror}): choose "
            "another folder."
        ) from error
    return folder


def release_run(folder: RunFolder) -> None:
    """Lets other processes resume a run, whose work in this process is done."""
    lock.release(folder.path)


def discard_run(folder: RunFolder) -> bool:
    """Removes the folder of a run in which nothing was saved; says whether it did.

    Saved are records, arrays, a summary, and any checkpoint after step 0.

    Args:
        folder: The folder, made by this process.
    """
    path = folder.path
    if jax.process_index() != 0 or not path.is_dir():
        return False
    homes = _homes(folder)
    saved = (
        folder.summary.exists()
        or any(folder.arrays.glob("*"))
        or any(max(_steps(home), default=0) > 0 for home in homes)
        or any(one.stat().st_size for one in path.glob("**/*.jsonl"))
    )
    if saved:
        return False
    lock.release(path)
    shutil.rmtree(path, ignore_errors=True)
    with contextlib.suppress(OSError):
        path.parent.rmdir()  # that of the experiment, where this was its first run
    return True


def has_checkpoint(folder: RunFolder) -> bool:
    """Says whether a run, or one of its parts, has a checkpoint to go on from."""
    return any(_steps(home) for home in _homes(folder))


def check_name(name: str, option: str = "name") -> None:
    """Raises an InputError unless a run's name is the name of one folder.

    Args:
        name: The name.
        option: The argument, as the caller knows it.
    """
    if not name.strip() or name != Path(name).name or name in (".", ".."):
        raise InputError(
            f"{option}={name!r}: give the name of one folder, without slashes."
        )


def environment() -> dict[str, Any]:
    """Returns versions and devices, for the record; no name of the machine."""
    devices = jax.devices()
    return {
        "python": platform.python_version(),
        "jax": jax.__version__,
        "backend": devices[0].platform,
        "device": devices[0].device_kind,
        "devices": len(devices),
        "cores": os.cpu_count(),
    }


def write_json(path: Path, value: Any) -> None:
    """Writes JSON whole or not at all."""
    write_whole(path, (json.dumps(value, indent=2) + "\n").encode())


def _check_same(folder: RunFolder, config: dict[str, Any], free: set[str]) -> None:
    former = run_files.read_config(folder.config).get("config")
    if former is None:
        raise InputError(
            f"{folder.config} does not say with which options that run was made: "
            "restore the file, or start anew under another name."
        )
    # Through JSON, so that tuples compare as the lists they were saved as.
    config = json.loads(json.dumps(config))
    differ = run_files.differences(former, config, free=free)
    if differ:
        raise InputError(
            f"The run {folder.path} was made with other options, as its "
            f"{folder.config.name} says: {differ}. Give the same options to "
            "resume it, put that file back if it was changed, or leave out resume=True "
            "for a new run."
        )


def _check_checkpoints(folder: RunFolder) -> None:
    """Raises an InputError where a run, or a part of it, has lost its checkpoints."""
    lost = None if has_checkpoint(folder) else folder
    for home in _homes(folder):
        # The records of parts, merged into those of the run, have their names.
        trained = any(
            record["step"] > 0 and record["split"] in ("train", "test")
            for record in read_records(home.metrics)
        )
        if trained and not _steps(home):
            lost = home
    if lost is not None:
        raise InputError(
            f"{lost.path} has no checkpoints, so there is nothing to go on from. Were "
            "they moved? Put them back, or start anew: the same without resume=True."
        )


def _homes(folder: RunFolder) -> list[RunFolder]:
    """Returns the folder and those of its parts, each trained by itself."""
    return [folder, *map(RunFolder, sorted(folder.path.glob("parts/*")))]


def _steps(folder: RunFolder) -> list[int]:
    """Returns the steps of the checkpoints that are there, whole or not."""
    names = (path.name for path in folder.checkpoints.glob("*"))
    return [int(name) for name in names if name.isascii() and name.isdecimal()]


def _claim(root: Path, name: str, number: int) -> RunFolder:
    # Making the folder is the claim: of two runs that start at once, one goes on.
    while True:
        path = root / _name(name, number)
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            if not path.is_dir():
                raise
            number += 1
        else:
            return RunFolder(path)


def _name(name: str, number: int) -> str:
    return name if number == 1 else f"{name}-{number}"


def _numbered(root: Path, name: str) -> list[int]:
    numbers = []
    for other in _names(root):
        head, _, tail = other.rpartition("-")
        if other == name:
            numbers.append(1)
        elif head == name and tail.isdigit():
            numbers.append(int(tail))
    return numbers


def _names(root: Path) -> list[str]:
    return sorted(p.parent.name for p in root.glob("*/config.json"))

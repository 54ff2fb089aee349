"""A run that failed, and whose state is saved elsewhere: what goes on from there."""

import contextlib
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jaxgen import training
from jaxgen.files import write_whole

__all__ = ["closed", "complete", "copy_back", "write_lost"]


@contextlib.contextmanager
def closed(resource: Any) -> Iterator[None]:
    """Closes what was written to; after a failure a second one is not told."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            resource.close()
        raise
    resource.close()


def complete(saved: Path, output: Path, home: Path, lost: Mapping[Path, bytes]) -> Path:
    """Makes of checkpoints that are saved elsewhere what can be copied into OUTPUT.

    Args:
        saved: The folder of the checkpoints; the one that it is in becomes one of runs.
        output: The folder of all runs.
        home: Where in it the checkpoints belong: the run, or one of its parts.
        lost: Files in it with their content; those that are gone are saved too.

    Returns:
        The folder of runs, or that of the checkpoints if no more can be written.
    """
    runs = saved.parent
    try:
        for path, content in lost.items():
            if not path.exists():
                copy = runs / path.relative_to(output)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(content)
        place = runs / home.relative_to(output) / saved.name
        place.parent.mkdir(parents=True, exist_ok=True)
        saved.rename(place)
    except OSError:
        return saved
    return runs


def write_lost(lost: Mapping[Path, bytes]) -> None:
    """Writes files of a run again that are gone, as far as that goes."""
    for path, content in lost.items():
        if not path.exists():
            with contextlib.suppress(OSError):
                write_whole(path, content)


def copy_back(failure: training.Failed, output: str) -> str:
    """Returns the command that copies a saved state into OUTPUT, with `&&` after it.

    It is empty where the state is there already, or nowhere.
    """
    saved = failure.saved
    if saved is None or saved.is_relative_to(Path(output).absolute()):
        return ""
    make, copy = ["mkdir", "-p", output], ["cp", "-r", f"{saved}/.", f"{output}/"]
    return f"{shlex.join(make)} && {shlex.join(copy)} && "

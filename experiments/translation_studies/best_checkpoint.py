"""The best checkpoint of a run by a metric that its monitor measures."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jaxgen import training
from jaxgen.errors import InputError
from jaxgen.run_files import is_number, read_object

LOWER = {
    **{"l1": True, "psnr": False, "ssim": False},
    **{"fd": True, "kid": True, "cycle": True},
}
"""The metrics by name, and whether less of them is better."""

FOLDER = "checkpoints-best"
"""Where it is, in the folder of a run."""


class BestCheckpoint:
    """A callback of `training.fit` that keeps the state with the best score so far.

    Let it come after the monitor whose scores it reads. `DIRECTORY/best.json` tells the
    metric, its value and the step. A run that is resumed goes on with the best of
    before: its steps come again as they were, so a best state ahead of the last
    checkpoint is its own.

    Args:
        directory: Where to: `RUN/checkpoints-best`.
        metric: A name in `LOWER`.
        score: `step -> scores by name` of the look at that step.
        known: The names that this run measures; all of them by default.

    Raises:
        InputError: The metric is unknown or not measured, or the folder holds the best
            by another one.
    """

    def __init__(
        self,
        directory: Path,
        metric: str,
        score: Callable[[int], Mapping[str, float]],
        *,
        known: tuple[str, ...] = tuple(LOWER),
    ):
        """Looks for what an earlier part of the run has left."""
        check_metric(metric, known)
        self._directory, self._metric, self._score = Path(directory), metric, score
        self._best = best_of(self._directory)
        if self._best is not None and self._best["metric"] != metric:
            raise InputError(
                f"{self._directory} holds the best checkpoint by "
                f"{self._best['metric']}, not by {metric}: resume with that metric, or "
                "remove the folder."
            )

    def __call__(self, state: Any, step: int) -> None:
        """Saves the state where its score is the best so far."""
        value = self._score(step).get(self._metric)
        if value is None or not self._better(value):
            return
        best = {"metric": self._metric, "value": value, "step": step}
        checkpoints = training.Checkpoints(self._directory, keep=1)
        checkpoints.save(step, state, best)
        checkpoints.close()
        # Only now: the note never tells of a checkpoint that is not whole.
        training.write_json(self._directory / "best.json", best)
        self._best = best

    def _better(self, value: float) -> bool:
        if self._best is None:
            return True
        before = self._best["value"]
        return value < before if LOWER[self._metric] else value > before


def check_metric(metric: str, known: tuple[str, ...] = tuple(LOWER)) -> None:
    """Refuses a metric that is not measured.

    Args:
        metric: Its name.
        known: The names that this run measures.

    Raises:
        InputError: It is none of them.
    """
    if metric in known and metric in LOWER:
        return
    measured = ", ".join(name for name in LOWER if name in known) or "nothing"
    why = (
        "is unknown"
        if metric not in LOWER
        else "is not measured in this run (pairs are needed for l1, psnr and ssim, two "
        "directions for cycle)"
    )
    raise InputError(
        f"The metric {metric!r} of the best checkpoint {why}: expected one of "
        f"{measured}."
    )


def best_of(directory: Path) -> dict[str, Any] | None:
    """Returns the metric, the value and the step of the best state, if there is one."""
    path = Path(directory) / "best.json"
    if not os.path.lexists(path):
        return None
    cure = "remove the folder to start anew with the best checkpoint"
    best = read_object(path, cure=cure)
    metric, value, step = (best.get(name) for name in ("metric", "value", "step"))
    if not isinstance(metric, str) or not is_number(value) or type(step) is not int:
        raise InputError(
            f"{path} is damaged: it needs metric, a text; value, a number; and step, a "
            f"whole number; {cure}."
        )
    return {"metric": metric, "value": float(value), "step": step}

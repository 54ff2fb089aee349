"""The best checkpoint of a run by a score that a monitor measures."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from jaxgen.errors import InputError
from jaxgen.run_files import is_number, read_object
from jaxgen.training.checkpoint import Checkpoints
from jaxgen.training.run_folder import write_json

__all__ = ["BEST_FOLDER", "BestCheckpoint", "BestScore", "best_score"]

BEST_FOLDER = "checkpoints-best"
"""Where the best checkpoint is, in the folder of a run."""


class BestScore(NamedTuple):
    """The score of the best checkpoint.

    Attributes:
        metric: Name of the score.
        value: Its value.
        step: Step of the checkpoint.
    """

    metric: str
    value: float
    step: int


class BestCheckpoint:
    """A callback of `training.fit` that keeps the state with the best score so far.

    Let it come after the monitor whose scores it reads. `DIRECTORY/best.json` has the
    metric, its value and the step. A run that is resumed goes on with the best of
    before: its steps come again as they were, so a best state ahead of the last
    checkpoint is its own.

    Args:
        directory: Where to: `RUN/checkpoints-best`.
        metric: Name of the score.
        scores: `step -> scores by name`; a step without that score is left out.
        lower_is_better: Whether less is better.

    Raises:
        InputError: The folder holds the best checkpoint by another metric.
    """

    def __init__(
        self,
        directory: Path,
        metric: str,
        scores: Callable[[int], Mapping[str, float]],
        *,
        lower_is_better: bool = True,
    ):
        """Looks for what an earlier part of the run has left."""
        self._directory, self._metric, self._scores = Path(directory), metric, scores
        self._lower = lower_is_better
        self._best = best_score(self._directory)
        if self._best is not None and self._best.metric != metric:
            raise InputError(
                f"{self._directory} holds the best checkpoint by "
                f"{self._best.metric}, not by {metric}: resume with that metric, or "
                "remove the folder."
            )

    def __call__(self, state: Any, step: int) -> None:
        """Saves the state if its score is the best so far."""
        value = self._scores(step).get(self._metric)
        if value is None or not self._is_better(value):
            return
        best = BestScore(self._metric, value, step)
        checkpoints = Checkpoints(self._directory, keep=1)
        checkpoints.save(step, state, best._asdict())
        checkpoints.close()
        # Only now: the file never names a checkpoint that is not whole.
        write_json(self._directory / "best.json", best._asdict())
        self._best = best

    def _is_better(self, value: float) -> bool:
        if self._best is None:
            return True
        return value < self._best.value if self._lower else value > self._best.value


def best_score(directory: Path) -> BestScore | None:
    """Returns the score of the best checkpoint, None where there is none.

    Args:
        directory: `RUN/checkpoints-best`.

    Raises:
        InputError: Its `best.json` is damaged.
    """
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
    return BestScore(metric, float(value), step)

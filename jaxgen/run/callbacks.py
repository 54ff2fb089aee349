"""Callbacks of a training, made from the data of its run."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jaxgen import random, training
from jaxgen.run.setup import Setup

__all__ = [
    "best_note",
    "every_epochs",
    "monitor_callbacks",
    "snapshots",
]


def snapshots(
    path: Path, setup: Setup, model: Any, *, number: int = 12, most: int = 5
) -> training.Snapshots:
    """Returns a callback that keeps samples of the same latents at a few epochs.

    Args:
        path: The `.npz` file; see `training.read_snapshots`.
        setup: The data.
        model: The model, which can `sample`.
        number: Latents.
        most: Epochs.
    """
    per_epoch = setup.batches.steps_per_epoch
    return training.Snapshots(
        path,
        model,
        random.stream(setup.key, "snapshots"),
        per_epoch,
        math.ceil(setup.steps / per_epoch),
        number=number,
        most=most,
    )


def every_epochs(
    setup: Setup, callbacks: Sequence[Callable[[Any, int], None]], every: int
) -> training.EveryEpochs:
    """Returns a callback that calls others every so many epochs and in the end.

    Args:
        setup: The data.
        callbacks: The others.
        every: Epochs from one call to the next.
    """
    return training.EveryEpochs(
        callbacks,
        steps_per_epoch=setup.batches.steps_per_epoch,
        every=every,
        last=setup.steps,
    )


def monitor_callbacks(
    folder: training.RunFolder, monitor: Any, metric: str
) -> list[Callable[[Any, int], None]]:
    """Returns a monitor on one device, and a callback that keeps the best checkpoint.

    Args:
        folder: Folder of the run.
        monitor: The monitor, with `scores(step) -> scores by name` and, by name,
            `lower_is_better`.
        metric: The score by which a checkpoint is best; "none" for no such checkpoint.
    """
    callbacks: list[Callable[[Any, int], None]] = [
        lambda state, step: monitor(training.on_one_device(state), step)
    ]
    if metric != "none":
        callbacks.append(
            training.BestCheckpoint(
                folder.path / training.BEST_FOLDER,
                metric,
                monitor.scores,
                lower_is_better=monitor.lower_is_better[metric],
            )
        )
    return callbacks


def best_note(folder: training.RunFolder) -> dict[str, Any]:
    """Returns what a summary says of the best checkpoint, nothing where there is none.

    Args:
        folder: Folder of the run.
    """
    best = training.best_score(folder.path / training.BEST_FOLDER)
    if best is None:
        return {}
    return {
        "best checkpoint": f"step {best.step:,}, {best.metric} {best.value:.4g}",
    }

"""Callbacks of a training, made from the data of its run."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jaxgen import random, training
from jaxgen.run.setup import Setup

__all__ = ["every_epochs", "snapshots"]


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

"""Callbacks of a training, made from the data of its run."""

from collections.abc import Callable, Sequence
from typing import Any

from jaxgen import training
from jaxgen.run.setup import Setup

__all__ = ["every_epochs"]


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

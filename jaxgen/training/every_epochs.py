"""A callback that calls others every so many epochs."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from jaxgen.checks import check_count

__all__ = ["EveryEpochs"]


class EveryEpochs:
    """A callback of `fit` that calls others every so many epochs and at the last step.

    Args:
        callbacks: The others, called in this order with the state and the step.
        steps_per_epoch: Steps of one epoch.
        every: Epochs from one call to the next.
        last: The last step of the run.

    Examples:
        >>> calls = EveryEpochs(
        ...     [lambda state, step: print(step)], steps_per_epoch=10, every=2, last=50
        ... )
        >>> for step in (10, 20, 30, 40, 50):
        ...     calls(None, step)
        20
        40
        50
    """

    def __init__(
        self,
        callbacks: Sequence[Callable[[Any, int], None]],
        *,
        steps_per_epoch: int,
        every: int,
        last: int,
    ):
        """Checks the numbers."""
        check_count("steps_per_epoch", steps_per_epoch, 1)
        check_count("every", every, 1)
        self._callbacks = tuple(callbacks)
        self._steps_per_epoch, self._every, self._last = steps_per_epoch, every, last

    def __call__(self, state: Any, step: int) -> None:
        """Calls the others if this is one of the epochs, or the last step."""
        epoch = math.ceil(step / self._steps_per_epoch)
        if epoch % self._every == 0 or step == self._last:
            for callback in self._callbacks:
                callback(state, step)

"""What stops a run: a signal, a failure, or a number that is not finite."""

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.errors import InputError
from jaxgen.files import is_full
from jaxgen.stopping import SIGNALS, is_ignored
from jaxgen.typing import Array, PyTree

__all__ = [
    "SIGNALS",
    "Failed",
    "Interrupted",
    "Interrupts",
    "NonFiniteError",
    "UnreadableData",
    "first_bad_leaf",
    "first_bad_step",
    "largest_leaf",
    "reading_data",
]


class Interrupted(Exception):
    """A signal asked the run to stop; its state is saved if it had checkpoints.

    Attributes:
        step: Steps done.
        signal_number: The signal that came.
    """

    def __init__(self, step: int, signal_number: int):
        """Keeps the step and the signal."""
        super().__init__(
            f"Stopped by {signal.Signals(signal_number).name} at step {step}."
        )
        self.step = step
        self.signal_number = signal_number


class Failed(Exception):
    """Data, a folder or the disk failed a run; what was in memory is saved if it can.

    Attributes:
        step: Steps done.
        error: What failed.
        saved: The folder of checkpoints that holds the state of that step; None if it
            is saved nowhere.
    """

    def __init__(self, step: int, error: Exception, saved: Path | None):
        """Keeps them, and says what failed and where the state is."""
        where = "is not saved" if saved is None else f"is saved in {saved}"
        super().__init__(
            f"Stopped at step {step}: {_cause(error)}. The state of that step {where}."
        )
        self.step, self.error, self.saved = step, error, saved


class UnreadableData(InputError):
    """A batch could not be read."""


class NonFiniteError(ArithmeticError):
    """A term of the loss, a gradient or a parameter became NaN or infinite."""


class Interrupts:
    """Notes one of `SIGNALS` instead of dying of it, while used as a context.

    The loop asks `received` between two calls. A second signal acts at once.
    """

    def __init__(self) -> None:
        """Starts with no signal received."""
        self.received: int | None = None
        self._former: dict[int, Any] = {}

    def __enter__(self) -> "Interrupts":
        """Puts the handlers in place; outside the main thread there are none."""
        for number in SIGNALS:
            if is_ignored(number):
                continue
            try:
                self._former[number] = signal.signal(number, self._note)
            except ValueError:  # only the main thread may handle signals
                break
        return self

    def __exit__(self, *_: object) -> None:
        """Puts the former handlers back."""
        for number, handler in self._former.items():
            signal.signal(number, handler)
        self._former.clear()

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.received is not None:
            self.__exit__()
            signal.raise_signal(number)
        self.received = number


@contextlib.contextmanager
def reading_data() -> Iterator[None]:
    """Raises UnreadableData for whatever goes wrong within."""
    try:
        yield
    except Exception as error:  # sources of all kinds raise errors of all kinds
        raise UnreadableData(f"The data cannot be read: {_cause(error)}") from error


def first_bad_step(metrics: dict[str, np.ndarray]) -> tuple[int, str] | None:
    """Returns the first step of a call with a value not finite, and its name.

    Args:
        metrics: By name, one value per step, or those of the last steps alone.
    """
    steps = max(map(len, metrics.values()))
    # A norm is kept of the last step alone.
    bad = {
        name: steps - len(values) + int(np.argmin(np.isfinite(values)))
        for name, values in metrics.items()
        if not np.isfinite(values).all()
    }
    if not bad:
        return None
    step = min(bad.values())
    # The loss is the sum of the terms; a term tells more.
    names = [name for name, first in bad.items() if first == step]
    return step, next((name for name in names if name != "loss"), names[0])


def first_bad_leaf(tree: PyTree) -> str | None:
    """Returns the path of the first leaf that holds NaN or infinity, such as `a/b`."""
    leaves = dict(_numbers(tree))
    finite = jax.device_get(_are_finite(list(leaves.values())))
    return next(
        (path for path, good in zip(leaves, finite, strict=True) if not good), None
    )


@jax.jit
def _are_finite(leaves: list[Array]) -> list[Array]:
    return [jnp.isfinite(leaf).all() for leaf in leaves]


def largest_leaf(tree: PyTree) -> str:
    """Returns the path of the leaf that holds the number of largest magnitude."""
    return max(_numbers(tree), key=lambda pair: float(jnp.abs(pair[1]).max()))[0]


def _numbers(tree: PyTree) -> Iterator[tuple[str, Array]]:
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        if jnp.issubdtype(leaf.dtype, jnp.inexact):
            yield jax.tree_util.keystr(path, simple=True, separator="/"), leaf


def _cause(error: Exception) -> str:
    text = str(error).strip().rstrip(".")
    # An OSError without a number is one of ours, and says all.
    if isinstance(error, InputError) or getattr(error, "errno", 0) is None:
        return text
    if is_full(error):
        return f"The disk or the quota is full ({text})"
    if isinstance(error, OSError):
        return text
    return f"{type(error).__name__}: {text}"

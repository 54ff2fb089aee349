"""Moving averages of parameters."""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxgen.checks import check_number
from jaxgen.typing import Array, Params, PyTree

__all__ = [
    "Decay",
    "check_decay",
    "first_average",
    "in_use",
    "moving_average",
    "next_average",
]

Decay = float | Array | optax.Schedule
"""The share of the old average in the new one, or a function `step -> share`."""


def moving_average(
    latest: PyTree, average: PyTree, *, decay: Decay, step: Array
) -> PyTree:
    """Returns the moving average after one more step.

    Whole numbers and truth values are copied from the latest.

    Args:
        latest: Parameters, and statistics with them, after the step.
        average: Their average before it.
        decay: The share of the old average in the new one. A number is replaced by
            (1 + step) / (10 + step) while that is less, since the parameters of `init`
            are not trained; a function of the step is taken as it is.
        step: Steps before this one.
    """
    if callable(decay):
        share = 1.0 - jnp.asarray(decay(step))
    else:
        share = 1.0 - jnp.minimum(decay, (1.0 + step) / (10.0 + step))

    def averaged(latest: Array, average: Array) -> Array:
        if not jnp.issubdtype(latest.dtype, jnp.inexact):
            return latest
        return share * latest + (1.0 - share) * average

    return jax.tree.map(averaged, latest, average)


def first_average(latest: PyTree, decay: Decay | None) -> PyTree:
    """Returns the initial moving average, or () if `decay` is None."""
    # A copy: the loop gives the buffers of a state away, each once.
    return () if decay is None else jax.tree.map(jnp.copy, latest)


def next_average(
    latest: tuple[Params, PyTree],
    average: PyTree,
    *,
    decay: Decay | None,
    step: Array,
    average_statistics: bool = True,
) -> PyTree:
    """Returns the moving average after one more step, or () if `decay` is None.

    Args:
        latest: Parameters and statistics after the step.
        average: Their average before it.
        decay: See `moving_average`.
        step: Steps before this one.
        average_statistics: Whether statistics are averaged like the parameters, which
            those of a batch normalization must be: they describe the activations of the
            weights they were gathered with. Otherwise they are copied, as published
            StyleGANs copy their buffers.
    """
    if decay is None:
        return average
    params, stats = moving_average(latest, average, decay=decay, step=step)
    if not average_statistics:
        stats = jax.tree.map(jnp.copy, latest[1])
    return params, stats


def in_use(latest: PyTree, average: PyTree) -> PyTree:
    """Returns the moving average if there is one, else the latest."""
    return average if average else latest


def check_decay(decay: Any) -> None:
    """Raises InputError unless `decay` is None, a function, or in [0, 1).

    One that is traced passes.
    """
    if decay is not None and not callable(decay):
        check_number("ema_decay", decay, least=0, below=1)

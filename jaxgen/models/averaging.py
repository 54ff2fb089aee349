"""Moving averages of parameters."""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxgen.checks import check_number
from jaxgen.typing import Array, PyTree


def moving_average(
    latest: PyTree, average: PyTree, *, decay: float | Array, step: Array
) -> PyTree:
    """Returns the average after one more step.

    Args:
        latest: Parameters, and statistics with them, after the step.
        average: Their average before it.
        decay: What the average keeps of itself; (1 + step) / (10 + step) while that is
            less, as the statistics of `init` are no network's.
        step: Steps before this one.
    """
    kept = jnp.minimum(decay, (1.0 + step) / (10.0 + step))
    return optax.incremental_update(latest, average, 1.0 - kept)


def first_average(latest: PyTree, decay: float | Array | None) -> PyTree:
    """Returns the average of `init`, () where there is none to be."""
    # A copy: the loop gives the buffers of a state away, each once.
    return () if decay is None else jax.tree.map(jnp.copy, latest)


def next_average(
    latest: PyTree, average: PyTree, *, decay: float | Array | None, step: Array
) -> PyTree:
    """Returns the average after one more step, where there is one."""
    if decay is None:
        return average
    return moving_average(latest, average, decay=decay, step=step)


def in_use(latest: PyTree, average: PyTree) -> PyTree:
    """Returns the average where there is one, or else the latest."""
    return average if average else latest


def check_decay(decay: Any) -> None:
    """Raises InputError unless `decay` is None or in [0, 1); a traced one passes."""
    if decay is not None:
        check_number("ema_decay", decay, least=0, below=1)

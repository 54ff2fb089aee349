"""Moving averages of parameters."""

import jax.numpy as jnp
import optax

from jaxgen.typing import Array, PyTree


def moving_average(
    latest: PyTree, average: PyTree, *, decay: float, step: Array
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

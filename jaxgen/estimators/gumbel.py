"""The continuous variables behind discrete samples, free and given the sample.

A Bernoulli is 1[z > 0] of a shifted logistic z; a category is the argmax of shifted
Gumbels z. Everything is in the space of logits and of logarithms, where a logit of 50
is a number like another; z has the shape (samples,) + coordinates (and K).
"""

import jax
import jax.numpy as jnp

from jaxgen.estimators import distributions
from jaxgen.estimators.base import Distribution
from jaxgen.estimators.threefry import unrolled
from jaxgen.numerics import softplus
from jaxgen.typing import Array, PRNGKeyArray

__all__ = ["conditional", "free", "harden", "noise", "probabilities", "soften"]


def noise(key: PRNGKeyArray, dist: Distribution, num_samples: int) -> Array:
    """Returns standard logistic (Bernoulli) or Gumbel noise; the key is consumed."""
    key, logits = unrolled(key), distributions.logits(dist)
    shape = (num_samples, *logits.shape)
    if _binary(dist):
        return jax.random.logistic(key, shape, logits.dtype)
    return jax.random.gumbel(key, shape, logits.dtype)


def free(standard: Array, logits: Array, dist: Distribution) -> Array:
    """Returns z; `logits` has an axis of samples, or 1 in its place.

    Gumbels are shifted by normalized logits: z is a function of the distribution, not
    of the constant that its logits are known up to.
    """
    return standard + _location(logits, dist)


def conditional(
    standard: Array, logits: Array, hard: Array, dist: Distribution
) -> Array:
    """Returns z given the discrete sample it stands behind, from fresh noise.

    Its derivative in the logits is that of the path, at fixed noise and fixed `hard`.

    References:
        Tucker et al., REBAR, 2017, whose v' is taken to its logit here: with
        w uniform and s = 2b - 1, z = s [softplus(s logit + log w) - log(1 - w)].
        Maddison et al., A* Sampling, 2014: the largest of Gumbels is independent of
        which one it is, and the others are truncated at it.
    """
    if _binary(dist):
        side = 2 * hard - 1
        inner = side * logits - softplus(-standard)
        return side * (softplus(inner) + softplus(standard))
    located = _location(logits, dist)
    top = jnp.sum(hard * standard, axis=-1, keepdims=True)
    below = -jnp.logaddexp(-standard - located, -top)
    return jnp.where(hard > 0, standard, below)


def harden(z: Array, dist: Distribution) -> Array:
    """Returns the discrete sample, as floats: 1[z > 0], or the one-hot argmax."""
    if _binary(dist):
        return (z > 0).astype(z.dtype)
    return jax.nn.one_hot(jnp.argmax(z, axis=-1), z.shape[-1], dtype=z.dtype)


def soften(z: Array, temperature: Array | float, dist: Distribution) -> Array:
    """Returns the relaxed sample: sigmoid or softmax of z / temperature."""
    scaled = z / temperature
    return jax.nn.sigmoid(scaled) if _binary(dist) else jax.nn.softmax(scaled)


def probabilities(logits: Array, dist: Distribution) -> Array:
    """Returns the mean of the discrete sample."""
    return soften(logits, 1.0, dist)


def _location(logits: Array, dist: Distribution) -> Array:
    return logits if _binary(dist) else jax.nn.log_softmax(logits)


def _binary(dist: Distribution) -> bool:
    return distributions.family(dist) == "Bernoulli"

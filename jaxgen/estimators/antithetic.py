"""Estimators for binary variables (and categories) from samples drawn against another.

The samples of one call share their uniforms: each has the right distribution, and
together they disagree as often as they can.
"""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp

from jaxgen.estimators import distributions
from jaxgen.estimators.base import (
    BINARY,
    Cost,
    Distribution,
    Estimate,
    Estimator,
    Integrand,
    Moving,
)
from jaxgen.estimators.surrogates import linear
from jaxgen.estimators.threefry import unrolled
from jaxgen.numerics import centred_leave_one_out, softplus
from jaxgen.typing import Array, PRNGKeyArray, PyTree

__all__ = ["ARM", "ARMS", "DisARM", "stick_logits"]


@dataclasses.dataclass(frozen=True)
class ARM(Estimator):
    """Augment-REINFORCE-merge: (f(1[u > 1-p]) - f(1[u < p]))(u - 1/2), in the logit.

    A sample is an antithetic pair. DisARM is this with u averaged out, and never worse.

    References:
        Yin and Zhou, ARM: Augment-REINFORCE-Merge Gradient for Stochastic Binary
        Networks, 2019.
    """

    families: ClassVar[tuple[str, ...] | None] = BINARY

    def cost(self, dist: Distribution, num_samples: int, moving: Moving = None) -> Cost:
        return Cost(2 * num_samples)

    def estimate(
        self,
        key: PRNGKeyArray,
        f: Integrand,
        dist: Distribution,
        num_samples: int,
        state: PyTree,
    ) -> Estimate:
        logits = distributions.logits(dist)
        noise, first, second = _pair(key, logits, num_samples)
        ahead, behind = (jax.vmap(f)(x.astype(logits.dtype)) for x in (first, second))
        # u - 1/2, where the logistic noise is the logit of u.
        weights = jnp.tanh(noise / 2) / 2
        gradient = jnp.mean(_wide(ahead - behind, weights) * weights, axis=0)
        values = (ahead + behind) / 2
        return _estimate(values, linear(gradient, logits, dist, values), state)


@dataclasses.dataclass(frozen=True)
class DisARM(Estimator):
    """ARM without its uniform: (f(b) - f(b'))(b - b') max(p, 1-p)/2, in the logit.

    A sample is an antithetic pair (b, b'). A category is drawn by breaking a stick: it
    is the first success of K - 1 binary variables, each of which gets its DisARM. The
    variance depends a little on the order of the categories, the mean does not.

    References:
        Dong, Mnih and Tucker, DisARM: An Antithetic Gradient Estimator for Binary
        Latent Variables, 2020 (found also by Yin et al., 2020). Dong, Mnih and Tucker,
        Coupled Gradient Estimators for Discrete Latent Variables, 2021: DisARM-SB.
    """

    families: ClassVar[tuple[str, ...] | None] = distributions.DISCRETE

    def cost(self, dist: Distribution, num_samples: int, moving: Moving = None) -> Cost:
        return Cost(2 * num_samples)

    def estimate(
        self,
        key: PRNGKeyArray,
        f: Integrand,
        dist: Distribution,
        num_samples: int,
        state: PyTree,
    ) -> Estimate:
        logits = distributions.logits(dist)
        binary = distributions.family(dist) == "Bernoulli"
        sticks = logits if binary else stick_logits(logits)
        _, first, second = _pair(key, sticks, num_samples)
        weights = jax.nn.sigmoid(jnp.abs(sticks))[None] / 2
        weights = weights * (first.astype(sticks.dtype) - second.astype(sticks.dtype))
        if binary:
            samples = [x.astype(logits.dtype) for x in (first, second)]
        else:
            ends = [_first_success(x) for x in (first, second)]
            # A stick behind both ends changes no sample; its term is noise of mean 0.
            last = jnp.maximum(*ends)[..., None]
            place = jnp.arange(sticks.shape[-1]).reshape((1,) * (last.ndim - 1) + (-1,))
            weights = jnp.where(place <= last, weights, 0.0)
            samples = [_category(x, logits, dist) for x in ends]
        ahead, behind = (jax.vmap(f)(x) for x in samples)
        gradient = jnp.mean(_wide(ahead - behind, weights) * weights, axis=0)
        values = (ahead + behind) / 2
        return _estimate(values, linear(gradient, sticks, dist, values), state)


@dataclasses.dataclass(frozen=True)
class ARMS(Estimator):
    """Leave-one-out over n samples that a Dirichlet copula holds apart, rescaled.

    With two samples it is DisARM. With n it is RLOO, times the factor that undoes the
    correlation of the samples.

    References:
        Dimitriev and Zhou, ARMS: Antithetic-REINFORCE-Multi-Sample Gradient for Binary
        Variables, 2021.
    """

    families: ClassVar[tuple[str, ...] | None] = BINARY
    min_samples: ClassVar[int] = 2

    def estimate(
        self,
        key: PRNGKeyArray,
        f: Integrand,
        dist: Distribution,
        num_samples: int,
        state: PyTree,
    ) -> Estimate:
        logits, others = distributions.logits(dist), num_samples - 1
        shape = (num_samples, *logits.shape)
        shares = jax.random.exponential(unrolled(key), shape, logits.dtype)
        shares = shares / jnp.sum(shares, axis=0, keepdims=True)
        # u = (1 - share)^(n-1) is uniform. The rarer value is where u is small, so
        # that it is the samples of this value that avoid each other.
        log_rarer = -softplus(jnp.abs(logits))
        rarer = others * jnp.log1p(-shares) < log_rarer[None]
        samples = (rarer ^ (logits > 0)[None]).astype(logits.dtype)
        values = jax.vmap(f)(samples)
        advantages = centred_leave_one_out(jax.lax.stop_gradient(values))
        scores = samples - jax.nn.sigmoid(logits)[None]
        gradient = jnp.mean(_wide(advantages, scores) * scores, axis=0)
        gradient = gradient * _decorrelation(logits, others)
        return _estimate(values, linear(gradient, logits, dist, values), state)


def stick_logits(logits: Array) -> Array:
    """Calculates the logits of "this category, given none before it", shape (..., K-1).

    logits_k - log of the sum of exp(logits_j), j > k.
    """
    later = jax.lax.cumlogsumexp(logits, axis=logits.ndim - 1, reverse=True)
    return logits[..., :-1] - later[..., 1:]


def _pair(
    key: PRNGKeyArray, logits: Array, num_samples: int
) -> tuple[Array, Array, Array]:
    """Logistic noise e, logit of u, with 1[u > 1 - p] and 1[u < p]."""
    shape = (num_samples, *logits.shape)
    noise = jax.random.logistic(unrolled(key), shape, logits.dtype)
    return noise, noise > -logits[None], noise < logits[None]


def _first_success(sticks: Array) -> Array:
    last = jnp.ones((*sticks.shape[:-1], 1), bool)
    return jnp.argmax(jnp.concatenate([sticks, last], axis=-1), axis=-1)


def _category(index: Array, logits: Array, dist: Distribution) -> Array:
    if distributions.family(dist) == "Categorical":
        return index
    return jax.nn.one_hot(index, logits.shape[-1], dtype=logits.dtype)


def _decorrelation(logits: Array, others: int) -> Array:
    """p(1-p) / (p - P(b_i = b_j = 1)) of the Dirichlet copula of others + 1 samples.

    With p the rarer probability and r = P(both)/p = max(0, 2 - p^(-1/(n-1)))^(n-1) it
    is (1-p)/(1-r), where nothing underflows however small p is.
    """
    excess = jnp.expm1(softplus(jnp.abs(logits)) / others)
    # Where the excess is above 1 no two samples share the rarer value.
    log_ratio = others * jnp.log1p(-jnp.minimum(excess, 1.0))
    return jax.nn.sigmoid(jnp.abs(logits)) / -jnp.expm1(log_ratio)


def _wide(values: Array, like: Array) -> Array:
    """Gives values per sample and batch element the axes of the coordinates."""
    values = jax.lax.stop_gradient(values)
    return values.reshape(values.shape + (1,) * (like.ndim - values.ndim))


def _estimate(values: Array, surrogate: Array, state: PyTree) -> Estimate:
    """The mean of f over the samples, with the gradient of the surrogate added."""
    return Estimate(jnp.mean(values, axis=0) + surrogate, state)

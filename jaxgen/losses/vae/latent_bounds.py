"""The bounds of a VAE with any latents, through any gradient estimator."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgen import random
from jaxgen.checks import check_key
from jaxgen.errors import InputError
from jaxgen.estimators import (
    Estimator,
    GumbelSoftmax,
    distributions,
    expectation,
    multi_sample_bound,
)
from jaxgen.estimators.bounds import BoundEstimator
from jaxgen.losses.vae.families import Posterior, PriorParameters
from jaxgen.losses.vae.regularizers import Divergence, Parts
from jaxgen.typing import Array, PerExample, PRNGKeyArray, PyTree, RandomKeys

LogLikelihood = Callable[..., PerExample]
"""`(latents, *observed) -> log p(x|z)`, all with a leading batch axis."""


class LatentTerms(NamedTuple):
    """The terms of a bound, whose gradients are an estimator's.

    Attributes:
        log_likelihood: E log p(x|z), nats per example.
        parts: The divergence in parts, shape (batch, parts).
        state: The estimator's next state.
    """

    log_likelihood: PerExample
    parts: Parts
    state: PyTree


def latent_terms(
    key: RandomKeys,
    log_likelihood: LogLikelihood,
    posterior: Posterior,
    prior: PriorParameters,
    observed: tuple[Array, ...],
    *,
    divergence: Divergence,
    estimator: Estimator,
    num_samples: int = 1,
    state: PyTree = (),
    prior_per_example: bool = False,
) -> LatentTerms:
    """Estimates the terms of the evidence lower bound.

    The divergence is exact where it has a closed form, and else the mean of
    log q(z) - log p(z) over the samples that log p(x|z) has seen.

    Args:
        key: One key per example (`jaxgen.random.example_keys`), or one for all; it is
            consumed.
        log_likelihood: `(latents, *observed) -> nats per example`.
        posterior: q(z|x), with a leading batch axis.
        prior: p(z).
        observed: What belongs to each example: the images, their condition.
        divergence: The divergence.
        estimator: How the gradient crosses the sampling of z.
        num_samples: Samples of z per example (pairs, for an antithetic estimator).
        state: The estimator's state, from `estimator_state`.
        prior_per_example: Whether the prior has a leading batch axis too.

    Returns:
        The terms; for a relaxed estimator those of its relaxed samples, with the
        divergence of the discrete distribution: no bound. Evaluate with true samples.

    Raises:
        InputError: The estimator cannot do this; the sentence says why.
    """
    check_key(key)
    parts = divergence.closed_form(posterior, prior)
    if parts is None and isinstance(estimator, GumbelSoftmax) and not estimator.hard:
        raise InputError(
            f"{estimator} draws relaxed samples, and log q - log p of these is no KL: "
            "give a divergence in closed form, or hard=True."
        )
    per_example = prior if prior_per_example else None

    def one(
        key: Array, q: Posterior, own_prior: Any, *observed: Array
    ) -> tuple[Array, Array, PyTree]:
        p = own_prior if prior_per_example else prior
        dist = q.distribution

        def fit(z: Array) -> Array:
            return log_likelihood(z[None], *(one[None] for one in observed))[0]

        def excess(z: Array) -> Array:
            log_p = distributions.log_prob(p.distribution, z)
            return distributions.log_prob(dist, z) - log_p

        value, first = _expect(key, fit, dist, estimator, num_samples, state, 0)
        if parts is not None:
            return value, jnp.zeros(1), first
        # The same samples: the two terms are those of one draw.
        again = jax.random.clone(key)
        kl, second = _expect(again, excess, dist, estimator, num_samples, state, 1)
        return value, kl[None], first + second

    keys = _each(key, posterior)
    value, kl, states = jax.vmap(one)(keys, posterior, per_example, *observed)
    state = jax.tree.map(_of_all_examples, states)
    return LatentTerms(value, kl if parts is None else parts, state)


def latent_bound(
    key: RandomKeys,
    log_likelihood: LogLikelihood,
    posterior: Posterior,
    prior: PriorParameters,
    observed: tuple[Array, ...],
    *,
    estimator: Estimator,
    num_samples: int,
    prior_per_example: bool = False,
) -> PerExample:
    """Estimates the importance-weighted bound, nats per example.

    Args:
        key: As in `latent_terms`.
        log_likelihood: As there.
        posterior: As there.
        prior: As there.
        observed: As there.
        estimator: One of those of `jaxgen.estimators.multi_sample_bound`.
        num_samples: Samples of z that a bound is made of.
        prior_per_example: As there.

    References:
        Burda et al., Importance Weighted Autoencoders, 2016, equation 8.
    """
    check_key(key)
    per_example = prior if prior_per_example else None

    def one(key: Array, q: Posterior, own_prior: Any, *observed: Array) -> Array:
        p = own_prior if prior_per_example else prior

        def log_joint(z: Array) -> Array:
            fit = log_likelihood(z[None], *(one[None] for one in observed))[0]
            return fit + distributions.log_prob(p.distribution, z)

        return multi_sample_bound(
            key, log_joint, q.distribution, estimator, num_samples
        )

    keys = _each(key, posterior)
    return jax.vmap(one)(keys, posterior, per_example, *observed)


def is_bound_estimator(estimator: Estimator) -> bool:
    """Tells whether an estimator is for importance-weighted bounds alone."""
    return isinstance(estimator, BoundEstimator)


def estimator_state(
    key: PRNGKeyArray,
    estimator: Estimator,
    posterior: Posterior,
    prior: PriorParameters,
    *,
    divergence: Divergence,
) -> PyTree:
    """Returns the first state of an estimator: one for each term that is sampled.

    Args:
        key: It is consumed.
        estimator: The estimator.
        posterior: q(z|x) of any batch.
        prior: p(z).
        divergence: The divergence.
    """
    check_key(key)
    if not estimator.stateful:
        return ()
    dist = jax.tree.map(lambda leaf: leaf[0], posterior).distribution
    first, second = jax.random.split(key)
    states = (estimator.init(first, dist),)
    if divergence.closed_form(posterior, prior) is None:
        states += (estimator.init(second, dist),)
    return states


def _expect(
    key: Array,
    f: Callable[[Array], Array],
    dist: Any,
    estimator: Estimator,
    num_samples: int,
    state: PyTree,
    term: int,
) -> tuple[Array, PyTree]:
    if not estimator.stateful:
        return expectation(key, f, dist, estimator, num_samples), ()
    value, new = expectation(key, f, dist, estimator, num_samples, state=state[term])
    return value, (new,)


def _of_all_examples(leaf: Array) -> Array:
    # A moving average, and plain descent on a control variate, are linear in what they
    # have seen: the mean of what the examples make of it is what the whole batch makes
    # of it. A count is the same for all.
    if not jnp.issubdtype(leaf.dtype, jnp.inexact):
        return leaf[0]
    return jnp.mean(leaf, axis=0)


def _each(key: RandomKeys, posterior: Posterior) -> Array:
    check_key(key)
    batch = jax.tree.leaves(posterior)[0].shape[0]
    return random.example_keys(key, batch) if key.ndim == 0 else key

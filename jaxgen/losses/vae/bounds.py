"""The evidence lower bound and the importance-weighted bound, for any latents.

`models.vae` trains with these functions.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgen import random
from jaxgen.checks import check_floats, check_key, check_number, check_shapes
from jaxgen.errors import InputError
from jaxgen.estimators import (
    Estimator,
    GumbelSoftmax,
    Pathwise,
    Reparameterization,
    differentiable_sample,
    distributions,
    expectation,
    multi_sample_bound,
)
from jaxgen.estimators.bounds import BoundEstimator
from jaxgen.losses.vae.families import (
    AXES,
    Gaussian,
    Posterior,
    PriorParameters,
    posterior_of,
    standard_prior,
)
from jaxgen.losses.vae.likelihoods import Observations, bernoulli_log_likelihood
from jaxgen.losses.vae.regularizers import Divergence, Parts, kl
from jaxgen.typing import Array, PerExample, PRNGKeyArray, PyTree, RandomKeys

__all__ = [
    "ElboTerms",
    "check_decoder_statistics",
    "elbo",
    "estimator_state",
    "importance_weighted_bound",
    "is_bound_estimator",
    "negative_elbo",
]

LogLikelihood = Callable[[Any, Observations], PerExample]
"""`(parameters, observations) -> log p(x|z)`, nats per example."""


class ElboTerms(NamedTuple):
    """The terms of the evidence lower bound, whose gradients are an estimator's.

    Attributes:
        log_likelihood: E log p(x|z), nats per example.
        parts: The divergence of q(z|x) from p(z) in parts, shape (batch, parts).
        state: The estimator's next state.
        stats: The decoder's new statistics, where it has some.
    """

    log_likelihood: PerExample
    parts: Parts
    state: PyTree = ()
    stats: PyTree = ()

    @property
    def divergence(self) -> Array:
        """The divergence, nats per example: the sum of its parts."""
        # Not `PerExample`: terms that come out of a vmap have more axes.
        return jnp.sum(self.parts, axis=-1)


def elbo(
    key: RandomKeys,
    posterior: Posterior | tuple[Array, Array],
    decode: Callable[..., Any],
    observations: Observations,
    *inputs: Array,
    log_likelihood: LogLikelihood = bernoulli_log_likelihood,
    prior: PriorParameters | None = None,
    divergence: Divergence | None = None,
    estimator: Estimator | None = None,
    num_samples: int = 1,
    state: PyTree = (),
    decoder_statistics: bool = False,
) -> ElboTerms:
    """Estimates the terms of the evidence lower bound.

    `log p(x) >= E_q(z|x) log p(x|z) - KL(q(z|x) || p(z))`. By default z is Gaussian
    with one reparameterized sample per example, the prior is N(0, I) and the KL exact.

    The divergence is exact where it has a closed form, and else the mean of
    log q(z) - log p(z) over the samples that log p(x|z) is evaluated at.

    Args:
        key: One key per example (`jaxgen.random.example_keys`), or one for all; it is
            consumed.
        posterior: q(z|x): what the encoder returned, (mean, log_variance) of shape
            (batch, latents), or one of `losses.vae.families`.
        decode: `(latents, *inputs) -> parameters` of the likelihood, with a leading
            batch axis. It is called once for each sample of each example.
        observations: x, shape (batch, ...).
        *inputs: What else the decoder is given of each example, with a leading batch
            axis: labels, keys. All samples of an example get the same, so that keys
            for dropout give all of them one mask.
        log_likelihood: `(parameters, observations) -> nats per example`.
        prior: p(z), with a leading batch axis if each example has its own; by default
            the standard normal, or the uniform distribution of discrete latents.
        divergence: `losses.vae.regularizers.kl()` by default.
        estimator: How the gradient crosses the sampling of z: any of
            `jaxgen.estimators`; `Pathwise()` by default.
        num_samples: Samples of z per example (pairs, for an antithetic estimator).
        state: The estimator's state, from `estimator_state`.
        decoder_statistics: Whether the decoder takes statistics of the batch. It is
            then called once, on the latents of the whole batch, and returns
            `(parameters, new statistics)`. This needs an estimator that evaluates
            log p(x|z) at one differentiable sample per example.

    Returns:
        The terms; for a relaxed estimator those of its relaxed samples, with the
        divergence of the discrete distribution: no bound. Evaluate with true samples.

    Raises:
        InputError: The posterior is not one of this batch, the observations are not
            floating numbers or known to be outside the likelihood's range, or the
            estimator cannot do this; the sentence says why.

    Examples:
        >>> encode = lambda x: (x[:, :2], jnp.zeros_like(x[:, :2]))
        >>> decode = lambda z: jnp.tile(z, (1, 2))
        >>> images = jnp.ones((3, 4))
        >>> terms = elbo(jax.random.key(0), encode(images), decode, images)
        >>> terms.divergence
        Array([1., 1., 1.], dtype=float32)

    References:
        Kingma and Welling, Auto-Encoding Variational Bayes, 2014, equation 3, and 10
        for the Gaussian default.
    """
    keys, posterior, prior = _problem(key, posterior, observations, prior)
    estimator = Pathwise() if estimator is None else estimator
    parts = (kl() if divergence is None else divergence).closed_form(posterior, prior)
    if parts is None and isinstance(estimator, GumbelSoftmax) and not estimator.hard:
        raise InputError(
            f"{estimator} draws relaxed samples, and log q - log p of these is no KL: "
            "give a divergence in closed form, or hard=True."
        )

    def fit(z: Array, x: Array, *own: Array) -> Array:
        outputs = decode(z[None], *(one[None] for one in own))
        return log_likelihood(outputs, x[None])[0]

    def excess(z: Array, q: Posterior, p: PriorParameters | None) -> Array:
        p = prior if p is None else p
        log_q = distributions.log_prob(q.distribution, z)
        return log_q - distributions.log_prob(p.distribution, z)

    def estimate(
        keys: RandomKeys, f: Callable[..., Array], number: int, *each: Any
    ) -> tuple[Array, PyTree]:
        def one(key: Array, q: Posterior, *own: Any) -> tuple[Array, PyTree]:
            value, new = expectation(
                key,
                lambda z: f(z, *own),
                q.distribution,
                estimator,
                num_samples,
                state=state[number] if estimator.stateful else (),
            )
            return value, (new,) if estimator.stateful else ()

        values, states = jax.vmap(one)(keys, posterior, *each)
        return values, jax.tree.map(_of_all_examples, states)

    # The same samples for both terms: they are those of one draw.
    again = jax.random.clone(keys)
    if decoder_statistics:
        check_decoder_statistics(estimator, num_samples)

        def draw(key: Array, q: Posterior) -> Array:
            return differentiable_sample(key, q.distribution, estimator)

        latents = jax.vmap(draw)(keys, posterior)
        outputs, stats = decode(latents, *inputs)
        value, new = log_likelihood(outputs, observations), ()
    else:
        stats = ()
        value, new = estimate(keys, fit, 0, observations, *inputs)
    if parts is None:
        own_prior = prior if _per_example(prior, posterior) else None
        sampled, second = estimate(again, excess, 1, posterior, own_prior)
        parts, new = sampled[:, None], new + second
    return ElboTerms(value, parts, new, stats)


def negative_elbo(terms: ElboTerms, *, beta: float | Array = 1.0) -> PerExample:
    """Calculates `-log_likelihood + beta * divergence`, in nats per example.

    Args:
        terms: What `elbo` returned.
        beta: Weight of the divergence, one for all or shape (batch,); 1 gives the bound
            on -log p(x).

    References:
        Higgins et al., beta-VAE, 2017, equation 4.
    """
    if jnp.ndim(beta) == 0:
        check_number("beta", beta, least=0)
    check_shapes(("batch", "parts"), parts=terms.parts)
    divergence = terms.divergence
    check_shapes(("batch",), log_likelihood=terms.log_likelihood, divergence=divergence)
    return beta * divergence - terms.log_likelihood


def importance_weighted_bound(
    key: RandomKeys,
    posterior: Posterior | tuple[Array, Array],
    decode: Callable[..., Any],
    observations: Observations,
    *inputs: Array,
    num_samples: int,
    log_likelihood: LogLikelihood = bernoulli_log_likelihood,
    prior: PriorParameters | None = None,
    estimator: Estimator | None = None,
) -> PerExample:
    """Estimates the importance-weighted bound, nats per example.

    `log p(x) >= E log 1/K sum_k p(x|z_k) p(z_k) / q(z_k|x)`, z_1 ... z_K from q(z|x).

    Args:
        key: As in `elbo`; it is consumed.
        posterior: As in `elbo`.
        decode: As in `elbo`, without statistics of the batch.
        observations: As in `elbo`.
        *inputs: As in `elbo`.
        num_samples: K, samples of z that a bound is made of.
        log_likelihood: As in `elbo`.
        prior: As in `elbo`.
        estimator: One of those of `jaxgen.estimators.multi_sample_bound`; `Pathwise()`
            by default.

    Raises:
        InputError: As in `elbo`.

    Examples:
        >>> images = jnp.ones((3, 4))
        >>> posterior = (images[:, :2], jnp.zeros((3, 2)))
        >>> decode = lambda z: jnp.tile(z, (1, 2))
        >>> importance_weighted_bound(
        ...     jax.random.key(0), posterior, decode, images, num_samples=5
        ... ).shape
        (3,)

    References:
        Burda et al., Importance Weighted Autoencoders, 2016, equation 8.
    """
    keys, posterior, prior = _problem(key, posterior, observations, prior)
    chosen = Pathwise() if estimator is None else estimator
    own_prior = prior if _per_example(prior, posterior) else None

    def one(key: Array, q: Posterior, p: Any, x: Array, *own: Array) -> Array:
        p = prior if p is None else p

        def log_joint(z: Array) -> Array:
            outputs = decode(z[None], *(one[None] for one in own))
            log_prior = distributions.log_prob(p.distribution, z)
            return log_likelihood(outputs, x[None])[0] + log_prior

        return multi_sample_bound(key, log_joint, q.distribution, chosen, num_samples)

    return jax.vmap(one)(keys, posterior, own_prior, observations, *inputs)


def is_bound_estimator(estimator: Estimator) -> bool:
    """Tells whether an estimator is for importance-weighted bounds alone."""
    return isinstance(estimator, BoundEstimator)


def check_decoder_statistics(
    estimator: Estimator, num_samples: int, *, importance_weighted: bool = False
) -> None:
    """Raises InputError where a decoder with statistics of the batch cannot be trained.

    Statistics are those of one latent of each example. An estimator that calls the
    decoder at several latents of an example has no such batch; and a score function
    would miss that the samples of the other examples change log p(x|z).
    """
    if importance_weighted:
        problem = "importance-weighted bound calls it at several latents of an example"
        cure = "Train the evidence lower bound with Pathwise()"
    elif not isinstance(estimator, Reparameterization):
        problem = f"{estimator} does not differentiate it at one latent of each example"
        cure = "Take Pathwise(), or GumbelSoftmax(...) for discrete latents"
    elif num_samples > 1:
        problem = f"num_samples={num_samples} calls it at several latents of an example"
        cure = f"Take num_samples=1 with {estimator}"
    else:
        return
    raise InputError(
        "The decoder keeps statistics of the batch, such as those of batch "
        f"normalization, and {problem}. {cure}, or a decoder without statistics."
    )


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


def _problem(
    key: RandomKeys,
    posterior: Posterior | tuple[Array, Array],
    observations: Observations,
    prior: PriorParameters | None,
) -> tuple[RandomKeys, Posterior, PriorParameters]:
    """Returns a key per example, q(z|x) and p(z) of a batch that is right."""
    check_key(key)
    check_floats(observations=observations)
    if not isinstance(posterior, Posterior):
        posterior = posterior_of(Gaussian, posterior)
    latents, batch = posterior.point.shape, observations.shape[0]
    axes = AXES[type(posterior)]
    if len(latents) != len(axes) or latents[0] != batch:
        raise InputError(
            f"The posterior of {batch} examples has latents of shape {latents}: give "
            f"({', '.join(axes)})."
        )
    keys = random.example_keys(key, batch) if key.ndim == 0 else key
    return keys, posterior, standard_prior(posterior) if prior is None else prior


def _per_example(prior: PriorParameters, posterior: Posterior) -> bool:
    """Tells whether the prior has the leading batch axis of the posterior."""
    if type(prior) is not type(posterior):
        return False
    return jax.tree.leaves(prior)[0].ndim == posterior.point.ndim


def _of_all_examples(leaf: Array) -> Array:
    # A moving average, and plain descent on a control variate, are linear in what they
    # have seen: the mean of what the examples make of it is what the whole batch makes
    # of it. A count is the same for all.
    if not jnp.issubdtype(leaf.dtype, jnp.inexact):
        return leaf[0]
    return jnp.mean(leaf, axis=0)

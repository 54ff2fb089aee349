"""The evidence lower bound, for the plain VAE and in general."""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp

from jaxgen import divergences, random
from jaxgen.checks import check_floats, check_key, check_number, check_shapes
from jaxgen.errors import InputError
from jaxgen.losses.vae.families import gaussian_outputs
from jaxgen.losses.vae.likelihoods import Observations, bernoulli_log_likelihood
from jaxgen.typing import Array, Latents, PerExample, RandomKeys


class ElboTerms(NamedTuple):
    """The two terms of the evidence lower bound, one value per example, in nats."""

    log_likelihood: PerExample
    kl: PerExample


def elbo(
    key: RandomKeys,
    encode: Callable[[Observations], tuple[Latents, Latents]],
    decode: Callable[[Latents], Observations],
    observations: Observations,
    *,
    log_likelihood: Callable[
        [Observations, Observations], PerExample
    ] = bernoulli_log_likelihood,
) -> ElboTerms:
    """Estimates the evidence lower bound with one reparameterized sample per example.

    `log p(x) >= E_q(z|x) log p(x|z) - KL(q(z|x) || N(0, I))`, q a diagonal Gaussian,
    `z = mean + exp(log_variance / 2) * noise`; the KL is exact.

    Args:
        key: One key, or one per example (`jaxgen.random.example_keys`); it is consumed.
        encode: `observations -> (mean, log_variance)`, each of shape (batch, latents).
        decode: `latents -> parameters` of the likelihood.
        observations: Shape (batch, ...).
        log_likelihood: `(parameters, observations) -> nats per example`.

    Returns:
        `ElboTerms(log_likelihood, kl)`; the bound is their difference.

    Raises:
        InputError: The encoder gives anything but two arrays of one shape
            (batch, latents), the observations are not floating numbers, or known
            observations are outside the likelihood's range.

    Examples:
        >>> import jax, jax.numpy as jnp
        >>> encode = lambda x: (x[:, :2], jnp.zeros_like(x[:, :2]))
        >>> decode = lambda z: jnp.tile(z, (1, 2))
        >>> terms = elbo(jax.random.key(0), encode, decode, jnp.ones((3, 4)))
        >>> terms.kl
        Array([1., 1., 1.], dtype=float32)

    References:
        Kingma and Welling, Auto-Encoding Variational Bayes, 2014, equation 10.
    """
    check_key(key)
    check_floats(observations=observations)
    mean, log_variance = gaussian_outputs(encode(observations))
    if mean.ndim != 2 or mean.shape[0] != observations.shape[0]:
        raise InputError(
            f"encode was given {observations.shape[0]} examples and returned latents "
            f"of shape {mean.shape}: give (batch, latents)."
        )
    noise = random.normal(key, mean.shape)
    latents = mean + jnp.exp(0.5 * log_variance) * noise
    return ElboTerms(
        log_likelihood=log_likelihood(decode(latents), observations),
        kl=divergences.gaussian_kl(mean, log_variance),
    )


def negative_elbo(terms: ElboTerms, *, beta: float | Array = 1.0) -> PerExample:
    """Calculates the loss of a VAE, `-log_likelihood + beta * kl`, in nats per example.

    Args:
        terms: What `elbo` returned.
        beta: Weight of the KL, one for all or shape (batch,); 1 gives the bound on
            -log p(x).

    References:
        Higgins et al., beta-VAE, 2017, equation 4.
    """
    if jnp.ndim(beta) == 0:
        check_number("beta", beta, least=0)
    check_shapes(("batch",), log_likelihood=terms.log_likelihood, kl=terms.kl)
    return beta * terms.kl - terms.log_likelihood

"""The divergence between posterior and prior that a VAE pays for.

A `Divergence` gives its value in parts that add up, one for each latent where the
distributions factorise, so that an objective may treat latents apart.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxgen import divergences
from jaxgen.calls import factory
from jaxgen.errors import InputError
from jaxgen.losses.vae.families import (
    Bernoulli,
    Categorical,
    Gaussian,
    GaussianMixture,
    Posterior,
    PriorParameters,
    StandardNormal,
)

__all__ = [
    "Divergence",
    "Parts",
    "cauchy_schwarz",
    "closed_form_cauchy_schwarz",
    "closed_form_kl",
    "kl",
]

Parts = Float[Array, "batch parts"]


class Divergence(NamedTuple):
    """A divergence of q from p.

    Attributes:
        name: What it is called in records.
        closed_form: `(q, p) -> parts`, nats of shape (batch, parts), or None where
            there is no closed form and the KL is to be sampled.
    """

    name: str
    closed_form: Callable[[Posterior, PriorParameters], Parts | None]


@factory
def kl(*, sampled: bool = False) -> Divergence:
    """Returns KL(q || p): in closed form where there is one, else by samples of q.

    Args:
        sampled: Sample it even where there is a closed form, as the score-function VAE
            and the multi-sample bounds do.
    """
    return Divergence("kl", (lambda q, p: None) if sampled else closed_form_kl)


@factory
def cauchy_schwarz() -> Divergence:
    """Returns the Cauchy-Schwarz divergence, which a mixture prior leaves closed.

    The log-likelihood less it is no bound on log p(x): judge such a model by its
    importance-sampled likelihood.

    References:
        Tran et al., Cauchy-Schwarz Regularized Autoencoder, 2022.
    """
    return Divergence("cauchy_schwarz", closed_form_cauchy_schwarz)


def closed_form_kl(q: Posterior, p: PriorParameters) -> Parts | None:
    """Calculates KL(q || p) in parts, or returns None where only samples can."""
    match q, p:
        case Gaussian(), StandardNormal():
            return divergences.gaussian_kl_per_dimension(*q)
        case Gaussian(), Gaussian():
            return divergences.gaussian_kl_between_per_dimension(*q, *p)
        case Bernoulli(), Bernoulli():
            return divergences.bernoulli_kl_per_dimension(q.logits, p.logits)
        case Categorical(), Categorical():
            return divergences.categorical_kl_per_variable(q.logits, p.logits)
    return None


def closed_form_cauchy_schwarz(q: Posterior, p: PriorParameters) -> Parts:
    """Calculates the Cauchy-Schwarz divergence of q and p in parts."""
    match q, p:
        case Gaussian(), StandardNormal():
            zeros = jnp.asarray(p.zeros)
            return divergences.gaussian_cauchy_schwarz_per_dimension(*q, zeros, zeros)
        case Gaussian(), Gaussian():
            return divergences.gaussian_cauchy_schwarz_per_dimension(*q, *p)
        case Gaussian(), GaussianMixture():
            return divergences.gaussian_mixture_cauchy_schwarz(*q, *p)[:, None]
        case Bernoulli(), Bernoulli():
            return divergences.bernoulli_cauchy_schwarz_per_dimension(*q, *p)
        case Categorical(), Categorical():
            return divergences.categorical_cauchy_schwarz_per_variable(*q, *p)
    raise InputError(
        f"There is no Cauchy-Schwarz divergence of {type(q).__name__} latents from a "
        f"{type(p).__name__} prior: give a prior of the latents' own family, or a "
        "mixture of Gaussians to Gaussian ones."
    )

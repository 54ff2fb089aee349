"""What a VAE is trained by: likelihoods, bounds.

Every function returns one value per example, in nats, summed over pixels and latents:
the caller weights, masks and reduces. Nothing here knows a network library: `encode`
and `decode` are plain functions.
"""

from jaxgen.losses.vae.bounds import ElboTerms, elbo, negative_elbo
from jaxgen.losses.vae.likelihoods import (
    Likelihood,
    bernoulli,
    bernoulli_log_likelihood,
    gaussian,
    gaussian_log_likelihood,
)

__all__ = [
    "ElboTerms",
    "Likelihood",
    "bernoulli",
    "bernoulli_log_likelihood",
    "elbo",
    "gaussian",
    "gaussian_log_likelihood",
    "negative_elbo",
]

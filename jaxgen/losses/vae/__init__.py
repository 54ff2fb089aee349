"""What a VAE is trained by: likelihoods, bounds, priors, divergences, objectives.

Every function returns one value per example, in nats, summed over pixels and latents:
the caller weights, masks and reduces. Nothing here knows a network library: `encode`
and `decode` are plain functions.
"""

from jaxgen.losses.vae import families, objectives, priors, regularizers
from jaxgen.losses.vae.bounds import (
    ElboTerms,
    elbo,
    estimator_state,
    importance_weighted_bound,
    is_bound_estimator,
    negative_elbo,
)
from jaxgen.losses.vae.equivalence import Equivalence, equivalence
from jaxgen.losses.vae.gaussian_likelihoods import (
    gaussian,
    gaussian_log_likelihood,
    laplace,
    laplace_log_likelihood,
    learned_gaussian,
    learned_gaussian_log_likelihood,
    optimal_gaussian_log_likelihood,
)
from jaxgen.losses.vae.likelihoods import (
    Likelihood,
    bernoulli,
    bernoulli_entropy,
    bernoulli_log_likelihood,
    bits_per_dimension,
    continuous_bernoulli,
    continuous_bernoulli_log_likelihood,
    continuous_bernoulli_mean,
)
from jaxgen.losses.vae.names import LikelihoodName, likelihood_from_name
from jaxgen.losses.vae.pixel_likelihoods import (
    categorical,
    categorical_log_likelihood,
    discretized_logistic,
    discretized_logistic_log_likelihood,
)

__all__ = [
    "ElboTerms",
    "Equivalence",
    "Likelihood",
    "LikelihoodName",
    "bernoulli",
    "bernoulli_entropy",
    "bernoulli_log_likelihood",
    "bits_per_dimension",
    "categorical",
    "categorical_log_likelihood",
    "continuous_bernoulli",
    "continuous_bernoulli_log_likelihood",
    "continuous_bernoulli_mean",
    "discretized_logistic",
    "discretized_logistic_log_likelihood",
    "elbo",
    "equivalence",
    "estimator_state",
    "families",
    "gaussian",
    "gaussian_log_likelihood",
    "importance_weighted_bound",
    "is_bound_estimator",
    "laplace",
    "laplace_log_likelihood",
    "learned_gaussian",
    "learned_gaussian_log_likelihood",
    "likelihood_from_name",
    "negative_elbo",
    "objectives",
    "optimal_gaussian_log_likelihood",
    "priors",
    "regularizers",
]

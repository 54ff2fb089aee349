"""Divergences between distributions: closed forms and sample forms, in nats."""

from jaxgen.divergences.cauchy_schwarz import (
    bernoulli_cauchy_schwarz,
    bernoulli_cauchy_schwarz_per_dimension,
    categorical_cauchy_schwarz,
    categorical_cauchy_schwarz_per_variable,
    gaussian_cauchy_schwarz,
    gaussian_cauchy_schwarz_per_dimension,
    gaussian_mixture_cauchy_schwarz,
)
from jaxgen.divergences.kl import (
    bernoulli_kl,
    bernoulli_kl_per_dimension,
    categorical_kl,
    categorical_kl_per_variable,
    gaussian_kl,
    gaussian_kl_between,
    gaussian_kl_between_per_dimension,
    gaussian_kl_per_dimension,
)
from jaxgen.divergences.sampled import sampled_cauchy_schwarz, sampled_kl

__all__ = [
    "bernoulli_cauchy_schwarz",
    "bernoulli_cauchy_schwarz_per_dimension",
    "bernoulli_kl",
    "bernoulli_kl_per_dimension",
    "categorical_cauchy_schwarz",
    "categorical_cauchy_schwarz_per_variable",
    "categorical_kl",
    "categorical_kl_per_variable",
    "gaussian_cauchy_schwarz",
    "gaussian_cauchy_schwarz_per_dimension",
    "gaussian_kl",
    "gaussian_kl_between",
    "gaussian_kl_between_per_dimension",
    "gaussian_kl_per_dimension",
    "gaussian_mixture_cauchy_schwarz",
    "sampled_cauchy_schwarz",
    "sampled_kl",
]

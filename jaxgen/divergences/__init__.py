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
from jaxgen.divergences.jensen_shannon import (
    bernoulli_js,
    categorical_js,
    gaussian_js,
    sampled_js,
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
from jaxgen.divergences.parallel_lines import ParallelLines, parallel_lines
from jaxgen.divergences.sampled import sampled_cauchy_schwarz, sampled_kl
from jaxgen.divergences.wasserstein import (
    Transport,
    gaussian_wasserstein_1,
    gaussian_wasserstein_2,
    histogram_wasserstein_1,
    transport,
)

__all__ = [
    "ParallelLines",
    "Transport",
    "bernoulli_cauchy_schwarz",
    "bernoulli_cauchy_schwarz_per_dimension",
    "bernoulli_js",
    "bernoulli_kl",
    "bernoulli_kl_per_dimension",
    "categorical_cauchy_schwarz",
    "categorical_cauchy_schwarz_per_variable",
    "categorical_js",
    "categorical_kl",
    "categorical_kl_per_variable",
    "gaussian_cauchy_schwarz",
    "gaussian_cauchy_schwarz_per_dimension",
    "gaussian_js",
    "gaussian_kl",
    "gaussian_kl_between",
    "gaussian_kl_between_per_dimension",
    "gaussian_kl_per_dimension",
    "gaussian_mixture_cauchy_schwarz",
    "gaussian_wasserstein_1",
    "gaussian_wasserstein_2",
    "histogram_wasserstein_1",
    "parallel_lines",
    "sampled_cauchy_schwarz",
    "sampled_js",
    "sampled_kl",
    "transport",
]

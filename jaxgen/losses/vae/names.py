"""Likelihoods by the words of a command line."""

from collections.abc import Callable
from typing import Literal, get_args

from jaxgen.errors import InputError
from jaxgen.losses.vae.gaussian_likelihoods import gaussian, laplace, learned_gaussian
from jaxgen.losses.vae.likelihoods import Likelihood, bernoulli, continuous_bernoulli
from jaxgen.losses.vae.pixel_likelihoods import categorical, discretized_logistic

__all__ = ["LikelihoodName", "likelihood_from_name"]

LikelihoodName = Literal[
    "bernoulli",
    "continuous_bernoulli",
    "gaussian",
    "learned_gaussian",
    "pixel_gaussian",
    "laplace",
    "categorical",
    "discretized_logistic",
]
"""`learned_gaussian` has one learned variance, which the decoder gives for all pixels
(`networks.shared_scale`), `pixel_gaussian` one for every pixel."""


def likelihood_from_name(name: str, *, variance: float = 0.05) -> Likelihood:
    """Returns the likelihood of a name.

    Args:
        name: One of `LikelihoodName`.
        variance: Of a pixel under `gaussian` and `laplace`.

    Raises:
        InputError: There is no such likelihood.

    Examples:
        >>> likelihood_from_name("categorical").outputs_per_channel
        256
    """
    makers: dict[str, Callable[[], Likelihood]] = {
        "bernoulli": bernoulli,
        "continuous_bernoulli": continuous_bernoulli,
        "gaussian": lambda: gaussian(variance=variance),
        "learned_gaussian": learned_gaussian,
        "pixel_gaussian": learned_gaussian,
        "laplace": lambda: laplace(scale=(variance / 2) ** 0.5),
        "categorical": categorical,
        "discretized_logistic": discretized_logistic,
    }
    if name not in makers:
        names = ", ".join(get_args(LikelihoodName))
        raise InputError(f"There is no likelihood {name!r}: give one of {names}.")
    return makers[name]()

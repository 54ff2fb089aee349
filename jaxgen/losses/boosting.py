"""Boosting of generative models: what the next component of a mixture should learn.

A mixture G_t = (1 - beta) G_{t-1} + beta G is closest to the data if G is what the old
components lack, and that is the data with other weights. They follow from the ratio h
of the mixture's density to the data's, which a classifier estimates.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxgen.checks import check_number, check_shapes
from jaxgen.errors import InputError
from jaxgen.numerics import finite
from jaxgen.typing import PerExample

__all__ = [
    "BoostedWeights",
    "boosted_weights",
    "density_ratio",
    "effective_share",
    "mixture_weights",
]


class BoostedWeights(NamedTuple):
    """The result of `boosted_weights`.

    Attributes:
        weights: Of the examples, shape (n,); they sum to 1.
        level: lambda*, the density of the new mixture relative to that of the data
            wherever a weight is above 0; it is at most 1 if the ratios have mean 1.
    """

    weights: PerExample
    level: Float[Array, ""]


def density_ratio(logits: PerExample) -> PerExample:
    """Calculates h = (1 - C) / C, C the chance that an example is data.

    Args:
        logits: Of a classifier of data (1) against the mixture (0), shape (n,).

    References:
        Tolstikhin et al., AdaGAN, 2017, section 3.2.
    """
    check_shapes(("batch",), logits=logits)
    return jnp.exp(-logits)


def boosted_weights(ratios: PerExample, beta: float | Array) -> BoostedWeights:
    """Calculates w_i = (lambda* - (1 - beta) h_i)_+ / (N beta), with sum 1.

    With a_i = (1 - beta) h_i in ascending order, N beta is the sum of (lambda - a_i)_+,
    the largest over k of k lambda - (a_1 + ... + a_k). Hence

        lambda* = min over k of (N beta + a_1 + ... + a_k) / k.

    Args:
        ratios: h, the density of the mixture so far over that of the data, at examples
            drawn from the data, shape (n,); none below 0, infinite ones allowed.
        beta: Share of the new component in the mixture, above 0 and at most 1.

    Returns:
        The weights and lambda*.

    Examples:
        >>> ratios = jnp.array([0.0, 0.0, 2.0, 2.0])
        >>> found = boosted_weights(ratios, 0.5)
        >>> print(found.weights, found.level)
        [0.5 0.5 0.  0. ] 1.0

    References:
        Tolstikhin et al., AdaGAN: Boosting Generative Models, 2017, theorem 1 and
        algorithm 2, which looks for the k where this minimum lies.
    """
    check_shapes(("batch",), ratios=ratios)
    check_number("beta", beta, above=0, most=1)
    count = ratios.shape[0]
    covered = finite((1.0 - beta) * finite(ratios))
    # Adding a number to all a_i adds it to lambda and changes no weight; from the least
    # one on, large ratios that are equal stay equal.
    least = jnp.min(covered)
    excess = covered - least
    sums = count * beta + jnp.cumsum(jnp.sort(excess))
    level = jnp.min(sums / jnp.arange(1, count + 1))
    weights = jnp.maximum(level - excess, 0.0) / (count * beta)
    return BoostedWeights(weights, least + level)


def effective_share(weights: PerExample) -> Float[Array, ""]:
    """Calculates 1 / (N sum of w_i^2), the effective sample size as a share of N.

    It is 1 where all weights are equal, and 1 / N where one example has all the weight.

    Args:
        weights: Of the examples, shape (n,); they sum to 1.

    Examples:
        >>> print(effective_share(jnp.array([0.5, 0.5, 0.0, 0.0])))
        0.5

    References:
        Kish, Survey Sampling, 1965, section 11.7.
    """
    check_shapes(("batch",), weights=weights)
    return 1.0 / (jnp.sum(weights**2) * weights.shape[0])


def mixture_weights(shares: Sequence[float]) -> np.ndarray:
    """Calculates the weights of the components, for each length of the mixture.

    Args:
        shares: beta of each component as it joins, shape (components,); the first is 1.

    Returns:
        float32, shape (components, components): row k is that of the first k + 1
        components, and sums to 1.

    Raises:
        InputError: The first share is not 1, or one is not above 0 and at most 1.

    Examples:
        >>> print(mixture_weights([1.0, 0.5, 0.5]))
        [[1.   0.   0.  ]
         [0.5  0.5  0.  ]
         [0.25 0.25 0.5 ]]
    """
    if len(shares) < 1 or shares[0] != 1.0:
        raise InputError(
            f"The shares of the components are {list(shares)}: begin with 1, that of "
            "the first component by itself."
        )
    rows = np.zeros((len(shares), len(shares)))
    for number, beta in enumerate(shares):
        check_number(f"shares[{number}]", beta, above=0, most=1)
        if number:
            rows[number] = (1.0 - beta) * rows[number - 1]
        rows[number, number] = beta
    return rows.astype(np.float32)

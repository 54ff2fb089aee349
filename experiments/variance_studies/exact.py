"""Exact variances of one-sample gradient estimators, in float64, by NumPy alone.

Nothing here comes from `jaxgen.estimators`: it is what they are held against.
"""

import math
from collections.abc import Callable

import numpy as np
import scipy

Function = Callable[[np.ndarray], np.ndarray]
"""f over x, elementwise; leading axes may hold one f each."""

_REACH = 12.0  # Standard deviations: e^-72 of the density is left outside.
_UNIT_NODES, _UNIT_WEIGHTS = np.polynomial.legendre.leggauss(400)


def normal_family(
    f: Function, slope: Function, mean: float, scale: float
) -> dict[str, np.ndarray]:
    """Calculates variances for E f(x), x ~ N(mean, scale^2), in the mean and scale.

    They are integrals of g^2 and g over the noise of one sample, of one dimension or
    two, by Gauss-Legendre quadrature. The formulas of g are those of Mohamed et al.,
    Monte Carlo Gradient Estimation in Machine Learning, 2020, sections 4 to 6.

    Args:
        f: From points, shape (n,), to values, shape any + (n,).
        slope: Its derivative.
        mean: Mean of x.
        scale: Standard deviation of x.

    Returns:
        By estimator the variances, shape any + (2,): in the mean, in the scale.
        "gradient" holds the true gradient itself and "value" E f(x), shape any.
    """
    x, weights = _points(-_REACH, _REACH)
    density = weights * scipy.stats.norm.pdf(x)
    values, slopes = f(mean + scale * x), slope(mean + scale * x)
    scores = np.stack([x, x**2 - 1]) / scale

    def variance(g: np.ndarray, masses: np.ndarray = density) -> np.ndarray:
        # Of the centred draw: E g^2 - (E g)^2 would lose the digits of what is small.
        centre = np.sum(g * masses, axis=-1, keepdims=True)
        return np.sum((g - centre) ** 2 * masses, axis=-1)

    def score(baseline: np.ndarray) -> np.ndarray:
        return variance((values[..., None, :] - baseline[..., None]) * scores)

    value = np.sum(values * density, axis=-1)
    none = np.zeros((*value.shape, 2))
    optimal = (values[..., None, :] * scores**2) @ density / (scores**2 @ density)
    paths = np.stack([slopes, slopes * x], axis=-2)
    coupled, free = _measure_valued(f, mean, scale, variance)
    return {
        "value": value,
        "gradient": paths @ density,
        "score": score(none),
        "score, mean baseline": score(none + value[..., None]),
        "score, optimal baseline": score(optimal),
        "pathwise": variance(paths),
        "measure-valued, coupled": coupled,
        "measure-valued, uncoupled": free,
    }


def _measure_valued(
    f: Function, mean: float, scale: float, variance: Callable[..., np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Variances of the coupled and the uncoupled measure-valued derivative."""
    length, weights = _points(0.0, _REACH)
    rayleigh = weights * length * np.exp(-(length**2) / 2)
    above, below = f(mean + scale * length), f(mean - scale * length)
    constant = 1 / (scale**2 * 2 * math.pi)
    mean_coupled = constant * variance(above - below, rayleigh)
    mean_free = constant * (variance(above, rayleigh) + variance(below, rayleigh))

    x, weights = _points(-_REACH, _REACH)
    normal = weights * scipy.stats.norm.pdf(x)
    maxwell = normal * x**2
    share, share_weights = _points(0.0, 1.0)
    far = f(mean + scale * x)
    square = np.zeros(far.shape[:-1])
    first = np.zeros(far.shape[:-1])
    for u, weight in zip(share, share_weights, strict=True):
        apart = far - f(mean + scale * u * x)
        square += weight * (apart**2 @ maxwell)
        first += weight * (apart @ maxwell)
    scale_coupled = (square - first**2) / scale**2
    scale_free = (variance(far, maxwell) + variance(far, normal)) / scale**2
    return (
        np.stack([mean_coupled, scale_coupled], axis=-1),
        np.stack([mean_free, scale_free], axis=-1),
    )


def linear_and_square(slope: float, mean: float) -> dict[str, dict[str, tuple]]:
    """Closed forms for f = m z and (m z)^2, z ~ N(mean, 1), in the mean.

    Returns:
        By integrand and estimator the pair of the mean and the variance of one draw.
    """
    m, pi = slope, math.pi
    linear = {
        "pathwise": 0.0,
        "score": m**2 * (mean**2 + 2),
        "score, mean baseline": 2 * m**2,
        "score, optimal baseline": 2 * m**2,
        "measure-valued, coupled": m**2 * (4 / pi - 1),
        "measure-valued, uncoupled": m**2 * (2 / pi - 1 / 2),
    }
    square = {
        "pathwise": 4 * m**4,
        "score": m**4 * (mean**4 + 14 * mean**2 + 15),
        "score, mean baseline": m**4 * (8 * mean**2 + 10),
        "score, optimal baseline": m**4 * (8 * mean**2 + 6),
        "measure-valued, coupled": m**4 * mean**2 * (16 / pi - 4),
        "measure-valued, uncoupled": m**4 * ((8 - 2 * pi) * mean**2 + 4) / pi,
    }
    return {
        "linear": {name: (m, variance) for name, variance in linear.items()},
        "square": {
            name: (2 * m**2 * mean, variance) for name, variance in square.items()
        },
    }


def fair_coins(f_of_count: Function, number: int) -> dict[str, float]:
    """Calculates total variances for f of the number of ones among fair coins.

    The gradient is with respect to the logits of `number` Bernoulli variables, all 0.
    By symmetry every entry is the same, so that sums over a binomial do: of two
    antithetic samples the second is then the complement of the first.

    Args:
        f_of_count: f as a function of the number of ones.
        number: How many coins, D.

    Returns:
        By estimator the total variance over the D entries; "gradient" is one entry.
    """
    ones = np.arange(number + 1)
    masses = scipy.stats.binom.pmf(ones, number, 0.5)
    values = f_of_count(ones)
    gradient = coin_gradient(f_of_count, number, 0.5)
    mean = float(masses @ values)
    spread = float(masses @ (values - mean) ** 2)
    square = number * gradient**2
    antithetic = float(masses @ (values - values[::-1]) ** 2)

    def leave_one_out(samples: int) -> float:
        # E (f - Ef)^2 s^2 = Var f / 4, and Var s = 1/4, in each entry.
        first = number * spread / 4 * (1 + 1 / (samples - 1))
        return (first - (samples - 2) / (samples - 1) * square) / samples

    others = np.arange(number)
    flips = (f_of_count(others + 1) - f_of_count(others)) / 4
    flip_masses = scipy.stats.binom.pmf(others, number - 1, 0.5)
    return {
        "gradient": gradient,
        "score": float(number * (masses @ values**2) / 4 - square),
        "leave-one-out, 2": leave_one_out(2),
        "leave-one-out, 4": leave_one_out(4),
        "ARM": number * antithetic / 12 - square,
        "DisARM": number * antithetic / 16 - square,
        "measure-valued": number * float(flip_masses @ (flips - gradient) ** 2),
    }


def coin_gradient(f_of_count: Function, number: int, probability: float) -> float:
    """Calculates one entry of the gradient in the logits of equal coins.

    Args:
        f_of_count: f as a function of the number of ones.
        number: How many coins.
        probability: That of a one.
    """
    ones = np.arange(number + 1)
    masses = scipy.stats.binom.pmf(ones, number, probability)
    return float(masses @ (f_of_count(ones) * (ones / number - probability)))


def _points(low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    half = (high - low) / 2
    return (low + high) / 2 + half * _UNIT_NODES, half * _UNIT_WEIGHTS

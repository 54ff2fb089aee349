"""Frechet distance of Gaussians fitted to features, its bias, and its limit."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxgen.checks import check_count, check_counts, check_key
from jaxgen.errors import InputError
from jaxgen.metrics.arrays import check_features, check_pair
from jaxgen.metrics.gaussian_fit import (
    GaussianFit,
    distance_of_fits,
    fit_features,
    fit_halves,
    fit_statistics,
)
from jaxgen.metrics.resampling import Halves
from jaxgen.metrics.statistics import (
    FeatureStatistics,
    check_comparable,
    check_statistics,
)
from jaxgen.random import numpy_generator
from jaxgen.typing import PRNGKeyArray

__all__ = [
    "FrechetInfinity",
    "frechet_bias",
    "frechet_distance",
    "frechet_distance_of_features",
    "frechet_infinity",
    "frechet_replicates",
]


class FrechetInfinity(NamedTuple):
    """The Frechet distance extrapolated to sets without end.

    Attributes:
        value: Intercept of the line through the distances over 1/N.
        slope: Its slope: at N examples the bias is about slope / N.
        sizes: N, how many generated examples; shape (points,).
        distances: Of the subsets, shape (points,).
    """

    value: float
    slope: float
    sizes: np.ndarray
    distances: np.ndarray


def frechet_distance(real: FeatureStatistics, generated: FeatureStatistics) -> float:
    """Calculates the Frechet distance of two Gaussians, in float64.

    `||m1 - m2||^2 + tr S1 + tr S2 - 2 tr (S1^1/2 S2 S1^1/2)^1/2`, the squared
    2-Wasserstein distance. The last trace is the sum of the singular values of
    `F1^T F2` for any factors `S = F F^T`: singular covariances need no jitter and
    nothing becomes complex. What the roots add to the rounding of the covariances is
    below 1e-6 of the distance, and mostly far below.

    It is the "FID" only for features of Inception-2015 pool3, and it is biased: compare
    sets of the same size alone (see `frechet_bias`).

    Args:
        real: Statistics of the real features (`feature_statistics`, or of a file).
        generated: Statistics of the generated features.

    Raises:
        InputError: They are not statistics (features themselves go to
            `frechet_distance_of_features`), or known to be of different networks.

    Examples:
        >>> one = FeatureStatistics(np.zeros(2), np.diag([1.0, 4.0]))
        >>> other = FeatureStatistics(np.ones(2), np.diag([9.0, 4.0]))
        >>> frechet_distance(one, other)
        6.0

    References:
        Dowson and Landau, The Frechet Distance between Multivariate Normal
        Distributions, 1982. Heusel et al., GANs Trained by a Two Time-Scale Update
        Rule, 2017.
    """
    for name, one in (("real", real), ("generated", generated)):
        if not isinstance(one, FeatureStatistics):
            raise InputError(
                f"The {name} statistics are {type(one).__name__}: expected "
                "FeatureStatistics; features of shape (n, d) go to "
                "frechet_distance_of_features, or first to feature_statistics."
            )
    check_statistics("The real statistics", real)
    check_statistics("The generated statistics", generated)
    check_comparable(real, generated)
    return distance_of_fits(fit_statistics(real), fit_statistics(generated))


def frechet_distance_of_features(real: Any, generated: Any) -> float:
    """Calculates the Frechet distance of the Gaussians fitted to features.

    A set with fewer features than dimensions is its own factor, and no covariance is
    formed of it: the cost is of its size instead of the dimension.

    Args:
        real: Shape (n, d).
        generated: Shape (m, d).

    Raises:
        InputError: They are too few, of different or wrong shapes, or not finite.
    """
    real, generated = check_pair(real, generated)
    return distance_of_fits(fit_features(real), fit_features(generated))


def frechet_bias(dimension: int, num_examples: int) -> float:
    """Returns what the Frechet distance of two samples of one Gaussian comes to.

    `(2 d + d (d + 1) / 2) / n`, for whitened features (the covariance is the identity)
    and two sets of n examples each; half of it where one set is infinitely large. The
    first part is of the means, the second of the covariances. It is of first order in
    1/n, and from n = 2 d on within a few percent of the truth.

    Args:
        dimension: d.
        num_examples: n, examples of either set.

    Examples:
        >>> frechet_bias(64, 10_000)
        0.2208
    """
    check_count("dimension", dimension, 1)
    check_count("num_examples", num_examples, 1)
    return (2 * dimension + dimension * (dimension + 1) / 2) / num_examples


def frechet_infinity(
    key: PRNGKeyArray,
    real: Any,
    generated: Any,
    *,
    num_points: int = 15,
    sizes: Sequence[int] | None = None,
) -> FrechetInfinity:
    """Extrapolates the Frechet distance to sets without end, where it has no bias.

    The distance is calculated on subsets of N generated features, drawn without
    replacement, and the line through the values over 1/N is followed to 1/N = 0. Real
    features are drawn in the same proportion, so that their bias goes too; real
    *statistics* stay as they are, as in the paper, and their bias remains.

    Args:
        key: It is consumed.
        real: Features of shape (n, d), or `FeatureStatistics`.
        generated: Features of shape (m, d).
        num_points: Subsets, their sizes evenly spaced from a quarter of m to m.
        sizes: Sizes of the subsets, instead; at least two different ones.

    Raises:
        InputError: The features cannot be used, or the sizes are not from 2 to m.

    References:
        Chong and Forsyth, Effectively Unbiased FID and Inception Score and Where to
        Find Them, 2020.
    """
    check_key(key)
    check_count("num_points", num_points, 2)
    if sizes is not None:
        check_counts("sizes", sizes, 1)
    fixed = None
    if isinstance(real, FeatureStatistics):
        check_statistics("The real statistics", real)
        check_pair(real.mean[np.newaxis], generated, least=1)
        fixed = fit_statistics(real)
    else:
        check_pair(real, generated)
    generated = check_features("generated", generated)
    total = len(generated)
    chosen = _sizes(total, num_points) if sizes is None else list(sizes)
    _check_sizes(chosen, total)

    rng = numpy_generator(key)
    distances = []
    for size in chosen:
        some = fit_features(generated[_subset(rng, total, size)])
        reference = fixed or _fit_share(rng, np.asarray(real), size / total)
        distances.append(distance_of_fits(reference, some))
    slope, value = np.polyfit(1 / np.asarray(chosen, np.float64), distances, 1)
    return FrechetInfinity(
        float(value), float(slope), np.asarray(chosen), np.asarray(distances)
    )


def frechet_replicates(real: Any, generated: Any, halves: Halves) -> np.ndarray:
    """Calculates the Frechet distance on half-samples.

    The scatter of a half is a matrix product; that of its complement, which follows it
    in `halves`, is what the half leaves of the whole.

    Args:
        real: Shape (n, d).
        generated: Shape (m, d).
        halves: Which examples are in which half-sample.

    Returns:
        float64, shape (repeats,).

    Raises:
        InputError: The features cannot be used.
    """
    real, generated = check_pair(real, generated, least=4)
    pairs = zip(
        fit_halves(real, halves.real),
        fit_halves(generated, halves.generated),
        strict=True,
    )
    return np.array([distance_of_fits(one, other) for one, other in pairs], np.float64)


def _sizes(total: int, num_points: int) -> list[int]:
    return np.linspace(max(total / 4, 2), total, num_points).astype(int).tolist()


def _fit_share(
    rng: np.random.Generator, features: np.ndarray, share: float
) -> GaussianFit:
    size = max(2, round(len(features) * share))
    return fit_features(features[_subset(rng, len(features), size)])


def _subset(rng: np.random.Generator, total: int, size: int) -> np.ndarray:
    return rng.permutation(total)[:size]


def _check_sizes(sizes: Sequence[int], total: int) -> None:
    if len(set(sizes)) < 2 or min(sizes) < 2 or max(sizes) > total:
        raise InputError(
            f"The sizes {list(sizes)} of subsets of {total} generated features: "
            f"expected at least two different ones from 2 to {total}."
        )

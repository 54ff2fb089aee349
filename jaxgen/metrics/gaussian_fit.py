"""Gaussians fitted to features, ready for the Frechet distance."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from jaxgen.metrics.bures import (
    covariance_factor,
    squared_bures_distance,
    squared_norm,
)
from jaxgen.metrics.statistics import (
    FeatureStatistics,
    Moments,
    add_batch,
    centre,
    finish,
    remove,
    start,
)

__all__ = [
    "GaussianFit",
    "distance_of_fits",
    "fit_features",
    "fit_halves",
    "fit_statistics",
]


class GaussianFit(NamedTuple):
    """A mean, and a factor F of shape (d, r) of the covariance `F F^T`."""

    mean: np.ndarray
    factor: np.ndarray


def distance_of_fits(one: GaussianFit, other: GaussianFit) -> float:
    """Calculates the squared 2-Wasserstein distance of two Gaussians."""
    return squared_norm(one.mean - other.mean) + squared_bures_distance(
        one.factor, other.factor
    )


def fit_statistics(statistics: FeatureStatistics) -> GaussianFit:
    """Factors the covariance of statistics.

    Raises:
        InputError: It is no covariance.
    """
    return GaussianFit(statistics.mean, covariance_factor(statistics.covariance))


def fit_features(features: np.ndarray) -> GaussianFit:
    """Fits a Gaussian to features.

    As many as the dimension, or fewer, are their own factor: no covariance is formed.

    Args:
        features: Shape (n, d), n at least 2.
    """
    count, dimension = features.shape
    if count > dimension:
        return fit_statistics(finish(add_batch(start(dimension), features)))
    mean, centred = centre(features)
    # A reflection of the rows takes their mean, 0, into the first and leaves n - 1: one
    # column more would be a singular value of 0 and rounding errors.
    reflected = centred[1:] + centred[0] / (np.sqrt(count) - 1)
    return GaussianFit(mean, reflected.T / np.sqrt(count - 1))


def fit_halves(features: np.ndarray, rows: np.ndarray) -> Iterator[GaussianFit]:
    """Fits a Gaussian to each half-sample.

    The scatter of a half is a matrix product; that of its complement, which follows it
    in `rows`, is what the half leaves of the whole.

    Args:
        features: Shape (n, d).
        rows: bool, shape (repeats, n).
    """
    dimension = features.shape[1]
    if rows.sum(axis=1).min() <= dimension:
        yield from (fit_features(features[row]) for row in rows)
        return
    nothing = start(dimension)
    whole = add_batch(nothing, features)
    before: tuple[np.ndarray, Moments] | None = None
    for row in rows:
        if before is not None and not (before[0] & row).any():
            moments = remove(whole, before[1])
            # One of an odd number of examples is in neither half.
            left = ~(before[0] | row)
            if left.any():
                moments = remove(moments, add_batch(nothing, features[left]))
            before = None
        else:
            moments = add_batch(nothing, features[row])
            before = row, moments
        yield fit_statistics(finish(moments))

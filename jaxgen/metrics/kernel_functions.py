"""Kernels of two blocks of examples, for the maximum mean discrepancy."""

from collections.abc import Callable, Sequence

import numpy as np

from jaxgen.checks import check_count, check_number
from jaxgen.errors import InputError
from jaxgen.metrics.arrays import check_pair

__all__ = ["Kernel", "gaussian_kernel", "median_distance", "polynomial_kernel"]

Kernel = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""`(x, y) -> k(x, y)` for all pairs: shapes (n, d), (m, d) to (n, m), float64. Bind
hyperparameters with `functools.partial`."""


def polynomial_kernel(
    x: np.ndarray,
    y: np.ndarray,
    *,
    degree: int = 3,
    scale: float | None = None,
    offset: float = 1.0,
) -> np.ndarray:
    """Calculates `(scale x.y + offset)^degree` for all pairs.

    Args:
        x: Shape (n, d).
        y: Shape (m, d).
        degree: Power. The discrepancy sees moments up to it, and no others.
        scale: 1/d by default.
        offset: Added to the product.

    Returns:
        float64, shape (n, m).

    Raises:
        InputError: The degree is below 1.
    """
    check_count("degree", degree, 1)
    check_number("offset", offset)
    if scale is not None:
        check_number("scale", scale)
    products = np.asarray(x, np.float64) @ np.asarray(y, np.float64).T
    products *= 1 / x.shape[1] if scale is None else scale
    products += offset
    powers = products.copy()
    # `**` on an array is many times slower than a few products.
    for _ in range(degree - 1):
        powers *= products
    return powers


def gaussian_kernel(
    x: np.ndarray, y: np.ndarray, *, bandwidths: Sequence[float]
) -> np.ndarray:
    """Calculates the mean over bandwidths of `exp(-|x - y|^2 / (2 bandwidth^2))`.

    A mixture of bandwidths, say 1/4, 1/2, 1, 2 and 4 times `median_distance`, sees
    differences at each of these scales.

    Args:
        x: Shape (n, d).
        y: Shape (m, d).
        bandwidths: In units of x and y.

    Returns:
        float64, shape (n, m).

    Raises:
        InputError: A bandwidth is not positive, or there is none.
    """
    if not bandwidths:
        raise InputError("bandwidths is empty: give at least one, see median_distance.")
    for bandwidth in bandwidths:
        check_number("bandwidth", bandwidth, above=0.0)
    squares = _squared_distances(x, y)
    values = np.zeros_like(squares)
    for bandwidth in bandwidths:
        values += np.exp(squares * (-0.5 / bandwidth**2))
    values /= len(bandwidths)
    return values


def median_distance(
    real: np.ndarray, generated: np.ndarray, *, num_examples: int = 1000
) -> float:
    """Calculates the median distance between examples of both sets together.

    It is the usual first guess of a Gaussian kernel's bandwidth.

    Args:
        real: Shape (n, d).
        generated: Shape (m, d).
        num_examples: At most so many of each set are used, evenly spaced.

    Raises:
        InputError: The features cannot be used, or more than half of the distances
            are 0.

    References:
        Gretton et al., A Kernel Two-Sample Test, 2012, section 8.
    """
    check_count("num_examples", num_examples, 1)
    real, generated = check_pair(real, generated)
    both = [_evenly(features, num_examples) for features in (real, generated)]
    union = np.concatenate(both)
    pairs = np.triu_indices(len(union), 1)
    median = float(np.sqrt(np.median(_squared_distances(union, union)[pairs])))
    if median == 0:
        raise InputError(
            "The median distance between the examples is 0: most of them are copies; "
            "give a bandwidth yourself."
        )
    return median


def _squared_distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    # Far from the origin |x|^2 - 2 x.y + |y|^2 would cancel.
    origin = np.asarray(y[:1], np.float64)
    x, y = x - origin, y - origin
    squares = x @ y.T
    squares *= -2
    squares += (x**2).sum(axis=1)[:, None]
    squares += (y**2).sum(axis=1)
    return np.maximum(squares, 0, out=squares)


def _evenly(features: np.ndarray, count: int) -> np.ndarray:
    if len(features) <= count:
        return features
    return features[np.linspace(0, len(features) - 1, count).round().astype(int)]

"""How far images are from each other, and how sure that is."""

import math
from typing import NamedTuple

import numpy as np

__all__ = ["Spread", "jackknife_error", "spread"]


class Spread(NamedTuple):
    """Distances among images: root mean squares over pixels and channels.

    Attributes:
        mean: Over all pairs of images.
        left_out: Likewise without each of the images, shape (n,).
    """

    mean: float
    left_out: np.ndarray


def spread(images: np.ndarray) -> Spread:
    """Calculates the mean distance of images, and without each of them.

    Args:
        images: Shape (n, ...), at least 2; of 2 nothing is left without one, and their
            distance stands there.
    """
    flat = images.reshape(len(images), -1).astype(np.float64)
    # Around their mean, so that digits are left where all are nearly the same.
    flat -= flat.mean(axis=0, keepdims=True)
    squares = (flat**2).sum(axis=1)
    between = squares[:, None] + squares[None] - 2 * flat @ flat.T
    distances = np.sqrt(np.maximum(between, 0) / flat.shape[1])
    np.fill_diagonal(distances, 0)
    n, sums = len(flat), distances.sum(axis=1)
    mean = float(sums.sum() / (n * (n - 1)))
    if n < 3:
        return Spread(mean, np.full(n, mean))
    return Spread(mean, (sums.sum() - 2 * sums) / ((n - 1) * (n - 2)))


def jackknife_error(left_out: np.ndarray) -> float:
    """Calculates the standard error of a number by the jackknife.

    Args:
        left_out: The number without each of the images, shape (n,).

    Returns:
        The error; NaN for n < 3, as the one distance of two images says nothing of
        others.
    """
    n = len(left_out)
    if n < 3:
        return math.nan
    return float(np.sqrt((n - 1) / n * ((left_out - left_out.mean()) ** 2).sum()))

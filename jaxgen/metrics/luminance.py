"""Whether two images are light at the same places: the correlation of luminance."""

from typing import Any

import numpy as np

from jaxgen.errors import InputError
from jaxgen.metrics.arrays import as_pixels

__all__ = ["correlation", "luminance_correlation"]

_FLAT = 1e-3
"""Luminance that deviates by less is one grey, and correlates with nothing."""


def luminance_correlation(first: Any, second: Any) -> np.ndarray:
    """Calculates the correlation of two images' luminance over pixels, per pair.

    The luminance is `0.299 R + 0.587 G + 0.114 B` (ITU-R BT.601), or the mean of other
    channels. Of images of different sizes it is first averaged over the cells of the
    smaller grid.

    Args:
        first: Shape (n, height, width, channels); uint8, or floats in [0, 1].
        second: Shape (n, height', width', channels').

    Returns:
        Shape (n,), from -1 to 1; NaN where either image is of one grey.

    Raises:
        InputError: The images cannot be used, or are not as many.

    Examples:
        >>> ramp = np.linspace(0, 1, 16).reshape(1, 4, 4, 1)
        >>> luminance_correlation(ramp, 1 - ramp).round(3)
        array([-1.])
    """
    return correlation(as_pixels("first", first), as_pixels("second", second))


def correlation(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Does as `luminance_correlation`, of images that are floats in [0, 1]."""
    if len(one) != len(other):
        raise InputError(f"{len(one)} images cannot be paired with {len(other)}.")
    height = min(one.shape[1], other.shape[1])
    width = min(one.shape[2], other.shape[2])
    a, b = (_luminance(images, height, width) for images in (one, other))
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    deviations = np.sqrt((a**2).mean(axis=1)), np.sqrt((b**2).mean(axis=1))
    flat = np.minimum(*deviations) < _FLAT
    product = np.where(flat, 1.0, deviations[0] * deviations[1])
    return np.where(flat, np.nan, np.clip((a * b).mean(axis=1) / product, -1, 1))


def _luminance(images: np.ndarray, height: int, width: int) -> np.ndarray:
    """Returns luminance on a grid of cells, float64, shape (n, height * width)."""
    channels = images.shape[-1]
    weights = (0.299, 0.587, 0.114) if channels == 3 else [1 / channels] * channels
    grey = images.astype(np.float64) @ np.asarray(weights)
    for axis, cells in ((1, height), (2, width)):
        starts = np.arange(cells) * grey.shape[axis] // cells
        shape = [1, 1, 1]
        shape[axis] = cells
        counts = np.diff([*starts, grey.shape[axis]]).reshape(shape)
        grey = np.add.reduceat(grey, starts, axis=axis) / counts
    return grey.reshape(len(grey), -1)

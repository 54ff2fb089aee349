"""How alike two images are, pixel by pixel and window by window; one value per pair."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from jaxgen.checks import check_count
from jaxgen.errors import InputError
from jaxgen.metrics.arrays import check_images
from jaxgen.metrics.features.base import as_floats
from jaxgen.typing import Array

__all__ = ["WINDOW", "mean_squared_error", "psnr", "ssim", "ssim_window"]

WINDOW = 11
"""Side of the window of Wang et al., in pixels."""


def mean_squared_error(
    images: Any, reconstructions: Any, *, chunk_size: int = 256
) -> np.ndarray:
    """Calculates the mean squared difference over pixels and channels, per pair.

    Args:
        images: Shape (n, height, width, channels); uint8, or floats in [0, 1].
        reconstructions: Likewise; bytes may be compared with floats.
        chunk_size: Pairs on the device at once.

    Returns:
        Shape (n,), of pixels from 0 to 1.

    Raises:
        InputError: The images cannot be used, or have not the same shape.

    Examples:
        >>> grey = np.full((1, 8, 8, 1), 0.5)
        >>> mean_squared_error(np.full((1, 8, 8, 1), 255, np.uint8), grey)
        array([0.25])
    """
    return _by_pairs(_compiled(_pix().mse), images, reconstructions, chunk_size)


def psnr(
    images: Any,
    reconstructions: Any,
    *,
    ceiling: float = np.inf,
    chunk_size: int = 256,
) -> np.ndarray:
    """Calculates the peak signal-to-noise ratio in decibels, per pair.

    `-10 log10 MSE`, the peak being 1. Of two equal images it is infinite, and so is
    then a mean over pairs; a ceiling keeps it finite. Rounding to 8 bits alone gives
    58.9 dB, a single pixel of 28 x 28 that is off by one 77.1 dB.

    Args:
        images: Shape (n, height, width, channels); uint8, or floats in [0, 1].
        reconstructions: Likewise; bytes may be compared with floats.
        ceiling: No value is above it.
        chunk_size: Pairs on the device at once.

    Returns:
        Shape (n,).

    Raises:
        InputError: The images cannot be used, or have not the same shape.

    Examples:
        >>> white, grey = np.ones((1, 8, 8, 1)), np.full((1, 8, 8, 1), 0.9)
        >>> psnr(white, grey).round(3), psnr(white, white)
        (array([20.]), array([inf]))
    """
    values = _by_pairs(_compiled(_pix().psnr), images, reconstructions, chunk_size)
    return np.minimum(values, ceiling)


def ssim(
    images: Any,
    reconstructions: Any,
    *,
    window: int | None = None,
    chunk_size: int = 256,
) -> np.ndarray:
    """Calculates the structural similarity, per pair: 1 for equal images.

    The mean over windows, and over channels, of
    `(2 m1 m2 + c1) (2 s12 + c2) / ((m1^2 + m2^2 + c1) (s1^2 + s2^2 + c2))`, where means
    and (co)variances weigh the pixels of a window by a Gaussian of 1.5 pixels, and
    `c1 = 0.01^2`, `c2 = 0.03^2` for pixels from 0 to 1.

    The window of 11 pixels must fit into the image. Smaller images get the largest odd
    window that does (`ssim_window`): 7 for digits of 8 x 8. The numbers of two windows
    do not compare, so name it beside them.

    Args:
        images: Shape (n, height, width, channels); uint8, or floats in [0, 1].
        reconstructions: Likewise; bytes may be compared with floats.
        window: Its side, an odd number of pixels; see above.
        chunk_size: Pairs on the device at once.

    Returns:
        Shape (n,), from -1 to 1.

    Raises:
        InputError: The images cannot be used or have not the same shape; or the window
            is even, does not fit, or no window of 3 pixels fits.

    References:
        Wang et al., Image Quality Assessment: From Error Visibility to Structural
        Similarity, 2004, equation 13.
    """
    images, reconstructions = _check(images, reconstructions)
    height, width = images.shape[1:3]
    if window is None:
        window = ssim_window(height, width)
    check_count("window", window, 1)
    if window % 2 == 0 or not 3 <= window <= min(height, width):
        raise InputError(
            f"window={window} for images of {height} x {width}: give an odd number "
            f"from 3 to {min(height, width)}."
        )
    similarity = _compiled(_pix().ssim, filter_size=window)
    return _by_pairs(similarity, images, reconstructions, chunk_size)


def ssim_window(height: int, width: int) -> int:
    """Returns the window that `ssim` takes: 11, or the largest odd one that fits.

    Args:
        height: Of the images, in pixels.
        width: Likewise.

    Raises:
        InputError: A side is shorter than 3 pixels.

    Examples:
        >>> ssim_window(28, 28), ssim_window(8, 8)
        (11, 7)
    """
    side = min(height, width)
    if side < 3:
        raise InputError(
            f"Images of {height} x {width} have no window of 3 pixels to compare: use "
            "psnr, or larger images."
        )
    return min(WINDOW, side - 1 + side % 2)


def _check(images: Any, reconstructions: Any) -> tuple[np.ndarray, np.ndarray]:
    images = check_images("original", images)
    reconstructions = check_images("reconstructed", reconstructions)
    if images.shape != reconstructions.shape:
        raise InputError(
            f"The images have shape {images.shape} and their reconstructions "
            f"{reconstructions.shape}: expected one for each, of the same shape."
        )
    return images, reconstructions


def _by_pairs(
    similarity: Callable[[Array, Array], Any],
    images: Any,
    reconstructions: Any,
    chunk_size: int,
) -> np.ndarray:
    images, reconstructions = _check(images, reconstructions)
    check_count("chunk_size", chunk_size, 1)
    size = min(chunk_size, len(images))
    values = []
    for first in range(0, len(images), size):
        # The last chunk reaches back, so that it has the shape of the others.
        start = min(first, len(images) - size)
        pair = [
            as_floats(each[start : start + size]) for each in (images, reconstructions)
        ]
        values.append(np.asarray(similarity(*pair), np.float64)[first - start :])
    return np.concatenate(values)


# A function made anew is compiled anew, whatever it calculates.
@functools.cache
def _compiled(
    similarity: Callable[..., Array], **options: int
) -> Callable[[Array, Array], Array]:
    return jax.jit(functools.partial(similarity, **options))


def _pix() -> Any:
    try:
        import dm_pix
    except ImportError as error:
        raise InputError(
            "Comparing images needs the package dm-pix: run "
            'pip install "jaxgen[metrics]".'
        ) from error
    return dm_pix

"""How sharp images are: what a blur takes away first."""

from typing import Any, NamedTuple

import numpy as np

from jaxgen.checks import check_number
from jaxgen.errors import InputError
from jaxgen.metrics.arrays import check_images
from jaxgen.metrics.resampling import Interval, mean_interval

__all__ = [
    "RadialPower",
    "high_frequency_power",
    "laplacian_variance",
    "radial_power",
    "relative_mean",
]


class RadialPower(NamedTuple):
    """The power of images by frequency, whatever the direction.

    Attributes:
        frequency: Cycles per pixel at the middle of each ring, shape (rings,).
        power: Mean over the images and over each ring of the power of one frequency,
            shape (rings,). The power of all frequencies sums to the mean square of the
            pixels about their image's mean.
    """

    frequency: np.ndarray
    power: np.ndarray


def laplacian_variance(images: Any) -> np.ndarray:
    """Calculates the variance over pixels of each image's Laplacian.

    The Laplacian of a pixel is the sum of its four neighbours less four times itself.
    Colours are averaged first; pixels at the edge, which have no four neighbours, are
    left out.

    Args:
        images: uint8 or floats in [0, 1], shape (n, height, width, channels), at least
            3 pixels a side.

    Returns:
        float64, shape (n,), of images in [0, 1].

    Raises:
        InputError: They are no such images.

    Examples:
        >>> checkers = np.indices((8, 8)).sum(axis=0) % 2
        >>> print(laplacian_variance(checkers[None, ..., None].astype(float)))
        [16.]

    References:
        Pech-Pacheco et al., Diatom autofocusing in brightfield microscopy, 2000,
        section 2.
    """
    grey = _grey(images, least=3)
    middle = grey[:, 1:-1, 1:-1]
    rows = grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1]
    columns = grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:]
    return (rows + columns - 4.0 * middle).var(axis=(1, 2))


def high_frequency_power(images: Any, *, cutoff: float = 0.25) -> np.ndarray:
    """Calculates the power of each image at high frequencies.

    With X the discrete Fourier transform of an image of P pixels, it is the sum of
    |X|^2 / P^2 over frequencies of at least `cutoff`: the mean square of what is left
    of the image when lower frequencies are taken out.

    Args:
        images: uint8 or floats in [0, 1], shape (n, height, width, channels); colours
            are averaged first.
        cutoff: Cycles per pixel, between 0 and 0.7; half of what a pixel grid can show
            along its sides is 0.25.

    Returns:
        float64, shape (n,).

    Raises:
        InputError: They are no such images, or the cutoff leaves nothing.
    """
    # In cycles per pixel: the corner of the spectrum is at 0.707.
    check_number("cutoff", cutoff, above=0, below=0.7)
    grey = _grey(images, least=3)
    above = _frequencies(grey.shape[1:]) >= cutoff
    return _power(grey)[:, above].sum(axis=1)


def radial_power(images: Any) -> RadialPower:
    """Averages the power of images over rings of equal frequency.

    Args:
        images: uint8 or floats in [0, 1], shape (n, height, width, channels); colours
            are averaged first.

    Returns:
        Rings one step of the coarser axis wide, up to 0.5 cycles per pixel.

    Raises:
        InputError: They are no such images.
    """
    grey = _grey(images, least=3)
    power = _power(grey).mean(axis=0)
    side = min(grey.shape[1:])
    ring = np.rint(_frequencies(grey.shape[1:]) * side).astype(int)
    rings = range(1, side // 2 + 1)
    return RadialPower(
        np.array([number / side for number in rings]),
        np.array([power[ring == number].mean() for number in rings]),
    )


def relative_mean(
    values: np.ndarray, real: np.ndarray, *, confidence: float = 0.95
) -> Interval:
    """Calculates the mean of values over that of real images, with its interval.

    Args:
        values: One per image, shape (n,), n at least 2.
        real: One per real image, shape (m,), m at least 2, independent of the values.
        confidence: Level; by the delta method, for means known to a few percent.

    Raises:
        InputError: There are fewer values, or the real mean is 0.

    Examples:
        >>> ratio = relative_mean(np.array([1.0, 3.0]), np.array([4.0, 4.0]))
        >>> print(ratio.value)
        0.5
    """
    values, real = np.asarray(values, float), np.asarray(real, float)
    top = mean_interval(values, confidence=confidence)
    bottom = mean_interval(real, confidence=confidence)
    if bottom.value == 0:
        raise InputError("The real images have a mean of 0: nothing compares with it.")
    ratio = top.value / bottom.value
    half = np.hypot(top.high - top.value, ratio * (bottom.high - bottom.value))
    half /= abs(bottom.value)
    return Interval(ratio, ratio - half, ratio + half)


def _grey(images: Any, *, least: int) -> np.ndarray:
    checked = check_images("given", np.asarray(images))
    if min(checked.shape[1:3]) < least:
        raise InputError(
            f"The images have shape {checked.shape[1:]}: give at least {least} pixels "
            "a side."
        )
    scale = 255.0 if checked.dtype == np.uint8 else 1.0
    return checked.astype(np.float64).mean(axis=-1) / scale


def _frequencies(shape: tuple[int, ...]) -> np.ndarray:
    return np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1])[None])


def _power(grey: np.ndarray) -> np.ndarray:
    centred = grey - grey.mean(axis=(1, 2), keepdims=True)
    transformed = np.fft.fft2(centred)
    return np.abs(transformed / centred[0].size) ** 2

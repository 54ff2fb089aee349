"""Wavelet filters as matrices, for what ADA does to images along one axis.

Both filters of Daubechies are orthonormal: sum h^2 = 1, sum h[k] h[k + 2n] = 0 for n
other than 0, and sum h = sqrt(2). Matrices hold the reflected border too, so that an
image is filtered by two products.

Daubechies, Ten Lectures on Wavelets, 1992, tables 6.1 and 6.3.
"""

from functools import cache

import numpy as np

__all__ = [
    "SYM2",
    "SYM6",
    "band_matrices",
    "down_matrix",
    "down_places",
    "reflect",
    "up_matrix",
    "up_start",
]

SYM2 = np.array([1 - 3**0.5, 3 - 3**0.5, 3 + 3**0.5, 1 + 3**0.5]) / (4 * 2**0.5)
"""The low-pass filter with 2 vanishing moments."""

SYM6 = np.array(
    [
        0.0154041093270448,
        0.0034907120842221,
        -0.1179901111485197,
        -0.0483117425856975,
        0.4910559419279740,
        0.7876411410286505,
        0.3379294217281654,
        -0.0726375227863764,
        -0.0210602925123708,
        0.0447249017707813,
        0.0017677118642540,
        -0.0078007083250324,
    ]
)
"""The low-pass filter with 6 vanishing moments that is nearest to symmetric."""

_CENTER = 5
"""Place in `SYM6` of its largest weight, about which its phase is nearly linear."""


def reflect(places: np.ndarray, size: int) -> np.ndarray:
    """Returns which pixel lies at each place if the row is mirrored about its ends.

    Args:
        places: Whole numbers, also below 0 and from `size` on.
        size: Pixels of the row.

    Examples:
        >>> reflect(np.arange(-3, 6), 3).tolist()
        [1, 2, 1, 0, 1, 2, 1, 0, 1]
    """
    period = max(2 * (size - 1), 1)
    places = places % period
    return np.minimum(places, period - places) if size > 1 else 0 * places


@cache
def up_matrix(size: int) -> np.ndarray:
    """Makes the matrix that mirrors a row at its ends and doubles its pixels.

    u[n] = sqrt(2) sum_i h[n + 5 - 2 i] x[i], with h = `SYM6`: pixel i lies at 2 i of
    the doubled row. The row is mirrored by size - 1 pixels to each side, the most that
    one mirror holds and that the paper's code does; beyond is 0. The first row of the
    matrix and its last two are 0, for what is sampled there.

    Args:
        size: Pixels of the row.

    Returns:
        Shape (2 (3 size - 2) + 3, size); its row r is place r + `up_start(size)`.
    """
    inside = np.arange(1 - size, 2 * size - 1)
    pixels = reflect(inside, size)
    matrix = np.zeros((2 * len(inside) + 3, size))
    for tap, weight in enumerate(SYM6):
        rows = 2 * inside + tap - _CENTER - up_start(size)
        for row, pixel in zip(rows, pixels, strict=True):
            if 1 <= row <= 2 * len(inside):
                matrix[row, pixel] += 2**0.5 * weight
    return matrix


def up_start(size: int) -> int:
    """Returns the place of the first row of `up_matrix`."""
    return -2 * (size - 1) - 1


def down_places(size: int) -> np.ndarray:
    """Returns the places of the doubled row that `down_matrix` takes."""
    return np.arange(-_CENTER, 2 * size - 1 + len(SYM6) - 1 - _CENTER)


@cache
def down_matrix(size: int) -> np.ndarray:
    """Makes the matrix that halves the pixels of a row at `down_places`.

    x[m] = sum_k h[k] u[2 m + k - 5] / sqrt(2), the filter of `up_matrix` backwards: of
    a row that was doubled it gives the row itself.

    Args:
        size: Pixels of the result.

    Returns:
        Shape (size, 2 size + 10).
    """
    matrix = np.zeros((size, len(down_places(size))))
    for pixel in range(size):
        matrix[pixel, 2 * pixel : 2 * pixel + len(SYM6)] = SYM6 / 2**0.5
    return matrix


@cache
def band_matrices(size: int) -> np.ndarray:
    """Makes the four matrices that split a row into bands of frequencies.

    The bands end at 1/8, 1/4, 1/2 and all of the highest frequency. With the low-pass
    L(z) = h(z) h(1/z) / 2 of h = `SYM2`, and H = 1 - L, they are L(z) L(z^2) L(z^4),
    L(z) L(z^2) H(z^4), L(z) H(z^2) and H(z): symmetric, and their sum is the identity.
    The row is mirrored at its ends as often as the filters reach.

    Args:
        size: Pixels of the row.

    Returns:
        Shape (4, size, size), the lowest band first.
    """
    low = np.convolve(SYM2, SYM2[::-1]) / 2
    high = -low
    high[len(low) // 2] += 1
    lows, bands = np.ones(1), []
    for step in (1, 2, 4):
        bands.append(np.convolve(lows, _stretched(high, step)))
        lows = np.convolve(lows, _stretched(low, step))
    matrices = np.zeros((4, size, size))
    for matrix, band in zip(matrices, [lows, *bands[::-1]], strict=True):
        for place, weight in enumerate(band, -(len(band) // 2)):
            rows = np.arange(size)
            np.add.at(matrix, (rows, reflect(rows + place, size)), weight)
    return matrices


def _stretched(taps: np.ndarray, step: int) -> np.ndarray:
    """Returns the filter of z^step."""
    found = np.zeros(step * (len(taps) - 1) + 1)
    found[::step] = taps
    return found

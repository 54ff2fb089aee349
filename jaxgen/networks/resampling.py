"""Images filtered by a short kernel, at a rate that may double or halve on the way.

Zeros are put between the pixels, then around the image; the filter is convolved along
both axes; pixels are left out. The filter is a product of two equal ones, so that each
axis can be filtered by itself. A formulation changes the speed, but neither the result
(but for rounding) nor its gradients:

- `adds`: each axis by shifted adds, phase by phase, without a product with a zero.
- `two_pass`: each axis by XLA's depthwise convolution.
- `depthwise`: both axes at once, by XLA's depthwise convolution.
- `auto`: `adds`.

Karras et al., Analyzing and Improving the Image Quality of StyleGAN, 2020, section 4.
"""

from collections.abc import Sequence
from typing import Literal, get_args

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgen.checks import check_choice
from jaxgen.networks.formulations.pixels import total
from jaxgen.typing import Images

__all__ = ["BINOMIAL", "FilterFormulation", "filter_images"]

FilterFormulation = Literal["auto", "adds", "two_pass", "depthwise"]

BINOMIAL = (1.0, 3.0, 3.0, 1.0)
"""The taps of StyleGAN2's filter along one axis, before they are normalized."""


def filter_images(
    images: Images,
    taps: Sequence[float] = BINOMIAL,
    *,
    up: int = 1,
    down: int = 1,
    padding: tuple[int, int] = (0, 0),
    formulation: FilterFormulation = "auto",
) -> Images:
    """Convolves images with a separable filter whose taps add up to `up` on each axis.

    So the filter keeps the mean of an image that is upsampled.

    Args:
        images: Shape (batch, height, width, channels).
        taps: Of the filter along one axis; they are normalized.
        up: Pixels for one, of which all but the first are zeros before the filter.
        down: Pixels of which one, the first, is kept after the filter.
        padding: Zeros before and after each axis; may be negative, which crops.
        formulation: See the module's docstring.

    Returns:
        Images whose sides are (up * side + padding - taps) // down + 1.

    Raises:
        InputError: There is no such formulation.
    """
    check_choice("formulation", formulation, get_args(FilterFormulation))
    weights = np.asarray(taps, np.float64)
    weights = weights * (up / weights.sum())
    if formulation == "depthwise":
        kernel = np.outer(weights, weights)
        return _depthwise(images, kernel, (up, up), (down, down), (padding, padding))
    if formulation == "two_pass":
        none = (0, 0)
        images = _depthwise(
            images, weights[:, None], (up, 1), (down, 1), (padding, none)
        )
        return _depthwise(images, weights[None], (1, up), (1, down), (none, padding))
    for axis in (1, 2):
        images = _shifted_adds(images, weights, axis, up, down, padding)
    return images


def _shifted_adds(
    images: Images,
    weights: np.ndarray,
    axis: int,
    up: int,
    down: int,
    padding: tuple[int, int],
) -> Images:
    """Filters along one axis: a sum of strided slices for each phase of the output."""
    low, high = padding
    length = (up * images.shape[axis] + low + high - len(weights)) // down + 1
    # Pixel `down * i` of the filtered image sums weights[::-1][tap] times pixel
    # `down * i + tap - low` of the one with zeros. Outputs `up` apart have the same
    # phase: the same taps meet pixels that are no zeros.
    count = -(-length // up)
    shape = list(images.shape)
    shape[axis] = count
    nothing = jnp.zeros(shape, images.dtype)
    found = []
    for phase in range(up):
        terms = []
        for tap, weight in enumerate(weights[::-1]):
            place = down * phase + tap - low
            if place % up == 0:
                part = _strided(images, axis, place // up, down, count)
                terms.append(jnp.asarray(weight, images.dtype) * part)
        # A filter of fewer taps than `up` leaves phases that are zeros.
        found.append(total(terms) if terms else nothing)
    if up == 1:
        return found[0]
    shape[axis] = up * count
    joined = jnp.stack(found, axis=axis + 1).reshape(shape)
    return lax.slice_in_dim(joined, 0, length, axis=axis)


def _strided(images: Images, axis: int, start: int, step: int, count: int) -> Images:
    """Pixels start, start + step, ... of an axis, zeros outside."""
    margins = [(0, 0, 0)] * images.ndim
    stop = start + step * (count - 1) + 1
    margins[axis] = (-start, stop - images.shape[axis], 0)
    padded = lax.pad(images, jnp.zeros((), images.dtype), margins)
    return lax.slice_in_dim(padded, 0, stop - start, step, axis=axis)


def _depthwise(
    images: Images,
    kernel: np.ndarray,
    up: tuple[int, int],
    down: tuple[int, int],
    padding: tuple[tuple[int, int], tuple[int, int]],
) -> Images:
    channels = images.shape[-1]
    # XLA correlates; and it puts no zeros behind the last pixel.
    flipped = jnp.asarray(kernel[::-1, ::-1, None, None], images.dtype)
    flipped = jnp.broadcast_to(flipped, (*kernel.shape, 1, channels))
    pads = [
        (low, high + rate - 1) for (low, high), rate in zip(padding, up, strict=True)
    ]
    return lax.conv_general_dilated(
        images,
        flipped,
        window_strides=down,
        padding=pads,
        lhs_dilation=up,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=channels,
    )

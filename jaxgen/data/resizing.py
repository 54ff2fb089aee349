"""Resizing images with pillow, by channels where it knows no images of their kind."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from jaxgen.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["by_planes", "enlarge", "fit_short_side", "pillow", "resampling", "resize"]


def resize(array: np.ndarray, image_size: int) -> np.ndarray:
    """Resizes images of shape (n, height, width, channels) and crops the centre.

    Args:
        array: The images, uint8 or uint16, of any number of channels.
        image_size: Height and width of the result.
    """
    image_module, ops = pillow()
    size = (image_size, image_size)
    if array.dtype != np.uint8 or array.shape[-1] not in (1, 3):
        # Pillow knows no such images.
        return by_planes(array, lambda plane: ops.fit(plane, size, resampling()))
    resized = [
        ops.fit(
            image_module.fromarray(
                image.squeeze(-1) if image.shape[-1] == 1 else image
            ),
            size,
            resampling(),
        )
        for image in array
    ]
    return np.stack([np.asarray(image) for image in resized]).reshape(
        len(array), image_size, image_size, array.shape[-1]
    )


def enlarge(array: np.ndarray, factor: int) -> np.ndarray:
    """Enlarges images (n, height, width, channels) by a whole factor, bicubically."""
    image_module, _ = pillow()
    size = (factor * array.shape[2], factor * array.shape[1])
    bicubic = image_module.Resampling.BICUBIC
    return by_planes(array, lambda plane: plane.resize(size, bicubic))


def fit_short_side(array: np.ndarray, size: int) -> np.ndarray:
    """Resizes images so that their short side has so many pixels, and crops nothing.

    Args:
        array: Shape (n, height, width, channels); uint8, uint16, or floats in [0, 1].
        size: In pixels.
    """
    height, width = array.shape[1:3]
    scale = size / min(height, width)
    height, width = (max(round(scale * side), 1) for side in (height, width))
    return by_planes(array, lambda plane: plane.resize((width, height), resampling()))


def by_planes(
    array: np.ndarray, function: "Callable[[Image.Image], Image.Image]"
) -> np.ndarray:
    """Applies a function to each channel of each image, in floating point.

    Args:
        array: Shape (n, height, width, channels); uint8, uint16, or floats in [0, 1].
        function: From one plane, in pillow's mode `F`, to another.

    Returns:
        Shape (n, height', width', channels), of the dtype of the array.
    """
    image_module, _ = pillow()
    planes = np.moveaxis(array, -1, 1).astype(np.float32)
    made = np.stack(
        [
            np.asarray(function(image_module.fromarray(plane)))
            for plane in planes.reshape(-1, *array.shape[1:3])
        ]
    )
    made = made.reshape(len(array), array.shape[-1], *made.shape[1:])
    # The filter overshoots at edges.
    if array.dtype.kind == "f":
        made = made.clip(0, 1)
    else:
        made = made.round().clip(0, np.iinfo(array.dtype).max)
    return np.moveaxis(made, 1, -1).astype(array.dtype)


def resampling():
    """Returns the filter of pillow that images are resized by, up and down."""
    image_module, _ = pillow()
    return image_module.Resampling.LANCZOS


def pillow():
    """Returns `PIL.Image` and `PIL.ImageOps`, or says how to get them.

    Raises:
        InputError: Pillow is not installed.
    """
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise InputError(
            "Reading images needs pillow, which is not installed: "
            'pip install "jaxgen[experiments]".'
        ) from error
    return Image, ImageOps

"""Reading image files with pillow: 8 bits, one or three channels, one size."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from jaxgen.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = frozenset(
    (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
)
"""Files with another suffix are not taken for images."""

_GREY_MODES = ("1", "L")
_COLOUR_MODES = ("LA", "La", "P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "CMYK", "YCbCr")
_EXIF_ORIENTATION = 0x0112


class Header(NamedTuple):
    """What an image file says of itself before its pixels are read."""

    height: int
    width: int
    grey: bool


def _pillow():
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise InputError(
            "Reading images needs pillow, which is not installed: "
            'pip install "jaxgen[experiments]".'
        ) from error
    return Image, ImageOps


@contextmanager
def _opened(file: Path | bytes, name: str) -> "Iterator[Image.Image]":
    """Opens an image; whatever is wrong with it becomes a sentence that names it."""
    image_module, _ = _pillow()
    try:
        stream = io.BytesIO(file) if isinstance(file, bytes) else file
        with image_module.open(stream) as image:
            if image.mode not in _GREY_MODES + _COLOUR_MODES:
                raise InputError(
                    f"The image {name} has pixels of mode {image.mode!r} (more than 8 "
                    "bits): expected 8 bits a channel; convert it, or take it out."
                )
            yield image
    except InputError:
        raise
    # Damaged files make pillow's readers raise nearly anything: OSError, SyntaxError,
    # ValueError, struct.error, DecompressionBombError ...
    except Exception as error:
        raise InputError(
            f"The image {name} cannot be read ({error}): expected a complete image "
            "file; mend it, or take it out."
        ) from error


def read_header(file: Path | bytes, name: str) -> Header:
    """Reads the size and kind of an image without decoding its pixels.

    Args:
        file: Path or contents.
        name: What to call it in an error.

    Raises:
        InputError: It is not a readable image of 8 bits a channel.
    """
    with _opened(file, name) as image:
        width, height = image.size
        # Orientations 5 to 8 turn the picture by a quarter.
        if image.getexif().get(_EXIF_ORIENTATION, 1) in (5, 6, 7, 8):
            width, height = height, width
        return Header(height, width, image.mode in _GREY_MODES)


def decode(
    file: Path | bytes,
    name: str,
    image_shape: tuple[int, int, int],
    *,
    image_size: int | None,
) -> np.ndarray:
    """Reads an image as uint8 of `image_shape`.

    The camera's orientation is applied, and transparency is laid over white.

    Args:
        file: Path or contents.
        name: What to call it in an error.
        image_shape: (height, width, channels) of the result, 1 or 3 channels.
        image_size: Resize so that the short side has this many pixels and crop the
            centre, or None: the image must have the size of `image_shape`.

    Raises:
        InputError: The image is damaged, has more than 8 bits, or another size.
    """
    image_module, ops = _pillow()
    height, width, channels = image_shape
    with _opened(file, name) as opened:
        ops.exif_transpose(opened, in_place=True)
        image = opened
        if image.has_transparency_data:
            white = image_module.new("RGBA", image.size, "white")
            image = image_module.alpha_composite(white, image.convert("RGBA"))
        image = image.convert("L" if channels == 1 else "RGB")
    if image_size is not None:
        image = ops.fit(image, (image_size, image_size), _resampling())
    check_size(name, (image.height, image.width), (height, width))
    return np.asarray(image).reshape(image_shape)


def resize(array: np.ndarray, image_size: int) -> np.ndarray:
    """Resizes uint8 images of shape (n, height, width, channels) and crops the centre.

    Args:
        array: The images, of 1 or 3 channels.
        image_size: Height and width of the result.
    """
    image_module, ops = _pillow()
    size = (image_size, image_size)
    resized = [
        ops.fit(
            image_module.fromarray(
                image.squeeze(-1) if image.shape[-1] == 1 else image
            ),
            size,
            _resampling(),
        )
        for image in array
    ]
    return np.stack([np.asarray(image) for image in resized]).reshape(
        len(array), image_size, image_size, array.shape[-1]
    )


def check_size(name: str, size: tuple[int, int], expected: tuple[int, int]) -> None:
    """Raises an `InputError` unless an image has the (height, width) of the first."""
    if size != expected:
        raise InputError(
            f"The image {name} is {size[1]}x{size[0]} pixels: expected "
            f"{expected[1]}x{expected[0]} like the first; give --image-size to resize "
            "all of them."
        )


def _resampling():
    image_module, _ = _pillow()
    return image_module.Resampling.LANCZOS

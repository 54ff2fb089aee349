"""Reading image files with pillow: 8 bits, or 16 of grey, and all of one size."""

import io
from collections.abc import Callable, Iterator
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
_DEEP_MODES = ("I;16", "I;16B", "I;16L", "I;16N", "I")
"""Grey of 16 bits; a PGM comes as 32. Of colour in 16 bits pillow keeps 8."""
_EXIF_ORIENTATION = 0x0112


class Header(NamedTuple):
    """What an image file says of itself before its pixels are read."""

    height: int
    width: int
    grey: bool
    deep: bool = False
    """Whether it has 16 bits."""


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
def _opened(
    file: Path | bytes, name: str, deep: bool = False
) -> "Iterator[Image.Image]":
    """Opens an image; whatever is wrong with it becomes a sentence that names it."""
    image_module, _ = _pillow()
    try:
        stream = io.BytesIO(file) if isinstance(file, bytes) else file
        with image_module.open(stream) as image:
            known = _GREY_MODES + _COLOUR_MODES + (_DEEP_MODES if deep else ())
            if image.mode not in known:
                bits = "8 bits a channel, or 16 of grey" if deep else "8 bits a channel"
                raise InputError(
                    f"The image {name} has pixels of mode {image.mode!r} (more than 8 "
                    f"bits): expected {bits}; convert it, or take it out."
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


def read_header(file: Path | bytes, name: str, *, deep: bool = False) -> Header:
    """Reads the size and kind of an image without decoding its pixels.

    Args:
        file: Path or contents.
        name: What to call it in an error.
        deep: Grey of 16 bits is welcome.

    Raises:
        InputError: It is not a readable image of 8 bits a channel (or 16).
    """
    with _opened(file, name, deep) as image:
        width, height = image.size
        # Orientations 5 to 8 turn the picture by a quarter.
        if image.getexif().get(_EXIF_ORIENTATION, 1) in (5, 6, 7, 8):
            width, height = height, width
        grey = image.mode in _GREY_MODES + _DEEP_MODES
        return Header(height, width, grey, image.mode in _DEEP_MODES)


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


def decode_deep(
    file: Path | bytes,
    name: str,
    image_shape: tuple[int, int, int],
    *,
    image_size: int | None,
) -> np.ndarray:
    """Reads a grey image of 16 bits as uint16 of `image_shape`.

    The arguments are those of `decode`.

    Raises:
        InputError: The image is damaged, has no 16 bits of grey, or another size.
    """
    _, ops = _pillow()
    with _opened(file, name, deep=True) as image:
        ops.exif_transpose(image, in_place=True)
        if image.mode not in _DEEP_MODES:
            raise InputError(
                f"The image {name} has pixels of mode {image.mode!r}: expected grey of "
                "16 bits as in the others of its set; convert it, or take it out."
            )
        pixels = np.asarray(image)
    if pixels.min() < 0 or pixels.max() > 65535:
        raise InputError(
            f"The image {name} has values from {pixels.min()} to {pixels.max()}: "
            "expected 16 bits, 0 to 65535; convert it, or take it out."
        )
    pixels = pixels.astype(np.uint16)[..., None]
    if image_size is not None:
        pixels = resize(pixels[None], image_size)[0]
    check_size(name, pixels.shape[:2], image_shape[:2])
    return pixels


def resize(array: np.ndarray, image_size: int) -> np.ndarray:
    """Resizes images of shape (n, height, width, channels) and crops the centre.

    Args:
        array: The images, uint8 or uint16, of any number of channels.
        image_size: Height and width of the result.
    """
    image_module, ops = _pillow()
    size = (image_size, image_size)
    if array.dtype != np.uint8 or array.shape[-1] not in (1, 3):
        # Pillow knows no such images.
        return _by_planes(array, lambda plane: ops.fit(plane, size, _resampling()))
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


def enlarge(array: np.ndarray, factor: int) -> np.ndarray:
    """Enlarges images (n, height, width, channels) by a whole factor, bicubically."""
    image_module, _ = _pillow()
    size = (factor * array.shape[2], factor * array.shape[1])
    bicubic = image_module.Resampling.BICUBIC
    return _by_planes(array, lambda plane: plane.resize(size, bicubic))


def _by_planes(array: np.ndarray, function: "Callable[[Image.Image], Image.Image]"):
    """Applies a function to each channel of each image, in floating point."""
    image_module, _ = _pillow()
    planes = np.moveaxis(array, -1, 1).astype(np.float32)
    made = np.stack(
        [
            np.asarray(function(image_module.fromarray(plane)))
            for plane in planes.reshape(-1, *array.shape[1:3])
        ]
    )
    made = made.reshape(len(array), array.shape[-1], *made.shape[1:])
    # The filter overshoots at edges.
    made = made.round().clip(0, np.iinfo(array.dtype).max)
    return np.moveaxis(made, 1, -1).astype(array.dtype)


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

"""Reading image files with pillow: 8 bits, or 16 of grey, and all of one size.

Images of more than `MOST_PIXELS` are refused: a file of kilobytes may claim gigabytes.
So is colour of 16 bits a channel, of which pillow drops the lower 8.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from jaxgen.data.resizing import pillow, resampling, resize
from jaxgen.errors import InputError
from jaxgen.files import map_npy, open_regular

if TYPE_CHECKING:
    from PIL import Image

__all__ = [
    "COLOUR_MODES",
    "DEEP_MODES",
    "GREY_MODES",
    "MOST_PIXELS",
    "SUFFIXES",
    "Header",
    "check_size",
    "decode",
    "decode_deep",
    "deep_pixels",
    "open_array",
    "opened",
    "read_header",
]

SUFFIXES = frozenset(
    (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
)
"""Files with another suffix are not taken for images."""

GREY_MODES = ("1", "L", "LA", "La")
"""Pixels of 8 bits that are grey, whether they are opaque or not."""

COLOUR_MODES = ("P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "CMYK", "YCbCr")

DEEP_MODES = ("I;16", "I;16B", "I;16L", "I;16N", "I")
"""Grey of 16 bits; a PGM comes as 32."""

MOST_PIXELS = 2**27
"""Pixels of the largest image that is read, 134,217,728: 400 MB as bytes of RGB."""

# Tags of TIFF.
_BITS_PER_SAMPLE = 258
_PHOTOMETRIC = 262
_EXIF_ORIENTATION = 274
_SAMPLE_FORMAT = 339


class Header(NamedTuple):
    """What an image file says of itself before its pixels are read."""

    height: int
    width: int
    grey: bool
    deep: bool = False
    """Whether it has 16 bits."""


@contextmanager
def opened(
    file: Path | bytes, name: str, *, deep: bool = False
) -> "Iterator[Image.Image]":
    """Opens an image; whatever is wrong with it becomes a sentence that names it.

    Args:
        file: Path or contents.
        name: What to call it in an error.
        deep: Grey of 16 bits is welcome.

    Raises:
        InputError: It is no readable image of such pixels, or has more than
            `MOST_PIXELS`, or what is done while it is open fails.
    """
    image_module, _ = pillow()
    # Pillow warns below our limit. `catch_warnings` is not for threads, and another
    # filter for each image would let warnings repeat that are shown once.
    bomb = image_module.DecompressionBombWarning
    if not any(kind == "ignore" and of is bomb for kind, _, of, *_ in warnings.filters):
        warnings.filterwarnings("ignore", category=bomb)
    try:
        stream = io.BytesIO(file) if isinstance(file, bytes) else open_regular(file)
        with stream, image_module.open(stream) as image:
            fault = _fault(image, deep)
            if fault:
                raise InputError(f"The image {name} {fault}, or take it out.")
            yield image
    except InputError:
        raise
    except image_module.DecompressionBombError as error:
        raise InputError(
            f"The image {name} {_too_large(str(error).rstrip('.'))}, or take it out."
        ) from error
    # Damaged files make pillow's readers raise nearly anything: OSError, SyntaxError,
    # ValueError, struct.error, MemoryError ...
    except Exception as error:
        what = str(error) or type(error).__name__
        raise InputError(
            f"The image {name} cannot be read ({what}): expected a complete image "
            "file; mend it, or take it out."
        ) from error


def _fault(image: "Image.Image", deep: bool) -> str | None:
    """Says why an open image is not to be decoded, and the cure; None if it is."""
    width, height = image.size
    if width * height > MOST_PIXELS:
        return _too_large(f"{width}x{height} pixels")
    bits = _bits(image)
    if image.mode in GREY_MODES + COLOUR_MODES:
        if bits <= 8:
            return None
        cure = "save it as a .npy array of uint16" if deep else "convert it to 8 bits"
        return (
            f"has colour or transparency of {bits} bits a channel, of which only 8 "
            f"would be read: {cure}"
        )
    if not deep or image.mode not in DEEP_MODES:
        wanted = "8 bits a channel, or 16 of grey" if deep else "8 bits a channel"
        return (
            f"has pixels of mode {image.mode!r} (more than 8 bits): expected {wanted}; "
            "convert it"
        )
    # Pillow hands out the numbers of a TIFF file as they are.
    tags = getattr(image, "tag_v2", {})
    kind = "bits" if tags.get(_SAMPLE_FORMAT, (1,))[0] == 1 else "bits with a sign"
    if tags.get(_PHOTOMETRIC, 1) == 0:
        kind += ", of which 0 is white"
    if (bits, kind) != (16, "bits"):
        return (
            f"has grey of {bits} {kind}: expected 16 bits, of which 0 is black; save "
            "it as a .npy array of uint16"
        )
    return None


def _too_large(what: str) -> str:
    return (
        f"is too large ({what}): expected at most {MOST_PIXELS:,} pixels; resize "
        "it, cut it into pieces"
    )


def _bits(image: "Image.Image") -> int:
    """Returns the bits of a channel in the file, which may be more than are decoded."""
    if image.format == "TIFF":
        return max(getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE, (1,)))
    if image.mode in DEEP_MODES:
        return 16
    # (codec, box, offset, arguments): how the pixels are unpacked, as "RGB;16B".
    for *_, arguments in getattr(image, "tile", []):
        if image.format == "PNG" and ";16" in str(arguments):
            return 16
        if image.format == "PPM" and isinstance(arguments, tuple):
            *_, most = arguments
            return 16 if isinstance(most, int) and most > 255 else 8
    return 8


def read_header(file: Path | bytes, name: str, *, deep: bool = False) -> Header:
    """Reads the size and kind of an image without decoding its pixels.

    Args:
        file: Path or contents.
        name: What to call it in an error.
        deep: Grey of 16 bits is welcome.

    Raises:
        InputError: It is not a readable image of 8 bits a channel (or 16).
    """
    with opened(file, name, deep=deep) as image:
        width, height = image.size
        # Orientations 5 to 8 turn the picture by a quarter.
        if image.getexif().get(_EXIF_ORIENTATION, 1) in (5, 6, 7, 8):
            width, height = height, width
        grey = image.mode in GREY_MODES + DEEP_MODES
        return Header(height, width, grey, image.mode in DEEP_MODES)


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
    image_module, ops = pillow()
    height, width, channels = image_shape
    with opened(file, name) as image:
        ops.exif_transpose(image, in_place=True)
        if image.has_transparency_data:
            white = image_module.new("RGBA", image.size, "white")
            image = image_module.alpha_composite(white, image.convert("RGBA"))
        image = image.convert("L" if channels == 1 else "RGB")
    if image_size is not None:
        image = ops.fit(image, (image_size, image_size), resampling())
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
    _, ops = pillow()
    with opened(file, name, deep=True) as image:
        ops.exif_transpose(image, in_place=True)
        if image.mode not in DEEP_MODES:
            raise InputError(
                f"The image {name} has pixels of mode {image.mode!r}: expected grey of "
                "16 bits as in the others of its set; convert it, or take it out."
            )
        pixels = deep_pixels(image, name)
    if image_size is not None:
        pixels = resize(pixels[None], image_size)[0]
    check_size(name, pixels.shape[:2], image_shape[:2])
    return pixels


def deep_pixels(image: "Image.Image", name: str) -> np.ndarray:
    """Returns an open image of 16 bits as uint16, shape (height, width, 1).

    Args:
        image: Its mode is among `DEEP_MODES`.
        name: What to call it in an error.

    Raises:
        InputError: It has values above 16 bits.
    """
    pixels = np.asarray(image)
    if pixels.min() < 0 or pixels.max() > 65535:
        raise InputError(
            f"The image {name} has values from {pixels.min()} to {pixels.max()}: "
            "expected 16 bits, 0 to 65535; convert it, or take it out."
        )
    return pixels.astype(np.uint16)[..., np.newaxis]


def open_array(path: Path) -> np.ndarray:
    """Maps a .npy file of one image, (height, width, channels), without reading it.

    Args:
        path: The file.

    Raises:
        InputError: It is damaged, holds Python objects (nothing is unpickled), or is no
            image.
    """
    try:
        array = map_npy(path)
    except (OSError, ValueError) as error:
        raise InputError(
            f"The array {path} cannot be read ({error}): expected a complete .npy file "
            "of numbers; mend it, or take it out."
        ) from error
    if array.ndim == 2:
        array = array[..., np.newaxis]
    known = array.dtype in (np.uint8, np.uint16) or array.dtype.kind == "f"
    if array.ndim != 3 or not array.size or not known:
        raise InputError(
            f"The array {path} is {array.dtype} of shape {array.shape}: expected one "
            "image (height, width) or (height, width, channels) of uint8, uint16 or "
            "floating point."
        )
    return array


def check_size(name: str, size: tuple[int, int], expected: tuple[int, int]) -> None:
    """Raises an `InputError` unless an image has the (height, width) of the first."""
    if size != expected:
        raise InputError(
            f"The image {name} is {size[1]}x{size[0]} pixels: expected "
            f"{expected[1]}x{expected[0]} like the first; give image_size to resize "
            "all of them."
        )

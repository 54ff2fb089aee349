"""Single pictures, from a file to numbers in [0, 1] and back, with the bits they have.

A grey picture of 16 bits keeps them, and so does an array, which may have any channels.
Colours of more than 8 bits a channel are refused: pillow would read 8.
"""

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxgen import files
from jaxgen.data import images, resizing
from jaxgen.errors import InputError

READ = images.SUFFIXES | {".npy"}
"""Files with another suffix are not taken for pictures."""

WRITTEN = (".png", ".tif", ".tiff", ".webp", ".jpg", ".jpeg", ".bmp", ".npy")
"""What can be written; `.npy` holds what no picture can."""

DEEP = (".png", ".tif", ".tiff", ".npy")
"""What can hold 16 bits."""

OPAQUE = (".jpg", ".jpeg", ".bmp", ".npy")
"""What has no transparency."""


class Picture(NamedTuple):
    """A picture.

    Attributes:
        values: In [0, 1], float32 (height, width, channels).
        alpha: Its opacity, float32 (height, width), where it was asked for and is.
        bits: 8, 16, or 32 for an array of floats.
    """

    values: np.ndarray
    alpha: np.ndarray | None
    bits: int


def read_channels(path: Path) -> int:
    """Returns 1 or 3, or the channels of an array, without reading the pixels.

    Raises:
        InputError: It is no picture, or has pixels of another kind.
    """
    if path.suffix.lower() == ".npy":
        return images.open_array(path).shape[2]
    # Of a PNG the orientation, which a header has too, stands behind the pixels.
    with images.opened(path, str(path), deep=True) as image:
        return 1 if image.mode in images.GREY_MODES + images.DEEP_MODES else 3


def read(path: Path, *, alpha: bool = False, size: int | None = None) -> Picture:
    """Reads a picture.

    The camera's orientation is applied.

    Args:
        path: The file.
        alpha: Give its transparency apart; otherwise it is laid over white.
        size: Resize so that the short side has so many pixels.

    Raises:
        InputError: It is damaged, or has pixels of another kind.
    """
    if path.suffix.lower() == ".npy":
        array = images.open_array(path)
        values, opacity = np.asarray(array), None
        bits = {1: 8, 2: 16}.get(array.dtype.itemsize, 32)
        if array.dtype.kind == "f":
            bits = 32
            if not (
                np.isfinite(values).all() and 0 <= values.min() <= values.max() <= 1
            ):
                raise InputError(
                    f"The array {path} has values that are not in [0, 1]: scale "
                    "it, or save it as uint8 or uint16."
                )
    else:
        values, opacity, bits = _decoded(path, alpha)
    if values.dtype.kind == "u":
        values = values / np.float32(2**bits - 1)
    values = values.astype(np.float32)
    if size is not None:
        values = resize(values, size)
        if opacity is not None:
            opacity = resize(opacity[:, :, np.newaxis], size)[:, :, 0]
    return Picture(values, opacity, bits)


def resize(values: np.ndarray, size: int) -> np.ndarray:
    """Resizes a picture so that its short side has so many pixels.

    Args:
        values: In [0, 1], float32 (height, width, channels).
        size: In pixels.
    """
    return resizing.fit_short_side(values[np.newaxis], size)[0]


def check_kind(suffix: str, channels: int, *, alpha: bool) -> None:
    """Raises an InputError unless files of that suffix can hold such pictures."""
    if suffix not in WRITTEN:
        raise InputError(f"--suffix is {suffix!r}: give one of {', '.join(WRITTEN)}.")
    if channels not in (1, 3) and suffix != ".npy":
        raise InputError(
            f"The model makes images of {channels} channels, which no {suffix} file "
            "holds: give --suffix .npy."
        )
    if alpha and suffix in OPAQUE:
        raise InputError(
            f"--alpha keeps transparency, which no {suffix} file holds: give "
            "--suffix .png, or leave --alpha out."
        )


def write(path: Path, picture: Picture) -> None:
    """Writes a picture, whole or not at all.

    Args:
        path: Where to; its suffix says how.
        picture: 16 bits are kept where the file can hold them.

    Raises:
        OSError: The place cannot be written to.
    """
    from PIL import Image

    suffix = path.suffix.lower()
    buffer = io.BytesIO()
    values = np.clip(picture.values, 0, 1)
    if suffix == ".npy":
        kept = values if picture.bits == 32 else _whole(values, picture.bits)
        np.save(buffer, kept, allow_pickle=False)
    else:
        deep = picture.bits >= 16 and values.shape[-1] == 1 and suffix in DEEP
        deep &= picture.alpha is None
        pixels = _whole(values, 16 if deep else 8)
        if picture.alpha is not None:
            opacity = _whole(picture.alpha, 8)[:, :, np.newaxis]
            pixels = np.concatenate([pixels, opacity], axis=-1)
        image = Image.fromarray(pixels[:, :, 0] if pixels.shape[-1] == 1 else pixels)
        image.save(buffer, Image.registered_extensions()[suffix], quality=95)
    files.write_whole(path, buffer.getvalue())


def _whole(values: np.ndarray, bits: int) -> np.ndarray:
    """Rounds values of [0, 1] to whole numbers of so many bits."""
    kind = np.uint8 if bits == 8 else np.uint16
    # float64, as float32 has no half below 2**16 to spare.
    return np.rint(values.astype(np.float64) * (2**bits - 1)).astype(kind)


def _decoded(path: Path, alpha: bool) -> tuple[np.ndarray, np.ndarray | None, int]:
    """Returns pixels (height, width, channels), opacity and bits."""
    from PIL import Image, ImageOps

    with images.opened(path, str(path), deep=True) as image:
        ImageOps.exif_transpose(image, in_place=True)
        if image.mode in images.DEEP_MODES:
            return images.deep_pixels(image, str(path)), None, 16
        grey = image.mode in images.GREY_MODES
        if not image.has_transparency_data:
            pixels = np.asarray(image.convert("L" if grey else "RGB"))
            opacity = None
        else:
            whole = image.convert("RGBA")
            opacity = np.asarray(whole.getchannel("A")) / np.float32(255)
            if not alpha:
                white = Image.new("RGBA", whole.size, "white")
                whole, opacity = Image.alpha_composite(white, whole), None
            pixels = np.asarray(whole.convert("L" if grey else "RGB"))
    return pixels.reshape(*pixels.shape[:2], -1), opacity, 8

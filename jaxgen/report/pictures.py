"""Figures made of images: each pixel of an image is a whole number of dots."""

import math
from collections.abc import Sequence

import numpy as np

from jaxgen.errors import InputError
from jaxgen.report.extras import require
from jaxgen.report.style import DPI, Axes, Figure, bare

require("PIL")

from PIL import Image  # noqa: E402

__all__ = ["canvas", "fitted", "montage", "picture_size", "scaled", "tiles"]

_WIDE = 212  # dots that the longer side of a picture aims at


def tiles(images: np.ndarray) -> np.ndarray:
    """Checks images and gives them three channels.

    Args:
      images: [N, H, W, C] uint8, with 1, 3 or 4 channels; a fourth is left out.

    Returns:
      The images, [N, H, W, 3].

    Raises:
      InputError: the array holds no images of that kind.
    """
    if (
        images.ndim != 4
        or images.dtype != np.uint8
        or images.shape[-1] not in (1, 3, 4)
    ):
        raise InputError(
            f"Images of shape {images.shape} and type {images.dtype} cannot be drawn; "
            "uint8 arrays [number, height, width, channels] with 1, 3 or 4 channels "
            "were expected."
        )
    if images.shape[-1] == 1:
        return np.repeat(images, 3, axis=-1)
    return images[..., :3]


def montage(images: np.ndarray, columns: int, gap: int = 0) -> np.ndarray:
    """Lays images out in rows; what holds no image is transparent.

    Args:
      images: [N, H, W, C] uint8.
      columns: the number of images in a row.
      gap: dots between neighbours.

    Returns:
      One image, [height, width, 4] uint8.
    """
    images = tiles(images)
    number, height, width, _ = images.shape
    rows = math.ceil(number / columns)
    sheet = np.zeros(
        [rows * (height + gap) - gap, columns * (width + gap) - gap, 4], np.uint8
    )
    for index, image in enumerate(images):
        top = (index // columns) * (height + gap)
        left = (index % columns) * (width + gap)
        sheet[top : top + height, left : left + width, :3] = image
        sheet[top : top + height, left : left + width, 3] = 255
    return sheet


def scaled(images: np.ndarray, width: int) -> np.ndarray:
    """Brings images to about a width: enlarged by a whole factor, or resampled."""
    images = tiles(images)
    factor = width // images.shape[2]
    if factor >= 1:
        return images.repeat(factor, axis=1).repeat(factor, axis=2)
    height = max(1, round(images.shape[1] * width / images.shape[2]))
    size = (width, height)
    shrunk = [Image.fromarray(i).resize(size, Image.Resampling.BOX) for i in images]
    return np.stack([np.asarray(image) for image in shrunk])


def canvas(
    sheet: np.ndarray,
    left: float = 0.08,
    right: float = 0.08,
    top: float = 0.08,
    bottom: float = 0.08,
) -> tuple[Figure, Axes]:
    """A figure around an image, with margins in inches, so that dots fall on dots.

    Args:
      sheet: the image, [height, width, 4] uint8.
      left: inches of paper on the left; so the others.
      right: on the right.
      top: above.
      bottom: below.

    Returns:
      The figure, and its axes in dots of the image from the top left.
    """
    height, width = sheet.shape[:2]
    margins: Sequence[int] = [round(edge * DPI) for edge in (left, right, top, bottom)]
    full_width = width + margins[0] + margins[1]
    full_height = height + margins[2] + margins[3]
    figure = Figure(figsize=(full_width / DPI, full_height / DPI), dpi=DPI)
    place = (
        margins[0] / full_width,
        margins[3] / full_height,
        width / full_width,
        height / full_height,
    )
    axes = figure.add_axes(place)
    extent = (0, width, height, 0)
    axes.imshow(sheet, interpolation="nearest", extent=extent, aspect="auto")
    bare(axes)
    return figure, axes


def picture_size(parts: Sequence[np.ndarray], most: int = _WIDE) -> tuple[int, int]:
    """The height and width in dots that pictures of several sizes are drawn in.

    The largest is enlarged by a whole factor, or made smaller.

    Args:
      parts: arrays [N, H, W, C].
      most: dots that the longer side aims at.
    """
    height, width = max(
        (part.shape[1:3] for part in parts), key=lambda hw: hw[0] * hw[1]
    )
    longer = max(height, width)
    if longer <= most:
        factor = most // longer
        return height * factor, width * factor
    return max(1, height * most // longer), max(1, width * most // longer)


def fitted(images: np.ndarray, height: int, width: int) -> np.ndarray:
    """Brings images into a frame: pixels become squares, or are averaged.

    Args:
      images: [N, H, W, C] uint8.
      height: in dots.
      width: in dots.

    Returns:
      The images, [N, height, width, 4]; what their shape leaves of it is transparent.
    """
    images = tiles(images)
    factor = min(height / images.shape[1], width / images.shape[2])
    size = [max(1, round(factor * edge)) for edge in images.shape[1:3]]
    framed = np.zeros([len(images), height, width, 4], np.uint8)
    top, left = (height - size[0]) // 2, (width - size[1]) // 2
    how = Image.Resampling.BOX if factor < 1 else Image.Resampling.NEAREST
    for frame, image in zip(framed, images, strict=True):
        inside = frame[top : top + size[0], left : left + size[1]]
        inside[..., :3] = Image.fromarray(image).resize((size[1], size[0]), how)
        inside[..., 3] = 255
    return framed

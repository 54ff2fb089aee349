"""Figures made of images: each pixel of an image is a whole number of dots."""

import math
from collections.abc import Sequence

import numpy as np

from jaxgen.errors import InputError
from jaxgen.report.extras import require
from jaxgen.report.style import DPI, LIGHT, Axes, Figure, Theme, bare

require("PIL")

from PIL import Image  # noqa: E402

__all__ = [
    "canvas",
    "epochs",
    "manifold",
    "montage",
    "reconstructions",
    "samples",
    "scaled",
    "side_by_side",
    "tick",
    "tiles",
]

_WIDTH = 1150  # dots that a montage aims at
_WIDE = 1270  # the same where more belongs in a row and there are no labels beside it
_MAX_COLUMNS = 16  # more decoded latents than this are shown as one square an epoch


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


def manifold(
    images: np.ndarray, x: np.ndarray, y: np.ndarray, *, theme: Theme = LIGHT
) -> Figure:
    """Draws a grid of decoded latents with the latents on its axes.

    Args:
      images: [G * G, H, W, C] uint8, row by row from the largest y to the smallest.
      x: the first latent of each column, [G].
      y: the second latent of each row, [G].
      theme: the colours.

    Returns:
      The figure.
    """
    x, y = np.sort(x), np.sort(y)[::-1]
    if len(images) != len(x) * len(y):
        raise InputError(
            f"A grid of {len(x)} by {len(y)} latents needs {len(x) * len(y)} images, "
            f"but there are {len(images)}."
        )
    images = scaled(images, _WIDTH // len(x))
    sheet = montage(images, len(x), gap=2)
    with theme.applied():
        figure, axes = canvas(sheet, left=0.62, bottom=0.55, top=0.1)
        height, width = (edge + 2 for edge in images.shape[1:3])
        axes.set_xticks((np.arange(len(x)) + 0.5) * width, [tick(v) for v in x])
        axes.set_yticks((np.arange(len(y)) + 0.5) * height, [tick(v) for v in y])
        axes.set_xlabel("latent 1")
        axes.set_ylabel("latent 2")
    return figure


def reconstructions(
    inputs: np.ndarray, outputs: np.ndarray, *, theme: Theme = LIGHT
) -> Figure:
    """Draws inputs beside what the model makes of them, in pairs that touch.

    Args:
      inputs: [N, H, W, C] uint8.
      outputs: [N, H, W, C] uint8.
      theme: the colours.

    Returns:
      The figure.
    """
    if inputs.shape != outputs.shape:
        raise InputError(
            f"Inputs of shape {inputs.shape} and outputs of shape {outputs.shape} "
            "cannot be paired; both must have the same shape."
        )
    return side_by_side([inputs, outputs], ["input", "output"], theme=theme)


def side_by_side(
    parts: Sequence[np.ndarray],
    names: Sequence[str],
    *,
    note: str = "",
    theme: Theme = LIGHT,
) -> Figure:
    """Draws what belongs together in groups that touch, five groups a row.

    Args:
      parts: one array [N, H, W, C] uint8 for each place in a group.
      names: what stands above each place.
      note: a line above all.
      theme: the colours.

    Returns:
      The figure.
    """
    columns = min(5, len(parts[0]))
    groups = np.concatenate([tiles(part) for part in parts], axis=2)
    # A group is one picture, so that nothing parts the input from its outputs.
    groups = scaled(groups, (_WIDTH if len(parts) < 3 else _WIDE) // columns)
    gap = 18
    sheet = montage(groups, columns, gap=gap)
    # Between the rows a smaller gap than between the columns holds the table together.
    height, width = groups.shape[1:3]
    rows = [sheet[top : top + height + 6] for top in range(0, len(sheet), height + gap)]
    sheet = np.concatenate(rows)
    with theme.applied():
        figure, axes = canvas(sheet, top=0.52 if note else 0.3)
        for column in range(columns):
            for side, name in enumerate(names):
                axes.annotate(
                    name,
                    (column * (width + gap) + (side + 0.5) * width / len(names), 0),
                    xytext=(0, 5),
                    textcoords="offset points",
                    ha="center",
                    fontsize=8,
                    color=theme.ink if side else theme.muted,
                )
        axes.annotate(
            note, (0, 0), xytext=(0, 21), textcoords="offset points", fontsize=8.5
        )
        axes.set_xticks([])
        axes.set_yticks([])
    return figure


def epochs(images: np.ndarray, epoch: np.ndarray, *, theme: Theme = LIGHT) -> Figure:
    """Draws the same latents as they are decoded after several epochs.

    Few latents make one row an epoch, read from top to bottom; many make one square
    an epoch, read from left to right.

    Args:
      images: [E, M, H, W, C] uint8.
      epoch: the epochs, [E] int.
      theme: the colours.

    Returns:
      The figure.
    """
    number, latents = images.shape[:2]
    flat = images.reshape(-1, *images.shape[2:])
    if len(epoch) != number:
        raise InputError(
            f"{number} rows of decoded images cannot belong to {len(epoch)} epochs."
        )
    if latents <= _MAX_COLUMNS:
        flat = scaled(flat, _WIDTH // latents)
        height = flat.shape[1] + 4
        with theme.applied():
            figure, axes = canvas(montage(flat, latents, gap=4), left=0.72, top=0.08)
            labels = [f"epoch {e}" for e in epoch]
            axes.set_yticks((np.arange(number) + 0.5) * height, labels)
            axes.set_xticks([])
        return figure
    side = math.ceil(math.sqrt(latents))
    squares = [montage(group, side)[None, ..., :3] for group in images]
    squares = scaled(np.concatenate(squares), _WIDTH // number)
    width = squares.shape[2] + 16
    with theme.applied():
        figure, axes = canvas(montage(squares, number, gap=16), top=0.1, bottom=0.3)
        labels = [f"epoch {e}" for e in epoch]
        axes.set_xticks((np.arange(number) + 0.5) * width - 8, labels)
        axes.set_yticks([])
    return figure


def samples(images: np.ndarray, *, theme: Theme = LIGHT) -> Figure:
    """Draws samples in a square.

    Args:
      images: [N, H, W, C] uint8.
      theme: the colours.

    Returns:
      The figure.
    """
    columns = math.ceil(math.sqrt(len(images)))
    with theme.applied():
        sheet = montage(scaled(images, _WIDTH // columns), columns, gap=2)
        figure, axes = canvas(sheet)
        axes.set_xticks([])
        axes.set_yticks([])
    return figure


def tick(value: float) -> str:
    """A latent's value for an axis."""
    return f"{value:.1f}".replace("-", "\N{MINUS SIGN}")


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

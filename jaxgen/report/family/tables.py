"""Figures that are tables of images, with a name for each row and column."""

import math
from collections.abc import Sequence

import numpy as np

from jaxgen.report.pictures import canvas, montage, scaled
from jaxgen.report.style import DPI, LIGHT, Figure, Theme

__all__ = ["panels", "table"]

_WIDTH = 1180  # dots that a table aims at
_LETTER = 0.053  # inches that a letter of a label takes, about


def table(
    images: np.ndarray,
    *,
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    below: str | None = None,
    apart: int = 0,
    theme: Theme = LIGHT,
) -> Figure:
    """Draws images in rows and columns.

    Args:
      images: [rows, columns, H, W, C] uint8.
      rows: what stands left of each row.
      columns: what stands above each column, or below it where `below` is given.
      below: the name of the axis below.
      apart: after so many rows there is a wider gap.
      theme: the colours.

    Returns:
      The figure.
    """
    number, across = images.shape[:2]
    flat = scaled(images.reshape(-1, *images.shape[2:]), _width(images) // across)
    gap, height, width = 3, flat.shape[1], flat.shape[2]
    sheet = montage(flat, across, gap=gap)
    tops = (height + gap) * np.arange(number)
    if 0 < apart < number:
        space = np.zeros([12, *sheet.shape[1:]], np.uint8)
        sheet = np.insert(sheet, [tops[apart]] * len(space), space, axis=0)
        tops[apart:] += len(space)
    # Names wider than their column lean, and need more height.
    longest = max(map(len, columns), default=0)
    leans = longest * _LETTER * DPI > width + gap
    high = 0.12 + (0.037 * longest if leans else 0.14) if columns else 0.0
    left = 0.2 + 1.05 * _LETTER * max(map(len, rows), default=0)
    top, bottom = (0.08, high + 0.22) if below else (high + 0.08, 0.08)
    right = 0.05 * longest if leans else 0.1
    with theme.applied():
        figure, axes = canvas(sheet, left=left, right=right, top=top, bottom=bottom)
        axes.set_yticks(tops + height / 2 if len(rows) else [], list(rows))
        places = (np.arange(across) + 0.5) * (width + gap) - gap / 2
        axes.set_xticks(places if len(columns) else [], list(columns))
        axes.tick_params(labeltop=below is None, labelbottom=below is not None)
        if leans:
            # The marks of an axis that was moved are made anew.
            for label in axes.get_xticklabels():
                label.set(rotation=40, ha="left", rotation_mode="anchor", va="bottom")
        axes.tick_params(axis="y", labelcolor=theme.ink)
        axes.set_xlabel(below or "")
    return figure


def panels(images: np.ndarray, names: Sequence[str], *, theme: Theme = LIGHT) -> Figure:
    """Draws a square of images under each name, side by side.

    Args:
      images: [panels, N, H, W, C] uint8.
      names: one a panel.
      theme: the colours.

    Returns:
      The figure.
    """
    number, each = images.shape[:2]
    side = math.ceil(math.sqrt(each))
    # Four make a square rather than a row of three and a straggler.
    across = 2 if number == 4 else min(3, number)
    # A little more than the aim is better than images of half the size.
    width = math.ceil(1440 / across) // side
    squares = [montage(scaled(group, width), side, gap=2) for group in images]
    height, width = squares[0].shape[:2]
    lines = math.ceil(number / across)
    between, above = 24, 46
    sheet = np.zeros(
        [lines * (height + above) - above, across * (width + between) - between, 4],
        np.uint8,
    )
    with theme.applied():
        corners = []
        for index, square in enumerate(squares):
            top = (index // across) * (height + above)
            left = (index % across) * (width + between)
            sheet[top : top + height, left : left + width] = square
            corners.append((left, top))
        figure, axes = canvas(sheet, top=0.3)
        for name, corner in zip(names, corners, strict=True):
            axes.annotate(
                name,
                corner,
                xytext=(0, 4),
                textcoords="offset points",
                fontsize=9,
                fontweight="bold",
            )
        axes.set_xticks([])
        axes.set_yticks([])
    return figure


def _width(images: np.ndarray) -> int:
    """Dots across: few columns get no more than a quarter more than ten would."""
    return min(_WIDTH, 150 * images.shape[1])

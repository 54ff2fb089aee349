"""Blocks of images side by side, each under its name."""

import dataclasses
import math
import textwrap
from collections.abc import Sequence

import numpy as np

from jaxgen.report.evaluation import looks
from jaxgen.report.pictures import canvas, montage, scaled
from jaxgen.report.style import LIGHT, Figure, Theme

__all__ = ["Block", "beside_neighbours", "blocks", "squares"]

_WIDTH = 1320  # dots across, of all blocks
_BETWEEN = 36
_LETTER = 16.5  # dots that a letter of a name takes, about
_LINE = 27


@dataclasses.dataclass(frozen=True)
class Block:
    """A sheet of images with its name.

    Attributes:
      name: the heading.
      sheet: the images laid out, [height, width, 4] uint8.
      marks: places in dots from the left, and what stands there above the sheet.
    """

    name: str
    sheet: np.ndarray
    marks: Sequence[tuple[float, str]] = ()


def blocks(parts: Sequence[Block], across: int, *, theme: Theme = LIGHT) -> Figure:
    """Draws blocks in rows.

    Args:
      parts: the blocks.
      across: blocks in a row.
      theme: the colours.

    Returns:
      The figure.
    """
    lines = [list(parts[at : at + across]) for at in range(0, len(parts), across)]
    column = max(part.sheet.shape[1] for part in parts) + _BETWEEN
    sheets, corners, top = [], [], 0
    for line in lines:
        names = [_heading(part.name, column) for part in line]
        marked = any(part.marks for part in line)
        above = 14 + _LINE * max(len(name) for name in names) + 24 * marked
        high = max(part.sheet.shape[0] for part in line)
        sheet = np.zeros([above + high, column * across - _BETWEEN, 4], np.uint8)
        for index, part in enumerate(line):
            height, width = part.sheet.shape[:2]
            left = index * column
            sheet[above : above + height, left : left + width] = part.sheet
            corners.append((left, top + above))
        sheets.append(sheet)
        sheets.append(np.zeros([20, sheet.shape[1], 4], np.uint8))
        top += above + high + 20
    with theme.applied():
        figure, axes = canvas(np.concatenate(sheets[:-1]))
        axes.set_xticks([])
        axes.set_yticks([])
        for part, (left, upper) in zip(parts, corners, strict=True):
            axes.annotate(
                looks.plain("\n".join(_heading(part.name, column))),
                (left, upper - (24 if part.marks else 0)),
                xytext=(0, 6),
                textcoords="offset points",
                **{"fontsize": 8.5, "fontweight": "bold", "linespacing": 1.15},
                va="baseline",
            )
            for place, mark in part.marks:
                axes.annotate(
                    mark,
                    (left + place, upper),
                    xytext=(0, 5),
                    textcoords="offset points",
                    **{"fontsize": 7.5, "color": theme.muted, "va": "baseline"},
                )
    return figure


def squares(images: Sequence[np.ndarray], names: Sequence[str]) -> tuple[list, int]:
    """Makes a square block of each array of images.

    Args:
      images: one array [N, H, W, C] uint8 a block.
      names: one a block.

    Returns:
      The blocks, and how many of them belong in a row.
    """
    across = _across(len(images))
    room = (_WIDTH + _BETWEEN) // across - _BETWEEN
    fewest = min(len(batch) for batch in images)
    side = _side(fewest, room, max(batch.shape[2] for batch in images))
    made = []
    for name, batch in zip(names, images, strict=True):
        some = scaled(batch[: min(fewest, side * side)], room // side - 2)
        made.append(Block(name, montage(some, min(side, len(some)), gap=2)))
    return made, across


def beside_neighbours(
    images: Sequence[np.ndarray], names: Sequence[str], most: int = 8
) -> tuple[list, int]:
    """Makes blocks of rows: an image, a gap, and its nearest training images.

    Where three blocks share a row of the figure there is room for three neighbours.

    Args:
      images: one array [rows, 1 + k, H, W, C] uint8 a block.
      names: one a block.
      most: rows of a block; of more rows so many are shown, spread over all.

    Returns:
      The blocks, and how many of them belong in a row.
    """
    across = _across(len(images))
    if across == 3:
        images = [batch[:, :4] for batch in images]
    room = (_WIDTH + _BETWEEN) // across - _BETWEEN
    return [
        _rows(batch, name, min(room, 900), most)
        for name, batch in zip(names, images, strict=True)
    ], across


def _rows(batch: np.ndarray, name: str, room: int, most: int) -> Block:
    spread = np.linspace(0, len(batch) - 1, min(most, len(batch))).round().astype(int)
    some, columns = batch[spread], batch.shape[1]
    flat = scaled(some.reshape(-1, *some.shape[2:]), (room - 26) // columns - 3)
    sheet = montage(flat, columns, gap=3)
    wide = flat.shape[2] + 3
    gap = np.zeros([len(sheet), 20, 4], np.uint8)
    sheet = np.concatenate([sheet[:, :wide], gap, sheet[:, wide:]], axis=1)
    plural = "s" if columns > 2 else ""
    marks = [(0, "image"), (wide + 20, f"nearest training image{plural}")]
    return Block(name, sheet, marks)


def _across(number: int) -> int:
    """Blocks in a row; four make a square, not a row of three and a straggler."""
    return 2 if number in (2, 4) else min(3, number)


def _side(number: int, room: int, width: int) -> int:
    """How many images fill a row best, each pixel a whole number of dots."""
    most = math.ceil(math.sqrt(number))
    if most < 5:
        return most
    sides = range(5, min(8, math.isqrt(number)) + 1)

    def filled(side: int) -> int:
        dots = room // side - 2
        return side * (dots // width * width if dots >= width else dots)

    return max(sides, key=lambda side: (filled(side), side))


def _heading(name: str, column: int) -> list[str]:
    return textwrap.wrap(name, int((column - 10) / _LETTER)) or [name]

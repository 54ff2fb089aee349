"""What panels of figures share: where they stand, their frames, names beside curves."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxgen.report.style import WIDTH, Axes, Figure
from jaxgen.report.wording import short

__all__ = [
    "MOST_NAMED",
    "frame",
    "legend_columns",
    "mosaic",
    "name_ends",
]

MOST_NAMED = 4
"""Curves that are named at their ends; more are told by a legend."""


def mosaic(
    figure: Figure,
    titles: Sequence[str],
    columns: int,
    heights: Sequence[float] | None = None,
) -> dict[str, Axes]:
    """Lays panels out in rows.

    Args:
      figure: the figure, which has a layout of its own.
      titles: of the panels, in order.
      columns: panels beside each other.
      heights: of the rows, relative to each other.

    Returns:
      The axes by title.
    """
    lines: Any = [
        list(titles[first : first + columns])
        for first in range(0, len(titles), columns)
    ]
    last = lines[-1]
    # What no panel fills stays empty.
    lines[-1] = last + [_EMPTY] * (columns - len(last))
    return figure.subplot_mosaic(lines, empty_sentinel=_EMPTY, height_ratios=heights)


_EMPTY = "\0"


def frame(
    axes: Axes, low: float, high: float, *, whole: bool = False
) -> tuple[float, float]:
    """Sets the limits of a panel of curves, with room around them, and its looks.

    Args:
      axes: the panel.
      low: the least value to be seen.
      high: the largest.
      whole: whether the values are whole numbers.

    Returns:
      The limits.
    """
    room = 0.07 * ((high - low) or abs(high) or 1.0)
    low, high = low - room, high + room
    axes.set_ylim(low, high)
    axes.grid(axis="y")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.locator_params(axis="y", nbins=5, integer=whole)
    axes.ticklabel_format(axis="y", useOffset=False)
    if axes.get_xscale() == "linear":
        wide = float(np.ptp(axes.get_xlim()))
        axes.locator_params(axis="x", nbins=4, integer=wide >= 1)
    axes.margins(x=0.03)
    return low, high


def name_ends(
    axes: Axes,
    ends: list[tuple[float, str, str]],
    low: float,
    high: float,
    *,
    whole: bool = False,
) -> None:
    """Names each curve at its end, apart enough to be read.

    Args:
      axes: the panel.
      ends: by curve its last value, its name and its colour.
      low: the lower limit of the panel.
      high: its upper limit.
      whole: whether the values are whole numbers.
    """
    gap = 0.19 * (high - low)
    heights: list[float] = []
    ends = sorted(ends, key=lambda end: end[0])
    for end in ends:
        heights.append(max(end[0], heights[-1] + gap) if heights else end[0])
    # Labels that were pushed apart settle around the values they belong to.
    shift = np.mean([end[0] for end in ends]) - np.mean(heights)
    shift = max(shift, low + gap / 3 - heights[0])
    shift = min(shift, high - gap / 3 - heights[-1])
    for (value, split, colour), height in zip(ends, heights, strict=True):
        axes.annotate(
            f"{split}\n{short(value, whole=whole)}",
            (1, height + shift),
            xycoords=("axes fraction", "data"),
            xytext=(3, 0),
            textcoords="offset points",
            color=colour,
            fontsize=8,
            va="center",
            linespacing=1.05,
        )


def legend_columns(names: Sequence[str], handle: float = 0.42) -> int:
    """The columns of a legend that is no wider than a figure.

    Args:
      names: the entries.
      handle: inches that an entry takes beside its name.

    Examples:
      >>> legend_columns(["one", "two"]), legend_columns(["n" * 40] * 6)
      (2, 2)
    """
    widths = [handle + 0.066 * len(name) for name in names]
    if sum(widths) < WIDTH - 0.1:
        return len(names)
    return max(1, min(int(WIDTH / max(widths)), math.ceil(len(names) / 2)))

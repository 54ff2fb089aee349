"""Curves over the epochs."""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Literal

import numpy as np

from jaxgen.report.run import Row, series
from jaxgen.report.style import LIGHT, WIDTH, Axes, Figure, Line2D, Theme

__all__ = [
    "MOST_NAMED",
    "after_first_epoch",
    "curves",
    "frame",
    "name_ends",
    "short",
    "spoken",
]

MOST_NAMED = 4
"""Curves that are named at their ends; more are told by a legend."""


def curves(
    rows: Sequence[Row],
    names: Sequence[str],
    *,
    units: Mapping[str, str] | None = None,
    floors: Mapping[str, float] | None = None,
    counts: Collection[str] = (),
    theme: Theme = LIGHT,
) -> Figure:
    """Draws each term on every split over all epochs, one panel a term.

    The first epoch often starts far above the rest, and would press the remaining
    curve flat: the axis covers what comes after, and a remark tells the first value.

    Args:
      rows: the lines of `metrics.jsonl`.
      names: the terms, one panel each.
      units: what stands beside a term's axis.
      floors: the entropies that terms cannot go below, dashed where they are near.
      counts: the terms that are whole numbers.
      theme: the colours.

    Returns:
      The figure.
    """
    # Four panels make a square rather than a row of three and a straggler.
    columns = 2 if len(names) == 4 else min(3, len(names))
    lines = math.ceil(len(names) / columns)
    splits = list(dict.fromkeys(row["split"] for row in rows))
    colours = _colours(splits, theme)
    crowded = len(splits) > MOST_NAMED
    with theme.applied():
        legend = 0.2 * math.ceil(len(splits) / 4) if crowded else 0.0
        figure = Figure(
            figsize=(WIDTH, 0.45 + 2.0 * lines + legend), layout="constrained"
        )
        panels = list(figure.subplots(lines, columns, squeeze=False).flat)
        for axes in panels[len(names) :]:
            axes.remove()
        said = [(units or {}).get(name, "") for name in names]
        for index, (axes, name) in enumerate(zip(panels, names, strict=False)):
            axes.set_title(spoken(name))
            # A unit is said once a row, and again where it changes.
            if index % columns == 0 or said[index] != said[index - 1]:
                axes.set_ylabel(said[index])
            floor = (floors or {}).get(name)
            _draw_curves(
                axes,
                rows,
                name,
                colours,
                floor,
                theme,
                named=not crowded,
                whole=name in counts,
            )
        for axes in figure.axes[-columns:]:
            axes.set_xlabel("epoch")
        if crowded:
            handles = [
                Line2D([], [], color=colours[s], label=s, linestyle=_line(s, colours))
                for s in splits
            ]
            figure.legend(handles=handles, loc="outside upper center", ncols=4)
    return figure


def _colours(splits: Sequence[str], theme: Theme) -> dict[str, str]:
    """Train and test have theirs; one other is grey, several have those of classes."""
    colours = {"train": theme.train, "test": theme.test}
    others = [split for split in splits if split not in colours]
    if len(others) == 1:
        return colours | {others[0]: theme.muted}
    return colours | {s: theme.classed(i)[0] for i, s in enumerate(others)}


def _line(split: str, colours: Mapping[str, str]) -> Literal["--", "-"]:
    """Where colours come round again, curves are dashed."""
    before = list(colours)[: list(colours).index(split)]
    return "--" if colours[split] in {colours[other] for other in before} else "-"


def _draw_curves(
    axes: Axes,
    rows: Sequence[Row],
    name: str,
    colours: Mapping[str, str],
    floor: float | None,
    theme: Theme,
    named: bool = True,
    whole: bool = False,
) -> None:
    ends, low, high, first = [], np.inf, -np.inf, -np.inf
    for split in dict.fromkeys(row["split"] for row in rows):
        epochs, values = series(rows, split, name)
        finite = np.isfinite(values)
        if not finite.any():
            continue
        colour = colours[split]
        marker = "o" if len(values) == 1 else None
        # A curve of single batches is noise around a curve: thin, it can be read.
        width = 0.8 if len(values) > 80 else 1.6
        axes.plot(
            epochs,
            values,
            marker=marker,
            color=colour,
            linewidth=width,
            linestyle=_line(split, colours),
            markersize=3,
        )
        settled = finite & (epochs >= min(1.0, epochs[-1]))
        settled = settled if settled.any() else finite
        low, high = min(low, values[settled].min()), max(high, values[settled].max())
        first = max(first, values[finite].max())
        ends.append((values[finite][-1], split, colour))
    if not ends:
        return
    if floor is not None:
        low, high = _with_floor(axes, floor, low, high, theme)
    low, high = frame(axes, low, high, whole=whole)
    if first > high:
        axes.annotate(
            f"\N{UPWARDS ARROW} starts at {short(first, whole=whole)}",
            (0.16, 0.97),
            xycoords="axes fraction",
            color=theme.muted,
            fontsize=7.5,
            va="top",
        )
    if named:
        name_ends(axes, ends, low, high, whole=whole)


def after_first_epoch(epochs: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The values that an axis is to cover: those before may be far off.

    Args:
      epochs: of the values, growing.
      values: as many.

    Returns:
      The values from the end of the first epoch on; the last of a shorter run.
    """
    return values[epochs >= min(1.0, epochs[-1])]


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
    axes.locator_params(axis="x", nbins=4, integer=True)
    axes.margins(x=0.03)
    return low, high


def _with_floor(
    axes: Axes, floor: float, low: float, high: float, theme: Theme
) -> tuple[float, float]:
    """Marks a floor; what it returns are the bounds of the data with a near floor."""
    span = (high - low) or abs(high) or 1.0
    look = {"color": theme.muted, "fontsize": 7.5, "path_effects": theme.halo()}
    if not low - 1.2 * span <= floor <= high + 1.2 * span:
        below = floor < low
        arrow = "\N{DOWNWARDS ARROW}" if below else "\N{UPWARDS ARROW}"
        side = "below" if below else "above"
        axes.annotate(
            f"{arrow} floor {short(floor)} {side}",
            # A high start is told at the upper edge, in its own line.
            (0.02, 0.03 if below else 0.84),
            xycoords="axes fraction",
            va="bottom",
            **look,
        )
        return low, high
    axes.axhline(floor, color=theme.muted, linewidth=0.9, linestyle=(0, (4, 3)))
    axes.annotate(
        f"entropy floor {short(floor)}",
        (0.02, floor),
        xycoords=("axes fraction", "data"),
        # Curves come down to their floor: the words stand on the other side.
        xytext=(0, -2),
        textcoords="offset points",
        va="top",
        **look,
    )
    top = max(high, floor)
    return min(low, floor - 0.1 * (top - min(low, floor))), top


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


def spoken(name: str) -> str:
    """A term's name as a heading.

    Examples:
      >>> spoken("gradient_norm"), spoken("kl")
      ('Gradient norm', 'KL')
    """
    known = {
        "kl": "KL",
        "elbo": "ELBO",
        "fid": "FID",
        "mmd": "MMD",
        "cauchy_schwarz": "Cauchy-Schwarz",
        "nll": "NLL",
        **{"fd": "FD", "kid": "KID", "psnr": "PSNR", "ssim": "SSIM", "l1": "L1"},
    }
    return known.get(name, name.replace("_", " ").capitalize())


def short(value: float, *, whole: bool = False) -> str:
    """A number with the four digits that count, or a whole one with all it has.

    Examples:
      >>> short(160.7312), short(61873.2), short(0.000012)
      ('160.7', '61,873', '1.20e-05')
      >>> short(8.0, whole=True)
      '8'
    """
    if whole:
        return f"{value:,.0f}"
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        digits = max(0, 3 - math.floor(math.log10(abs(value)))) if value else 0
        return f"{value:,.{min(digits, 4)}f}"
    return f"{value:.2e}"

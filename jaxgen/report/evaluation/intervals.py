"""The figure of every metric of every set of images, with intervals and floors."""

import math
from collections.abc import Sequence

from jaxgen.report.evaluation import looks
from jaxgen.report.evaluation.findings import finite
from jaxgen.report.evaluation.scores import Row
from jaxgen.report.style import LIGHT, WIDTH, Axes, Figure, LogLocator, Theme

__all__ = ["intervals"]

_LETTERS = 25  # of a set's name in one line
_DECADES = 30  # a scale that spans more than this is logarithmic
_LINE = 0.115  # inches


def intervals(
    rows: Sequence[Row], sets: Sequence[str], *, theme: Theme = LIGHT
) -> Figure:
    """Draws a panel a metric, with a dot and a bar for each set of images.

    Args:
      rows: the metrics.
      sets: the sets of images, in the order of their colours.
      theme: the colours.

    Returns:
      The figure.
    """
    across = min(3, len(rows))
    down = math.ceil(len(rows) / across)
    names = [looks.wrapped(name, _LETTERS) for name in sets]
    lines = max(name.count("\n") + 1 for name in names)
    panel = len(sets) * max(0.19, _LINE * lines + 0.02)
    high = down * (panel + (0.8 if any(row.network for row in rows) else 0.66)) + 0.2
    with theme.applied():
        figure = Figure(figsize=(WIDTH, high))
        figure.set_layout_engine("constrained", h_pad=0.06, w_pad=0.06)
        grid = figure.subplots(down, across, squeeze=False)
        for axes, row in zip(grid.flat, rows, strict=False):
            _panel(axes, row, sets, theme)
        for axes in grid.flat[len(rows) :]:
            axes.remove()
        for first in grid[:, 0]:
            first.set_yticks(range(len(sets)), names)
            first.tick_params(axis="y", labelsize=7.5, labelcolor=theme.ink)
        if any(one.floor is not None for row in rows for one in row.cells.values()):
            figure.legend(
                handles=[looks.floor_line(theme)],
                loc="outside lower right",
                borderaxespad=0,
            )
    return figure


def _panel(axes: Axes, row: Row, sets: Sequence[str], theme: Theme) -> None:
    ends = [row.scaled(end) for one in row.cells.values() for end in one.ends]
    low, high = min(ends, default=0.0), max(ends, default=1.0)
    if low > 0 and high > _DECADES * low:
        pad = (high / low) ** 0.06
        axes.set_xscale("log")
        axes.set_xlim(low / pad, high * pad)
        subs = (1, 3) if high < 300 * low else (1,)
        axes.xaxis.set_major_locator(LogLocator(subs=subs, numticks=5))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,g}")
        axes.xaxis.set_minor_formatter(lambda value, _: "")
        axes.tick_params(axis="x", which="minor", length=0)
    else:
        pad = 0.07 * (high - low) or 0.05 * abs(high) or 0.05
        axes.set_xlim(low - pad, high + pad)
        axes.locator_params(axis="x", nbins=4)
    axes.set_ylim(len(sets) - 0.5, -0.5)
    axes.set_yticks(range(len(sets)), [""] * len(sets))
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=7.5)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="y")
    _head(axes, row, theme)
    floors = {one.floor for one in row.cells.values() if one.floor is not None}
    for place, name in enumerate(sets):
        one = row.cells.get(name)
        if one is None:
            axes.text(
                0.5,
                place,
                "not measured",
                transform=axes.get_yaxis_transform(),
                **{"fontsize": 7, "ha": "center", "va": "center"},
                color=theme.muted,
                backgroundcolor=theme.paper,
            )
            continue
        colour = looks.colour(place, theme)
        edges = axes.get_xlim()
        # An end that is not finite lies beyond the panel.
        bar = [
            row.scaled(end) if finite(end) else edge
            for end, edge in zip((one.low, one.high), edges, strict=True)
        ]
        axes.plot(bar, [place, place], color=colour, linewidth=2, alpha=0.55)
        if finite(one.value):
            axes.plot(
                [row.scaled(one.value)],
                [place],
                marker="o",
                markersize=4.5,
                color=colour,
                markeredgecolor=theme.paper,
                markeredgewidth=0.7,
            )
        if len(floors) > 1 and one.floor is not None:
            floor = row.scaled(one.floor)
            axes.plot([floor] * 2, [place - 0.42, place + 0.42], **_dashes(theme))
    if len(floors) == 1:
        axes.axvline(row.scaled(floors.pop()), **_dashes(theme))


def _head(axes: Axes, row: Row, theme: Theme) -> None:
    title = " ".join(filter(None, (looks.formula(row.metric), row.unit, row.arrow)))
    lines = [(title, {"fontsize": 9, "fontweight": "bold"})]
    if row.network:
        network = looks.shortened(row.network, 36)
        lines.insert(0, (network, {"fontsize": 7.5, "color": theme.muted}))
    # Apart and from the panel up: arrows and letters differ in depth, and a title of
    # two lines would stand on the deepest.
    for line, (words, look) in enumerate(lines):
        axes.annotate(
            words,
            (0, 1),
            xycoords="axes fraction",
            xytext=(0, 5 + 11 * line),
            textcoords="offset points",
            **look,
        )


def _dashes(theme: Theme) -> dict:
    line = looks.floor_line(theme)
    return {
        "color": line.get_color(),
        "linestyle": (0, (4, 2.5)),
        "linewidth": line.get_linewidth(),
        "zorder": 1.5,
    }

"""Dots with intervals: a line a row, a colour a series."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from jaxgen.report import wording
from jaxgen.report.kinds.base import FigureSpec, tone

if TYPE_CHECKING:
    from jaxgen.report.style import Axes, Figure, Theme

__all__ = ["DotPanel", "Dots", "Interval"]


@dataclasses.dataclass(frozen=True, eq=False)
class Interval:
    """A number with its interval.

    Attributes:
        value: The number.
        low: The lower end.
        high: The upper end.
        seeds: What it is the mean of, as small dots, [seeds].
    """

    value: float
    low: float
    high: float
    seeds: np.ndarray | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class DotPanel:
    """Rows of dots.

    Attributes:
        rows: By name, by series ("" where there is one), the numbers.
        unit: Name of the axis, with its unit.
        levels: Values by what they are: vertical lines.
        limits: The ends of the axis.
        log: Whether it is logarithmic.
    """

    rows: Mapping[str, Mapping[str, Interval]]
    unit: str = ""
    levels: Mapping[str, float] = dataclasses.field(default_factory=dict)
    limits: tuple[float, float] | None = None
    log: bool = False


@dataclasses.dataclass(frozen=True, eq=False)
class Dots(FigureSpec):
    """Panels of dots with intervals; panels of the same rows share their names.

    Attributes:
        title: See `FigureSpec`.
        caption: Likewise.
        alt: Likewise.
        panels: By title.
        written: Whether each number stands beside its dot.
        tones: Colours by series; see `Curves`.
    """

    panels: Mapping[str, DotPanel]
    written: bool = False
    tones: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def series(self) -> list[str]:
        """The names of all series, in the order in which they appear."""
        rows = [row for panel in self.panels.values() for row in panel.rows.values()]
        return list(dict.fromkeys(name for row in rows for name in row))

    def check(self) -> None:
        """See `FigureSpec`."""
        self.check_panels(self.panels)
        for title, panel in self.panels.items():
            where = f"the panel {title!r}"
            if not isinstance(panel, DotPanel) or not panel.rows:
                self.refuse(where, "has no rows by name")
            self.check_names(where, panel.rows, empty=False)
            for name, row in panel.rows.items():
                if not isinstance(row, Mapping) or not row:
                    self.refuse(f"the row {name!r} of {where}", "has no numbers")
                self.check_names(f"the row {name!r} of {where}", row)
                for series, interval in row.items():
                    self._check_interval(f"{series} {name}".strip(), interval, panel)
            for name, level in panel.levels.items():
                self.check_number(f"the level {name!r} of {where}", level)
            if panel.limits is not None and not (
                -np.inf < panel.limits[0] < panel.limits[1] < np.inf
            ):
                self.refuse(f"limits of {where}", f"are {panel.limits}")
        self.check_tones(self.tones, self.series)

    def _check_interval(self, name: str, interval: Interval, panel: DotPanel) -> None:
        for part in ("value", "low", "high"):
            self.check_number(f"{part} of {name!r}", getattr(interval, part))
        ends = (np.asarray(v) for v in (interval.low, interval.value, interval.high))
        self.check_bounds(repr(name), *ends)
        if panel.log and interval.low <= 0:
            self.refuse(repr(name), "is not above 0 on a logarithmic axis")
        if interval.seeds is not None:
            seeds = self.check_numbers(f"seeds of {name!r}", interval.seeds, None)
            value = np.asarray(interval.value)
            self.check_bounds(f"the value of {name!r}", seeds.min(), value, seeds.max())

    def draw(self, theme: "Theme | None" = None) -> "Figure":
        """See `FigureSpec`."""
        from jaxgen.report import frames, style

        theme, series = theme or style.LIGHT, self.series
        if len(series) == 1:
            colours = {series[0]: tone(theme, self.tones.get(series[0], "train"))}
        else:
            own = {n: self.tones.get(n, f"class {i}") for i, n in enumerate(series)}
            colours = {name: tone(theme, own[name]) for name in series}
        rows = [list(panel.rows) for panel in self.panels.values()]
        shared = all(names == rows[0] for names in rows)
        columns = min(3, len(rows)) if shared else 1
        lines = -(-len(rows) // columns)
        longest = max(map(len, rows))
        tall = 0.75 + (0.11 + 0.16 * len(series)) * longest
        with theme.applied():
            figure = style.Figure(
                figsize=(style.WIDTH, lines * tall), layout="constrained"
            )
            places = frames.mosaic(figure, list(self.panels), columns)
            for index, (title, panel) in enumerate(self.panels.items()):
                axes = places[title]
                axes.set_title(title)
                self._draw(axes, panel, colours, theme)
                if shared and index % columns:
                    axes.set_yticklabels([])
            if len(series) > 1:
                handles = [
                    style.Line2D([], [], color=colour, marker="o", label=name)
                    for name, colour in colours.items()
                ]
                figure.legend(
                    handles=handles,
                    loc="outside upper left",
                    ncols=frames.legend_columns(series),
                )
        return figure

    def _draw(
        self, axes: "Axes", panel: DotPanel, colours: Mapping[str, str], theme: "Theme"
    ) -> None:

        if panel.log:
            axes.set_xscale("log")
        for name, level in panel.levels.items():
            axes.axvline(level, color=theme.ink, linewidth=1.2, zorder=1)
            axes.annotate(
                name,
                (level, 1),
                xycoords=("data", "axes fraction"),
                xytext=(3, -2),
                textcoords="offset points",
                va="top",
                fontsize=7.5,
                color=theme.muted,
            )
        step = min(0.3, 0.8 / len(colours))
        spread = 0.22 if len(colours) == 1 else 0.4 * step
        for place, row in enumerate(panel.rows.values()):
            for index, (series, colour) in enumerate(colours.items()):
                if series not in row:
                    continue
                y, one = place + (index - (len(colours) - 1) / 2) * step, row[series]
                if one.seeds is not None:
                    # Seeds that agree would hide each other.
                    beside = y + np.linspace(-spread, spread, len(one.seeds))
                    axes.plot(
                        one.seeds,
                        beside,
                        "o",
                        color=theme.muted,
                        markersize=2.2,
                        alpha=0.7,
                        markeredgewidth=0,
                    )
                axes.plot([one.low, one.high], [y, y], color=colour, linewidth=1.6)
                axes.plot(
                    one.value,
                    y,
                    "o",
                    color=colour,
                    markersize=5,
                    markeredgecolor=theme.paper,
                    markeredgewidth=0.6,
                    zorder=4,
                    clip_on=False,
                )
                if self.written:
                    axes.annotate(
                        wording.short(one.value).replace("-", "\N{MINUS SIGN}"),
                        (one.high, y),
                        xytext=(5, 0),
                        textcoords="offset points",
                        va="center",
                        fontsize=7.5,
                        color=theme.ink,
                    )
        axes.set_yticks(range(len(panel.rows)), list(panel.rows), color=theme.ink)
        axes.set_ylim(len(panel.rows) - 0.5, -0.5)
        axes.set_xlabel(panel.unit)
        axes.grid(axis="x")
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        if panel.limits is not None:
            room = 0.03 * (panel.limits[1] - panel.limits[0])
            axes.set_xlim(panel.limits[0] - room, panel.limits[1] + room)
        elif self.written:
            axes.margins(x=0.15)
        if not panel.log:
            axes.locator_params(axis="x", nbins=4)

"""Curves over the epochs, or over whatever grows."""

import dataclasses
import math
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np

from jaxgen.report import wording
from jaxgen.report.kinds.base import FigureSpec, tone

if TYPE_CHECKING:
    from jaxgen.report.style import Axes, Figure, Theme

__all__ = ["Curve", "CurvePanel", "Curves", "Zone"]

_STYLES = ("solid", "thin", "dashed", "dotted")


@dataclasses.dataclass(frozen=True, eq=False)
class Curve:
    """One curve.

    Attributes:
        x: Where it is known, not falling, [points].
        y: Its values, [points]; NaN for gaps.
        low: The lower end of a band, [points].
        high: The upper end, [points].
        style: How it is drawn; a thin curve is one of single batches.
    """

    x: np.ndarray
    y: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    style: Literal["solid", "thin", "dashed", "dotted"] = "solid"


@dataclasses.dataclass(frozen=True, eq=False)
class Zone:
    """What lies past a threshold, shaded.

    Attributes:
        threshold: Where it begins.
        words: What it means to be there.
        above: Whether it lies above the threshold, or else below.
    """

    threshold: float
    words: str
    above: bool = False


@dataclasses.dataclass(frozen=True, eq=False)
class CurvePanel:
    """Curves in one panel.

    Attributes:
        curves: By name; an empty name is not written.
        unit: Of the values, beside the axis.
        levels: Values by what they are, such as an entropy floor: dashed lines, told at
            the edge where they are far. A level without a name is a thin line.
        log: Which axes are logarithmic.
        limits: The ends of the y axis; by default it covers the values after the first
            epoch, and a remark tells of a higher start.
        whole: Whether values are whole numbers.
        zone: What is shaded.
        x_label: Name of the x axis, if not that of the figure.
    """

    curves: Mapping[str, Curve]
    unit: str = ""
    levels: Mapping[str, float] = dataclasses.field(default_factory=dict)
    log: Literal["", "x", "y", "xy"] = ""
    limits: tuple[float, float] | None = None
    whole: bool = False
    zone: Zone | None = None
    x_label: str = ""


@dataclasses.dataclass(frozen=True, eq=False)
class Curves(FigureSpec):
    """Panels of curves; a name has one colour in all of them.

    Attributes:
        title: See `FigureSpec`.
        caption: Likewise.
        alt: Likewise.
        panels: By title.
        x_label: Name of the x axes.
        tones: Colours by the names of curves: "train", "test", "muted", "ink", "class
            0"; by default train and test have theirs, one other is grey, and several
            have those of classes.
        columns: Panels beside each other; 0 for as many as there is room for.
        legend: Whether curves are named above all and not at their ends; None for a
            legend where there are more than four names.
    """

    panels: Mapping[str, CurvePanel]
    x_label: str = "epoch"
    tones: Mapping[str, str] = dataclasses.field(default_factory=dict)
    columns: int = 0
    legend: bool | None = None

    @property
    def names(self) -> list[str]:
        """The names of all curves, in the order in which they appear."""
        return list(dict.fromkeys(n for p in self.panels.values() for n in p.curves))

    def check(self) -> None:
        """See `FigureSpec`."""
        self.check_panels(self.panels)
        self.check_whole("columns", self.columns, 100)
        for title, panel in self.panels.items():
            where = f"the panel {title!r}"
            if not isinstance(panel, CurvePanel) or not panel.curves:
                self.refuse(where, "has no curves by name")
            self.check_names(where, panel.curves)
            for name, curve in panel.curves.items():
                self._check_curve(f"the curve {name!r} of {where}", curve, panel.log)
            for name, level in panel.levels.items():
                self.check_number(f"the level {name!r} of {where}", level)
            if panel.limits is not None and not (
                -np.inf < panel.limits[0] < panel.limits[1] < np.inf
            ):
                self.refuse(f"limits of {where}", f"are {panel.limits}")
            if panel.zone is not None:
                self.check_number(f"the threshold of {where}", panel.zone.threshold)
                if not panel.zone.words.strip():
                    self.refuse(f"the zone of {where}", "has no words")
        if not self.x_label.strip():
            self.refuse("x_label", "is empty")
        self.check_tones(self.tones, self.names)

    def _check_curve(self, where: str, curve: Curve, log: str) -> None:
        x = self.check_numbers(f"x of {where}", curve.x, None)
        y = self.check_numbers(f"y of {where}", curve.y, len(x), gaps=True)
        if (x[1:] < x[:-1]).any():
            self.refuse(f"x of {where}", "falls; numbers that grow were expected")
        if np.isnan(y).all():
            self.refuse(f"y of {where}", "holds no number at all")
        if (curve.low is None) != (curve.high is None):
            self.refuse(where, "has one end of a band; both or none were expected")
        if curve.low is not None and curve.high is not None:
            low = self.check_numbers(f"low of {where}", curve.low, len(x), gaps=True)
            high = self.check_numbers(f"high of {where}", curve.high, len(x), gaps=True)
            self.check_bounds(f"y of {where}", low, y, high)
            self.check_bounds(f"band of {where}", low, low, high)
        if "x" in log and (x <= 0).any():
            self.refuse(f"x of {where}", "is not above 0 on a logarithmic axis")
        if curve.style not in _STYLES:
            self.refuse(f"style of {where}", f"is {curve.style!r}")

    def draw(self, theme: "Theme | None" = None) -> "Figure":
        """See `FigureSpec`."""
        from jaxgen.report import frames, style

        theme = theme or style.LIGHT
        number = len(self.panels)
        # Four panels make a square rather than a row of three and a straggler.
        columns = self.columns or (2 if number == 4 else min(3, number))
        lines = math.ceil(number / columns)
        colours, names = self._colours(theme), self.names
        dashes = _dashes(self.panels.values(), colours)
        legend = len(names) > frames.MOST_NAMED if self.legend is None else self.legend
        with theme.applied():
            extra = 0.2 * math.ceil(len(names) / 4) if legend else 0.0
            high = 0.45 + (2.0 if lines < 3 else 1.85) * lines + extra
            figure = style.Figure(figsize=(style.WIDTH, high), layout="constrained")
            places = frames.mosaic(figure, list(self.panels), columns)
            former = None
            for index, (title, panel) in enumerate(self.panels.items()):
                axes = places[title]
                # A long title would reach into the next panel.
                axes.set_title(title, fontsize=8 if len(title) > 20 else None)
                # A unit is said once a row, and again where it changes.
                if index % columns == 0 or panel.unit != former:
                    axes.set_ylabel(panel.unit)
                former = panel.unit
                _draw_panel(axes, panel, colours, dashes, theme, named=not legend)
                if index >= number - columns or panel.x_label:
                    axes.set_xlabel(panel.x_label or self.x_label)
            if legend:
                handles = [
                    style.Line2D([], [], color=colours[n], label=n, linestyle=dashes[n])
                    for n in names
                    if n
                ]
                if handles:
                    figure.legend(handles=handles, loc="outside upper center", ncols=4)
        return figure

    def _colours(self, theme: "Theme") -> dict[str, str]:
        own = {"train": "train", "test": "test", "": "train"} | dict(self.tones)
        others = [name for name in self.names if name not in own]
        if len(others) == 1 and len(self.names) > 1:
            own[others[0]] = "muted"
        own |= {n: f"class {i}" for i, n in enumerate(others) if n not in own}
        return {name: tone(theme, own[name]) for name in self.names}


def _dashes(
    panels: Collection[CurvePanel], colours: Mapping[str, str]
) -> dict[str, Literal["--", "-"]]:
    """Curves of one colour in one panel are told apart by dashes."""
    dashes: dict[str, Literal["--", "-"]] = {}
    for name, colour in colours.items():
        alike = {other for other in dashes if colours[other] == colour}
        met = any(name in p.curves and alike & p.curves.keys() for p in panels)
        dashes[name] = "--" if met else "-"
    return dashes


def _draw_panel(
    axes: "Axes",
    panel: CurvePanel,
    colours: Mapping[str, str],
    dashes: Mapping[str, Literal["--", "-"]],
    theme: "Theme",
    named: bool,
) -> None:
    from jaxgen.report import frames

    if "x" in panel.log:
        axes.set_xscale("log")
    ends, low, high, first, least = [], np.inf, -np.inf, -np.inf, np.inf
    alone = all(curve.style == "thin" for curve in panel.curves.values())
    for name, curve in panel.curves.items():
        known = np.isfinite(curve.y)
        x, y = curve.x[known], curve.y[known]
        colour = colours[name]
        dash = {"dashed": (0, (4, 3)), "dotted": (0, (1, 2))}.get(
            curve.style, dashes[name]
        )
        # A curve of single batches is noise around a curve: thin, it can be read.
        thin = curve.style != "solid" or len(curve.y) > 80
        axes.plot(
            curve.x,
            curve.y,
            marker="o" if len(y) == 1 else None,
            color=colour,
            linewidth=0.8 if thin else 1.6,
            alpha=0.45 if curve.style == "thin" else 1.0,
            linestyle=dash,
            markersize=3,
        )
        settled = y[x >= min(1.0, x[-1])] if not panel.log else y
        if curve.low is not None and curve.high is not None:
            axes.fill_between(
                curve.x, curve.low, curve.high, color=colour, alpha=0.18, linewidth=0
            )
            settled = np.concatenate(
                [settled, curve.low[np.isfinite(curve.low)], curve.high[known]]
            )
            settled = settled[np.isfinite(settled)]
        low, high = min(low, settled.min()), max(high, settled.max())
        least = min(least, y[y > 0].min(initial=np.inf))
        first = max(first, y.max())
        # A thin curve beside its average has no name, nor has a remark.
        if curve.style == "solid" or (curve.style == "thin" and alone):
            ends.append((float(y[-1]), name, colour))
    if "y" in panel.log and np.isfinite(least):
        _log_frame(axes, least, high, panel)
    else:
        _even_frame(axes, panel, float(low), float(high), float(first), theme)
    if panel.zone is not None:
        _draw_zone(axes, panel.zone, theme)
    if named:
        low, high = axes.get_ylim()
        frames.name_ends(axes, ends, low, high, whole=panel.whole)


def _even_frame(
    axes: "Axes",
    panel: CurvePanel,
    low: float,
    high: float,
    first: float,
    theme: "Theme",
) -> None:
    from jaxgen.report import frames

    for name, level in panel.levels.items():
        low, high = _with_level(axes, name, level, low, high, theme)
    low, high = frames.frame(axes, low, high, whole=panel.whole)
    if panel.limits is not None:
        axes.set_ylim(*panel.limits)
    elif first > high:
        axes.annotate(
            f"\N{UPWARDS ARROW} starts at {wording.short(first, whole=panel.whole)}",
            (0.16, 0.97),
            xycoords="axes fraction",
            color=theme.muted,
            fontsize=7.5,
            va="top",
        )


def _log_frame(axes: "Axes", low: float, high: float, panel: CurvePanel) -> None:
    from jaxgen.report import frames, style

    frames.frame(axes, 0.0, 1.0)
    axes.set_yscale("log")
    axes.set_ylim(*(panel.limits or (low / 1.15, high * 1.15)))
    style.log_ticks(axes)
    axes.tick_params(which="both", axis="y", length=0)


def _with_level(
    axes: "Axes", name: str, level: float, low: float, high: float, theme: "Theme"
) -> tuple[float, float]:
    """Marks a level; returns the bounds of the data, with a level that is near."""
    span = (high - low) or abs(high) or 1.0
    look = {"color": theme.muted, "fontsize": 7.5, "path_effects": theme.halo()}
    if not name:
        if low <= level <= high:
            axes.axhline(level, color=theme.rule, linewidth=0.9, zorder=0)
        return low, high
    if not low - 1.2 * span <= level <= high + 1.2 * span:
        below = level < low
        arrow = "\N{DOWNWARDS ARROW}" if below else "\N{UPWARDS ARROW}"
        side = "below" if below else "above"
        axes.annotate(
            f"{arrow} {name} {wording.short(level)} {side}",
            # A high start is told at the upper edge, in its own line.
            (0.02, 0.03 if below else 0.84),
            xycoords="axes fraction",
            va="bottom",
            zorder=1,  # below the points, which its halo would hide
            **look,
        )
        return low, high
    axes.axhline(level, color=theme.muted, linewidth=0.9, linestyle=(0, (4, 3)))
    axes.annotate(
        f"{name} {wording.short(level)}",
        (0.02, level),
        xycoords=("axes fraction", "data"),
        # Curves come down to their floor: the words stand on the other side.
        xytext=(0, -2),
        textcoords="offset points",
        va="top",
        **look,
    )
    top = max(high, level)
    return min(low, level - 0.1 * (top - min(low, level))), top


def _draw_zone(axes: "Axes", zone: Zone, theme: "Theme") -> None:
    low, high = axes.get_ylim()
    edge = high if zone.above else low
    axes.axhspan(
        zone.threshold, edge, color=theme.test, alpha=0.09, linewidth=0, zorder=0
    )
    axes.axhline(
        zone.threshold, color=theme.muted, linewidth=0.9, linestyle=(0, (4, 3))
    )
    axes.set_ylim(low, high)
    # A zone too thin for its name has it on the other side of the line.
    thin = abs(edge - zone.threshold) < 0.14 * (high - low)
    # What is bad above is reached from below: there its name is out of the way.
    axes.annotate(
        zone.words,
        (0.015 if zone.above else 0.985, zone.threshold if thin else edge),
        xycoords=("axes fraction", "data"),
        xytext=(0, -3 if zone.above else 3),
        textcoords="offset points",
        ha="left" if zone.above else "right",
        va="top" if zone.above else "bottom",
        fontsize=7.5,
        color=theme.muted,
        path_effects=theme.halo(),
    )

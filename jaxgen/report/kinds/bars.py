"""Bars by name."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from jaxgen.report.kinds.base import FigureSpec

if TYPE_CHECKING:
    from jaxgen.report.style import Axes, Figure, Theme

__all__ = ["BarPanel", "Bars"]

_LYING = 2  # as many bars lie; more stand
_MOST_NAMED = 32


@dataclasses.dataclass(frozen=True, eq=False)
class BarPanel:
    """Bars in one panel.

    Attributes:
        values: By name, in the order of the bars.
        unit: What they are, with its unit.
        names_label: What the names are.
        levels: Values by what they are: dashed lines, and bars up to the first of them
            are grey. They are drawn where bars stand.
        digits: Of the numbers beside bars that lie.
        log: Whether the axis of values is logarithmic.
    """

    values: Mapping[str, float]
    unit: str
    names_label: str = ""
    levels: Mapping[str, float] = dataclasses.field(default_factory=dict)
    digits: int = 2
    log: bool = False


@dataclasses.dataclass(frozen=True, eq=False)
class Bars(FigureSpec):
    """Panels of bars, one below the other; one or two bars lie, more of them stand.

    Attributes:
        title: See `FigureSpec`.
        caption: Likewise.
        alt: Likewise.
        panels: By title.
    """

    panels: Mapping[str, BarPanel]

    def check(self) -> None:
        """See `FigureSpec`."""
        self.check_panels(self.panels)
        for title, panel in self.panels.items():
            where = f"the panel {title!r}"
            if not isinstance(panel, BarPanel) or not panel.values:
                self.refuse(where, "has no values by name")
            self.check_names(where, panel.values, empty=False)
            self.check_whole(f"digits of {where}", panel.digits, 12)
            self.check_names(f"the unit of {where}", [panel.unit], empty=False)
            for name, value in panel.values.items():
                self.check_number(f"{name!r} of {where}", value)
                if panel.log and value < 0:
                    self.refuse(f"{name!r} of {where}", "is below 0 on a log axis")
            for name, value in panel.levels.items():
                self.check_number(f"the level {name!r} of {where}", value)

    def draw(self, theme: "Theme | None" = None) -> "Figure":
        """See `FigureSpec`."""
        from jaxgen.report import frames, style

        theme = theme or style.LIGHT
        heights = [
            2.6 if len(panel.values) > _LYING else 1.0 + 0.36 * len(panel.values)
            for panel in self.panels.values()
        ]
        with theme.applied():
            figure = style.Figure(
                figsize=(style.WIDTH, sum(heights)), layout="constrained"
            )
            places = frames.mosaic(figure, list(self.panels), 1, heights)
            for title, panel in self.panels.items():
                axes = places[title]
                axes.set_title(title)
                least = next(iter(panel.levels.values()), -np.inf)
                colours = [
                    theme.train if value > least else theme.muted
                    for value in panel.values.values()
                ]
                if len(panel.values) <= _LYING:
                    _draw_lying(axes, panel, colours)
                else:
                    _draw_standing(axes, panel, colours)
                    _draw_levels(axes, panel, theme)
        return figure


def _draw_lying(axes: "Axes", panel: BarPanel, colours: list[str]) -> None:
    bars = axes.barh(
        list(panel.values), list(panel.values.values()), color=colours, height=0.62
    )
    axes.bar_label(bars, fmt=f"%.{panel.digits}f", padding=4, fontsize=8.5)
    axes.invert_yaxis()
    axes.set_xlabel(panel.unit)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.margins(x=0.08)
    if panel.log:
        axes.set_xscale("log")


def _draw_standing(axes: "Axes", panel: BarPanel, colours: list[str]) -> None:
    number = len(panel.values)
    places = range(number)
    values = list(panel.values.values())
    axes.bar(places, values, color=colours, width=0.72 if number <= 32 else 0.9)
    axes.set_ylabel(panel.unit)
    axes.set_xlabel(panel.names_label)
    # A few columns stay as slim as many.
    axes.set_xlim(-0.6, max(number, 8) - 0.4)
    axes.grid(axis="y")
    # A level may lie close to 0 and then takes the place of the axis.
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(which="both", length=0)
    axes.set_xticks([])
    if panel.log:
        axes.set_yscale("log")
    if number <= _MOST_NAMED:
        lean = sum(map(len, panel.values)) > 90
        axes.set_xticks(
            places,
            list(panel.values),
            rotation=40 if lean else 0,
            ha="right" if lean else "center",
        )


def _draw_levels(axes: "Axes", panel: BarPanel, theme: "Theme") -> None:
    for name, level in panel.levels.items():
        axes.axhline(level, color=theme.test, linewidth=1, linestyle=(0, (4, 3)))
        axes.annotate(
            name,
            (1, level),
            xycoords=("axes fraction", "data"),
            xytext=(0, 5),
            textcoords="offset points",
            ha="right",
            color=theme.test,
            fontsize=8,
            path_effects=theme.halo(),
        )

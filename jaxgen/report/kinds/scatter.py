"""Points in planes, coloured by group."""

import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np

from jaxgen.report.kinds.base import FigureSpec, tone

if TYPE_CHECKING:
    from jaxgen.report.style import Axes, Figure, Theme

__all__ = ["Scatter", "ScatterPanel"]

_MOST_LISTED = 30  # groups in a legend


@dataclasses.dataclass(frozen=True, eq=False)
class ScatterPanel:
    """Points in one plane.

    Attributes:
        groups: By name the points, [points, 2]; a group may have none, and a group
            without a name is not listed.
        x_label: Name of the x axis, with its unit.
        y_label: Likewise.
        background: Points in grey behind all others, [points, 2].
        y_ticks: By name, places on the y axis, in place of its numbers.
        log: Which axes are logarithmic.
    """

    groups: Mapping[str, np.ndarray]
    x_label: str = ""
    y_label: str = ""
    background: np.ndarray | None = None
    y_ticks: Mapping[str, float] = dataclasses.field(default_factory=dict)
    log: Literal["", "x", "y", "xy"] = ""


@dataclasses.dataclass(frozen=True, eq=False)
class Scatter(FigureSpec):
    """Panels of points; a group has one colour and one marker in all of them.

    Attributes:
        title: See `FigureSpec`.
        caption: Likewise.
        alt: Likewise.
        panels: By title, empty for one panel.
        medians: Whether a group's name stands at its median.
        equal: Whether both axes have equal units; None for where that leaves no empty
            paper.
        ordered: Whether points follow each other: joined, from faint to full colour.
        shared: Whether all panels have the same limits, those of the first's points.
        columns: Panels beside each other; 0 for as many as there is room for.
        tones: Colours by group; see `Curves`.
        legend_title: What the groups are.
    """

    panels: Mapping[str, ScatterPanel]
    medians: bool = False
    equal: bool | None = None
    ordered: bool = False
    shared: bool = False
    columns: int = 0
    tones: Mapping[str, str] = dataclasses.field(default_factory=dict)
    legend_title: str = ""

    @property
    def groups(self) -> list[str]:
        """The names of all groups, in the order in which they appear."""
        return list(dict.fromkeys(n for p in self.panels.values() for n in p.groups))

    def check(self) -> None:
        """See `FigureSpec`."""
        self.check_panels(self.panels)
        self.check_whole("columns", self.columns, 100)
        for title, panel in self.panels.items():
            where = f"the panel {title!r}" if title else "its panel"
            if not isinstance(panel, ScatterPanel) or not panel.groups:
                self.refuse(where, "has no groups by name")
            self.check_names(where, panel.groups)
            total = 0
            for name, points in panel.groups.items():
                own = f"the points {name!r} of {where}"
                self.check_numbers(own, points, None, 2, empty=True)
                total += len(points)
                for axis, letter in enumerate("xy"):
                    if letter in panel.log and (points[:, axis] <= 0).any():
                        self.refuse(own, "are not above 0 on a logarithmic axis")
            if not total:
                self.refuse(where, "has no points")
            if panel.background is not None:
                self.check_numbers(f"background of {where}", panel.background, None, 2)
            for name, place in panel.y_ticks.items():
                self.check_number(f"the tick {name!r} of {where}", place)
        self.check_tones(self.tones, self.groups)

    def recolours(self) -> bool:
        """See `FigureSpec`."""
        return not self.ordered

    def draw(self, theme: "Theme | None" = None) -> "Figure":
        """See `FigureSpec`."""
        from jaxgen.report import frames, style

        theme, number = theme or style.LIGHT, len(self.panels)
        columns = self.columns or (2 if number == 4 else min(3, number))
        if self.columns == 0 and number > 6:
            columns = 4
        listed = [name for name in self.groups if name]
        with theme.applied():
            figure = style.Figure(
                figsize=(style.WIDTH, self._height(columns)), layout="constrained"
            )
            places = frames.mosaic(figure, list(self.panels), columns)
            for title, panel in self.panels.items():
                axes = places[title]
                small = number > 3
                axes.set_title(title, fontsize=8 if small else 9.5)
                self._draw(axes, panel, theme)
                axes.set_xlabel(panel.x_label)
                axes.set_ylabel(panel.y_label)
                if self.shared:
                    self._share(axes)
                if not panel.x_label and not panel.y_label:
                    axes.set(xticks=[], yticks=[])
            present = [
                name
                for name in listed
                if any(len(p.groups.get(name, ())) for p in self.panels.values())
            ]
            ticked = any(panel.y_ticks for panel in self.panels.values())
            if present and len(present) <= _MOST_LISTED and not ticked:
                self._legend(figure, present, theme)
        return figure

    def _look(self, name: str, theme: "Theme") -> tuple[str, str]:
        """The colour and the marker of a group."""
        if name in self.tones:
            return tone(theme, self.tones[name]), "o"
        if not name or self.groups == [name]:
            return theme.train, "o"
        return theme.classed(self.groups.index(name))

    def _height(self, columns: int) -> float:
        """The height in inches at which equal units leave the least empty paper."""
        from jaxgen.report import style

        lines = -(-len(self.panels) // columns)
        first = next(iter(self.panels.values()))
        if len(self.panels) > 1:
            return 0.45 + lines * (style.WIDTH / max(columns, 3) + 0.1)
        if first.y_ticks:
            return 4.0
        wide, high = np.maximum(np.ptp(_all_points(first), axis=0), 1e-9)
        return float(np.clip((style.WIDTH - 1.2) * high / wide, 3.8, 6.2))

    def _draw(self, axes: "Axes", panel: ScatterPanel, theme: "Theme") -> None:
        from jaxgen.report import style

        points = _all_points(panel)
        size = float(np.clip(260 / math.sqrt(len(points)), 2.5, 12))
        if panel.background is not None:
            x, y = panel.background.T
            axes.scatter(x, y, s=size, linewidths=0, color=theme.rule, zorder=0)
        if self.ordered:
            _draw_paths(axes, panel, theme, self._look)
        else:
            looks = {n: self._look(n, theme) for n, g in panel.groups.items() if len(g)}
            for marker in dict.fromkeys(marker for _, marker in looks.values()):
                some = [name for name in looks if looks[name][1] == marker]
                x, y = np.concatenate([panel.groups[name] for name in some]).T
                tints = [looks[name][0] for name in some for _ in panel.groups[name]]
                # Points of a group drawn later must not bury those drawn earlier.
                order = np.random.default_rng(0).permutation(len(x))
                axes.scatter(
                    x[order],
                    y[order],
                    c=[tints[i] for i in order],
                    marker=marker,
                    s=size,
                    linewidths=0,
                    alpha=0.85,
                )
        if self.medians:
            for name, own in panel.groups.items():
                if name and len(own):
                    axes.annotate(
                        name,
                        tuple(np.median(own, axis=0)),
                        ha="center",
                        va="center",
                        fontsize=11 if len(name) < 3 else 8.5,
                        fontweight="bold",
                        path_effects=theme.halo(3),
                    )
        if "x" in panel.log:
            axes.set_xscale("log")
        if "y" in panel.log:
            axes.set_yscale("log")
            style.log_ticks(axes)
        if panel.y_ticks:
            axes.set_yticks(list(panel.y_ticks.values()), list(panel.y_ticks))
        wide, high = np.maximum(np.ptp(points, axis=0), 1e-9)
        square = self.equal
        if square is None:
            square = not panel.y_ticks and not panel.log and 1 / 3 < high / wide < 3
        if square:
            axes.set_aspect("equal", adjustable="datalim")
        axes.spines[:].set_visible(False)
        axes.tick_params(which="both", length=0)
        axes.grid()

    def _share(self, axes: "Axes") -> None:
        first = next(iter(self.panels.values()))
        points = _all_points(first) if first.background is None else first.background
        low, high = points.min(axis=0), points.max(axis=0)
        middle, reach = (low + high) / 2, 0.6 * float((high - low).max() or 1.0)
        axes.set_xlim(middle[0] - reach, middle[0] + reach)
        axes.set_ylim(middle[1] - reach, middle[1] + reach)
        axes.set_aspect("equal", adjustable="box")

    def _legend(self, figure: "Figure", names: list[str], theme: "Theme") -> None:
        from jaxgen.report import frames, style

        handles = []
        for name in names:
            colour, marker = self._look(name, theme)
            handles.append(
                style.Line2D(
                    [], [], color=colour, marker=marker, linestyle="", label=name
                )
            )
        beside = len(self.panels) == 1
        columns = math.ceil(len(names) / 20)
        figure.legend(
            handles=handles,
            loc="outside right upper" if beside else "outside upper left",
            title=self.legend_title if beside else None,
            alignment="left",
            handletextpad=0.1,
            ncols=columns if beside else frames.legend_columns(names),
        )


def _all_points(panel: ScatterPanel) -> np.ndarray:
    return np.concatenate(list(panel.groups.values()))


def _draw_paths(axes, panel: ScatterPanel, theme: "Theme", look) -> None:
    """Points that follow each other, from faint to full."""
    from jaxgen.report import style

    for name, points in panel.groups.items():
        if not len(points):
            continue
        colour = look(name, theme)[0]
        shades = style.LinearSegmentedColormap.from_list("", [theme.rule, colour])
        axes.plot(*points.T, color=theme.rule, linewidth=0.8, zorder=1)
        axes.scatter(
            *points.T,
            c=np.linspace(0.15, 1, len(points)),
            cmap=shades,
            vmin=0,
            vmax=1,
            s=16,
            edgecolors=theme.muted,
            linewidths=0.4,
            zorder=2,
        )

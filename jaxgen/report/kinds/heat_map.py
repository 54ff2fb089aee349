"""Numbers as shades in a table."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from jaxgen.report.kinds.base import FigureSpec

if TYPE_CHECKING:
    from jaxgen.report.style import Axes, Figure, Theme

__all__ = ["HeatMap", "HeatPanel"]

_MOST_NAMED = 32


@dataclasses.dataclass(frozen=True, eq=False)
class HeatPanel:
    """Rows of numbers.

    Attributes:
        rows: By name, [columns]; NaN for what is not known.
        columns: Their names.
        x_label: What the columns are.
        y_label: What the rows are.
    """

    rows: Mapping[str, np.ndarray]
    columns: tuple[str, ...]
    x_label: str = ""
    y_label: str = ""


@dataclasses.dataclass(frozen=True, eq=False)
class HeatMap(FigureSpec):
    """Panels of shaded tables on one scale.

    Attributes:
        title: See `FigureSpec`.
        caption: Likewise.
        alt: Likewise.
        panels: By title.
        unit: What the numbers are, beside the scale.
        limits: The ends of the scale; those of the numbers by default.
        digits: Of the numbers written into their cells; none by default.
    """

    panels: Mapping[str, HeatPanel]
    unit: str
    limits: tuple[float, float] | None = None
    digits: int | None = None

    def check(self) -> None:
        """See `FigureSpec`."""
        self.check_panels(self.panels)
        for title, panel in self.panels.items():
            where = f"the panel {title!r}" if title else "its panel"
            if not isinstance(panel, HeatPanel) or not panel.rows:
                self.refuse(where, "has no rows by name")
            self.check_names(where, panel.rows, empty=False)
            self.check_names(f"columns of {where}", panel.columns, empty=False)
            for name, row in panel.rows.items():
                own = f"the row {name!r} of {where}"
                self.check_numbers(own, row, len(panel.columns), gaps=True)
        self.check_names("unit", [self.unit], empty=False)
        self.check_whole("digits", self.digits or 0, 12)
        known = np.concatenate(
            [_table(panel).ravel() for panel in self.panels.values()]
        )
        known = known[np.isfinite(known)]
        if not known.size:
            self.refuse("panels", "hold no number at all")
        if self.limits is not None:
            low, high = self.limits
            if not low < high or known.min() < low or known.max() > high:
                self.refuse(
                    "limits",
                    f"are {self.limits} for numbers from {known.min():g} to "
                    f"{known.max():g}",
                )

    def recolours(self) -> bool:
        """See `FigureSpec`."""
        return False

    def draw(self, theme: "Theme | None" = None) -> "Figure":
        """See `FigureSpec`."""
        from jaxgen.report import frames, style

        theme, number = theme or style.LIGHT, len(self.panels)
        tables = {title: _table(panel) for title, panel in self.panels.items()}
        every = np.concatenate([table.ravel() for table in tables.values()])
        low, high = self.limits or (np.nanmin(every), np.nanmax(every))
        shades = style.LinearSegmentedColormap.from_list(
            "heat", [theme.rule, theme.train]
        )
        columns = 2 if number == 4 else min(3, number)
        lines = -(-number // columns)
        tallest = max(len(table) for table in tables.values())
        tall = 0.7 + np.clip(0.24 * tallest, 1.2, 5.5)
        with theme.applied():
            figure = style.Figure(
                figsize=(style.WIDTH, lines * float(tall)), layout="constrained"
            )
            places = frames.mosaic(figure, list(self.panels), columns)
            mesh = None
            for title, panel in self.panels.items():
                axes, table = places[title], tables[title]
                axes.set_title(title)
                mesh = axes.pcolormesh(
                    table, cmap=shades, vmin=low, vmax=high, linewidth=0
                )
                _name_cells(axes, panel, theme)
                if self.digits is not None:
                    _write(axes, table, self.digits, low, high, theme)
            assert mesh is not None
            bar = figure.colorbar(mesh, ax=list(places.values()), shrink=0.8)
            bar.set_label(self.unit)
            bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
        return figure


def _table(panel: HeatPanel) -> np.ndarray:
    return np.stack([np.asarray(row, float) for row in panel.rows.values()])


def _name_cells(axes: "Axes", panel: HeatPanel, theme: "Theme") -> None:
    axes.invert_yaxis()
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set(xticks=[], yticks=[])
    if len(panel.columns) <= _MOST_NAMED:
        lean = sum(map(len, panel.columns)) > 40
        axes.set_xticks(
            np.arange(len(panel.columns)) + 0.5,
            list(panel.columns),
            rotation=40 if lean else 0,
            ha="right" if lean else "center",
        )
    if len(panel.rows) <= _MOST_NAMED:
        axes.set_yticks(
            np.arange(len(panel.rows)) + 0.5, list(panel.rows), color=theme.ink
        )
    axes.set_xlabel(panel.x_label)
    axes.set_ylabel(panel.y_label)


def _write(
    axes: "Axes",
    table: np.ndarray,
    digits: int,
    low: float,
    high: float,
    theme: "Theme",
) -> None:
    for (row, column), value in np.ndenumerate(table):
        if np.isfinite(value):
            dark = value > (low + high) / 2
            axes.annotate(
                f"{value:.{digits}f}",
                (column + 0.5, row + 0.5),
                ha="center",
                va="center",
                fontsize=7.5,
                color=theme.paper if dark else theme.ink,
            )

"""What the figures of estimators share: a colour, a marker and a line for each."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxgen.report.style import Axes, Line2D, Theme

__all__ = [
    "colour_of",
    "curve_and_points",
    "handle",
    "plain_number",
    "whole_number",
    "words",
]

# Colour (its place among the classes, None for ink), marker and line of each estimator,
# the same in every figure. Two share a colour only where no panel shows both.
_LOOKS = {
    "score": (7, "o", "-"),
    "score, mean baseline": (1, "s", "-"),
    "score, moving average": (1, "s", "-"),
    "score, optimal baseline": (3, "D", "-"),
    "score, delta method": (8, "^", "-"),
    "measure-valued, uncoupled": (2, "v", "-"),
    "measure-valued, coupled": (9, "P", "-"),
    "measure-valued": (9, "P", "-"),
    "pathwise": (6, "X", "-"),
    "enumeration": (None, "X", "-"),
    "leave-one-out, 2": (1, "s", "-"),
    "leave-one-out, 4": (1, "D", (0, (5, 2))),
    "RLOO-2": (1, "s", "-"),
    "RLOO-4": (1, "D", (0, (5, 2))),
    "VIMCO": (5, "<", "-"),
    "ARM": (5, "<", "-"),
    "DisARM": (0, ">", "-"),
    "REBAR": (8, "^", (0, (1, 1.5))),
    "double CV": (3, "v", (0, (1, 1.5))),
    "Gumbel-Softmax": (2, "o", "-"),
    "ST-GS": (9, "v", "-"),
    "Gumbel-Rao": (6, "s", "-"),
    "straight-through": (4, "^", "-"),
    "ReinMax": (3, "D", "-"),
}


def curve_and_points(
    axes: Axes,
    name: str,
    curve: Sequence[np.ndarray],
    points: Sequence[np.ndarray],
    theme: Theme,
    hollow: bool = False,
) -> None:
    """Draws a line, and points with their half-widths, in the look of an estimator."""
    _, marker, line = _look(name)
    colour = colour_of(name, theme)
    axes.plot(*curve, color=colour, linestyle=line, linewidth=1.3)
    axes.errorbar(
        *points,
        fmt=marker,
        color=colour,
        markersize=3.8,
        markerfacecolor=theme.paper if hollow else colour,
        markeredgecolor=colour if hollow else theme.paper,
        markeredgewidth=1.0 if hollow else 0.4,
        elinewidth=0.9,
    )


def handle(name: str, theme: Theme) -> Line2D:
    """An estimator's line for a legend."""
    _, marker, line = _look(name)
    return Line2D(
        [],
        [],
        color=colour_of(name, theme),
        marker=marker,
        linestyle=line,
        markersize=4.5,
        markeredgecolor=theme.paper,
        markeredgewidth=0.4,
        label=name,
    )


def _look(name: str) -> tuple[int | None, str, Any]:
    return _LOOKS.get(name, (0, "o", "-"))


def colour_of(name: str, theme: Theme) -> str:
    """An estimator's colour in a theme."""
    place = _look(name)[0]
    return theme.ink if place is None else theme.classes[place]


def words(names: np.ndarray) -> list[str]:
    """The names as Python's own strings."""
    return [str(name) for name in names]


def whole_number(value: float, _: Any) -> str:
    """A tick label such as 1,000."""
    return f"{value:,.0f}"


def plain_number(value: float, _: Any) -> str:
    """A tick label such as 0.1."""
    return f"{value:g}"

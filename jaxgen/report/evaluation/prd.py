"""The figure of precision and recall for distributions."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from jaxgen.report.evaluation import looks
from jaxgen.report.style import LIGHT, WIDTH, Axes, Figure, Line2D, Theme

__all__ = ["FLOOR", "Curves", "Scores", "prd"]

FLOOR = "real"
Curves = Mapping[str, Mapping[str, np.ndarray]]
Scores = Mapping[tuple[str, str], Sequence[str]]

# Inches: a square's side where it is alone and where two share a row, and what is left
# of it, below it, and above it.
_ALONE, _SHARED = 3.4, 2.72
_LEFT, _BELOW, _ABOVE = 0.52, 0.5, 0.34
_LINE, _ENTRY = 0.138, 0.07


def prd(
    curves: Curves,
    sets: Sequence[str],
    scores: Scores,
    *,
    theme: Theme = LIGHT,
) -> Figure:
    """Draws a square a network, with a curve for each set of images.

    Args:
      curves: by network and set, precision and recall, [2, angles].
      sets: the sets, in the order of their colours.
      scores: by network and set, what the legend tells of the curve.
      theme: the colours.

    Returns:
      The figure.
    """
    across = min(2, len(curves))
    side = _ALONE if across == 1 else _SHARED
    with theme.applied():
        lines = {
            network: [
                _line(network, name, named, sets, scores, theme)
                for name in (*sets, FLOOR)
                if name in named
            ]
            for network, named in curves.items()
        }
        # One square has its legend beside it, several have it below.
        legend = 0.0 if across == 1 else max(map(_legend_height, lines.values()))
        pitch = _ABOVE + side + _BELOW + legend
        high = math.ceil(len(curves) / across) * pitch
        figure = Figure(figsize=(WIDTH, high))
        for index, (network, drawn) in enumerate(lines.items()):
            row, column = divmod(index, across)
            left = _LEFT + column * WIDTH / 2
            bottom = high - row * pitch - _ABOVE - side
            place = (left / WIDTH, bottom / high, side / WIDTH, side / high)
            axes = figure.add_axes(place)
            _square(axes, network, drawn)
            axes.legend(
                handles=drawn,
                loc="upper left",
                bbox_to_anchor=(1.06, 1.0) if across == 1 else (0, -0.43 / side),
                borderaxespad=0,
                borderpad=0,
                labelspacing=0.7 if across == 1 else 0.5,
                handlelength=1.6,
                fontsize=8,
            )
    return figure


def _square(axes: Axes, network: str, lines: Sequence[Line2D]) -> None:
    axes.set_title(looks.shortened(network, 40))
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    ticks = np.linspace(0, 1, 6)
    axes.set_xticks(ticks, [f"{tick:.1f}" for tick in ticks])
    axes.set_yticks(ticks, [f"{tick:.1f}" for tick in ticks])
    axes.set_xlabel("recall")
    axes.set_ylabel("precision")
    axes.grid()
    # The floor first, so that a curve that reaches it is seen on it.
    for line in sorted(lines, key=lambda line: line.get_linestyle() == "-"):
        axes.add_line(line)
        line.set_clip_on(False)


def _line(
    network: str,
    name: str,
    named: Mapping[str, np.ndarray],
    sets: Sequence[str],
    scores: Scores,
    theme: Theme,
) -> Line2D:
    line = looks.floor_line(theme)
    if name != FLOOR:
        line.set(
            color=looks.colour(sets.index(name), theme), linestyle="-", linewidth=1.6
        )
    heading = looks.wrapped(looks.REAL if name == FLOOR else name, 34)
    told = "   ".join(scores.get((network, name), ()))
    precision, recall = np.clip(named[name], 0, 1)
    line.set(data=(recall, precision), label="\n".join(filter(None, (heading, told))))
    return line


def _legend_height(lines: Sequence[Line2D]) -> float:
    return sum(
        _LINE * (1 + str(line.get_label()).count("\n")) + _ENTRY for line in lines
    )

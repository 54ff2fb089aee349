"""The figure of units that never switch on."""

import numpy as np

from jaxgen.report import shapes
from jaxgen.report.plate import Plate
from jaxgen.report.run import Arrays, Run
from jaxgen.report.style import LIGHT, WIDTH, Axes, Figure, Line2D, Theme

__all__ = ["draw", "dying_relu"]

_LOOKS = ((7, "o", "ReLU"), (6, "D", "leaky ReLU"))
"""Colour, marker and name of the plain and of the leaky rectifier."""


def dying_relu(run: Run) -> Plate | None:
    """Dead units of critics, and generated points without a gradient."""
    layers = "settings layers"
    data = shapes.read(
        run,
        "dying_relu",
        {
            **{"learning_rate": "settings", "slope": "settings", "start": layers},
            **{"critic": layers, "critic_half_width": layers},
            "zero": "settings seeds",
        },
    )
    if data is None:
        return None
    seeds = data["zero"].shape[1]
    gone = (data["zero"] == 1).sum(axis=1)
    worst = {
        name: int(gone[(data["slope"] > 0) == leaky].max())
        for name, leaky in (("plain", False), ("leaky", True))
    }
    caption = (
        "Above: the share of units of each hidden layer of the critic that are off for "
        f"every point, real or generated; means over {seeds} seeds with 99% intervals, "
        "and as short lines what it was before training. Below: for each seed, sorted, "
        "the share of generated points at which the critic's gradient is exactly 0, "
        "from which a generator learns nothing. A dead unit of a leaky critic still "
        "passes a gradient on. Look how dead units grow with the learning rate, and "
        f"for seeds that lost every gradient: {worst['plain']} of {seeds} at most with "
        f"the plain rectifier, {worst['leaky']} with the leaky one."
    )
    return Plate(
        "dying_relu",
        "arrays/dying_relu.npz",
        "Units that never switch on",
        caption,
        "Shares of dead units by layer and learning rate, and of points without a "
        f"gradient by seed; at most {worst['plain']} of {seeds} plain critics and "
        f"{worst['leaky']} leaky ones pass no gradient.",
        lambda theme: draw(data, theme=theme),
    )


def draw(data: Arrays, *, theme: Theme = LIGHT) -> Figure:
    """Draws the shares, one column a learning rate.

    Args:
      data: `learning_rate`, `slope` [settings]; `start`, `critic` and
        `critic_half_width` [settings, layers]; `zero` [settings, seeds].
      theme: the colours.

    Returns:
      The figure.
    """
    rates = np.unique(data["learning_rate"])
    with theme.applied():
        figure = Figure(figsize=(WIDTH, 4.4), layout="constrained")
        panels = figure.subplots(2, len(rates), sharey="row", squeeze=False)
        for column, rate in enumerate(rates):
            for row in np.flatnonzero(data["learning_rate"] == rate):
                leaky = int(data["slope"][row] > 0)
                _layers(panels[0, column], data, int(row), leaky, theme)
                _seeds(panels[1, column], data["zero"][row], leaky, theme)
            panels[0, column].set_title(f"learning rate {rate:g}")
            panels[0, column].set_xlabel("hidden layer")
            panels[1, column].set_xlabel("seed, sorted")
        panels[0, 0].set_ylabel("dead units of the critic")
        panels[1, 0].set_ylabel("points without gradient")
        for axes in panels.flat:
            axes.set_ylim(-0.04, 1.04)
            axes.grid(axis="y")
            axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g} %")
        handles = [
            Line2D(
                [],
                [],
                color=theme.classes[place],
                marker=marker,
                markersize=5,
                linestyle="none",
                label=name,
            )
            for place, marker, name in _LOOKS
        ]
        start = {"color": theme.muted, "linewidth": 1.4, "label": "before training"}
        handles.append(Line2D([], [], **start))
        figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return figure


def _layers(axes: Axes, data: Arrays, row: int, leaky: int, theme: Theme) -> None:
    place, marker, _ = _LOOKS[leaky]
    layers = np.arange(1, data["critic"].shape[1] + 1)
    x = layers + (0.14 if leaky else -0.14)
    axes.hlines(data["start"][row], x - 0.1, x + 0.1, theme.muted, linewidth=1.4)
    axes.errorbar(
        x,
        data["critic"][row],
        data["critic_half_width"][row],
        fmt=marker,
        color=theme.classes[place],
        markersize=5,
        markeredgecolor=theme.paper,
        markeredgewidth=0.4,
        elinewidth=1.0,
    )
    axes.set_xticks(layers)
    axes.set_xlim(0.5, len(layers) + 0.5)


def _seeds(axes: Axes, zero: np.ndarray, leaky: int, theme: Theme) -> None:
    place, marker, _ = _LOOKS[leaky]
    seeds = np.arange(1, len(zero) + 1)
    # Side by side: most points of both lie at 0.
    axes.plot(
        seeds + (0.2 if leaky else -0.2),
        np.sort(zero),
        marker,
        color=theme.classes[place],
        markersize=4,
        markeredgecolor=theme.paper,
        markeredgewidth=0.4,
    )
    axes.set_xlim(0, len(zero) + 1)
    axes.set_xticks([1, len(zero)])

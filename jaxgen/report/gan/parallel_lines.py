"""The figure of two parallel lines and the critics between them."""

from typing import Any

import numpy as np

from jaxgen.report.run import Arrays
from jaxgen.report.style import LIGHT, WIDTH, Axes, Figure, Line2D, LogLocator, Theme

__all__ = ["NAMES", "THETA", "colour", "parallel_lines", "power"]

THETA = "\N{GREEK SMALL LETTER THETA}"

NAMES = {
    "minimax": "minimax",
    "non_saturating": "non-saturating",
    "wasserstein": "Wasserstein",
}
_COLOURS = {"minimax": 7, "non_saturating": 0, "wasserstein": 6}
_MARKERS = {"minimax": "o", "non_saturating": "s", "wasserstein": "D"}


def colour(name: str, theme: Theme) -> str:
    """The colour of a game, the same in every figure of divergences."""
    return theme.classes[_COLOURS[name]]


def parallel_lines(data: Arrays, *, theme: Theme = LIGHT) -> Figure:
    """Draws what trained critics read and where they point, beside the truth.

    Args:
      data: `theta`, `true_wasserstein`, `js`, [thetas]; `wasserstein` and `penalized`
        [penalties, thetas]; `gradient` [games, thetas]; the half-widths of the
        measured ones; `penalties` and `names`.
      theme: the colours.

    Returns:
      The figure.
    """
    with theme.applied():
        figure = Figure(figsize=(WIDTH, 5.2), layout="constrained")
        panels = figure.subplots(2, 2)
        _js(panels[0, 0], data, theme)
        _wasserstein(panels[0, 1], data, theme)
        _gradients(panels[1, 0], data, theme)
        _excess(panels[1, 1], data, theme)
        for axes in panels[0]:
            axes.set_xlabel(f"{THETA}, where the generated line is")
        for axes in panels[1]:
            axes.set_xlabel(f"distance of the lines, |{THETA}|")
        for axes in panels.flat:
            axes.grid(axis="y")
            axes.tick_params(which="minor", length=0)
    return figure


def _js(axes: Axes, data: Arrays, theme: Theme) -> None:
    ink, log_2 = theme.muted, np.log(2)
    theta = data["theta"]
    for ends in ((theta[0], 0), (0, theta[-1])):
        axes.plot(ends, (log_2, log_2), color=ink, linewidth=1.2)
    _points(axes, theta, data["js"], data["js_half_width"], "minimax", theme)
    hole = {"marker": "o", "markersize": 5, "color": ink}
    axes.plot(0, log_2, markerfacecolor=theme.paper, zorder=5, **hole)
    axes.set_ylim(-0.04, 0.8)
    axes.set_yticks([0, 0.2, 0.4, 0.6, log_2], ["0", "0.2", "0.4", "0.6", "log 2"])
    axes.set_title("JS, as the discriminator reads it (nats)")


def _wasserstein(axes: Axes, data: Arrays, theme: Theme) -> None:
    theta, best = data["theta"], data["penalized"][0]
    axes.plot(theta, data["true_wasserstein"], color=theme.muted, linewidth=1.2)
    # The optimum is a smooth curve between the points that were trained.
    fine = np.linspace(theta[0], theta[-1], 201)
    weight = float(data["penalties"][0])
    axes.plot(
        fine,
        np.abs(fine) * (1 + np.abs(fine) / (2 * weight)),
        color=colour("wasserstein", theme),
        linewidth=1.0,
        linestyle=(0, (4, 2)),
    )
    seen = data["wasserstein"][0], data["wasserstein_half_width"][0]
    _points(axes, theta, *seen, "wasserstein", theme)
    axes.set_ylim(0, 1.25 * float(best.max()))
    axes.set_title("W, as the WGAN critic reads it")
    handles = [
        Line2D([], [], color=theme.muted, linewidth=1.2, label=f"truth, |{THETA}|"),
        Line2D(
            [],
            [],
            color=colour("wasserstein", theme),
            linewidth=1.0,
            linestyle=(0, (4, 2)),
            label=f"best under a penalty of {weight:g}",
        ),
    ]
    axes.legend(handles=handles, loc="upper center", handlelength=1.8)


def _gradients(axes: Axes, data: Arrays, theme: Theme) -> None:
    theta = data["theta"]
    for name, values, half in zip(
        map(str, data["names"]),
        data["gradient"],
        data["gradient_half_width"],
        strict=True,
    ):
        for sign in (-1, 1):
            side = sign * theta > 0
            _points(
                axes,
                np.abs(theta[side]),
                np.abs(values[side]),
                half[side],
                name,
                theme,
                hollow=sign < 0,
                line=sign > 0,
            )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(power)
    _distances(axes)
    axes.set_title(f"Size of the gradient in {THETA}")
    handles = [
        Line2D(
            [],
            [],
            color=colour(name, theme),
            marker=_MARKERS[name],
            markersize=4,
            linewidth=1.0,
            label=NAMES[name],
        )
        for name in map(str, data["names"])
    ]
    axes.legend(handles=handles, loc="lower left", handlelength=1.6, fontsize=7.5)


def _excess(axes: Axes, data: Arrays, theme: Theme) -> None:
    side = data["theta"] > 0
    distance = data["theta"][side]
    fine = np.geomspace(distance[0] / 1.3, distance[-1] * 1.3, 50)
    for row, penalty in enumerate(data["penalties"]):
        shade = theme.classes[(6, 1, 3, 8)[row % 4]]
        axes.plot(fine, fine / (2 * penalty), color=shade, linewidth=1.0)
        excess = data["wasserstein"][row][side] / distance - 1
        half = data["wasserstein_half_width"][row][side] / distance
        axes.errorbar(
            distance,
            np.where(excess > 0, excess, np.nan),
            half,
            fmt="D",
            color=shade,
            markersize=3.8,
            markeredgecolor=theme.paper,
            markeredgewidth=0.4,
            elinewidth=0.9,
        )
        axes.annotate(
            f"penalty {penalty:g}",
            (fine[14], fine[14] / (2 * penalty)),
            xytext=(-6, 10),
            textcoords="offset points",
            ha="center",
            fontsize=8,
            color=shade,
            path_effects=theme.halo(),
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    low = 0.3 * distance[0] / (2 * float(np.max(data["penalties"])))
    axes.set_ylim(low, None)
    _distances(axes)
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:,g} %")
    axes.set_title("How much more than W it reads")


def power(value: float, _: Any) -> str:
    """A tick label such as 1, 10 or a power of ten."""
    exponent = round(np.log10(value))
    return f"{value:g}" if 0 <= exponent <= 1 else f"$10^{{{exponent}}}$"


def _distances(axes: Axes) -> None:
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")


def _points(
    axes: Axes,
    x: np.ndarray,
    mean: np.ndarray,
    half: np.ndarray,
    name: str,
    theme: Theme,
    *,
    hollow: bool = False,
    line: bool = False,
) -> None:
    shade = colour(name, theme)
    axes.errorbar(
        x,
        mean,
        half,
        fmt=_MARKERS[name],
        color=shade,
        markersize=3.8,
        markerfacecolor=theme.paper if hollow else shade,
        markeredgecolor=shade if hollow else theme.paper,
        markeredgewidth=0.9 if hollow else 0.4,
        elinewidth=0.9,
        linestyle="-" if line else "none",
        linewidth=0.8,
    )

"""The figure of earth moved from one histogram to another."""

import numpy as np

from jaxgen.report.run import Arrays
from jaxgen.report.style import (
    LIGHT,
    WIDTH,
    Axes,
    Figure,
    LinearSegmentedColormap,
    MultipleLocator,
    Theme,
)

__all__ = ["moved_earth"]

_GAP = 0.75
"""Room for what moves, in heights of the tallest bar."""


def moved_earth(data: Arrays, *, theme: Theme = LIGHT) -> Figure:
    """Draws what goes where, the plan, and the area that is its cost.

    Args:
      data: `positions`, `source`, `target` [bins], `plan` [bins, bins], `cost` [1].
      theme: the colours.

    Returns:
      The figure.
    """
    with theme.applied():
        figure = Figure(figsize=(WIDTH, 4.3), layout="constrained")
        grid = figure.add_gridspec(2, 2, width_ratios=(1.75, 1))
        _moved(figure.add_subplot(grid[:, 0]), data, theme)
        _plan(figure.add_subplot(grid[0, 1]), data, theme)
        _area(figure.add_subplot(grid[1, 1]), data, theme)
    return figure


def _shades(number: int, theme: Theme) -> np.ndarray:
    ends = [theme.classes[place] for place in (0, 7, 5)]
    ramp = LinearSegmentedColormap.from_list("ramp", ends)
    return ramp(np.linspace(0, 1, number))


def _moved(axes: Axes, data: Arrays, theme: Theme) -> None:
    positions, plan = data["positions"], data["plan"]
    width = 0.94 * float(positions[1] - positions[0])
    tallest = float(max(data["source"].max(), data["target"].max()))
    top, shades = _GAP * tallest, _shades(len(positions), theme)
    axes.bar(positions, data["source"], width, bottom=top, color=shades)
    # What arrives is stacked as it left: the nearest to the ground came from the left.
    depth = np.zeros(len(positions))
    for row, shade in enumerate(shades):
        axes.bar(positions, -plan[row], width, bottom=-depth, color=shade)
        depth += plan[row]
    leaving = _shares(plan)
    arriving = _shares(plan.T)
    for row, column in zip(*np.nonzero(plan > 1e-9), strict=True):
        start = positions[row] + width * (leaving[row, column] - 0.5)
        end = positions[column] + width * (arriving[column, row] - 0.5)
        axes.fill(
            [start[0], start[1], end[1], end[0]],
            [top, top, 0, 0],
            color=shades[row],
            alpha=0.4,
            linewidth=0,
        )
    for height, name, place in ((top, "from here", "bottom"), (0.0, "to here", "top")):
        axes.axhline(height, color=theme.muted, linewidth=0.7)
        upward = place == "bottom"
        axes.annotate(
            name,
            (0.99 if upward else 0.01, height),
            xycoords=("axes fraction", "data"),
            xytext=(0, 4 if upward else -4),
            textcoords="offset points",
            ha="right" if upward else "left",
            va=place,
            fontsize=8.5,
            color=theme.ink,
        )
    axes.spines[:].set_visible(False)
    axes.set_yticks([])
    axes.set_xlabel("position")
    axes.set_title("What goes where")


def _shares(plan: np.ndarray) -> np.ndarray:
    """From where to where in its bin each part lies, [bins, bins, 2] from 0 to 1."""
    whole = np.maximum(plan.sum(axis=1, keepdims=True), 1e-300)
    ends = np.cumsum(plan, axis=1) / whole
    return np.stack([ends - plan / whole, ends], axis=-1)


def _plan(axes: Axes, data: Arrays, theme: Theme) -> None:
    positions = data["positions"]
    half = float(positions[1] - positions[0]) / 2
    ends = (positions[0] - half, positions[-1] + half)
    ramp = LinearSegmentedColormap.from_list("plan", [theme.paper, theme.test])
    # The root shows small parts too.
    axes.imshow(
        np.sqrt(data["plan"]),
        origin="lower",
        extent=(*ends, *ends),
        cmap=ramp,
        interpolation="nearest",
        aspect="equal",
    )
    axes.plot(ends, ends, color=theme.muted, linewidth=0.7, linestyle=(0, (3, 3)))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MultipleLocator(5))
    axes.set_xlabel("to")
    axes.set_ylabel("from")
    axes.set_title("The plan")


def _area(axes: Axes, data: Arrays, theme: Theme) -> None:
    positions = data["positions"]
    leaving, arriving = (np.cumsum(data[name]) for name in ("source", "target"))
    axes.fill_between(
        positions,
        leaving,
        arriving,
        step="post",
        color=theme.test,
        alpha=0.25,
        linewidth=0,
    )
    sums = (leaving, arriving)
    for values, name, side in zip(sums, ("from", "to"), (1, -1), strict=True):
        axes.step(positions, values, where="post", color=theme.ink, linewidth=1.1)
        at = int(np.argmin(np.abs(values - (0.8 if side > 0 else 0.3))))
        axes.annotate(
            name,
            (positions[at], values[at]),
            xytext=(-6 * side, 6 * side),
            textcoords="offset points",
            ha="right" if side > 0 else "left",
            va="center",
            fontsize=8.5,
            color=theme.ink,
            path_effects=theme.halo(),
        )
    axes.set_ylim(0, 1.04)
    axes.set_xlim(positions[0], positions[-1])
    axes.set_xlabel("position")
    axes.set_title(f"Sums; the area is W = {float(data['cost'][0]):.2f}")

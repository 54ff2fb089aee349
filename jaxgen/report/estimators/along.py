"""The figure of estimators along the training of a model with discrete latents."""

from collections.abc import Sequence

import numpy as np

from jaxgen.report.estimators.looks import (
    colour_of,
    curve_and_points,
    handle,
    plain_number,
    whole_number,
    words,
)
from jaxgen.report.run import Arrays
from jaxgen.report.style import LIGHT, WIDTH, Axes, Figure, Theme, log_ticks

__all__ = ["along"]


def along(data: Arrays, *, theme: Theme = LIGHT) -> Figure:
    """Draws own runs by step and by time, and gradients along one common run.

    Args:
      data: `names` [estimators]; `elbo_step` [points] and `elbo` [estimators, points]
        of each estimator's own run, in nats; `seconds` per step, [estimators]; `at`
        [places] along the common run, with `variance` and `half_width` [estimators,
        places]; `snr` and `bias` of that shape may be absent or have gaps (NaN).
      theme: the colours.

    Returns:
      The figure.
    """
    names = words(data["names"])
    with theme.applied():
        figure = Figure(figsize=(WIDTH, 5.9), layout="constrained")
        panels = figure.subplots(2, 2)
        _own_runs(panels[0, 0], panels[0, 1], data, names, theme)
        exact = _measured(panels[1, 0], data, names, "variance", theme)
        _say(panels[1, 0], [f"{name}: no variance" for name in exact], theme)
        panels[1, 0].set_title("Common run: variance of the gradient")
        if "snr" in data:
            _measured(panels[1, 1], data, names, "snr", theme)
            panels[1, 1].set_title("Common run: signal to noise")
        else:
            panels[1, 1].remove()
        for axes in figure.axes[2:]:
            axes.set_yscale("log")
            axes.set_xlabel("step of the common run")
            axes.xaxis.set_major_formatter(whole_number)
            axes.margins(x=0.04)
        for axes in figure.axes:
            log_ticks(axes)
            axes.grid(axis="y")
            axes.tick_params(which="minor", length=0)
        handles = [handle(name, theme) for name in names]
        figure.legend(
            handles=handles, loc="outside upper center", ncols=4, handlelength=3
        )
    return figure


def _own_runs(
    by_step: Axes, by_time: Axes, data: Arrays, names: Sequence[str], theme: Theme
) -> None:
    steps, seconds = data["elbo_step"], data["seconds"]
    for row, name in enumerate(names):
        gap = _gaps(data["elbo"])[row]
        _run(by_step, name, steps, gap, theme)
        _run(by_time, name, steps * seconds[row], gap, theme)
    for axes in (by_step, by_time):
        axes.set_yscale("log")
    by_step.set_title("Own runs: nats below the best ELBO")
    by_step.set_xlabel("step of the own run")
    by_step.xaxis.set_major_formatter(whole_number)
    by_step.locator_params(axis="x", nbins=5)
    by_time.set_title("The same by time")
    by_time.set_xlabel("seconds of the own run")
    if steps.max() > 0 and seconds.max() > 8 * seconds.min() > 0:
        # Slow estimators would press the others to the left edge.
        by_time.set_xscale("log", nonpositive="mask")
        first = float(steps[steps > 0].min() * seconds.min())
        by_time.set_xlim(first, 1.15 * float(steps.max() * seconds.max()))
        by_time.xaxis.set_major_formatter(plain_number)


def _run(axes: Axes, name: str, x: np.ndarray, y: np.ndarray, theme: Theme) -> None:
    look, colour = handle(name, theme), colour_of(name, theme)
    axes.plot(x, y, color=colour, linestyle=look.get_linestyle(), linewidth=1.2)
    axes.plot(
        x[-1:],
        y[-1:],
        color=colour,
        marker=look.get_marker(),
        markersize=4,
        markeredgecolor=theme.paper,
        markeredgewidth=0.4,
        clip_on=False,
        zorder=3,
    )


def _gaps(elbo: np.ndarray) -> np.ndarray:
    """Nats below the best bound of all, but no less than can be told apart.

    The best has no place on a logarithmic axis: it lies at half the distance of the
    next run's end.
    """
    gaps = float(elbo.max()) - elbo
    ends = np.sort(gaps[:, -1])
    least = max(0.5 * float(ends[min(1, len(ends) - 1)]), 0.05)
    return np.maximum(gaps, least)


def _measured(
    axes: Axes, data: Arrays, names: Sequence[str], key: str, theme: Theme
) -> list[str]:
    """Curves with intervals where they are known; returns who has nothing to draw."""
    nothing = []
    for row, name in enumerate(names):
        values = data[key][row].astype(float)
        # A logarithm has no 0; where the variance is 0, what is left is rounding.
        most = float(np.nanmax(np.where(np.isfinite(data[key]), data[key], 0)))
        some = np.isfinite(values) & (values > 1e-12 * most)
        if not some.any():
            nothing.append(name)
            continue
        half = data["half_width"][row] if key == "variance" else np.zeros(len(values))
        points = (data["at"][some], values[some], half[some])
        curve_and_points(axes, name, points[:2], points, theme)
    return nothing


def _say(axes: Axes, lines: Sequence[str], theme: Theme) -> None:
    axes.annotate(
        "\n".join(lines),
        (0.02, 0.02),
        xycoords="axes fraction",
        fontsize=7.5,
        color=theme.muted,
        path_effects=theme.halo(),
    )

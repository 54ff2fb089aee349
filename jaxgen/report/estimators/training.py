"""The figure of a regression that every estimator trains."""

import numpy as np

from jaxgen.report.estimators.looks import (
    colour_of,
    curve_and_points,
    handle,
    whole_number,
    words,
)
from jaxgen.report.run import Arrays
from jaxgen.report.style import LIGHT, WIDTH, Figure, MultipleLocator, Theme

__all__ = ["regression"]


def regression(data: Arrays, *, theme: Theme = LIGHT) -> Figure:
    """Draws training curves and the variance along them.

    Args:
      data: `names`, `step` [points], `elbo` and `accuracy` [estimators, points], `best`
        [1], `at` [places], `variance` and `half_width` [estimators, places, 2].
      theme: the colours.

    Returns:
      The figure.
    """
    names = words(data["names"])
    with theme.applied():
        figure = Figure(figsize=(WIDTH, 5.6), layout="constrained")
        panels = figure.subplots(2, 2, sharex=True)
        gap = np.maximum(data["best"] - data["elbo"], 1e-3)
        steps, errors = _windows(data["step"], 1 - data["accuracy"])
        curves = (
            (panels[0, 0], data["step"], gap, "Nats below the best bound"),
            (panels[0, 1], steps, errors, "Rows misclassified, means over windows"),
        )
        for axes, along, values, title in curves:
            for name, line in zip(names, values, strict=True):
                axes.plot(along, line, color=colour_of(name, theme), linewidth=1.2)
            axes.set_title(title)
        panels[0, 0].set_yscale("log")
        # Most happens in the first steps; step 0 has its place too.
        first = float(data["step"][1])
        panels[0, 0].set_xscale("symlog", linthresh=first, linscale=0.4)
        panels[0, 0].set_xlim(0, 1.15 * data["step"][-1])
        panels[0, 1].set_ylim(0, 0.05)
        panels[0, 1].yaxis.set_major_locator(MultipleLocator(0.01))
        panels[0, 1].yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        titles = (
            "Variance of the gradient in the means",
            "Variance of the gradient in the log-scales",
        )
        for entry in (0, 1):
            axes = panels[1, entry]
            for row, name in enumerate(names):
                points = (
                    data["at"],
                    data["variance"][row, :, entry],
                    data["half_width"][row, :, entry],
                )
                curve_and_points(axes, name, points[:2], points, theme)
            axes.set_yscale("log")
            axes.set_title(titles[entry])
            axes.set_xlabel("step")
        for axes in panels.flat:
            axes.grid(axis="y")
            axes.tick_params(which="minor", length=0)
            axes.xaxis.set_major_formatter(whole_number)
        handles = [handle(name, theme) for name in names]
        figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return figure


def _windows(steps: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means over windows that grow with the step, some five to a factor of four.

    Rows that flip back and forth would else cover one another's lines.
    """
    window = np.round(2.5 * np.log2(np.maximum(steps, steps[1]) / steps[1])) + 1
    window[steps < steps[1]] = 0
    _, places, sizes = np.unique(window, return_inverse=True, return_counts=True)
    means = [np.bincount(places, weights=row) / sizes for row in (steps, *values)]
    return means[0], np.array(means[1:])

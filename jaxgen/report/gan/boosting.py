"""The figure of a mixture of GANs: what each component adds, and the modes found."""

from typing import Any

import numpy as np

from jaxgen.report import shapes
from jaxgen.report.plate import Plate
from jaxgen.report.run import Arrays, Run
from jaxgen.report.style import LIGHT, WIDTH, Axes, Figure, Theme

__all__ = ["mixture"]


def mixture(run: Run) -> Plate | None:
    """Samples of each component, and modes by the number of components."""
    data = shapes.read(
        run,
        "boosting",
        {
            **{"samples": "components shown 2", "real": "points 2", "modes": ""},
            **dict.fromkeys(("captured", "high_quality"), "components seeds"),
        },
    )
    if data is None:
        return None
    modes, means = int(data["modes"]), data["captured"].mean(axis=1)
    said = ", ".join(f"{mean:.1f}" for mean in means)
    caption = (
        "Above, for the seed with the median number of modes: the samples of each "
        "component over those of the components before it, grey, and over the data, "
        "orange. Read from left to right: each component goes where modes are "
        f"missing. Below: how many of the {modes} modes the mixture of the first "
        "components has, and the share of its samples within three standard deviations "
        f"of a mode. Small dots are the {data['captured'].shape[1]} seeds, the line is "
        "their mean. Look for a count that nears the dashed line while the quality "
        "stays: that is what boosting promises; quality that falls would mean modes "
        "bought with stray samples."
    )

    def draw(theme: Theme) -> Figure:
        return _drawn(data, theme=theme)

    return Plate(
        "boosting",
        "arrays/boosting.npz",
        "What each component adds",
        caption,
        f"A row of scatter plots, and modes by the number of components: {said}.",
        draw,
    )


def _drawn(data: Arrays, *, theme: Theme = LIGHT) -> Figure:
    samples, real, modes = data["samples"], data["real"], int(data["modes"])
    count = len(samples)
    side = WIDTH / max(count, 4)
    reach = 1.25 * float(np.abs(real).max())
    with theme.applied():
        figure = Figure(figsize=(WIDTH, side + 2.7), layout="constrained")
        halves: Any = figure.subfigures(2, 1, height_ratios=(side + 0.4, 2.3))
        above, below = halves
        panels = above.subplots(1, count, squeeze=False)[0]
        for number, axes in enumerate(panels):
            _points(axes, real, theme.test)
            _points(axes, samples[:number].reshape(-1, 2), theme.muted)
            _points(axes, samples[number], theme.train)
            axes.set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=[], yticks=[])
            axes.set_aspect("equal")
            axes.spines[:].set_visible(False)
            axes.set_title(f"component {number + 1}", fontsize=8, loc="center", pad=2)
        left, right = below.subplots(1, 2)
        _by_number(left, data["captured"], "Modes found", theme)
        left.set_ylim(0, 1.05 * modes)
        left.axhline(modes, color=theme.muted, linewidth=0.8, linestyle=(0, (4, 3)))
        _by_number(right, data["high_quality"], "Good samples", theme)
        right.set_ylim(0, 1.05)
    return figure


def _points(axes: Axes, points: np.ndarray, colour: str) -> None:
    axes.plot(*points.T, "o", color=colour, markersize=1.6, markeredgewidth=0)


def _by_number(axes: Axes, values: np.ndarray, title: str, theme: Theme) -> None:
    number = np.arange(1, len(values) + 1)
    # Seeds that agree would hide each other.
    beside = number[:, None] + np.linspace(-0.18, 0.18, values.shape[1])
    axes.plot(
        beside.ravel(),
        values.ravel(),
        "o",
        color=theme.muted,
        markersize=2.4,
        alpha=0.7,
        markeredgewidth=0,
    )
    axes.plot(number, values.mean(axis=1), "o-", color=theme.train, markersize=5)
    axes.set_title(title)
    axes.set_xlabel("components in the mixture")
    axes.set_xticks(number)

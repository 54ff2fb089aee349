"""The figure of disentanglement: scores over settings, and rate against distortion."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxgen.report.family.places import name_points
from jaxgen.report.style import LIGHT, WIDTH, Axes, Figure, Theme

__all__ = ["disentanglement"]


def disentanglement(
    names: Sequence[str],
    metrics: Sequence[str],
    scores: np.ndarray,
    kl: np.ndarray,
    reconstruction: np.ndarray,
    *,
    theme: Theme = LIGHT,
) -> Figure:
    """Draws every seed's scores, their medians, and rate against distortion.

    Args:
      names: the settings.
      metrics: the names of the scores.
      scores: [metrics, settings, seeds].
      kl: the rate in nats per image, [settings, seeds].
      reconstruction: the distortion in nats per image, [settings, seeds].
      theme: the colours.

    Returns:
      The figure.
    """
    looks = [theme.classed(index) for index in range(len(names))]
    with theme.applied():
        height = 0.75 + 0.26 * len(names)
        figure = Figure(figsize=(WIDTH, height + 2.8), layout="constrained")
        parts = figure.subfigures(
            2, 1, squeeze=False, height_ratios=(height, 2.8), hspace=0.06
        )
        upper, lower = parts[0, 0], parts[1, 0]
        for part in (upper, lower):
            part.set_facecolor(theme.paper)
        panels = upper.subplots(1, len(metrics), sharey=True, squeeze=False)[0]
        for axes, metric, values in zip(panels, metrics, scores, strict=True):
            _dots(axes, values, looks, theme)
            axes.set_title(metric)
        panels[0].set_yticks(range(len(names)), names)
        panels[0].set_ylim(len(names) - 0.5, -0.5)
        axes = lower.subplots()
        for row, look in enumerate(looks):
            axes.plot(kl[row], reconstruction[row], **_dot(look, theme))
        axes.set_title("Rate and distortion")
        axes.set_xlabel("KL (nats per image)")
        axes.set_ylabel("reconstruction (nats per image)")
        axes.grid()
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
        axes.margins(0.09)
        middles = np.stack([np.median(kl, 1), np.median(reconstruction, 1)], axis=1)
        every = np.stack([kl.ravel(), reconstruction.ravel()], axis=1)
        name_points(figure, axes, middles, names, every, theme)
    return figure


def _dots(
    axes: Axes, values: np.ndarray, looks: Sequence[tuple[str, str]], theme: Theme
) -> None:
    """One row a setting: a dot for each seed, a bar at their median."""
    seeds = values.shape[1]
    # Seeds of nearly the same score lie above each other, in the order of the seeds.
    lift = np.linspace(-0.2, 0.2, seeds) if seeds > 1 else np.zeros(1)
    for row, look in enumerate(looks):
        axes.plot(values[row], row + lift, **_dot(look, theme))
        middle = float(np.median(values[row]))
        axes.plot(
            [middle, middle],
            [row - 0.38, row + 0.38],
            color=theme.ink,
            linewidth=1.6,
            solid_capstyle="butt",
        )
    low, high = min(0.0, float(values.min())), float(values.max())
    axes.set_xlim(low - 0.04 * (high - low), high + 0.08 * (high - low or 1.0))
    axes.locator_params(axis="x", nbins=3)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.grid()
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.tick_params(axis="y", labelcolor=theme.ink)


def _dot(look: tuple[str, str], theme: Theme) -> dict[str, Any]:
    colour, marker = look
    edge = {"markeredgecolor": theme.paper, "markeredgewidth": 0.4}
    shape = {"linestyle": "", "marker": marker, "markersize": 4.2}
    return {"color": colour, "alpha": 0.9, **shape, **edge}

"""Axes of curves by method over the number of training pairs, and their means."""

from collections.abc import Sequence

import numpy as np

from jaxgen.report.style import Axes, Figure, Line2D, Theme

__all__ = ["colour", "curve", "legend", "over_pairs"]

_COLOURS = (6, 7, 8, 1, 3, 9)
"""Of the methods, among those of the theme's classes."""


def colour(theme: Theme, place: int) -> str:
    """The colour of a method.

    Args:
      theme: the colours.
      place: of the method among all of them.
    """
    return theme.classes[_COLOURS[place % len(_COLOURS)]]


def curve(
    axes: Axes,
    at: np.ndarray,
    means: np.ndarray,
    seeds: np.ndarray,
    shade: str,
    *,
    reach: np.ndarray | None = None,
) -> None:
    """Draws the curve of a method: a mean for each share, and the seeds as dots.

    Args:
      axes: the panel.
      at: where the shares lie, [shares].
      means: over the seeds, [shares].
      seeds: [shares, seeds]; a single one is its mean.
      shade: the colour.
      reach: how far an interval goes below and above its mean, [2, shares].
    """
    axes.errorbar(
        at,
        means,
        yerr=reach,
        color=shade,
        marker="o",
        markersize=4.5,
        linewidth=1.5,
        elinewidth=1.0,
        capsize=2,
    )
    if seeds.shape[1] > 1:
        dots = np.repeat(at, seeds.shape[1])
        axes.plot(dots, seeds.ravel(), "o", color=shade, markersize=2, alpha=0.55)


def over_pairs(axes: Axes, pairs: np.ndarray, labels: Sequence[str]) -> None:
    """Makes the axis below logarithmic, with a mark at each share.

    Args:
      axes: the panel.
      pairs: training pairs of the shares.
      labels: what stands at each mark.
    """
    axes.set_xscale("log")
    axes.set_xticks(pairs, labels)
    axes.tick_params(axis="x", which="minor", length=0, labelbottom=False)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y")
    axes.spines["left"].set_visible(False)


def legend(figure: Figure, names: Sequence[str], theme: Theme, *, most: int) -> None:
    """Names the methods above the panels, so many a line at most."""
    handles = [
        Line2D(
            [],
            [],
            color=colour(theme, place),
            marker="o",
            markersize=4.5,
            label=name,
        )
        for place, name in enumerate(names)
    ]
    figure.legend(
        handles=handles, loc="outside upper center", ncols=min(len(names), most)
    )

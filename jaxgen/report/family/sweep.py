"""The figure of a sweep over the weight of a divergence."""

import re
from collections.abc import Sequence

import numpy as np

from jaxgen.report.style import LIGHT, WIDTH, Axes, Figure, Theme

__all__ = ["sweep"]


def sweep(
    names: Sequence[str],
    weight: np.ndarray,
    nll: np.ndarray,
    nll_error: np.ndarray,
    reconstruction: np.ndarray,
    divergence: np.ndarray,
    *,
    theme: Theme = LIGHT,
) -> Figure:
    """Draws the NLL of each model, and its two terms against the weight.

    Args:
      names: one a model, such as "CS, lambda 2"; models whose names differ in the
        weight alone are joined by a line.
      weight: lambda of each model, [models]; 0 where it has none.
      nll: nats per image, [models].
      nll_error: its standard error, [models]; the 99 % interval is drawn.
      reconstruction: nats per image, [models].
      divergence: nats per image, [models].
      theme: the colours.

    Returns:
      The figure.
    """
    kinds = [_kind(name) for name in names]
    every = list(dict.fromkeys(kinds))
    colour = {
        kind: theme.classed((6, 7, 3, 0)[i % 4])[0] for i, kind in enumerate(every)
    }
    with theme.applied():
        height = max(2.5, 0.8 + 0.27 * len(names))
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        left, middle, right = figure.subplots(1, 3, width_ratios=(1.25, 1, 1))
        order = range(len(names))
        for row in order:
            left.errorbar(
                nll[row],
                row,
                xerr=2.58 * nll_error[row],
                fmt="o",
                color=colour[kinds[row]],
                markersize=4.5,
                elinewidth=1.3,
                capsize=2.5,
            )
        left.set_yticks(order, names)
        left.set_ylim(len(names) - 0.4, -0.6)
        left.tick_params(axis="y", labelcolor=theme.ink)
        left.set_title("Negative log-likelihood")
        left.set_xlabel("nats per image")
        left.margins(x=0.12)
        left.locator_params(axis="x", nbins=5)
        for axes, values, title in (
            (middle, reconstruction, "Reconstruction"),
            (right, divergence, "Divergence"),
        ):
            _against(axes, weight, values, kinds, colour, theme)
            axes.set_title(title)
            axes.set_xlabel("\N{GREEK SMALL LETTER LAMDA}")
        middle.set_ylabel("nats per image")
        for axes in (left, middle, right):
            axes.grid()
            axes.spines[:].set_visible(False)
            axes.tick_params(which="both", length=0)
    return figure


def _against(
    axes: Axes, weight: np.ndarray, values: np.ndarray, kinds, colour, theme: Theme
) -> None:
    """Lines over the weight; what has no weight is a level."""
    weighted = weight > 0
    lowest = values[~weighted].min() if (~weighted).sum() > 1 else -np.inf
    for kind, tint in colour.items():
        mine = np.array([k == kind for k in kinds])
        some = mine & weighted
        if some.any():
            order = np.argsort(weight[some])
            axes.plot(
                weight[some][order],
                values[some][order],
                "o-",
                color=tint,
                markersize=4.5,
                markeredgecolor=theme.paper,
                markeredgewidth=0.5,
                label=kind,
            )
        for value in values[mine & ~weighted]:
            axes.axhline(value, color=tint, linewidth=1.1, linestyle=(0, (4, 3)))
            # Labels of two levels that are close would overlap.
            below = value == lowest
            axes.annotate(
                kind,
                (1, value),
                xycoords=("axes fraction", "data"),
                xytext=(-1, -3 if below else 3),
                textcoords="offset points",
                ha="right",
                va="top" if below else "baseline",
                fontsize=8,
                color=tint,
                path_effects=theme.halo(),
            )
    if not weighted.any():
        return
    axes.set_xscale("log")
    ticks = np.unique(weight[weighted])
    if len(ticks) <= 5:
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.set_xticks([], minor=True)
    axes.margins(x=0.08, y=0.12)


def _kind(name: str) -> str:
    """A model's name without its weight."""
    bare = re.sub(
        r"[, ]*(lambda|\N{GREEK SMALL LETTER LAMDA})\s*=?\s*[\d.e+-]+", "", name
    )
    return bare.strip(" ,") or name

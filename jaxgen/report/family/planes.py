"""The figure of the latent planes of several models."""

import math
from collections.abc import Sequence

import numpy as np

from jaxgen.report.frames import legend_columns
from jaxgen.report.style import LIGHT, WIDTH, Figure, Line2D, Theme

__all__ = ["planes"]


def planes(
    mean: np.ndarray,
    label: np.ndarray,
    names: Sequence[str],
    class_names: Sequence[str],
    *,
    prior_means: np.ndarray | None = None,
    theme: Theme = LIGHT,
) -> Figure:
    """Draws the test latents of each model, coloured by class.

    Args:
      mean: latent means, [models, N, 2].
      label: the classes, [N] int.
      names: one a model.
      class_names: one a class.
      prior_means: the means of the prior's components, [models, components, 2];
        those that are not finite are left out.
      theme: the colours.

    Returns:
      The figure.
    """
    number = len(names)
    across = number if number <= 3 else math.ceil(number / math.ceil(number / 4))
    lines = math.ceil(number / across)
    side = min((WIDTH - 0.1) / across, 3.6)
    order = np.random.default_rng(0).permutation(len(label))
    classes = [int(c) for c in np.unique(label)]
    colours = np.array([theme.classed(int(c))[0] for c in label])
    size = float(np.clip(180 / across / math.sqrt(len(label)), 0.8, 8))
    # Bold letters take some 0.075 inches; a name that is too long goes on below.
    long = 0.075 * max(map(len, names)) > side - 0.4
    titles = [name.replace(", ", ",\n") if long else name for name in names]
    with theme.applied():
        figure = Figure(
            figsize=(WIDTH, 0.6 + lines * (side + (0.4 if long else 0.25))),
            layout="constrained",
        )
        places = figure.subplots(lines, across, squeeze=False).flat
        for index, axes in enumerate(places):
            if index >= number:
                axes.remove()
                continue
            points = mean[index]
            axes.scatter(
                *points[order].T, s=size, c=colours[order], linewidths=0, alpha=0.8
            )
            if prior_means is not None:
                axes.plot(
                    *prior_means[index].T,
                    linestyle="",
                    marker="P",
                    markersize=6,
                    color=theme.ink,
                    markeredgecolor=theme.paper,
                    markeredgewidth=0.7,
                )
            axes.set_title(titles[index])
            _square(axes, points)
            axes.locator_params(nbins=5, steps=[1, 2, 5, 10])
            axes.spines[:].set_visible(False)
            axes.tick_params(length=0)
            axes.grid()
        handles = [
            Line2D([], [], color=theme.classed(c)[0], marker="o", linestyle="", label=n)
            for c, n in ((c, class_names[c]) for c in classes)
        ]
        if prior_means is not None:
            mark = {"color": theme.ink, "marker": "P", "linestyle": "", "markersize": 6}
            handles.append(Line2D([], [], label="component of the prior", **mark))
        figure.legend(
            handles=handles,
            loc="outside lower center",
            ncols=legend_columns([str(handle.get_label()) for handle in handles]),
            handletextpad=0.1,
            columnspacing=1.0,
        )
    return figure


def _square(axes, points: np.ndarray) -> None:
    """Equal units, and all points but the farthest few inside."""
    low, high = np.percentile(points, [0.2, 99.8], axis=0)
    middle, half = (low + high) / 2, 0.57 * float((high - low).max() or 1.0)
    axes.set_xlim(middle[0] - half, middle[0] + half)
    axes.set_ylim(middle[1] - half, middle[1] + half)
    axes.set_box_aspect(1)

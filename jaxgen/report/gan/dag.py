"""Figures of augmentation for GANs of few data: what leaks, and what it is worth."""

import numpy as np

from jaxgen.report import shapes
from jaxgen.report.family.tables import table
from jaxgen.report.plate import Plate
from jaxgen.report.run import Arrays, Run
from jaxgen.report.style import LIGHT, WIDTH, Axes, Figure, Line2D, Theme

__all__ = ["leak", "leak_and_distance", "samples"]

_COLOURS = (6, 8, 1)
"""Of the shares of the data, from the smallest."""


def samples(run: Run) -> Plate | None:
    """Samples of every method, in rows."""
    data = shapes.read(
        run,
        "dag_samples",
        {"images": "rows columns height width channels", "share": ""},
        words={"names": "rows"},
    )
    if data is None:
        return None
    names, share = shapes.texts(data["names"]), float(data["share"])
    caption = (
        f"Training images in the first row, then samples of each model, trained on "
        f"{share:.0%} of the images; nothing was picked. Look for samples that stand "
        "on their head or lie on their side: no training image does."
    )

    def draw(theme: Theme) -> Figure:
        return table(data["images"], rows=names, apart=1, theme=theme)

    return Plate(
        "dag_samples",
        "arrays/dag_samples.npz",
        "Samples by the way augmentation is used",
        caption,
        f"Rows of images: {', '.join(names)}.",
        draw,
    )


def leak(run: Run) -> Plate | None:
    """Leak rates and Frechet distances of every method and share."""
    cells = "shares methods"
    data = shapes.read(
        run,
        "dag",
        {
            "shares": "shares",
            "leak": f"{cells} 3",
            "leaks": f"{cells} seeds",
            "distances": f"{cells} seeds",
        },
        words={"names": "methods", "transforms": ""},
    )
    if data is None:
        return None
    names = shapes.texts(data["names"])
    shares = ", ".join(f"{share:.0%}" for share in data["shares"])
    caption = (
        f"On the left the share of samples that are transformed "
        f"({data['transforms']}), as a classifier sees it: large dots are the samples "
        "of all seeds, with 95% intervals over samples, small ones those of each "
        "seed. On the right the Frechet distance to all training images. The colours "
        f"are {shares} of the images. Look for rows that are left in both: they learn "
        "from the transforms and draw none of them."
    )
    rates = "; ".join(
        f"{name} "
        + ", ".join(f"{100 * rate:.0f} %" for rate in data["leak"][:, place, 0])
        for place, name in enumerate(names)
    )

    def draw(theme: Theme) -> Figure:
        return leak_and_distance(data, theme=theme)

    return Plate(
        "dag_leak",
        "arrays/dag.npz",
        "What leaks, and what it is worth",
        caption,
        f"Leak rates, by share of the images: {rates}.",
        draw,
    )


def leak_and_distance(data: Arrays, *, theme: Theme = LIGHT) -> Figure:
    """Draws leak rates beside Frechet distances, a row for each method.

    Args:
      data: `names` [methods], `shares` [shares], `leak` [shares, methods, 3] with
        value, low and high, `leaks` and `distances` [shares, methods, seeds].
      theme: the colours.

    Returns:
      The figure.
    """
    names, order = shapes.texts(data["names"]), np.argsort(data["shares"])
    rows = np.arange(len(names))
    with theme.applied():
        height = 1.1 + 0.42 * len(names)
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        handles = []
        for place, share in enumerate(order):
            shade = theme.classes[_COLOURS[place % len(_COLOURS)]]
            at = rows + 0.22 * (place - (len(order) - 1) / 2)
            rate, low, high = 100 * data["leak"][share].T
            _dots(left, 100 * data["leaks"][share], at, shade)
            left.errorbar(
                rate,
                at,
                xerr=np.maximum([rate - low, high - rate], 0),
                fmt="o",
                color=shade,
                markersize=5,
                markeredgecolor=theme.paper,
                markeredgewidth=0.5,
                elinewidth=1.1,
            )
            _dots(right, data["distances"][share], at, shade)
            right.plot(
                data["distances"][share].mean(axis=-1),
                at,
                "o",
                color=shade,
                markersize=5,
                markeredgecolor=theme.paper,
                markeredgewidth=0.5,
            )
            label = f"{data['shares'][share]:.0%} of the images"
            handles.append(
                Line2D([], [], marker="o", linestyle="none", color=shade, label=label)
            )
        left.set_yticks(rows, names)
        left.tick_params(axis="y", length=0, labelcolor=theme.ink)
        left.set_ylim(len(names) - 0.5, -0.5)
        left.set_xlim(-2, 102)
        left.set_title("Leak rate, % of samples")
        right.set_title("Frechet distance to the data")
        right.set_xlim(0, None)
        for axes in (left, right):
            axes.grid(axis="x")
            axes.tick_params(axis="y", length=0)
            axes.spines["left"].set_visible(False)
            for row in rows[1:]:
                axes.axhline(row - 0.5, color=theme.rule, linewidth=0.6)
        figure.legend(handles=handles, loc="outside upper center", ncols=len(order))
    return figure


def _dots(axes: Axes, values: np.ndarray, at: np.ndarray, shade: str) -> None:
    if values.shape[1] > 1:
        places = np.repeat(at, values.shape[1])
        axes.plot(values.ravel(), places, "o", color=shade, markersize=2.2, alpha=0.6)

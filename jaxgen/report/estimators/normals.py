"""Figures of gradients in the parameters of a normal."""

import numpy as np

from jaxgen.report.estimators.looks import (
    colour_of,
    curve_and_points,
    handle,
    plain_number,
    words,
)
from jaxgen.report.run import Arrays
from jaxgen.report.style import LIGHT, WIDTH, Axes, Figure, MultipleLocator, Theme

__all__ = ["integrands", "three_ways"]

_INTEGRANDS = (
    ("square", "(x \N{MINUS SIGN} k)²", False),
    ("bell", "exp(\N{MINUS SIGN}k x²)", True),
    ("cosine", "cos kx", True),
)


def three_ways(data: Arrays, *, theme: Theme = LIGHT) -> Figure:
    """Draws histograms of single gradients, one ridge an estimator.

    Args:
      data: `edges`, `counts` [integrands, estimators, bins], `mean`, `variance` and
        `exact_variance` [integrands, estimators], `truth`, `names`, `setting`.
      theme: the colours.

    Returns:
      The figure.
    """
    names, edges = words(data["names"]), data["edges"]
    centres = (edges[1:] + edges[:-1]) / 2
    titles = ("f = m z", "f = (m z)²")
    with theme.applied():
        figure = Figure(figsize=(WIDTH, 0.62 * len(names) + 0.75), layout="constrained")
        panels = figure.subplots(1, 2, squeeze=False)[0]
        for index, (axes, title) in enumerate(zip(panels, titles, strict=True)):
            truth = float(data["truth"][index])
            axes.axvline(truth, color=theme.muted, linewidth=0.8, linestyle=(0, (3, 3)))
            half = 5.0 if index == 0 else 10.0
            for row, name in enumerate(names):
                colour, base = colour_of(name, theme), len(names) - 1 - row
                heights = data["counts"][index, row].astype(float)
                heights = 0.8 * heights / max(heights.max(), 1)
                axes.fill_between(
                    centres,
                    base,
                    base + heights,
                    step="mid",
                    color=colour,
                    linewidth=0,
                    alpha=0.75,
                )
                axes.plot(edges[[0, -1]], [base, base], color=colour, linewidth=0.8)
                _spread_mark(axes, data, index, row, base, theme)
                exact = float(data["exact_variance"][index, row])
                axes.annotate(
                    f"variance {_short(float(data['variance'][index, row]))}"
                    f"\nexact {_short(exact)}",
                    (1, base + 0.16),
                    xycoords=("axes fraction", "data"),
                    ha="right",
                    fontsize=7.5,
                    linespacing=1.15,
                    color=theme.muted,
                    path_effects=theme.halo(),
                )
            axes.set_xlim(truth - half, truth + half)
            axes.set_ylim(-0.25, len(names) - 0.05)
            axes.set_title(title)
            axes.xaxis.set_major_locator(MultipleLocator(half / 2.5))
            axes.set_xlabel("gradient in the mean of z, one draw")
            axes.set_yticks([])
            axes.spines["left"].set_visible(False)
        panels[0].set_yticks(
            [len(names) - 0.75 - row for row in range(len(names))],
            [name.replace(", ", ",\n") for name in names],
        )
        panels[0].tick_params(axis="y", length=0, labelcolor=theme.ink)
    return figure


def integrands(data: Arrays, *, theme: Theme = LIGHT) -> Figure:
    """Draws variances against k: exact curves, and points with 99 % intervals.

    Args:
      data: for each of "square", "bell" and "cosine" the arrays `NAME_k` [curve],
        `NAME_exact` [estimators, curve, 2], `NAME_points` [points], `NAME_measured` and
        `NAME_half_width` [estimators, points, 2]; and `names`. The last axis is the
        gradient in the mean and in the scale. `cosine_zeros` are the k
        at which the coupled curve falls to 0 in the upper panel of "cosine".
      theme: the colours.

    Returns:
      The figure.
    """
    names = words(data["names"])
    shown = [name for name in names if name != "score, optimal baseline"]
    with theme.applied():
        figure = Figure(figsize=(WIDTH, 5.4), layout="constrained")
        panels = figure.subplots(2, 3, sharex="col")
        for column, (key, title, logarithmic) in enumerate(_INTEGRANDS):
            for entry in (0, 1):
                axes = panels[entry, column]
                for name in shown:
                    row = names.index(name)
                    curve_and_points(
                        axes,
                        name,
                        (data[f"{key}_k"], data[f"{key}_exact"][row, :, entry]),
                        (
                            data[f"{key}_points"],
                            data[f"{key}_measured"][row, :, entry],
                            data[f"{key}_half_width"][row, :, entry],
                        ),
                        theme,
                    )
                axes.set_yscale("log")
                # Where a curve falls to 0 it leaves the panel, which all points share.
                points = data[f"{key}_measured"][..., entry]
                some = points[points > 1e-9 * points.max()]
                axes.set_ylim(some.min() / 2.5, 1.6 * points.max())
                if logarithmic:
                    axes.set_xscale("log")
                    axes.xaxis.set_major_formatter(plain_number)
                axes.grid(axis="y")
                axes.tick_params(which="minor", length=0)
            panels[0, column].set_title(f"f = {title}")
            panels[1, column].set_xlabel("k")
        panels[0, 0].set_ylabel("variance of the gradient in \N{GREEK SMALL LETTER MU}")
        panels[1, 0].set_ylabel(
            "variance of the gradient in \N{GREEK SMALL LETTER SIGMA}"
        )
        _mark_ratio(panels[0, 2], data, names, theme)
        _mark_zeros(panels[0, 2], data["cosine_zeros"], theme)
        handles = [handle(name, theme) for name in shown]
        figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return figure


def _spread_mark(
    axes: Axes, data: Arrays, index: int, row: int, base: float, theme: Theme
) -> None:
    """The measured mean, and a standard deviation to either side, under a ridge."""
    mean = float(data["mean"][index, row])
    reach = float(np.sqrt(data["variance"][index, row]))
    axes.plot(
        [mean - reach, mean + reach],
        [base - 0.09] * 2,
        color=theme.ink,
        linewidth=1.1,
        solid_capstyle="butt",
    )
    axes.plot(mean, base - 0.09, "o", color=theme.ink, markersize=2.8)


def _mark_ratio(axes: Axes, data: Arrays, names: list[str], theme: Theme) -> None:
    """Says how much worse the pathwise gradient is at cos 5x."""
    k = data["cosine_k"]
    low, high = (
        float(np.exp(np.interp(np.log(5.0), np.log(k), np.log(line))))
        for line in (
            data["cosine_exact"][names.index(name), :, 0]
            for name in ("score", "pathwise")
        )
    )
    arrow = {"arrowstyle": "<->", "color": theme.ink, "linewidth": 0.9}
    axes.annotate("", (5, low), (5, high), arrowprops={**arrow, "shrinkB": 0})
    axes.annotate(
        f"{high / low:.0f}×",
        (5, np.sqrt(low * high)),
        xytext=(-4, 0),
        textcoords="offset points",
        ha="right",
        va="center",
        fontweight="bold",
        path_effects=theme.halo(),
    )


def _mark_zeros(axes: Axes, zeros: np.ndarray, theme: Theme) -> None:
    """Says, before the first of them, at which multiples of pi a curve is 0."""
    times = (round(float(zero / np.pi)) for zero in zeros)
    said = ", ".join(f"{n if n > 1 else ''}\N{GREEK SMALL LETTER PI}" for n in times)
    axes.annotate(
        f"0 at {said}",
        (float(zeros.min()), 0),
        xycoords=("data", "axes fraction"),
        xytext=(-3, 4),
        textcoords="offset points",
        ha="right",
        fontsize=7.5,
        color=theme.muted,
    )


def _short(value: float) -> str:
    return "0" if abs(value) < 1e-12 else f"{value:.3g}"

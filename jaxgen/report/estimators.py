"""Figures of gradient estimators: what one draw is like, and what it costs."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxgen.report.run import Arrays
from jaxgen.report.style import (
    LIGHT,
    WIDTH,
    Axes,
    Figure,
    Line2D,
    MultipleLocator,
    Theme,
)

# Colour (its place among the classes), marker and line of each estimator, the same in
# every figure. Two share a colour only where no panel shows both.
_LOOKS = {
    "score": (7, "o", "-"),
    "score, mean baseline": (1, "s", "-"),
    "score, moving average": (1, "s", "-"),
    "score, optimal baseline": (3, "D", "-"),
    "score, delta method": (8, "^", "-"),
    "measure-valued, uncoupled": (2, "v", "-"),
    "measure-valued, coupled": (9, "P", "-"),
    "measure-valued": (9, "P", "-"),
    "pathwise": (6, "X", "-"),
    "leave-one-out, 2": (1, "s", "-"),
    "leave-one-out, 4": (1, "D", (0, (5, 2))),
    "ARM": (5, "<", "-"),
    "DisARM": (0, ">", "-"),
    "REBAR": (8, "^", (0, (1, 1.5))),
    "double CV": (3, "v", (0, (1, 1.5))),
    "Gumbel-Softmax": (2, "o", "-"),
    "Gumbel-Rao": (6, "s", "-"),
    "straight-through": (4, "^", "-"),
    "ReinMax": (3, "D", "-"),
}
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
    names, edges = _words(data["names"]), data["edges"]
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
                colour, base = _colour(name, theme), len(names) - 1 - row
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
        gradient in the mean and in the scale.
      theme: the colours.

    Returns:
      The figure.
    """
    names = _words(data["names"])
    shown = [name for name in names if name != "score, optimal baseline"]
    with theme.applied():
        figure = Figure(figsize=(WIDTH, 5.4), layout="constrained")
        panels = figure.subplots(2, 3, sharex="col")
        for column, (key, title, logarithmic) in enumerate(_INTEGRANDS):
            for entry in (0, 1):
                axes = panels[entry, column]
                for name in shown:
                    row = names.index(name)
                    _curve_and_points(
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
                # Where a curve falls to 0 it leaves the panel, not the others' shape.
                points = data[f"{key}_measured"][..., entry]
                some = points[points > 1e-6 * points.max()]
                axes.set_ylim(some.min() / 2.5, 1.6 * points.max())
                if logarithmic:
                    axes.set_xscale("log")
                    axes.xaxis.set_major_formatter(_plain_number)
                axes.grid(axis="y")
                axes.tick_params(which="minor", length=0)
            panels[0, column].set_title(f"f = {title}")
            panels[1, column].set_xlabel("k")
        panels[0, 0].set_ylabel("variance, gradient in the mean")
        panels[1, 0].set_ylabel("variance, gradient in the scale")
        _mark_ratio(panels[0, 2], data, names, theme)
        handles = [_handle(name, theme) for name in shown]
        figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return figure


def bernoulli(data: Arrays, *, theme: Theme = LIGHT) -> Figure:
    """Draws cost and bias against the number of coins.

    Args:
      data: `numbers` [coins], `names`, `variance` and `half_width` [estimators,
        problems, coins], `evaluations` [estimators, coins], `exact` [of exact_names,
        problems, coins], `exact_names`, and for the `biased`: `bias` and
        `bias_half_width`.
      theme: the colours.

    Returns:
      The figure.
    """
    numbers = data["numbers"]
    titles = (
        "f = mean of (b \N{MINUS SIGN} t)²: coins apart",
        "f = cos(2u + 1): all coins act together",
    )
    with theme.applied():
        figure = Figure(figsize=(WIDTH, 6.3), layout="constrained")
        panels = figure.subplots(2, 2, sharex=True, height_ratios=(1.5, 1))
        for problem in (0, 1):
            _coin_variances(figure, panels[0, problem], data, problem, theme)
            panels[0, problem].set_title(titles[problem])
            _coin_biases(figure, panels[1, problem], data, problem, theme)
            panels[1, problem].set_xlabel("number of coins D")
        panels[1, 0].set_xscale("log")
        panels[1, 0].set_xticks(numbers, [str(n) for n in numbers])
        panels[0, 0].set_ylabel("total variance × evaluations of f")
        panels[1, 0].set_ylabel("bias / true gradient")
        for axes in panels.flat:
            axes.tick_params(which="minor", length=0)
            axes.grid(axis="y")
    return figure


def regression(data: Arrays, *, theme: Theme = LIGHT) -> Figure:
    """Draws training curves and the variance along them.

    Args:
      data: `names`, `step` [points], `elbo` and `accuracy` [estimators, points], `best`
        [1], `at` [places], `variance` and `half_width` [estimators, places, 2].
      theme: the colours.

    Returns:
      The figure.
    """
    names = _words(data["names"])
    with theme.applied():
        figure = Figure(figsize=(WIDTH, 5.6), layout="constrained")
        panels = figure.subplots(2, 2, sharex=True)
        gap = np.maximum(data["best"] - data["elbo"], 1e-3)
        curves = (
            (panels[0, 0], gap, "Nats below the best bound"),
            (panels[0, 1], 1 - data["accuracy"], "Rows misclassified"),
        )
        for axes, values, title in curves:
            for name, line in zip(names, values, strict=True):
                colour = _colour(name, theme)
                axes.plot(data["step"], line, color=colour, linewidth=1.0)
            axes.set_title(title)
        panels[0, 0].set_yscale("log")
        # Most happens in the first steps; step 0 has its place too.
        first = float(data["step"][1])
        panels[0, 0].set_xscale("symlog", linthresh=first, linscale=0.4)
        panels[0, 0].set_xlim(0, 1.15 * data["step"][-1])
        panels[0, 1].set_ylim(0, 0.05)
        panels[0, 1].yaxis.set_major_locator(MultipleLocator(0.01))
        panels[0, 1].yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        titles = ("Variance, gradient in the means", "Variance, gradient in log-scales")
        for entry in (0, 1):
            axes = panels[1, entry]
            for row, name in enumerate(names):
                points = (
                    data["at"],
                    data["variance"][row, :, entry],
                    data["half_width"][row, :, entry],
                )
                _curve_and_points(axes, name, points[:2], points, theme)
            axes.set_yscale("log")
            axes.set_title(titles[entry])
            axes.set_xlabel("step")
        for axes in panels.flat:
            axes.grid(axis="y")
            axes.tick_params(which="minor", length=0)
            axes.xaxis.set_major_formatter(_whole_number)
        handles = [_handle(name, theme) for name in names]
        figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return figure


def _coin_variances(
    figure: Figure, axes: Axes, data: Arrays, problem: int, theme: Theme
) -> None:
    numbers, exact_names = data["numbers"], _words(data["exact_names"])
    ends, without = [], []
    for row, name in enumerate(_words(data["names"])):
        cost = data["evaluations"][row]
        measured = data["variance"][row, problem] * cost
        lines = measured
        if name in exact_names:
            lines = data["exact"][exact_names.index(name), problem] * cost
        # What is left where the variance is 0 is rounding; a logarithm has no 0.
        some = lines > 1e-9
        if not some.any():
            without.append(name)
            continue
        points = (numbers, measured, data["half_width"][row, problem] * cost)
        _curve_and_points(
            axes,
            name,
            (numbers[some], lines[some]),
            tuple(part[some] for part in points),
            theme,
        )
        ends.append((float(lines[some][-1]), name))
    axes.set_yscale("log")
    if without:
        low, high = axes.get_ylim()
        axes.set_ylim(low * (low / high) ** 0.07, high)
        axes.annotate(
            f"{', '.join(without)}: no variance",
            (0.03, 0.03),
            xycoords="axes fraction",
            fontsize=8,
            color=theme.muted,
        )
    _label_ends(figure, axes, ends, theme)


def _coin_biases(
    figure: Figure, axes: Axes, data: Arrays, problem: int, theme: Theme
) -> None:
    ends = []
    axes.axhline(0, color=theme.muted, linewidth=0.8)
    axes.axhspan(-1e3, -1, color=theme.rule, alpha=0.5, linewidth=0)
    for row, name in enumerate(_words(data["biased"])):
        bias = data["bias"][row, problem]
        points = (data["numbers"], bias, data["bias_half_width"][row, problem])
        _curve_and_points(axes, name, points[:2], points, theme, hollow=True)
        ends.append((float(bias[-1]), name))
    axes.yaxis.set_major_formatter(
        lambda value, _: (
            f"{value:+.0%}".replace("-", "\N{MINUS SIGN}") if value else "0"
        )
    )
    low, high = float(data["bias"].min()), float(data["bias"].max())
    axes.set_ylim(low - 0.5, high + 0.4)
    axes.annotate(
        "wrong sign",
        (0.98, -3.0),
        xycoords=("axes fraction", "data"),
        ha="right",
        va="center",
        fontsize=8,
        color=theme.muted,
    )
    _label_ends(figure, axes, ends, theme)


def _curve_and_points(
    axes: Axes,
    name: str,
    curve: Sequence[np.ndarray],
    points: Sequence[np.ndarray],
    theme: Theme,
    hollow: bool = False,
) -> None:
    _, marker, line = _look(name)
    colour = _colour(name, theme)
    axes.plot(*curve, color=colour, linestyle=line, linewidth=1.3)
    axes.errorbar(
        *points,
        fmt=marker,
        color=colour,
        markersize=3.8,
        markerfacecolor=theme.paper if hollow else colour,
        markeredgecolor=colour if hollow else theme.paper,
        markeredgewidth=1.0 if hollow else 0.4,
        elinewidth=0.9,
    )


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


def _label_ends(
    figure: Figure, axes: Axes, ends: list[tuple[float, str]], theme: Theme
) -> None:
    """Names each curve to the right of its end, apart enough to be read."""
    if not ends:
        return
    figure.draw_without_rendering()
    place = axes.transData + axes.transAxes.inverted()
    x = axes.get_xlim()[1]
    ends = sorted(ends)
    wanted = [float(place.transform((x, value))[1]) for value, _ in ends]
    inches = axes.get_position().height * figure.get_size_inches()[1]
    gap = 0.135 / inches
    heights = _apart(wanted, gap)
    for (value, name), height in zip(ends, heights, strict=True):
        axes.annotate(
            name,
            (1, float(place.transform((x, value))[1])),
            xytext=(1.08, height),
            xycoords="axes fraction",
            textcoords="axes fraction",
            fontsize=7.5,
            va="center",
            color=theme.ink,
            arrowprops={
                "arrowstyle": "-",
                "color": _colour(name, theme),
                "linewidth": 1.0,
                "relpos": (0, 0.5),
                "shrinkA": 1,
                "shrinkB": 0,
            },
        )


def _apart(wanted: list[float], gap: float) -> list[float]:
    """Moves heights, given in order, until they are `gap` apart and within 0 and 1."""
    places = np.array(wanted)
    for _ in range(500):
        places = np.clip(places, 0.02, 0.98)
        lack = np.maximum(gap - np.diff(places), 0) / 2
        if not (lack > 1e-4).any():
            break
        places[:-1] -= lack
        places[1:] += lack
    return places.tolist()


def _handle(name: str, theme: Theme) -> Line2D:
    _, marker, line = _look(name)
    return Line2D(
        [],
        [],
        color=_colour(name, theme),
        marker=marker,
        linestyle=line,
        markersize=4.5,
        markeredgecolor=theme.paper,
        markeredgewidth=0.4,
        label=name,
    )


def _look(name: str) -> tuple[int, str, Any]:
    return _LOOKS.get(name, (0, "o", "-"))


def _colour(name: str, theme: Theme) -> str:
    return theme.classes[_look(name)[0] % len(theme.classes)]


def _words(names: np.ndarray) -> list[str]:
    return [str(name) for name in names]


def _short(value: float) -> str:
    return "0" if abs(value) < 1e-12 else f"{value:.3g}"


def _whole_number(value: float, _: Any) -> str:
    return f"{value:,.0f}"


def _plain_number(value: float, _: Any) -> str:
    return f"{value:g}"

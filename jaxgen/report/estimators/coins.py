"""The figure of gradients in the logits of coins."""

from jaxgen.report.estimators.looks import colour_of, curve_and_points, words
from jaxgen.report.run import Arrays
from jaxgen.report.style import LIGHT, WIDTH, Axes, Figure, Theme, label_ends

__all__ = ["bernoulli"]


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


def _coin_variances(
    figure: Figure, axes: Axes, data: Arrays, problem: int, theme: Theme
) -> None:
    numbers, exact_names = data["numbers"], words(data["exact_names"])
    ends, without = [], {}
    for row, name in enumerate(words(data["names"])):
        cost = data["evaluations"][row]
        measured = data["variance"][row, problem] * cost
        lines = measured
        if name in exact_names:
            lines = data["exact"][exact_names.index(name), problem] * cost
        # What is left where the variance is 0 is rounding; a logarithm has no 0.
        some = lines > 1e-9
        if not some.all():
            at = ", ".join(str(number) for number in numbers[~some])
            without[name] = f" at D = {at}" if some.any() else ""
        if not some.any():
            continue
        points = (numbers, measured, data["half_width"][row, problem] * cost)
        curve_and_points(
            axes,
            name,
            (numbers[some], lines[some]),
            tuple(part[some] for part in points),
            theme,
        )
        ends.append((float(lines[some][-1]), name, colour_of(name, theme)))
    axes.set_yscale("log")
    if without:
        low, high = axes.get_ylim()
        axes.set_ylim(low * (low / high) ** (0.05 * (len(without) + 0.5)), high)
    for line, (name, where) in enumerate(reversed(without.items())):
        axes.annotate(
            f"{name}: no variance{where}",
            (0.03, 0.03),
            xycoords="axes fraction",
            xytext=(0, 10.5 * line),
            textcoords="offset points",
            fontsize=7.5,
            color=theme.muted,
        )
    label_ends(figure, axes, ends, theme.ink)


def _coin_biases(
    figure: Figure, axes: Axes, data: Arrays, problem: int, theme: Theme
) -> None:
    ends = []
    axes.axhline(0, color=theme.muted, linewidth=0.8)
    axes.axhspan(-1e3, -1, color=theme.rule, alpha=0.5, linewidth=0)
    for row, name in enumerate(words(data["biased"])):
        bias = data["bias"][row, problem]
        points = (data["numbers"], bias, data["bias_half_width"][row, problem])
        curve_and_points(axes, name, points[:2], points, theme, hollow=True)
        ends.append((float(bias[-1]), name, colour_of(name, theme)))
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
    label_ends(figure, axes, ends, theme.ink)

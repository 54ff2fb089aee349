"""Figures of two Gaussians on a line."""

import numpy as np

from jaxgen.report.gan.parallel_lines import NAMES, THETA, colour, power
from jaxgen.report.run import Arrays
from jaxgen.report.style import LIGHT, WIDTH, Axes, Figure, Line2D, Theme

__all__ = ["learned_critics", "moving_apart"]

# KL has a colour of its own; JS and W have those of the games that read them.
_DIVERGENCES = {"KL": 1, "JS": 7, "W": 6}
_DASHES = (0, (4, 2))


def moving_apart(data: Arrays, *, theme: Theme = LIGHT) -> Figure:
    """Draws divergences of two Gaussians against their distance, and gradients.

    Args:
      data: `theta` [points], `values` and `gradients` [divergences, points], `names`;
        `loss_gradients` [losses, points], `losses`.
      theme: the colours.

    Returns:
      The figure.
    """
    theta, names = data["theta"], [str(name) for name in data["names"]]
    with theme.applied():
        figure = Figure(figsize=(WIDTH, 3.1), layout="constrained")
        left, right = figure.subplots(1, 2)
        for name, values, slopes in zip(
            names, data["values"], data["gradients"], strict=True
        ):
            shade = theme.classes[_DIVERGENCES[name]]
            left.plot(theta, values, color=shade)
            right.plot(theta[1:], slopes[1:], color=shade)
        for name, slopes in zip(data["losses"], data["loss_gradients"], strict=True):
            shade = colour(str(name), theme)
            right.plot(
                theta[1:], slopes[1:], color=shade, linestyle=_DASHES, linewidth=1.1
            )
        left.axhline(np.log(2), color=theme.muted, linewidth=0.7, linestyle=(0, (1, 2)))
        left.annotate(
            "log 2",
            (theta[-1], np.log(2)),
            xytext=(0, 4),
            textcoords="offset points",
            ha="right",
            fontsize=8,
            color=theme.muted,
        )
        left.set_ylim(0, 1.05 * theta[-1])
        left.set_title("W in deviations, KL and JS in nats")
        right.set_yscale("log")
        right.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        right.set_title(f"Its gradient in {THETA}")
        for axes in (left, right):
            axes.set_xlim(0, theta[-1])
            axes.set_xlabel(f"distance of the means, {THETA}")
            axes.grid(axis="y")
            axes.tick_params(which="minor", length=0)
        handles = [
            Line2D([], [], color=theme.classes[_DIVERGENCES[name]], label=name)
            for name in names
        ] + [
            Line2D(
                [],
                [],
                color=colour(str(name), theme),
                linestyle=_DASHES,
                linewidth=1.1,
                label=f"{NAMES[str(name)]} loss",
            )
            for name in data["losses"]
        ]
        figure.legend(handles=handles, loc="outside upper center", ncols=5)
    return figure


def learned_critics(data: Arrays, *, theme: Theme = LIGHT) -> Figure:
    """Draws a discriminator and a WGAN critic, learned and at their best.

    Args:
      data: `x` [points], `densities` [2, points]; `best_logits`, `best_slope`,
        `penalized_slope` [points]; `logits`, `logit_slope`, `critic`, `critic_slope`
        [seeds, points]; `distance` and `penalty` [1].
      theme: the colours.

    Returns:
      The figure.
    """
    x = data["x"]
    with theme.applied():
        figure = Figure(figsize=(WIDTH, 4.9), layout="constrained")
        panels = figure.subplots(2, 2, sharex=True)
        for axes in panels.flat:
            axes.set_xlim(x[0], x[-1])
            axes.grid(axis="y")
            axes.tick_params(which="minor", length=0)
        _discriminator(panels[0, 0], data, theme)
        _critic(panels[0, 1], data, theme)
        _slopes(panels[1, 0], data, theme)
        _steady(panels[1, 1], data, theme)
        for axes in panels[1]:
            axes.set_xlabel("x")
        handles = [
            Line2D([], [], color=theme.ink, linestyle=_DASHES, label="at its best"),
            Line2D(
                [],
                [],
                color=theme.ink,
                linestyle=(0, (1, 1.5)),
                label=f"best under a penalty of {float(data['penalty'][0]):g}",
            ),
            *(
                Line2D([], [], color=colour(n, theme), linewidth=1.2, label=label)
                for n, label in (
                    ("minimax", "discriminator, minimax"),
                    ("non_saturating", "non-saturating"),
                    ("wasserstein", "WGAN critic"),
                )
            ),
        ]
        figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return figure


def _hills(axes: Axes, data: Arrays, theme: Theme, low: float, high: float) -> None:
    """The two densities, at the foot of a panel."""
    tallest = float(data["densities"].max())
    for density, name, place in zip(
        data["densities"], ("data", "generated"), (2, 4), strict=True
    ):
        shade = theme.classes[place]
        heights = low + 0.45 * (high - low) * density / tallest
        axes.fill_between(data["x"], low, heights, color=shade, alpha=0.35, linewidth=0)
        at = int(np.argmax(density))
        axes.annotate(
            name,
            (data["x"][at], low),
            xytext=(0, 6),
            textcoords="offset points",
            ha="center",
            fontsize=7.5,
            color=theme.muted,
            path_effects=theme.halo(),
        )


def _discriminator(axes: Axes, data: Arrays, theme: Theme) -> None:
    _hills(axes, data, theme, 0, 1)
    for logits in data["logits"]:
        axes.plot(
            data["x"],
            _sigmoid(logits),
            color=colour("minimax", theme),
            linewidth=0.8,
            alpha=0.7,
        )
    axes.plot(
        data["x"], _sigmoid(data["best_logits"]), color=theme.ink, linestyle=_DASHES
    )
    axes.set_ylim(0, 1.04)
    axes.set_title("Discriminator: chance of being data")


def _critic(axes: Axes, data: Arrays, theme: Theme) -> None:
    size = 1.15 * float(np.abs(data["critic"]).max())
    _hills(axes, data, theme, -size, size)
    for values in data["critic"]:
        axes.plot(
            data["x"],
            values,
            color=colour("wasserstein", theme),
            linewidth=0.8,
            alpha=0.7,
        )
    best = np.cumsum(data["best_slope"]) * (data["x"][1] - data["x"][0])
    axes.plot(data["x"], best - best.mean(), color=theme.ink, linestyle=_DASHES)
    axes.set_ylim(-size, size)
    axes.set_title("WGAN critic, around its mean")


def _slopes(axes: Axes, data: Arrays, theme: Theme) -> None:
    """Gradients of both losses of the discriminator at a sample."""
    x, distance = data["x"], float(data["distance"][0])
    best = data["best_logits"]
    for name, sign in (("minimax", 1), ("non_saturating", -1)):
        for logits, slope in zip(data["logits"], data["logit_slope"], strict=True):
            size = _sigmoid(sign * logits) * np.abs(slope)
            axes.plot(x, size, color=colour(name, theme), linewidth=0.8, alpha=0.7)
        size = _sigmoid(sign * best) * distance
        axes.plot(x, size, color=theme.ink, linestyle=_DASHES)
    axes.set_yscale("log")
    axes.set_ylim(1e-6, 30)
    axes.yaxis.set_major_formatter(power)
    axes.set_title("Size of a sample's gradient")


def _steady(axes: Axes, data: Arrays, theme: Theme) -> None:
    x = data["x"]
    for slope in data["critic_slope"]:
        axes.plot(
            x, -slope, color=colour("wasserstein", theme), linewidth=0.8, alpha=0.7
        )
    axes.plot(x, -data["penalized_slope"], color=theme.ink, linestyle=(0, (1, 1.5)))
    axes.plot(x, -data["best_slope"], color=theme.ink, linestyle=_DASHES)
    axes.set_ylim(0, 2)
    axes.set_title("A sample's gradient")


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(x, -500, 500)))

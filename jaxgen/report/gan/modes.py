"""Figures of samples in the plane, and of the modes that GANs find."""

from collections.abc import Sequence

import numpy as np

from jaxgen.report.style import LIGHT, WIDTH, Axes, Figure, Line2D, Theme

__all__ = ["frames", "over_training", "stills", "table"]

_STILLS = 6  # stills in a row of the strip
_DASHED = (0, (4, 3))


def stills(
    names: Sequence[str],
    step: np.ndarray,
    samples: np.ndarray,
    real: np.ndarray,
    *,
    theme: Theme = LIGHT,
) -> Figure:
    """Draws samples of each model at a few steps, one row a model, and the data.

    Args:
      names: one a model.
      step: the steps that samples were drawn at, [frames].
      samples: [models, frames, points, 2].
      real: points of the data, [points, 2].
      theme: the colours.

    Returns:
      The figure.
    """
    chosen = _spread(len(step), _STILLS)
    columns = len(chosen) + 1
    side = (WIDTH - 1.3) / columns
    with theme.applied():
        figure = Figure(figsize=(WIDTH, 0.3 + (side + 0.04) * len(names)))
        height = 0.3 + (side + 0.04) * len(names)
        reach = _reach(real)
        for row, name in enumerate(names):
            bottom = 1 - (0.3 + (side + 0.04) * (row + 1)) / height
            for column in range(columns):
                place = (
                    (1.3 + side * column) / WIDTH,
                    bottom,
                    (side - 0.04) / WIDTH,
                    side / height,
                )
                axes = figure.add_axes(place)
                last = column == len(chosen)
                points = real if last else samples[row, chosen[column]]
                _panel(axes, reach, theme)
                _scatter(axes, points, theme.test if last else theme.train)
                if row == 0:
                    text = "data" if last else f"{step[chosen[column]]:,}"
                    axes.set_title(text, loc="center", fontsize=8, pad=4)
            figure.text(
                0.01,
                bottom + 0.5 * side / height,
                _wrapped(name),
                fontsize=8,
                va="center",
                color=theme.ink,
            )
        figure.text(
            0.01,
            1 - 0.2 / height,
            "step",
            fontsize=8,
            color=theme.muted,
            va="bottom",
        )
    return figure


def frames(
    names: Sequence[str],
    step: np.ndarray,
    samples: np.ndarray,
    real: np.ndarray,
    frame: int,
    *,
    theme: Theme = LIGHT,
) -> tuple[Figure, list[Line2D]]:
    """Draws one frame of the animation, a panel a model.

    Args:
      names: one a model.
      step: the steps that samples were drawn at, [frames].
      samples: [models, frames, points, 2].
      real: points of the data, [points, 2].
      frame: which of them.
      theme: the colours.

    Returns:
      The figure, and the points of each panel, which may be moved to another frame.
    """
    # Six panels make two rows of three rather than a row of four and two stragglers.
    columns = 3 if len(names) in (3, 5, 6, 9) else min(4, len(names))
    lines = -(-len(names) // columns)
    side = WIDTH / max(columns, 3)
    with theme.applied():
        figure = Figure(
            figsize=(side * columns, (side + 0.28) * lines + 0.3), layout="constrained"
        )
        panels = list(figure.subplots(lines, columns, squeeze=False).flat)
        reach, drawn = _reach(real), []
        for row, axes in enumerate(panels):
            if row >= len(names):
                axes.remove()
                continue
            _panel(axes, reach, theme)
            _scatter(axes, real, theme.rule)
            drawn.append(_scatter(axes, samples[row, frame], theme.train))
            axes.set_title(_wrapped(names[row]), fontsize=8, loc="center")
        figure.suptitle(f"step {step[frame]:,}", fontsize=9, x=0.01, ha="left")
    return figure, drawn


def table(
    names: Sequence[str],
    modes: int,
    captured: np.ndarray,
    high_quality: np.ndarray,
    intervals: Sequence[np.ndarray],
    *,
    theme: Theme = LIGHT,
) -> Figure:
    """Draws modes, quality and the probability of all modes, a line a model.

    Args:
      names: one a model.
      modes: of the data.
      captured: modes of each seed at the end, [models, seeds].
      high_quality: share of good samples likewise.
      intervals: of these two and of the probability, value, low and high,
        [models, 3] each.
      theme: the colours.

    Returns:
      The figure.
    """
    titles = ("Modes found", "Good samples", "P(all modes)")
    seeds = (captured, high_quality, None)
    with theme.applied():
        figure = Figure(figsize=(WIDTH, 0.75 + 0.27 * len(names)), layout="constrained")
        panels = figure.subplots(1, 3, sharey=True)
        heights = np.arange(len(names))
        for axes, title, dots, interval in zip(
            panels, titles, seeds, intervals, strict=True
        ):
            if dots is not None:
                # Seeds that agree would hide each other.
                beside = np.linspace(-0.22, 0.22, dots.shape[1]) + heights[:, None]
                axes.plot(
                    dots,
                    beside,
                    "o",
                    color=theme.muted,
                    markersize=2.2,
                    alpha=0.7,
                    markeredgewidth=0,
                )
            value, low, high = interval.T
            axes.hlines(heights, low, high, color=theme.train, linewidth=1.6, zorder=3)
            axes.plot(
                value,
                heights,
                "o",
                color=theme.train,
                markersize=5,
                markeredgecolor=theme.paper,
                markeredgewidth=0.6,
                zorder=4,
                clip_on=False,
            )
            axes.set_title(title)
            axes.grid(axis="both")
            axes.spines["left"].set_visible(False)
            axes.tick_params(axis="y", length=0)
            axes.set_xlim(-0.03, 1.03)
            axes.set_xticks([0, 0.5, 1])
        panels[0].set_xlim(-0.03 * modes, 1.03 * modes)
        panels[0].set_xticks(np.unique(np.linspace(0, modes, 5).round()))
        panels[0].set_yticks(heights, names, color=theme.ink)
        panels[0].set_ylim(len(names) - 0.5, -0.5)
    return figure


def over_training(
    names: Sequence[str],
    step: np.ndarray,
    modes: int,
    captured: np.ndarray,
    high_quality: np.ndarray,
    *,
    theme: Theme = LIGHT,
) -> Figure:
    """Draws modes and quality over training, means over seeds.

    Args:
      names: one a model.
      step: [frames].
      modes: of the data.
      captured: [models, frames, seeds].
      high_quality: likewise.
      theme: the colours.

    Returns:
      The figure.
    """
    lines = -(-len(names) // 3)
    with theme.applied():
        figure = Figure(figsize=(WIDTH, 2.6 + 0.2 * lines), layout="constrained")
        left, right = figure.subplots(1, 2)
        for axes, values, title in (
            (left, captured, "Modes found"),
            (right, high_quality, "Good samples"),
        ):
            for row, name in enumerate(names):
                colour, dash = theme.classed(row)[0], "-" if row < 10 else "--"
                axes.plot(
                    step,
                    values[row].mean(-1),
                    dash,
                    color=colour,
                    label=name if axes is left else None,
                )
            axes.set_title(title)
            axes.set_xlabel("step")
            axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
            axes.locator_params(axis="x", nbins=5)
            axes.grid(axis="y")
        left.axhline(modes, color=theme.muted, linewidth=1, linestyle=_DASHED)
        left.set_ylim(-0.03 * modes, 1.05 * modes)
        right.set_ylim(-0.03, 1.03)
        figure.legend(loc="outside upper center", ncols=3)
    return figure


def _panel(axes: Axes, reach: float, theme: Theme) -> None:
    axes.set_xlim(-reach, reach)
    axes.set_ylim(-reach, reach)
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(True)
    axes.spines[:].set_color(theme.rule)


def _scatter(axes: Axes, points: np.ndarray, colour: str) -> Line2D:
    size = 1.6 if len(points) > 200 else 3
    (drawn,) = axes.plot(
        points[:, 0],
        points[:, 1],
        ".",
        color=colour,
        markersize=size,
        markeredgewidth=0,
        alpha=0.75,
    )
    return drawn


def _reach(real: np.ndarray) -> float:
    """Half of a panel's side: what falls outside it is not drawn."""
    return 1.35 * float(np.abs(real).max())


def _spread(number: int, most: int) -> list[int]:
    """Places from the first to the last of `number`, at most so many."""
    return np.unique(np.linspace(0, number - 1, most).round().astype(int)).tolist()


def _wrapped(name: str) -> str:
    return name.replace(", ", "\n", 1)

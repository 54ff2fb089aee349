"""The figure of a constrained run: the term, its multiplier and what is missing."""

from collections.abc import Sequence

import numpy as np

from jaxgen.report.curves import name_ends, short, spoken
from jaxgen.report.run import Row, series
from jaxgen.report.style import LIGHT, WIDTH, Axes, Figure, Theme, log_ticks

__all__ = ["constraint"]


def constraint(
    rows: Sequence[Row],
    term: str,
    target: float,
    *,
    unit: str = "",
    theme: Theme = LIGHT,
) -> Figure:
    """Draws a constrained term with its target, beta and the slack.

    Args:
      rows: the lines of `metrics.jsonl`, with the term and, where they were logged,
        its average as `TERM_average`, `beta` and `slack`, on the split "train".
      term: the name of the term.
      target: the value that the constraint asks for.
      unit: of the term.
      theme: the colours.

    Returns:
      The figure.
    """
    names = [term]
    names += [n for n in ("beta", "slack") if len(series(rows, "train", n)[0])]
    with theme.applied():
        figure = Figure(figsize=(WIDTH, 2.5), layout="constrained")
        panels = figure.subplots(1, len(names), squeeze=False)[0]
        for axes, name in zip(panels, names, strict=True):
            epochs, values = _finite(rows, name)
            average = _finite(rows, f"{name}_average")
            quiet = bool(len(average[0]))
            axes.plot(
                epochs,
                values,
                marker="o" if len(values) == 1 else "",
                markersize=3,
                color=theme.train,
                linewidth=0.8 if len(values) > 80 or quiet else 1.6,
                alpha=0.45 if quiet else 1.0,
            )
            if quiet:
                axes.plot(*average, color=theme.train, linewidth=1.6)
            axes.set_title(spoken(name))
            axes.set_xlabel("epoch")
            axes.locator_params(axis="x", nbins=4, integer=True)
            axes.margins(x=0.03)
            axes.grid(axis="y")
            axes.spines["left"].set_visible(False)
            axes.tick_params(which="both", axis="y", length=0)
            last = average if quiet else (epochs, values)
            _finish(axes, name, epochs, values, target, last[1], theme)
        panels[0].set_ylabel(unit)
    return figure


def _finish(
    axes: Axes,
    name: str,
    epochs: np.ndarray,
    values: np.ndarray,
    target: float,
    last: np.ndarray,
    theme: Theme,
) -> None:
    """The range of a panel, its level, and its last value."""
    settled = values[epochs >= min(1.0, epochs[-1])] if len(values) else values
    if name == "beta":
        _logarithmic(axes, values)
    else:
        level = 0.0 if name == "slack" else target
        low, high = float(settled.min(initial=level)), float(settled.max(initial=level))
        room = 0.12 * ((high - low) or abs(high) or 1.0)
        low, high = low - room, high + room
        axes.set_ylim(low, high)
    if name == "slack":
        axes.axhline(0, color=theme.muted, linewidth=0.9)
    elif name != "beta":
        ends = [(target, "target", theme.test)]
        if len(last):
            ends.append((float(last[-1]), "train", theme.train))
        name_ends(axes, ends, low, high)
        axes.axhline(target, color=theme.test, linewidth=1.2, linestyle=(0, (4, 3)))
    if name in ("beta", "slack") and len(last):
        # Adding 0 takes the sign of what is rounded to 0.
        value = float(last[-1])
        text = short(value) if name == "beta" else f"{round(value, 2) + 0:.2f}"
        axes.annotate(
            text.replace("-", "\N{MINUS SIGN}"),
            (1, last[-1]),
            xycoords=("axes fraction", "data"),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=theme.train,
        )


def _logarithmic(axes: Axes, values: np.ndarray) -> None:
    """A logarithmic axis, where there is anything to show on it."""
    positive = values[values > 0]
    if not len(positive):
        return
    axes.set_yscale("log")
    low, high = float(positive.min()), float(positive.max())
    axes.set_ylim(low / 1.15, high * 1.15)
    log_ticks(axes)


def _finite(rows: Sequence[Row], name: str) -> tuple[np.ndarray, np.ndarray]:
    epochs, values = series(rows, "train", name)
    return epochs[np.isfinite(values)], values[np.isfinite(values)]

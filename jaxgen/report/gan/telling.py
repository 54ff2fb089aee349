"""The figure of which curve of a training tells how good the samples are."""

import math

import numpy as np

from jaxgen.report import shapes
from jaxgen.report.plate import Plate
from jaxgen.report.run import Arrays, Run
from jaxgen.report.style import (
    LIGHT,
    WIDTH,
    Figure,
    LinearSegmentedColormap,
    Theme,
    log_ticks,
)

__all__ = ["looks", "telling"]


def telling(run: Run) -> Plate | None:
    """What of the curves tells how good the samples are."""
    data = shapes.read(
        run,
        "gan_telling",
        {"fd": "looks", "epoch": "looks", "system": "looks"},
        words={"names": "systems", "signals": "kinds"},
        optional={"values": "looks kinds", "correlation": "systems kinds"},
    )
    if data is None or not {"values", "correlation"} <= set(data):
        return None
    names, signals = shapes.texts(data["names"]), shapes.texts(data["signals"])
    caption = (
        "On the left the Frechet distance between samples and test images over "
        "training. Beside it each look at the samples is a point: the distance above "
        "what a curve of training said at that time, from the first look (faint) to "
        "the last. A curve that tells how good the samples are gives points that rise "
        "from left to right; the number is Spearman's rank correlation, 1 where it "
        "ranks all looks as the distance does. Look for points that go up and down at "
        "the same value, or the wrong way: such a curve tells nothing."
    )
    told = "; ".join(
        f"{name}: "
        + ", ".join(
            f"{signal} {value:.2f}"
            for signal, value in zip(signals, row, strict=True)
            if math.isfinite(value)
        )
        for name, row in zip(names, data["correlation"], strict=True)
    )
    return Plate(
        "gan_telling",
        "arrays/gan_telling.npz",
        "Which curve tells how good the samples are",
        caption,
        f"Frechet distance against curves of training; rank correlations: {told}.",
        lambda theme: looks(data, theme=theme),
    )


def looks(data: Arrays, *, theme: Theme = LIGHT) -> Figure:
    """Draws the distance over training, and against each signal.

    Args:
      data: `fd`, `epoch` and `system` [looks]; `values` [looks, signals], NaN where a
        system has none; `correlation` [systems, signals]; `names` [systems]; `signals`.
      theme: the colours.

    Returns:
      The figure.
    """
    names, signals = shapes.texts(data["names"]), shapes.texts(data["signals"])
    shades = LinearSegmentedColormap.from_list("looks", [theme.rule, theme.train])
    with theme.applied():
        figure = Figure(figsize=(WIDTH, 0.35 + 2.0 * len(names)), layout="constrained")
        places = figure.subplots(
            len(names), 1 + len(signals), squeeze=False, sharey="row"
        )
        for number, (name, row) in enumerate(zip(names, places, strict=True)):
            own = data["system"] == number
            fd, epoch, values = data["fd"][own], data["epoch"][own], data["values"][own]
            row[0].plot(epoch, fd, color=theme.train, marker="o", markersize=2.5)
            row[0].set_title(name)
            row[0].set_ylabel("Frechet distance")
            row[0].set_yscale("log")
            for column, axes in enumerate(row[1:]):
                if not np.isfinite(values[:, column]).all():
                    axes.remove()
                    continue
                x = values[:, column]
                axes.plot(x, fd, color=theme.rule, linewidth=0.8, zorder=1)
                axes.scatter(
                    x,
                    fd,
                    c=np.linspace(0.15, 1, len(fd)),
                    cmap=shades,
                    vmin=0,
                    vmax=1,
                    s=16,
                    edgecolors=theme.muted,
                    linewidths=0.4,
                    zorder=2,
                )
                rho = f"{data['correlation'][number, column]:.2f}"
                axes.set_title(f"rank correlation {rho}".replace("-", "\N{MINUS SIGN}"))
                axes.set_xlabel(signals[column])
                axes.locator_params(axis="x", nbins=4)
            log_ticks(row[0])
            for axes in (one for one in row if one in figure.axes):
                axes.grid(axis="y")
                axes.tick_params(which="minor", length=0)
                axes.margins(x=0.08)
        places[-1, 0].set_xlabel("epoch")
        for axes in places[:, 0]:
            axes.locator_params(axis="x", nbins=4, integer=True)
    return figure

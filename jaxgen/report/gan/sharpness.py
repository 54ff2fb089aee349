"""The figure of how sharp images are, beside real ones."""

import numpy as np

from jaxgen.report import shapes
from jaxgen.report.plate import Plate
from jaxgen.report.run import Arrays, Run
from jaxgen.report.style import LIGHT, WIDTH, Figure, Theme

__all__ = ["sharpness", "spectra"]


def sharpness(run: Run) -> Plate | None:
    """Power by frequency, and two measures of sharpness relative to real images."""
    data = shapes.read(
        run,
        "sharpness",
        {
            "frequency": "rings",
            "power": "sets rings",
            "ratio": "measures generated",
            "low": "measures generated",
            "high": "measures generated",
        },
        words={"names": "sets", "measures": "measures"},
    )
    if data is None:
        return None
    names, measures = shapes.texts(data["names"]), shapes.texts(data["measures"])
    caption = (
        "Left, the power of the images by frequency, each set beside real test images: "
        "0.5 cycles per pixel is the finest pattern that pixels can show. A blur takes "
        "the right end down, grain lifts it. Right, sharpness as two numbers, relative "
        "to real images, which have 1, with 95% intervals. Look for sets that fall "
        "short of 1 (blurred) and for those beyond it (grainy)."
    )
    told = "; ".join(
        f"{measure}: "
        + ", ".join(f"{n} {v:.2f}" for n, v in zip(names[1:], row, strict=True))
        for measure, row in zip(measures, data["ratio"], strict=True)
    )
    return Plate(
        "sharpness",
        "arrays/sharpness.npz",
        "How sharp the images are",
        caption,
        f"Curves of power by frequency, and sharpness relative to real images. {told}.",
        lambda theme: spectra(data, theme=theme),
    )


def spectra(data: Arrays, *, theme: Theme = LIGHT) -> Figure:
    """Draws power by frequency, and ratios to real images.

    Args:
      data: `frequency` [rings]; `power` [sets, rings], that of real images first;
        `ratio`, `low`, `high` [measures, sets but the first]; `names` [sets];
        `measures`.
      theme: the colours.

    Returns:
      The figure.
    """
    names, measures = shapes.texts(data["names"]), shapes.texts(data["measures"])
    colours = [theme.ink, *(theme.classed(i)[0] for i in range(len(names) - 1))]
    frequency = data["frequency"]
    with theme.applied():
        figure = Figure(figsize=(WIDTH, 2.9), layout="constrained")
        left, right = figure.subplots(1, 2)
        for name, colour, power in zip(names, colours, data["power"], strict=True):
            real = name == names[0]
            left.plot(
                frequency,
                np.maximum(power, 1e-12),
                color=colour,
                label=name,
                linewidth=2.2 if real else 1.4,
                zorder=1 if real else 2,
            )
        left.set_yscale("log")
        left.set_xlabel("cycles per pixel")
        left.set_title("Power by frequency")
        left.grid(axis="y")
        right.axvline(1, color=theme.ink, linewidth=2.2, zorder=1)
        rows = len(names) - 1
        for place, _ in enumerate(measures):
            for index, colour in enumerate(colours[1:]):
                y = place + (index - (rows - 1) / 2) * 0.22
                value, low, high = (
                    float(data[key][place, index]) for key in ("ratio", "low", "high")
                )
                right.plot([low, high], [y, y], color=colour, linewidth=1.6)
                right.plot(value, y, "o", color=colour, markersize=5)
                right.annotate(
                    f"{value:.2f}",
                    (high, y),
                    xytext=(5, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=7.5,
                    color=theme.ink,
                )
        right.set_yticks(range(len(measures)), measures)
        right.set_ylim(len(measures) - 0.4, -0.6)
        right.set_xlim(0, max(1.25, 1.15 * float(data["high"].max())))
        right.set_xlabel("relative to real images")
        right.set_title("Sharpness")
        right.grid(axis="x")
        right.tick_params(axis="y", length=0)
        figure.legend(loc="outside upper left", ncols=len(names), handlelength=1.6)
    return figure

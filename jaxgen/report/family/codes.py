"""The figure of discrete codes: an image, what comes back, and its posterior."""

import numpy as np

from jaxgen.report.pictures import canvas, scaled
from jaxgen.report.style import (
    DPI,
    LIGHT,
    Figure,
    LinearSegmentedColormap,
    Theme,
    bare,
)

__all__ = ["codes", "shown"]

_MOST = 8  # images: more could not be read
_COLUMN = 140  # dots
_LEFT, _BOTTOM = 0.95, 0.24  # inches of paper for names


def codes(
    inputs: np.ndarray,
    outputs: np.ndarray,
    probabilities: np.ndarray,
    *,
    theme: Theme = LIGHT,
) -> Figure:
    """Draws images, their reconstructions, and posteriors as heat maps below them.

    Args:
      inputs: [N, H, W, C] uint8; of more than eight images eight are shown.
      outputs: [N, H, W, C] uint8.
      probabilities: the posterior, [N, variables, classes].
      theme: the colours.

    Returns:
      The figure.
    """
    some = shown(len(inputs))
    first, second = (scaled(batch[some], _COLUMN) for batch in (inputs, outputs))
    height, width = first.shape[1:3]
    variables, classes = probabilities.shape[1:]
    # Square cells, unless there are too many of them across or down.
    cell = max(2, min(max(width // classes, 12), 520 // variables))
    shades = _shades(theme)
    maps = np.asarray(shades(np.clip(probabilities[some], 0, 1)))[..., :3]
    maps = (255 * maps).round().astype(np.uint8)
    # Any number of classes fills the width of an image.
    places = np.arange(width) * classes // width
    maps = maps[:, :, places].repeat(cell, axis=1)
    gap, between = 10, 8
    tall = 2 * (height + between) + cell * variables
    sheet = np.zeros([tall, len(some) * (width + gap) - gap, 4], np.uint8)
    for index, parts in enumerate(zip(first, second, maps, strict=True)):
        top, left = 0, index * (width + gap)
        for part in parts:
            sheet[top : top + len(part), left : left + width, :3] = part
            sheet[top : top + len(part), left : left + width, 3] = 255
            top += len(part) + between
    with theme.applied():
        figure, axes = canvas(sheet, left=_LEFT, right=0.36, bottom=_BOTTOM)
        start = 2 * (height + between)
        middles = [height / 2, 1.5 * height + between, start + cell * variables / 2]
        names = ["input", "reconstruction", f"posterior:\n{variables} variables"]
        axes.set_yticks(middles, names)
        axes.tick_params(axis="y", labelcolor=theme.ink)
        axes.set_xticks([width / 2], [f"{classes} classes"])
        _key(figure, sheet, start, cell * variables, shades, theme)
    return figure


def shown(number: int) -> np.ndarray:
    """Which of the images are drawn, spread evenly over all.

    Examples:
      >>> shown(16).tolist()
      [0, 2, 4, 6, 9, 11, 13, 15]
    """
    return np.linspace(0, number - 1, min(_MOST, number)).round().astype(int)


def _shades(theme: Theme) -> LinearSegmentedColormap:
    """Shades from nearly paper, so that the map's edge is seen, to the full colour."""
    return LinearSegmentedColormap.from_list("probability", [theme.rule, theme.train])


def _key(figure, sheet, start: int, tall: int, shades, theme: Theme) -> None:
    """The scale of the heat maps, on their right."""
    wide, high = figure.get_size_inches() * DPI
    tall = int(np.clip(tall, 60, 220))
    bottom = _BOTTOM * DPI + max(len(sheet) - start - tall, 0)
    left = _LEFT * DPI + sheet.shape[1] + 16
    axes = figure.add_axes((left / wide, bottom / high, 14 / wide, tall / high))
    ramp = np.linspace(1, 0, 100)[:, None]
    axes.imshow(ramp, cmap=shades, aspect="auto", extent=(0, 1, 0, 1))
    bare(axes)
    axes.set_xticks([])
    axes.set_yticks([0.03, 0.97], ["0", "1"])
    axes.yaxis.tick_right()
    axes.tick_params(length=0, labelcolor=theme.muted)

"""A figure with its words, before it is drawn."""

import dataclasses
from collections.abc import Callable

from jaxgen.report.kinds.base import FigureSpec, Pictures
from jaxgen.report.run import Run
from jaxgen.report.style import DARK, LIGHT, Figure, Theme, png

__all__ = ["Maker", "Plate", "as_plate"]


@dataclasses.dataclass(frozen=True)
class Plate:
    """A figure with its words.

    Attributes:
      name: the file's name without its ending.
      source: the file of the run that it shows.
      title: a heading.
      caption: what the axes are and what to look for.
      alt: what a reader who cannot see it is told.
      draw: makes the figure in a theme, or a PNG file where it moves.
    """

    name: str
    source: str
    title: str
    caption: str
    alt: str
    draw: Callable[[Theme], Figure | bytes]

    def pictures(self) -> Pictures:
        """Draws the figure for a page, light and dark, and as a PNG file."""
        light, dark = (
            drawn if isinstance(drawn, bytes) else png(drawn)
            for drawn in (self.draw(theme) for theme in (LIGHT, DARK))
        )
        return Pictures(light, b"", "png", light, dark)


def as_plate(name: str, source: str, figure: FigureSpec) -> Plate:
    """Returns a figure of data under its name.

    Args:
      name: the file's name without its ending.
      source: the file of the run that it shows.
      figure: the figure.
    """
    return Plate(name, source, figure.title, figure.caption, figure.alt, figure.draw)


Maker = Callable[[Run], Plate | None]
"""Makes the figure of a run, or None where the run has no data for it."""

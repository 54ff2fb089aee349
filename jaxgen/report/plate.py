"""A figure with its words, before it is drawn."""

import dataclasses
from collections.abc import Callable

from jaxgen.report.run import Run
from jaxgen.report.style import Figure, Theme

__all__ = ["Maker", "Plate"]


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


Maker = Callable[[Run], Plate | None]
"""Makes the figure of a run, or None where the run has no data for it."""

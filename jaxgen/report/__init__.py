"""Figures as data, and the page of a run, drawn from the run's files alone.

A figure is one of the kinds below: a frozen dataclass of words and arrays. `show()`
shows it in a notebook, `write_figures` puts all figures of a run into its folder, and
`write_page` draws whatever figures lie there.
"""

from jaxgen.report import gans, latents, translation
from jaxgen.report.kinds import (
    BarPanel,
    Bars,
    Curve,
    CurvePanel,
    Curves,
    DotPanel,
    Dots,
    FigureSpec,
    HeatMap,
    HeatPanel,
    ImageTable,
    Interval,
    Movie,
    Plane,
    Scatter,
    ScatterPanel,
    Zone,
)
from jaxgen.report.page import write_page
from jaxgen.report.specs import read_figures, write_figures

__all__ = [
    "BarPanel",
    "Bars",
    "Curve",
    "CurvePanel",
    "Curves",
    "DotPanel",
    "Dots",
    "FigureSpec",
    "HeatMap",
    "HeatPanel",
    "ImageTable",
    "Interval",
    "Movie",
    "Plane",
    "Scatter",
    "ScatterPanel",
    "Zone",
    "gans",
    "latents",
    "read_figures",
    "translation",
    "write_figures",
    "write_page",
]

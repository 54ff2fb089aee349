"""Kinds of figures: frozen dataclasses of words and arrays, which draw themselves."""

from jaxgen.report.kinds.bars import BarPanel, Bars
from jaxgen.report.kinds.base import FigureSpec
from jaxgen.report.kinds.curves import Curve, CurvePanel, Curves, Zone
from jaxgen.report.kinds.dots import DotPanel, Dots, Interval
from jaxgen.report.kinds.heat_map import HeatMap, HeatPanel
from jaxgen.report.kinds.image_table import ImageTable, Plane
from jaxgen.report.kinds.movie import Movie
from jaxgen.report.kinds.scatter import Scatter, ScatterPanel

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
]

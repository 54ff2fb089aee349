"""The look that all figures share."""

import base64
import dataclasses
import functools
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from jaxgen.report.extras import require

require("matplotlib", "PIL")

import matplotlib  # noqa: E402
import numpy as np  # noqa: E402
from matplotlib import font_manager  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402
from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: E402
from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: E402
from matplotlib.colors import LinearSegmentedColormap  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.lines import Line2D  # noqa: E402
from matplotlib.patheffects import withStroke  # noqa: E402
from matplotlib.text import Annotation  # noqa: E402
from matplotlib.ticker import LogLocator, MultipleLocator  # noqa: E402
from PIL import Image  # noqa: E402

__all__ = [
    "CLASS_COLOURS",
    "CLASS_MARKERS",
    "DARK",
    "DPI",
    "LIGHT",
    "NIGHT_COLOURS",
    "WIDTH",
    "Annotation",
    "Axes",
    "Figure",
    "Line2D",
    "LinearSegmentedColormap",
    "LogLocator",
    "MultipleLocator",
    "Theme",
    "bare",
    "label_ends",
    "log_ticks",
    "png",
    "png_around",
    "recolour",
    "renderer",
    "spread_apart",
    "svg",
    "svg_around",
]

DPI = 200
WIDTH = 6.8  # inches: the text width of a page of paper

# Ten colours, at least 0.107 apart in OKLab under normal vision and under simulated
# protanopia, deuteranopia and tritanopia (matplotlib's own ten: 0.007), found by
# annealing: the first ten for white paper, the same hues again for a dark page.
CLASS_COLOURS = (
    "#4c40b0",
    "#df8744",
    "#0ce5a4",
    "#803c50",
    "#adb8fb",
    "#e0c31e",
    "#16799b",
    "#c83c00",
    "#a66fe6",
    "#14afa7",
)
NIGHT_COLOURS = (
    "#a076ff",
    "#ffb854",
    "#2efaba",
    "#d36b7a",
    "#c0c6ff",
    "#b99d10",
    "#4a9dbb",
    "#c93d08",
    "#9153c5",
    "#6dc8ad",
)
# Past ten classes the colours repeat with another marker.
CLASS_MARKERS = ("o", "^", "s", "D", "v", "P", "X", "<", ">", "p")


@dataclasses.dataclass(frozen=True)
class Theme:
    """The colours of paper and ink.

    Attributes:
      paper: the background.
      ink: titles and values.
      muted: labels, ticks and remarks.
      rule: grid lines.
      train: the curve of the training split, and what has no class.
      test: the curve of the test split, and what is to be noticed.
      classes: the colours of classes.
    """

    paper: str
    ink: str
    muted: str
    rule: str
    train: str
    test: str
    classes: tuple[str, ...]

    def classed(self, index: int) -> tuple[str, str]:
        """The colour and the marker of a class, from its place among the classes."""
        shape, colour = divmod(index, len(self.classes))
        return self.classes[colour], CLASS_MARKERS[shape % len(CLASS_MARKERS)]

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Draws in this theme; matplotlib's settings are put back at the end."""
        with matplotlib.rc_context(_settings()):
            matplotlib.rcParams.update(
                {
                    "figure.facecolor": self.paper,
                    "axes.facecolor": self.paper,
                    "axes.edgecolor": self.muted,
                    "axes.labelcolor": self.muted,
                    "axes.titlecolor": self.ink,
                    "text.color": self.ink,
                    "grid.color": self.rule,
                    "xtick.color": self.muted,
                    "ytick.color": self.muted,
                }
            )
            yield

    def halo(self, width: float = 2.5) -> list[withStroke]:
        """An outline in the paper's colour that keeps text legible on data."""
        return [withStroke(linewidth=width, foreground=self.paper)]


LIGHT = Theme(
    paper="#ffffff",
    ink="#1c1d21",
    muted="#62666e",
    rule="#e4e5e8",
    # A shade off the same hues of classes: every colour has one place, see `recolour`.
    train="#16799c",
    test="#c83c01",
    classes=CLASS_COLOURS,
)
DARK = Theme(
    paper="#1b1d22",
    ink="#eceae4",
    muted="#a0a4ad",
    rule="#33363d",
    train="#62b5d3",
    test="#ff8a57",
    classes=NIGHT_COLOURS,
)

# The first of these that the machine has is used, and the next for what it lacks.
_FONTS = ("Helvetica Neue", "Helvetica", "Arial", "Liberation Sans", "DejaVu Sans")

_SETTINGS = {
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 8.5,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "axes.linewidth": 0.7,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.5,
    "lines.solid_capstyle": "round",
    "axes.unicode_minus": True,
}


@functools.cache
def _settings() -> dict[Any, Any]:
    """The settings with a font that is there: texts keep its name as they are made."""
    known = font_manager.get_font_names()
    return {
        **_SETTINGS,
        # Liberation Sans, say, lacks superscripts; the last comes with matplotlib.
        "font.family": [name for name in _FONTS if name in known],
    }


def bare(axes: Axes) -> None:
    """Takes spines and ticks away, for axes that hold pictures."""
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def log_ticks(axes: Axes) -> None:
    """Plain numbers on a logarithmic y axis, some also where it covers no decade."""
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(
        LogLocator(subs=(1, 2, 5) if high < 200 * low else (1,))
    )
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    axes.yaxis.set_minor_formatter(lambda value, _: "")


def label_ends(
    figure: Figure, axes: Axes, ends: Sequence[tuple[float, str, str]], ink: str
) -> None:
    """Names each curve to the right of its end, apart enough to be read.

    Args:
      figure: the figure, with all its curves.
      axes: one of its panels, with its final limits.
      ends: by curve its last height in data units, its name and its colour.
      ink: the colour of the names.
    """
    if not ends:
        return
    figure.draw_without_rendering()
    place = axes.transData + axes.transAxes.inverted()
    x = axes.get_xlim()[1]
    ends = sorted(ends)
    wanted = [float(place.transform((x, value))[1]) for value, *_ in ends]
    inches = axes.get_position().height * figure.get_size_inches()[1]
    heights = spread_apart(wanted, 0.135 / inches)
    for (_, name, colour), own, height in zip(ends, wanted, heights, strict=True):
        axes.annotate(
            name,
            (1, own),
            xytext=(1.08, height),
            xycoords="axes fraction",
            textcoords="axes fraction",
            fontsize=7.5,
            va="center",
            color=ink,
            arrowprops={
                "arrowstyle": "-",
                "color": colour,
                "linewidth": 1.0,
                "relpos": (0, 0.5),
                "shrinkA": 1,
                "shrinkB": 0,
            },
        )


def spread_apart(wanted: list[float], gap: float) -> list[float]:
    """Moves heights, given in order, until they are `gap` apart and within 0 and 1."""
    places = np.array(wanted)
    for _ in range(500):
        places = np.clip(places, 0.02, 0.98)
        lack = np.maximum(gap - np.diff(places), 0) / 2
        if not (lack > 1e-4).any():
            break
        places[:-1] -= lack
        places[1:] += lack
    return places.tolist()


def png(figure: Figure, dpi: int = DPI) -> bytes:
    """Draws a figure as a PNG file."""
    return _png_file(_dots(figure, dpi), dpi)


def png_around(figure: Figure, axes: Axes, sheet: np.ndarray) -> bytes:
    """Draws a figure around an image, each of whose pixels becomes one dot.

    Args:
      figure: the figure, whose axes hold the image alone and are whole dots away from
        its edges.
      axes: where the image goes.
      sheet: the image, [height, width, 4] uint8.

    Returns:
      A PNG file.
    """
    dots = _dots(figure, DPI)
    height, width = sheet.shape[:2]
    left, top = _corner(figure, axes)
    place = dots[top : top + height, left : left + width]
    # Names stand beside the image: what it covers is paper.
    place[:] = np.where(sheet[..., 3:] > 0, sheet[..., :3], place)
    return _png_file(dots, DPI)


def svg(figure: Figure) -> bytes:
    """Draws a figure as an SVG file."""
    buffer = io.BytesIO()
    # The same figure is the same file: no date, and no random names of parts.
    own: dict[Any, Any] = {"svg.hashsalt": "jaxgen"}
    with matplotlib.rc_context(_settings() | own):
        # `savefig` would draw twice: first for a layout that may be known.
        FigureCanvasSVG(figure).print_svg(
            buffer, metadata={"Date": None, "Creator": None}
        )
    return buffer.getvalue()


def svg_around(figure: Figure, axes: Axes, sheet: np.ndarray) -> bytes:
    """Draws a figure around an image as an SVG file, see `png_around`."""
    left, top = (72 / DPI * edge for edge in _corner(figure, axes))
    height, width = (72 / DPI * edge for edge in sheet.shape[:2])
    encoded = base64.b64encode(_sheet_file(sheet)).decode("ascii")
    image = (
        f'<image x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}" '
        f'preserveAspectRatio="none" xlink:href="data:image/png;base64,{encoded}"/>'
    )
    drawn = svg(figure)
    # On the paper, which is drawn first, and below the names.
    at = drawn.index(b"</g>", drawn.index(b'<g id="patch_1">')) + len(b"</g>")
    return drawn[:at] + b"\n  " + image.encode("ascii") + drawn[at:]


def renderer(figure: Figure) -> Any:
    """Returns what measures the texts of a figure."""
    return FigureCanvasAgg(figure).get_renderer()


def recolour(drawn: bytes, theme: Theme) -> bytes:
    """Gives an SVG file of the light theme the colours of another.

    Args:
      drawn: the file, whose colours are those of `LIGHT`.
      theme: the other theme.

    Returns:
      The file with every colour in its place.
    """
    places = dict(zip(_palette(LIGHT), _palette(theme), strict=True))
    return re.sub(
        rb"#[0-9a-f]{6}\b",
        lambda found: places.get(found[0].decode(), found[0].decode()).encode(),
        drawn,
    )


def _palette(theme: Theme) -> tuple[str, ...]:
    named = (theme.paper, theme.ink, theme.muted, theme.rule, theme.train, theme.test)
    return (*named, *theme.classes)


def _dots(figure: Figure, dpi: int) -> np.ndarray:
    """A figure as an image, [height, width, 3]."""
    figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)
    # Ticks are made while the figure is drawn: they too follow the settings.
    with matplotlib.rc_context(_settings()):
        canvas.draw()
    return np.array(canvas.buffer_rgba())[..., :3]


def _png_file(dots: np.ndarray, dpi: int) -> bytes:
    buffer = io.BytesIO()
    # Drawings are even: more effort takes three times as long and saves a tenth.
    Image.fromarray(dots).save(buffer, "png", compress_level=4, dpi=(dpi, dpi))
    return buffer.getvalue()


def _sheet_file(sheet: np.ndarray) -> bytes:
    """An image as a PNG file, with grey and opaque ones smaller."""
    grey = (sheet[..., :1] == sheet[..., 1:3]).all()
    opaque = sheet[..., 3].all()
    sheet = sheet[..., ([0] if grey else [0, 1, 2]) + ([] if opaque else [3])]
    buffer = io.BytesIO()
    Image.fromarray(sheet.squeeze(-1) if sheet.shape[-1] == 1 else sheet).save(
        buffer, "png", compress_level=4
    )
    return buffer.getvalue()


def _corner(figure: Figure, axes: Axes) -> tuple[int, int]:
    """Dots between the upper left corners of a figure and of its axes."""
    wide, high = figure.get_size_inches() * DPI
    place = axes.get_position()
    return round(place.x0 * wide), round((1 - place.y1) * high)

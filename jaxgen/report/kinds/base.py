"""What every kind of figure has: words, checks, and files of what is drawn."""

import dataclasses
import io
import math
import re
import sys
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np

from jaxgen.errors import InputError
from jaxgen.run_files import shown

if TYPE_CHECKING:
    from jaxgen.report.style import Figure, Theme

__all__ = ["TONES", "FigureSpec", "Pictures", "tone"]

_HEAVY, _LIGHT = 3, 200_000
"""A drawing of more bytes, beside its PNG file, is shown on a page as PNG."""


class Pictures(NamedTuple):
    """A figure as files.

    Attributes:
        png: The PNG file, light.
        svg: The SVG file, light.
        kind: What the page shows: "svg+xml" or "png".
        light: What it shows on white.
        dark: What it shows at night.
    """

    png: bytes
    svg: bytes
    kind: str
    light: bytes
    dark: bytes


TONES = ("train", "test", "muted", "ink")
"""Colours by name; "class 0", "class 1", ... are those of classes."""


@dataclasses.dataclass(frozen=True, eq=False)
class FigureSpec:
    """A figure as data: its words, and in the kinds its arrays.

    Arrays and words are checked against each other when a figure is made, so that what
    exists can be drawn.

    Attributes:
        title: A heading.
        caption: What the axes are and what to look for.
        alt: What a reader who cannot see the figure is told.

    Raises:
        InputError: A word is missing, or arrays do not belong together.
    """

    title: str
    caption: str
    alt: str

    def __post_init__(self):
        """Checks words and arrays."""
        for name in ("title", "caption", "alt"):
            text = getattr(self, name)
            if not isinstance(text, str) or not text.strip():
                self.refuse(name, f"is {shown(text)}; a text was expected")
        self.check()

    def check(self) -> None:
        """Raises InputError unless the arrays of the kind belong together."""

    def draw(self, theme: "Theme | None" = None) -> "Figure | bytes":
        """Draws the figure.

        Args:
            theme: The colours: `style.LIGHT` (the default) or `style.DARK`.

        Returns:
            The figure of matplotlib; a movie is the bytes of an animated PNG file.
        """
        raise NotImplementedError

    def png(self, theme: "Theme | None" = None) -> bytes:
        """Draws the figure as a PNG file, 200 dots per inch."""
        return self.files(theme)[0]

    def svg(self, theme: "Theme | None" = None) -> bytes:
        """Draws the figure as an SVG file."""
        return self.files(theme)[1]

    def files(self, theme: "Theme | None" = None) -> tuple[bytes, bytes]:
        """Draws the figure once for both files.

        Args:
            theme: The colours; light by default.

        Returns:
            A PNG and an SVG file.
        """
        from jaxgen.report import style

        figure = self.draw(theme)
        assert not isinstance(figure, bytes)
        png = style.png(figure)
        # Both files have one layout, which takes as long as drawing.
        figure.set_layout_engine("none")
        return png, style.svg(figure)

    def pictures(self) -> "Pictures":
        """Draws the figure for a page, light and dark, and as files."""
        from jaxgen.report import style

        png, svg = self.files(style.LIGHT)
        if len(svg) <= max(_HEAVY * len(png), _LIGHT) and self.recolours():
            return Pictures(png, svg, "svg+xml", svg, style.recolour(svg, style.DARK))
        return Pictures(png, svg, "png", png, self.png(style.DARK))

    def recolours(self) -> bool:
        """Whether all colours are those of a theme, and none is mixed of them."""
        return True

    def show(self) -> None:
        """Shows the figure below the cell of a notebook, or in a picture viewer."""
        # A notebook has loaded it already.
        shell: Any = sys.modules.get("IPython")
        if shell is not None and shell.get_ipython() is not None:
            shell.display.display(self)
            return
        from jaxgen.report.extras import require

        require("PIL")
        from PIL import Image

        Image.open(io.BytesIO(self.png())).show(self.title)

    def _repr_png_(self) -> bytes:
        return self.png()

    def _repr_svg_(self) -> str:
        return self.svg().decode()

    # What the kinds check with. Messages name the figure and the array.

    def refuse(self, name: str, why: str) -> NoReturn:
        """Raises the InputError of an array or a word of this figure."""
        title = self.title if isinstance(self.title, str) else "?"
        raise InputError(f"The figure {title!r}: {name} {why}.")

    def check_panels(self, panels: Any) -> None:
        """Raises InputError unless there are panels, by names that are texts."""
        if not isinstance(panels, Mapping) or not panels:
            self.refuse("panels", f"is {shown(panels)}; panels by title were expected")
        self.check_names("panels", panels)

    def check_names(self, what: str, names: Any, *, empty: bool = True) -> None:
        """Raises InputError unless names are texts, and not empty beside others."""
        for name in names:
            if not isinstance(name, str):
                self.refuse(what, f"has the name {shown(name)}; a text was expected")
            if not name.strip() and (len(names) > 1 or not empty):
                self.refuse(what, f"has an empty name among {len(names)}")

    def check_numbers(
        self,
        name: str,
        array: Any,
        *shape: int | None,
        gaps: bool = False,
        empty: bool = False,
    ) -> np.ndarray:
        """Checks an array of numbers.

        Args:
            name: Of the array, for the message.
            array: The array.
            *shape: Its lengths; None for any.
            gaps: Whether NaN stands for what is not known.
            empty: Whether it may have no entry.

        Returns:
            The array.
        """
        if not isinstance(array, np.ndarray):
            self.refuse(name, f"is {shown(array)}; a NumPy array was expected")
        wanted = ", ".join("n" if n is None else str(n) for n in shape)
        fits = array.ndim == len(shape) and all(
            want in (None, have) for want, have in zip(shape, array.shape, strict=True)
        )
        if not fits or not (array.size or empty):
            self.refuse(name, f"has shape {array.shape}; ({wanted}) was expected")
        if array.dtype.kind not in "buif":
            self.refuse(name, f"is of type {array.dtype}; numbers were expected")
        allowed = np.isfinite(array) | (np.isnan(array) if gaps else False)
        if not np.all(allowed):
            self.refuse(name, "holds something else than finite numbers")
        return array

    def check_number(self, name: str, value: Any) -> None:
        """Raises InputError unless a value is a finite number."""
        number = isinstance(value, int | float | np.number)
        if isinstance(value, bool) or not number or not math.isfinite(value):
            self.refuse(name, f"is {shown(value)}; a finite number was expected")

    def check_images(self, name: str, images: Any, axes: int = 4) -> None:
        """Raises InputError unless an array holds images as bytes.

        Args:
            name: Of the array.
            images: [number, height, width, channels] uint8, of 1, 3 or 4 channels.
            axes: More of them for more axes in front.
        """
        good = isinstance(images, np.ndarray) and images.dtype == np.uint8
        if good:
            good = images.ndim == axes and images.size and images.shape[-1] in (1, 3, 4)
        if not good:
            seen = (
                f"has shape {images.shape} and type {images.dtype}"
                if isinstance(images, np.ndarray)
                else f"is {shown(images)}"
            )
            front = "number, " * (axes - 3)
            self.refuse(
                name,
                f"{seen}, which cannot be drawn; uint8 [{front}height, width, "
                "channels] with 1, 3 or 4 channels were expected",
            )

    def check_whole(self, name: str, value: Any, most: int) -> None:
        """Raises InputError unless a value is a whole number from 0 to `most`."""
        if type(value) is not int or not 0 <= value <= most:
            self.refuse(name, f"is {shown(value)}; 0 to {most} was expected")

    def check_increasing(self, name: str, array: np.ndarray) -> None:
        """Raises InputError unless numbers grow from each to the next."""
        if (array[1:] <= array[:-1]).any():
            self.refuse(name, f"is {shown(array.tolist())}; growing numbers expected")

    def check_bounds(self, name: str, low: Any, value: Any, high: Any) -> None:
        """Raises InputError unless low <= value <= high, as far as they are known."""
        slack = 1e-6 * np.maximum(np.abs(high), np.abs(low))
        if (low > value + slack).any() or (value > high + slack).any():
            self.refuse(name, "is not between the ends of its interval")

    def check_tones(self, tones: Mapping[str, str], names: Collection[str]) -> None:
        """Raises InputError unless tones are known, and those of what is drawn."""
        for name, tone in tones.items():
            if tone not in TONES and not re.fullmatch(r"class [0-9]{1,4}", tone):
                self.refuse("tones", f"has the tone {shown(tone)} of {name!r}; {TONES}")
            if name not in names:
                self.refuse("tones", f"names {name!r}, which is none of {list(names)}")


def tone(theme: "Theme", name: str) -> str:
    """Returns a colour by its name; see `TONES`."""
    if name.startswith("class "):
        return theme.classed(int(name.removeprefix("class ")))[0]
    return getattr(theme, name)

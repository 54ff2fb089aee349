"""Points or images that move: an animated PNG file."""

import dataclasses
import io
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxgen.report.kinds.base import FigureSpec

if TYPE_CHECKING:
    from PIL import Image

    from jaxgen.report.style import Axes, Figure, Theme

__all__ = ["Movie", "animated_png"]

_DPI = 110  # a frame is a picture, and there are many
_COLOURS = 32
_MILLISECONDS = 220
_LAST = 1800  # the end stands longer


@dataclasses.dataclass(frozen=True, eq=False)
class Movie(FigureSpec):
    """Panels of points that move from frame to frame.

    Attributes:
        title: See `FigureSpec`.
        caption: Likewise.
        alt: Likewise.
        panels: By title the points, [frames, points, 2]; NaN for those that are gone.
        steps: Of each frame, growing, [frames].
        background: Points in grey behind all others, in every panel, [points, 2].
        word: What the steps are.
    """

    panels: Mapping[str, np.ndarray]
    steps: np.ndarray
    background: np.ndarray
    word: str = "step"

    def check(self) -> None:
        """See `FigureSpec`."""
        self.check_panels(self.panels)
        steps = self.check_numbers("steps", self.steps, None)
        self.check_increasing("steps", steps)
        if len(steps) < 2:
            self.refuse("steps", "is of one frame, which does not move")
        for name, points in self.panels.items():
            self.check_numbers(f"{name!r}", points, len(steps), None, 2, gaps=True)
        self.check_numbers("background", self.background, None, 2)
        self.check_names("word", [self.word], empty=False)

    def draw(self, theme: "Theme | None" = None) -> bytes:
        """See `FigureSpec`."""
        from jaxgen.report.extras import require

        require("PIL")
        from PIL import Image

        from jaxgen.report import style

        figure, moved, word = self._frame(theme, 0)
        pictures = []
        for frame, step in enumerate(self.steps):
            for points, own in zip(moved, self.panels.values(), strict=True):
                points.set_data(own[frame, :, 0], own[frame, :, 1])
            word.set_text(f"{self.word} {step:,}")
            raw = Image.open(io.BytesIO(style.png(figure, _DPI))).convert("RGB")
            # The layout is that of the first frame: nothing jumps.
            figure.set_layout_engine("none")
            pictures.append(raw)
        return animated_png(pictures)

    def files(self, theme: "Theme | None" = None) -> tuple[bytes, bytes]:
        """Draws the movie, and its last frame as an SVG file."""
        from jaxgen.report import style

        still = style.svg(self._frame(theme, len(self.steps) - 1)[0])
        return self.draw(theme), still

    def recolours(self) -> bool:
        """See `FigureSpec`: what is not drawn is none of them."""
        return False

    def svg(self, theme: "Theme | None" = None) -> bytes:
        """Draws the last frame as an SVG file."""
        from jaxgen.report import style

        return style.svg(self._frame(theme, len(self.steps) - 1)[0])

    def png(self, theme: "Theme | None" = None) -> bytes:
        """Draws the movie as an animated PNG file."""
        return self.draw(theme)

    def _frame(
        self, theme: "Theme | None", frame: int
    ) -> "tuple[Figure, list[Any], Any]":
        from jaxgen.report import frames, style

        theme, number = theme or style.LIGHT, len(self.panels)
        # Six panels make two rows of three rather than a row of four and stragglers.
        columns = 3 if number in (3, 5, 6, 9) else min(4, number)
        lines = math.ceil(number / columns)
        side = style.WIDTH / max(columns, 3)
        with theme.applied():
            figure = style.Figure(
                figsize=(side * columns, (side + 0.28) * lines + 0.3),
                layout="constrained",
            )
            places = frames.mosaic(figure, list(self.panels), columns)
            moved = []
            for title, points in self.panels.items():
                axes = places[title]
                self._bound(axes)
                look = {"markersize": 1.6, "markeredgewidth": 0}
                axes.plot(*self.background.T, "o", color=theme.rule, **look)
                moved += axes.plot(*points[frame].T, "o", color=theme.train, **look)
                axes.set_title(title, fontsize=8, loc="center", wrap=True)
            word = figure.suptitle(
                f"{self.word} {self.steps[frame]:,}", fontsize=9, x=0.01, ha="left"
            )
        return figure, moved, word

    def _bound(self, axes: "Axes") -> None:
        low, high = self.background.min(axis=0), self.background.max(axis=0)
        middle, reach = (low + high) / 2, 0.6 * float((high - low).max() or 1.0)
        axes.set_xlim(middle[0] - reach, middle[0] + reach)
        axes.set_ylim(middle[1] - reach, middle[1] + reach)
        axes.set_aspect("equal")
        axes.spines[:].set_visible(False)
        axes.set(xticks=[], yticks=[])


def animated_png(pictures: "list[Image.Image]") -> bytes:
    """Returns an animated PNG file: its frames share one palette, which keeps it small.

    Args:
        pictures: The frames, RGB, of one size; the last one stands longer.
    """
    palette = pictures[-1].quantize(_COLOURS)
    frames = [_few_colours(own, palette) for own in pictures]
    buffer = io.BytesIO()
    frames[0].save(
        buffer,
        format="PNG",
        save_all=True,
        append_images=frames[1:],
        duration=[*[_MILLISECONDS] * (len(frames) - 1), _LAST],
        loop=0,
    )
    return buffer.getvalue()


def _few_colours(picture, palette):
    """The picture in the colours of a palette, and the paper in its own.

    The nearest colour that a palette has may be a shade off, and a page would show it.
    """
    from PIL import Image

    near = picture.quantize(palette=palette, dither=Image.Dither.NONE)
    index, exact = np.array(near), np.asarray(picture)
    paper = exact[0, 0]
    index[(exact == paper).all(axis=-1)] = _COLOURS
    found = Image.fromarray(index)
    found.putpalette([*(palette.getpalette() or [])[: 3 * _COLOURS], *paper.tolist()])
    return found

"""Tables of images: each pixel of an image is a whole number of dots."""

import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np

from jaxgen.report import wording
from jaxgen.report.kinds.base import FigureSpec

if TYPE_CHECKING:
    from jaxgen.report.style import Axes, Figure, Theme

__all__ = ["ImageTable", "Plane"]

_PAD = 16  # dots of paper around all


@dataclasses.dataclass(frozen=True, eq=False)
class Plane:
    """The coordinates of images on a grid, row by row from the largest y down.

    Attributes:
        x: Of each column, growing, [columns].
        y: Of each row, falling, [rows].
        x_label: Name of the axis below.
        y_label: Name of the axis at the left.
    """

    x: np.ndarray
    y: np.ndarray
    x_label: str
    y_label: str


@dataclasses.dataclass(frozen=True, eq=False)
class ImageTable(FigureSpec):
    """Images in rows, columns, squares or groups, each with its name.

    Images are uint8 [number, height, width, channels] with 1, 3 or 4 channels; a fourth
    is left out. They may differ in size, and all of a figure are drawn in one.

    Attributes:
        title: See `FigureSpec`.
        caption: Likewise.
        alt: Likewise.
        panels: By the title of a panel (empty for none), by name, the images.
        layout: `squares`: each name stands above a square of its images; `rows`: left
            of its row; `columns`: above its column; `groups`: above one place of groups
            of images that touch, such as an input and its output.
        across: In rows the names of the columns, in columns those of the rows.
        below: In rows, the name of an axis below, where `across` then stands.
        plane: In squares, the coordinates of the images.
        set_apart: In rows, whether the first stands apart from the others.
    """

    panels: Mapping[str, Mapping[str, np.ndarray]]
    layout: Literal["squares", "rows", "columns", "groups"] = "squares"
    across: tuple[str, ...] = ()
    below: str = ""
    plane: Plane | None = None
    set_apart: bool = False

    def check(self) -> None:
        """See `FigureSpec`."""
        self.check_panels(self.panels)
        if self.layout not in ("squares", "rows", "columns", "groups"):
            self.refuse("layout", f"is {self.layout!r}")
        for panel, parts in self.panels.items():
            where = f"the panel {panel!r}" if panel else "its panel"
            if not isinstance(parts, Mapping) or not parts:
                self.refuse(where, "has no images by name")
            self.check_names(where, parts)
            for name, images in parts.items():
                self.check_images(f"the images {name!r} of {where}", images)
            lengths = {name: len(images) for name, images in parts.items()}
            if len(set(lengths.values())) > 1:
                self.refuse(where, f"has {lengths} images; as many of each expected")
            number = next(iter(lengths.values()))
            if self.across and number != len(self.across):
                self.refuse(
                    where, f"has {number} images of each for {len(self.across)} names"
                )
            if self.plane is not None:
                self._check_plane(where, number)
        self.check_names("across", self.across, empty=False)
        if self.across and self.layout not in ("rows", "columns"):
            self.refuse("across", f"has no place in {self.layout}")
        if self.below and (self.layout != "rows" or not self.across):
            self.refuse("below", "needs rows, with names across")

    def _check_plane(self, where: str, number: int) -> None:
        assert self.plane is not None
        x = self.check_numbers("plane.x", self.plane.x, None)
        y = self.check_numbers("plane.y", self.plane.y, None)
        if (x[1:] < x[:-1]).any() or (y[1:] > y[:-1]).any():
            self.refuse("plane", "needs x that grows and y that falls")
        self.check_names("plane", (self.plane.x_label, self.plane.y_label), empty=False)
        if self.layout != "squares":
            self.refuse("plane", f"has no place in {self.layout}")
        if number != len(x) * len(y):
            self.refuse(
                where,
                f"has {number} images; a grid of {len(x)} by {len(y)} needs "
                f"{len(x) * len(y)} images",
            )

    def draw(self, theme: "Theme | None" = None) -> "Figure":
        """See `FigureSpec`."""
        figure, axes, sheet = self._named(theme)
        height, width = sheet.shape[:2]
        extent = (0, width, height, 0)
        axes.imshow(sheet, interpolation="none", extent=extent, aspect="auto")
        return figure

    def files(self, theme: "Theme | None" = None) -> tuple[bytes, bytes]:
        """See `FigureSpec`; no image is resampled."""
        from jaxgen.report import style

        drawn = self._named(theme)
        return style.png_around(*drawn), style.svg_around(*drawn)

    def png(self, theme: "Theme | None" = None) -> bytes:
        """See `FigureSpec`."""
        from jaxgen.report import style

        return style.png_around(*self._named(theme))

    def _named(self, theme: "Theme | None") -> "tuple[Figure, Axes, np.ndarray]":
        """The figure with names and without images, and the images as one."""
        from jaxgen.report import sheets, style

        theme = theme or style.LIGHT
        if self.layout == "rows":
            below = bool(self.below)
            sheet, labels = sheets.rows(
                self.panels, self.across, below=below, set_apart=self.set_apart
            )
        elif self.layout == "columns":
            sheet, labels = sheets.columns(self.panels, self.across)
        elif self.layout == "groups":
            sheet, labels = sheets.groups(self.panels)
        elif self.plane is None:
            sheet, labels = sheets.squares(self.panels)
        else:
            x, y = (
                [wording.tick(v) for v in axis] for axis in (self.plane.x, self.plane.y)
            )
            sheet, labels = sheets.squares(self.panels, x, y)
        height, width = sheet.shape[:2]
        with theme.applied():
            figure = style.Figure(
                figsize=(width / style.DPI, height / style.DPI), dpi=style.DPI
            )
            axes = figure.add_axes((0, 0, 1, 1))
            axes.set(xlim=(0, width), ylim=(height, 0))
            axes.set_axis_off()
            for label in labels:
                label.write(axes, theme)
            if self.below:
                _name_side(axes, self.below, 17, theme)
            if self.plane is not None:
                longest = max(len(wording.tick(v)) for v in self.plane.y)
                _name_side(axes, self.plane.x_label, 17, theme)
                _name_side(axes, self.plane.y_label, 9 + 4.8 * longest, theme, True)
            _fit(figure, axes, sheet)
        return figure, axes, sheet


def _name_side(
    axes: "Axes", text: str, away: float, theme: "Theme", left: bool = False
) -> None:
    """Names the axis below a sheet, or at its left, some points away."""
    axes.annotate(
        text,
        (0, 0.5) if left else (0.5, 0),
        xycoords="axes fraction",
        xytext=(-away, 0) if left else (0, -away),
        textcoords="offset points",
        ha="right" if left else "center",
        va="center" if left else "top",
        rotation=90 if left else 0,
        fontsize=8.5,
        color=theme.muted,
    )


def _fit(figure: "Figure", axes: "Axes", sheet: np.ndarray) -> None:
    """Adds as much paper around a sheet as the names beside it take: whole dots."""
    from jaxgen.report import style

    height, width = sheet.shape[:2]
    # Without it every text would make a renderer of its own.
    renderer = style.renderer(figure)
    boxes = [text.get_window_extent(renderer) for text in axes.texts]
    left = max([-box.x0 for box in boxes], default=0)
    right = max([box.x1 - width for box in boxes], default=0)
    bottom = max([-box.y0 for box in boxes], default=0)
    top = max([box.y1 - height for box in boxes], default=0)
    left, right, bottom, top = (
        max(0, math.ceil(edge)) + _PAD for edge in (left, right, bottom, top)
    )
    wide, high = width + left + right, height + bottom + top
    figure.set_size_inches(wide / style.DPI, high / style.DPI)
    axes.set_position((left / wide, bottom / high, width / wide, height / high))

"""Images laid out on one sheet, with the places of their names."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from jaxgen.report.pictures import fitted, picture_size
from jaxgen.report.style import DPI, Axes, Theme

__all__ = ["Label", "columns", "groups", "rows", "squares"]

_WIDTH = 1180  # dots that a table aims at
_WIDEST = 1440  # the same for squares side by side
_COLUMN = 150  # dots: few columns get no more than a quarter more than ten would
_LARGE, _SMALL = 212, 115  # dots of a picture in a group, of few groups and of many
_MANY = 15
_ACROSS = 1344  # dots of a row of groups
_WITHIN = 3  # dots between pictures
_BETWEEN = 24  # dots between groups and between squares
_LETTER = 0.053 * DPI  # dots that a letter of a label takes, about

Panels = Mapping[str, Mapping[str, np.ndarray]]
Laid = tuple[np.ndarray, "list[Label]"]


class Label(NamedTuple):
    """A name beside a picture.

    Attributes:
        text: The name.
        x: Of its picture, dots from the left of the sheet.
        y: Dots from the top.
        place: On which side of that point it stands.
        bold: Whether it is a heading.
        quiet: Whether it is a remark.
        lean: Whether it leans.
        line: Lines between it and its point.
    """

    text: str
    x: float
    y: float
    place: Literal["corner", "top", "left", "under"]
    bold: bool = False
    quiet: bool = False
    lean: bool = False
    line: int = 0

    def write(self, axes: Axes, theme: Theme) -> None:
        """Writes the name."""
        if not self.text:
            return
        up = 4 + 11 * self.line
        offset, horizontal, vertical = {
            "corner": ((0, up), "left", "bottom"),
            "top": ((0, up), "center", "bottom"),
            "left": ((-5, 0), "right", "center"),
            "under": ((0, -up), "center", "top"),
        }[self.place]
        axes.annotate(
            self.text,
            (self.x, self.y),
            xytext=offset,
            textcoords="offset points",
            ha="left" if self.lean else horizontal,
            va=vertical,
            rotation=40 if self.lean else 0,
            rotation_mode="anchor" if self.lean else "default",
            fontsize=9 if self.bold else 8,
            fontweight="bold" if self.bold else "normal",
            color=theme.muted if self.quiet else theme.ink,
            annotation_clip=False,
        )


class _Stack:
    """Pieces of a sheet, one below the other, and the names beside them."""

    def __init__(self):
        self.labels: list[Label] = []
        self.height = 0
        self._pieces: list[tuple[int, np.ndarray]] = []

    def begin(self, title: str, lines: int) -> int:
        """Begins a panel below so many lines of names, and returns where it starts."""
        all_lines = lines + bool(title)
        space = round((4 + 11 * all_lines) * DPI / 72) if all_lines else 0
        top = self.height + space + _BETWEEN if self._pieces else 0
        if title:
            self.labels.append(Label(title, 0, top, "corner", bold=True, line=lines))
        return top

    def add(self, piece: np.ndarray, top: int) -> None:
        self._pieces.append((top, piece))
        self.height = top + len(piece)

    def done(self) -> Laid:
        width = max(piece.shape[1] for _, piece in self._pieces)
        sheet = np.zeros([self.height, width, 4], np.uint8)
        for top, piece in self._pieces:
            sheet[top : top + len(piece), : piece.shape[1]] = piece
        return sheet, self.labels


def squares(
    panels: Panels, x: Sequence[str] | None = None, y: Sequence[str] | None = None
) -> Laid:
    """Lays the images of each name out in a square below it.

    Args:
        panels: By title, by name, [number, height, width, channels] uint8.
        x: Of a grid, the names of its columns.
        y: Likewise of its rows.

    Returns:
        The sheet, [height, width, 4] uint8, and the names.
    """
    stack = _Stack()
    for panel, parts in panels.items():
        number = len(next(iter(parts.values())))
        side = len(x) if x is not None else math.ceil(math.sqrt(number))
        # Four make a square rather than a row of three and a straggler.
        across = 2 if len(parts) == 4 else min(3, len(parts))
        # A little more than the aim is better than images of half the size.
        wide = _WIDTH if across == 1 else math.ceil(_WIDEST / across)
        (pictures,) = _fitted([parts], wide // side)
        laid = {name: _lay(part, side, 2) for name, part in pictures.items()}
        titled = any(parts)
        for first in range(0, len(laid), across):
            top = stack.begin(panel if first == 0 else "", int(titled))
            left = 0
            for name in list(laid)[first : first + across]:
                square = laid[name]
                stack.labels.append(Label(name, left, top, "corner", bold=True))
                if left == 0:
                    line = square
                else:
                    gap = np.zeros([len(square), _BETWEEN, 4], np.uint8)
                    line = np.concatenate([line, gap, square], axis=1)
                step = next(iter(pictures.values())).shape[1:3] + np.array([2, 2])
                if x is not None:
                    places = left + (np.arange(len(x)) + 0.5) * step[1] - 1
                    bottom = top + len(square)
                    stack.labels += _named(x, places, bottom, "under")
                if y is not None and left == 0:
                    places = top + (np.arange(len(y)) + 0.5) * step[0] - 1
                    stack.labels += _named(y, 0, places, "left")
                left += square.shape[1] + _BETWEEN
            stack.add(line, top)
    return stack.done()


def rows(
    panels: Panels, across: Sequence[str], *, below: bool, set_apart: bool
) -> Laid:
    """Lays the images of each name out in a row beside it.

    Args:
        panels: By title, by name, [number, height, width, channels] uint8.
        across: The names of the columns.
        below: Whether they stand below.
        set_apart: Whether the first row stands apart.

    Returns:
        The sheet, [height, width, 4] uint8, and the names.
    """
    stack = _Stack()
    number = max(len(images) for part in panels.values() for images in part.values())
    pictures = _fitted(panels.values(), min(_WIDTH, _COLUMN * number) // number)
    width = next(iter(pictures[0].values())).shape[2]
    middles = np.arange(len(across)) * (width + _WITHIN) + width / 2
    leans = not below and _leans(across, width)
    lines = 0 if below else _lines(across, leans)
    for title, part in zip(panels, pictures, strict=True):
        top = stack.begin(title, lines)
        if not below:
            stack.labels += _named(across, middles, top, "top", lean=leans)
        for row, (name, images) in enumerate(part.items()):
            stack.add(_lay(images, number, _WITHIN), top)
            middle = top + images.shape[1] / 2
            stack.labels.append(Label(name, 0, middle, "left"))
            apart = 12 if set_apart and row == 0 else 0
            top = stack.height + _WITHIN + apart
    if below:
        stack.labels += _named(across, middles, stack.height, "under")
    return stack.done()


def columns(panels: Panels, across: Sequence[str]) -> Laid:
    """Lays the images of each name out in a column below it.

    Args:
        panels: By title, by name, [number, height, width, channels] uint8.
        across: The names of the rows.

    Returns:
        The sheet, [height, width, 4] uint8, and the names.
    """
    stack = _Stack()
    most = max(map(len, panels.values()))
    pictures = _fitted(panels.values(), min(_WIDTH, _COLUMN * most) // most)
    for title, part in zip(panels, pictures, strict=True):
        together = np.stack(list(part.values()), axis=1)
        height, width = together.shape[2:4]
        leans = _leans(list(part), width)
        top = stack.begin(title, _lines(list(part), leans))
        middles = np.arange(len(part)) * (width + _WITHIN) + width / 2
        stack.labels += _named(list(part), middles, top, "top", lean=leans)
        heights = top + np.arange(len(across)) * (height + _WITHIN) + height / 2
        stack.labels += _named(across, 0, heights, "left")
        flat = together.reshape(-1, *together.shape[2:])
        stack.add(_lay(flat, len(part), _WITHIN), top)
    return stack.done()


def groups(panels: Panels) -> Laid:
    """Lays out what belongs together in groups that touch, several groups a row.

    Args:
        panels: By title, by the name of a place in a group, [groups, height, width,
            channels] uint8.

    Returns:
        The sheet, [height, width, 4] uint8, and the names.
    """
    stack = _Stack()
    most = max(len(images) for part in panels.values() for images in part.values())
    large = most <= _MANY
    pictures = _fitted(panels.values(), _LARGE if large else _SMALL)
    within = 4 if large else 0
    for title, part in zip(panels, pictures, strict=True):
        number, height, width = next(iter(part.values())).shape[:3]
        gap = np.zeros([number, height, within, 4], np.uint8)
        pieces = [piece for images in part.values() for piece in (images, gap)]
        joined = np.concatenate(pieces[:-1], axis=2)
        wide = joined.shape[2]
        per_row = max(1, min(number, (_ACROSS + _BETWEEN) // (wide + _BETWEEN)))
        note, names = _lettered(list(part), width)
        start = top = stack.begin(title, 2 if note else 1)
        for first in range(0, number, per_row):
            some = joined[first : first + per_row]
            stack.add(_lay(some, len(some), _BETWEEN), top)
            # A smaller gap than between the columns holds the table together.
            top = stack.height + 2 * _WITHIN
        for column in range(per_row):
            for place, name in enumerate(names):
                x = column * (wide + _BETWEEN) + place * (width + within) + width / 2
                quiet = place == 0 and len(names) > 1
                stack.labels.append(Label(name, x, start, "top", quiet=quiet))
        stack.labels.append(Label(note, 0, start, "corner", line=1))
    return stack.done()


def _fitted(
    parts: Iterable[Mapping[str, np.ndarray]], aim: int
) -> list[dict[str, np.ndarray]]:
    """Brings all images to one size, whose longer side is about as many dots."""
    parts = list(parts)
    together = [images for part in parts for images in part.values()]
    height, width = picture_size(together, max(aim, 1))
    return [
        {name: fitted(images, height, width) for name, images in part.items()}
        for part in parts
    ]


def _lay(images: np.ndarray, across: int, gap: int) -> np.ndarray:
    """Images [number, height, width, 4] on one sheet, so many in a row."""
    number, height, width, _ = images.shape
    down = math.ceil(number / across)
    sheet = np.zeros(
        [down * (height + gap) - gap, across * (width + gap) - gap, 4], np.uint8
    )
    for index, image in enumerate(images):
        top = (index // across) * (height + gap)
        left = (index % across) * (width + gap)
        sheet[top : top + height, left : left + width] = image
    return sheet


def _named(
    names: Sequence[str],
    x: np.ndarray | float,
    y: np.ndarray | float,
    place: Literal["top", "left", "under"],
    lean: bool = False,
) -> list[Label]:
    x, y = (np.broadcast_to(edge, len(names)) for edge in (x, y))
    return [
        Label(name, float(one), float(other), place, quiet=True, lean=lean)
        for name, one, other in zip(names, x, y, strict=True)
    ]


def _leans(names: Sequence[str], width: int) -> bool:
    """Whether names are wider than their columns, and so have to lean."""
    return max(map(len, names), default=0) * _LETTER > width + _WITHIN


def _lines(names: Sequence[str], leans: bool) -> int:
    """Lines that the names of columns take."""
    longest = max(map(len, names), default=0)
    return math.ceil(0.25 * longest) if leans else int(longest > 0)


def _lettered(names: Sequence[str], width: int) -> tuple[str, list[str]]:
    """A line above all, and letters, in place of names wider than a picture."""
    if len(names) < 2 or not _leans(names, width):
        return "", list(names)
    letters = [chr(ord("A") + place) for place in range(len(names) - 1)]
    pairs = zip(letters, names[1:], strict=True)
    note = "   ".join(f"{letter}: {name}" for letter, name in pairs)
    return note, [names[0], *letters]

"""Large images in overlapping tiles, and back in one, without seams.

Each tile counts by a smooth window. A window is the difference of two steps that share
the seams with the neighbours, so the windows of all tiles add up to 1 by construction,
however much the tiles overlap. Steps are whole multiples of 1/1024: products and sums
of windows are exact in float32, and so is the 1.

All of this is on the host: an image may be larger than the device's memory.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from jaxgen.checks import check_count
from jaxgen.errors import InputError

__all__ = ["Tiling", "blend", "cut", "reflect", "tiling"]

_FINENESS = 1024
"""Steps have 10 bits, windows 20: float32 has 24."""


class Tiling(NamedTuple):
    """How an image is cut; see `tiling`.

    Attributes:
        height: Of the image, in pixels.
        width: Likewise.
        tile: Side of the square tiles.
        rows: The first row of each tile of a column of them.
        columns: The first column of each tile of a row of them.
        windows_down: Windows of a column of tiles, shape (len(rows), tile).
        windows_across: Windows of a row of tiles, shape (len(columns), tile).
    """

    height: int
    width: int
    tile: int
    rows: np.ndarray
    columns: np.ndarray
    windows_down: np.ndarray
    windows_across: np.ndarray

    def __len__(self) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Returns the number of tiles."""
        return len(self.rows) * len(self.columns)


def tiling(
    height: int, width: int, *, tile: int, overlap: int, align: int = 1
) -> Tiling:
    """Plans how an image is cut into square tiles that overlap.

    Tiles are spread evenly, the first flush with the start, the last with the end. Over
    `overlap` pixels in the middle of what two neighbours share, one gives way to the
    other by a raised cosine; nearer to its border a tile does not count, for there a
    network sees its padding. An image smaller than a tile, or whose sides are no
    multiples of `align`, is cut as if it went on reflected.

    Args:
        height: Of the image, in pixels.
        width: Likewise.
        tile: Side of a tile.
        overlap: Least pixels that neighbours share.
        align: Tiles start at multiples of it: the product of a network's strides, so
            that all tiles see the same grid.

    Raises:
        InputError: A number is out of its range, or the tile is no multiple of `align`.

    Examples:
        >>> plan = tiling(100, 64, tile=64, overlap=16)
        >>> len(plan), plan.rows.tolist(), plan.columns.tolist()
        (2, [0, 36], [0])
    """
    check_count("height", height, 1)
    check_count("width", width, 1)
    check_count("tile", tile, 1)
    check_count("align", align, 1)
    if tile % align:
        raise InputError(
            f"A tile of {tile} pixels a side does not fit: give a positive multiple of "
            f"{align}."
        )
    check_count("overlap", overlap, 0, tile - align)
    down, across = (_axis(length, tile, overlap, align) for length in (height, width))
    return Tiling(height, width, tile, down[0], across[0], down[1], across[1])


def reflect(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Makes an image larger, below and to the right, by reflecting it.

    Args:
        image: Shape (height, width, channels); it may be reflected several times.
        height: Of the result, no less than that of the image.
        width: Likewise.
    """
    more = (height - image.shape[0], width - image.shape[1])
    if not any(more):
        return image
    return np.pad(image, ((0, more[0]), (0, more[1]), (0, 0)), mode="reflect")


def cut(image: np.ndarray, plan: Tiling, *, batch_size: int) -> Iterator[np.ndarray]:
    """Yields the tiles of an image in batches of one shape.

    Args:
        image: Shape (height, width, channels), of the size that was planned.
        plan: See `tiling`.
        batch_size: Tiles a batch. The last batch is filled up with its first tile.

    Yields:
        Tiles, shape (batch_size, tile, tile, channels), row by row.

    Raises:
        InputError: The image has another size.
    """
    if image.shape[:2] != (plan.height, plan.width):
        raise InputError(
            f"The image is {image.shape[1]}x{image.shape[0]} pixels: the plan is for "
            f"{plan.width}x{plan.height}."
        )
    side = plan.tile
    whole = reflect(image, int(plan.rows[-1]) + side, int(plan.columns[-1]) + side)
    corners = [(row, column) for row in plan.rows for column in plan.columns]
    for first in range(0, len(corners), batch_size):
        some = corners[first : first + batch_size]
        some += some[:1] * (batch_size - len(some))
        yield np.stack([whole[r : r + side, c : c + side] for r, c in some])


def blend(batches: Iterable[np.ndarray], plan: Tiling) -> np.ndarray:
    """Puts tiles together to one image.

    Args:
        batches: Tiles in the order and the batches of `cut`, of any channels.
        plan: See `tiling`.

    Returns:
        The image, float32, shape (height, width, channels), without what was reflected.

    Raises:
        InputError: There are too few tiles, or they have another size.
    """
    side = plan.tile
    canvas = None
    places = iter(
        [
            (row, column)
            for row in range(len(plan.rows))
            for column in range(len(plan.columns))
        ]
    )
    for batch in batches:
        if batch.shape[1:3] != (side, side):
            raise InputError(
                f"Tiles have become {batch.shape[2]}x{batch.shape[1]} pixels: expected "
                f"{side}x{side}."
            )
        if canvas is None:
            end = (int(plan.rows[-1]) + side, int(plan.columns[-1]) + side)
            canvas = np.zeros((*end, batch.shape[-1]), np.float32)
        for values, (row, column) in zip(batch, places, strict=False):
            window = np.outer(plan.windows_down[row], plan.windows_across[column])
            top, left = plan.rows[row], plan.columns[column]
            canvas[top : top + side, left : left + side] += (
                window[:, :, np.newaxis] * values
            )
    if canvas is None or next(places, None) is not None:
        raise InputError(f"There are fewer tiles than the {len(plan)} of the plan.")
    return canvas[: plan.height, : plan.width]


def _axis(
    length: int, tile: int, overlap: int, align: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the starts of the tiles along one axis, and their windows."""
    slack = (max(-(-length // align) * align, tile) - tile) // align
    number = -(-slack // ((tile - overlap) // align)) + 1
    starts = align * (np.arange(number) * slack // max(number - 1, 1))
    shared = starts[:-1] + tile - starts[1:]
    ramps = starts[1:] + (shared - overlap) // 2
    places = starts[:, np.newaxis] + np.arange(tile)[np.newaxis]
    windows = np.ones((number, tile), np.float32)
    windows[1:] = _step(places[1:] - ramps[:, np.newaxis], overlap)
    windows[:-1] -= _step(places[:-1] - ramps[:, np.newaxis], overlap)
    return starts, windows


def _step(places: np.ndarray, overlap: int) -> np.ndarray:
    """Rises from 0 to 1 over the places 0 ... overlap - 1."""
    along = np.clip((places + 0.5) / max(overlap, 1), 0, 1)
    if not overlap:
        along = places >= 0
    rise = 0.5 - 0.5 * np.cos(np.pi * along)
    return np.round(_FINENESS * rise).astype(np.float32) / np.float32(_FINENESS)

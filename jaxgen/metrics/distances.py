"""Squared distances between two sets, tile by tile, without their cancellation.

`||x||^2 + ||y||^2 - 2 x.y` is one matrix product, and in float32 it is wrong where
points lie much closer to each other than to the origin: 25 Gaussians of scale 0.05 on a
grid have neighbours at squared distances of 1e-5, which is what float32 rounds a square
of 30 by. So the products are in float64. Points are sent in the type they have and
become float64 in a tile, minus a centre that is a value of the data: whole numbers stay
whole, and their ties stay ties.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.checks import check_count
from jaxgen.typing import Array

__all__ = [
    "BLOCK",
    "ROUNDING",
    "Tiles",
    "blocks",
    "centre_of",
    "double_precision",
    "in_tiles",
    "squared_distances",
    "tiles",
]

BLOCK = 256
"""Rows at once, by default."""

ROUNDING = 2.0**-44
"""Of `||x||^2 + ||y||^2`: what squared distances may be wrong by, 256 roundings of
float64. Distances below it, which is below the rounding of float32 features, are 0."""

_TILE = 2048


class Tiles(NamedTuple):
    """Points in tiles of equal size, the last padded, and where their centre is.

    Attributes:
        points: Shape (tiles, tile, d).
        centre: float64, shape (d,).
        number: How many of the points are not padding.
    """

    points: Array
    centre: Array
    number: int


def tiles(points: np.ndarray, centre: np.ndarray, *, size: int | None = None) -> Tiles:
    """Puts points on the device. Call it, and all else here, under `double_precision`.

    Args:
        points: Shape (n, d).
        centre: See `centre_of`.
        size: Points in a tile.
    """
    size = min(size or _TILE, len(points))
    return Tiles(
        jnp.asarray(in_tiles(points, size)),
        jnp.asarray(centre, jnp.float64),
        len(points),
    )


def in_tiles(array: np.ndarray, size: int) -> np.ndarray:
    """Cuts an array along its first axis; the last tile is padded with zeros."""
    missing = -len(array) % size
    if missing:
        pad = np.zeros((missing, *array.shape[1:]), array.dtype)
        array = np.concatenate([array, pad])
    return array.reshape(-1, size, *array.shape[1:])


def centre_of(points: np.ndarray) -> np.ndarray:
    """Returns a point amid the others: the lower median of some, per coordinate.

    A mean would not be a whole number where the points are.
    """
    some = points[:: max(1, len(points) // 1000)]
    return np.percentile(some, 50, axis=0, method="lower").astype(np.float64)


# One thread's setting: jax keeps float32 for everything outside.
double_precision = partial(jax.enable_x64, True)


def squared_distances(rows: Array, columns: Array, centre: Array) -> Array:
    """Calculates squared Euclidean distances between all rows and all columns.

    Args:
        rows: Shape (n, d).
        columns: Shape (m, d).
        centre: float64, shape (d,). It is subtracted from both.

    Returns:
        float64, shape (n, m). 0 for duplicates, never negative.
    """
    x = rows.astype(jnp.float64) - centre[None]
    y = columns.astype(jnp.float64) - centre[None]
    # Without the barrier XLA sums a square anew for every pair.
    x_size, y_size = jax.lax.optimization_barrier(
        (jnp.sum(x * x, axis=1), jnp.sum(y * y, axis=1))
    )
    sizes = x_size[:, None] + y_size[None]
    squared = sizes - 2 * jnp.dot(x, y.T, precision=jax.lax.Precision.HIGHEST)
    return jnp.where(squared <= ROUNDING * sizes, 0.0, squared)


def blocks(
    arrays: tuple[np.ndarray, ...],
    block_size: int,
    progress: Callable[[int], None] | None,
    work: Callable[..., Any],
) -> list[Any]:
    """Calls `work(*blocks)` on blocks of rows, the last one padded with zeros.

    Args:
        arrays: They are cut together along their first axis.
        block_size: Rows of a block.
        progress: It is called with the number of rows done since the last call.
        work: It gets one block of each array. What it returns is awaited and copied to
            the host.

    Returns:
        What each call returned, in order.

    Raises:
        InputError: The block has no rows.
    """
    check_count("block_size", block_size, 1)
    number = len(arrays[0])
    size = min(block_size, number)
    found = []
    for first in range(0, number, size):
        some = [in_tiles(array[first : first + size], size)[0] for array in arrays]
        found.append(jax.device_get(work(*some)))
        if progress is not None:
            progress(min(size, number - first))
    return found

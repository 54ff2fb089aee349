"""Nearest neighbours, exact, in blocks: memory does not grow with the square of n."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.checks import check_count
from jaxgen.errors import InputError
from jaxgen.metrics.arrays import check_features
from jaxgen.metrics.distances import (
    BLOCK,
    Tiles,
    blocks,
    centre_of,
    double_precision,
    squared_distances,
    tiles,
)
from jaxgen.typing import Array

__all__ = ["Near", "Neighbours", "nearest_neighbours", "nearest_others", "search"]

# Neighbours are preselected in float32, where `top_k` is 50 times faster on a CPU. This
# many more than asked for are kept, lest rounding swaps the last of them for another.
_SPARE = 4


class Neighbours(NamedTuple):
    """The nearest of some points, the nearest first.

    Attributes:
        indices: int32, shape (n, k).
        distances: Euclidean, float64, shape (n, k).
    """

    indices: np.ndarray
    distances: np.ndarray


def nearest_neighbours(
    queries: np.ndarray,
    references: np.ndarray,
    *,
    k: int = 1,
    block_size: int = BLOCK,
    progress: Callable[[int], None] | None = None,
) -> Neighbours:
    """Finds the k nearest references of each query.

    Args:
        queries: Shape (n, d).
        references: Shape (m, d).
        k: How many.
        block_size: Queries at once; it changes nothing but memory and time.
        progress: It is called with the number of queries done since the last call.

    Returns:
        `Neighbours(indices, distances)`, indices of references.

    Raises:
        InputError: The features cannot be used, or there are fewer than k references.

    Examples:
        >>> found = nearest_neighbours(np.array([[0.9]]), np.array([[0.0], [1.0]]))
        >>> print(found.indices, found.distances.round(6))
        [[1]] [[0.1]]
    """
    _check_k(k)
    queries = check_features("query", queries, least=1)
    references = check_features("reference", references, least=k)
    if queries.shape[1] != references.shape[1]:
        raise InputError(
            f"The queries have {queries.shape[1]} dimensions and the references "
            f"{references.shape[1]}: use the same feature network for both."
        )
    near = search(
        queries, references, k=k, centre=centre_of(references),
        block_size=block_size, progress=progress,
    )  # fmt: skip
    return Neighbours(near.indices, np.sqrt(near.squared))


def nearest_others(
    points: np.ndarray,
    *,
    k: int = 1,
    block_size: int = BLOCK,
    progress: Callable[[int], None] | None = None,
) -> Neighbours:
    """Finds the k nearest of the other points of the same set.

    A point is not its own neighbour, but its duplicate is.

    Args:
        points: Shape (n, d).
        k: How many.
        block_size: Points at once; it changes nothing but memory and time.
        progress: It is called with the number of points done since the last call.

    Returns:
        `Neighbours(indices, distances)`.

    Raises:
        InputError: The features cannot be used, or there are no more than k points.

    Examples:
        >>> found = nearest_others(np.array([[0.0], [0.0], [2.0]]), k=2)
        >>> print(found.distances.tolist())
        [[0.0, 2.0], [0.0, 2.0], [2.0, 2.0]]
    """
    _check_k(k)
    points = check_features("point", points, least=k + 1)
    near = search(
        points, None, k=k, centre=centre_of(points),
        block_size=block_size, progress=progress,
    )  # fmt: skip
    return Neighbours(near.indices, np.sqrt(near.squared))


def _check_k(k: int) -> None:
    check_count("k", k, 1)


class Near(NamedTuple):
    """As `Neighbours`, with squared distances: the square of a root may break a tie.

    Attributes:
        indices: int32, shape (n, k).
        squared: float64, shape (n, k).
    """

    indices: np.ndarray
    squared: np.ndarray


def search(
    queries: np.ndarray,
    references: np.ndarray | None,
    *,
    k: int,
    centre: np.ndarray,
    block_size: int,
    progress: Callable[[int], None] | None,
) -> Near:
    """Searches among features that have been checked.

    Args:
        queries: Shape (n, d).
        references: Shape (m, d); None for the other queries.
        k: How many to find.
        centre: A point to calculate from, see `distances.centre_of`.
        block_size: Rows at once.
        progress: It is called with the number of rows done since the last call.
    """
    own = np.arange(len(queries), dtype=np.int32)
    if references is not None:
        own = np.full_like(own, -1)  # No reference has this number.
    with double_precision():
        targets = tiles(queries if references is None else references, centre)
        found = blocks(
            (queries, own),
            block_size,
            progress,
            lambda rows, own: _nearest(rows, own, targets, k),
        )
    return Near(
        *(np.concatenate(part)[: len(queries)] for part in zip(*found, strict=True))
    )


@partial(jax.jit, static_argnames="k")
def _nearest(rows: Array, own: Array, references: Tiles, k: int) -> tuple[Array, Array]:
    count, size, _ = references.points.shape
    keep = k + _SPARE

    def merge(best: tuple[Array, Array], tile: tuple[Array, Array]):
        points, first = tile
        numbers = first + jnp.arange(size, dtype=jnp.int32)
        left_out = (numbers >= references.number)[None] | (
            numbers[None] == own[:, None]
        )
        squared = squared_distances(rows, points, references.centre)
        squared = jnp.where(left_out, jnp.inf, squared)
        numbers = jnp.broadcast_to(numbers[None], squared.shape)
        indices = jnp.concatenate([best[0], numbers], axis=1)
        squared = jnp.concatenate([best[1], squared], axis=1)
        _, places = jax.lax.top_k(-squared.astype(jnp.float32), keep)
        return _take(indices, squared, places), None

    start = (
        jnp.full((len(rows), keep), -1, jnp.int32),
        jnp.full((len(rows), keep), jnp.inf, jnp.float64),
    )
    firsts = jnp.arange(count, dtype=jnp.int32) * size
    best, _ = jax.lax.scan(merge, start, (references.points, firsts))
    return _take(*best, jnp.argsort(best[1], axis=1, stable=True)[:, :k])


def _take(indices: Array, squared: Array, places: Array) -> tuple[Array, Array]:
    return (
        jnp.take_along_axis(indices, places, axis=1),
        jnp.take_along_axis(squared, places, axis=1),
    )

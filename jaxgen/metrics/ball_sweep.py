"""One pass over all pairs of two sets: who is in whose ball, in all samples at once.

A pair of points and a word of 32 samples are one step: the bits of all radii above the
distance are or-ed, and or-ed on over rows or columns. So 50 half-samples cost no more
than the comparisons with one list of radii.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.metrics.balls import WORD, Balls, to_bits, to_words
from jaxgen.metrics.distances import (
    blocks,
    double_precision,
    in_tiles,
    squared_distances,
    tiles,
)
from jaxgen.typing import Array

__all__ = ["Inside", "RealBalls", "sweep"]


class Inside(NamedTuple):
    """What is inside of what, per sample.

    Attributes:
        generated: bool, shape (samples, m): inside a real ball. Also of points that
            are not in the sample.
        recalled: bool, shape (samples, n): inside a generated ball. Likewise.
        covered: bool, shape (samples, n): with a generated example in the ball.
        pairs: int64, shape (samples,): pairs of a ball and an example in it.
    """

    generated: np.ndarray
    recalled: np.ndarray
    covered: np.ndarray
    pairs: np.ndarray


class RealBalls(NamedTuple):
    """Real points, or a block of them, with their balls, see `Balls`.

    Attributes:
        points: Shape (n, d).
        precision_radii: Of the balls of precision.
        precision_ends: Likewise.
        density_radii: Of the balls of density and coverage.
        density_ends: Likewise.
    """

    points: Any
    precision_radii: Any
    precision_ends: Any
    density_radii: Any
    density_ends: Any


class _Columns(NamedTuple):
    points: Array
    radii: Array
    ends: Array
    members: Array


def sweep(
    real: RealBalls,
    generated: np.ndarray,
    for_recall: Balls,
    members: np.ndarray,
    *,
    centre: np.ndarray,
    block_size: int,
    progress: Callable[[int], None] | None,
) -> Inside:
    """Finds who is in whose ball, in one pass over all pairs of the two sets.

    Args:
        real: Real points and their balls.
        generated: Shape (m, d).
        for_recall: The balls of the generated points.
        members: bool, shape (samples, m): which of those are in a sample.
        centre: What distances are calculated from, shape (d,).
        block_size: Real points at once.
        progress: It is called with the number of real points done since the last call.
    """
    with double_precision():
        targets = tiles(generated, centre)
        count, size, _ = targets.points.shape
        columns = _Columns(
            targets.points,
            *(
                jnp.asarray(in_tiles(array, size))
                for array in (*for_recall, to_words(members))
            ),
        )
        kept = [jnp.zeros((count, columns.members.shape[-1], size), jnp.uint32)]

        def work(*rows: np.ndarray) -> tuple[Array, ...]:
            kept[0], *found = _block(kept[0], RealBalls(*rows), columns, targets.centre)
            return tuple(found)

        found = blocks(real, block_size, progress, work)
        inside = np.asarray(kept[0]).swapaxes(1, 2)
    recalled, covered, pairs = zip(*found, strict=True)
    samples = len(members)
    return Inside(
        to_bits(inside.reshape(count * size, -1)[: len(generated)], samples),
        to_bits(np.concatenate(recalled)[: len(real.points)], samples),
        to_bits(np.concatenate(covered)[: len(real.points)], samples),
        np.stack(pairs).sum(axis=0)[:samples],
    )


@partial(jax.jit, donate_argnums=0)
def _block(
    inside: Array, rows: RealBalls, columns: _Columns, centre: Array
) -> tuple[Array, Array, Array, Array]:
    """Sweeps over the tiles of generated points; see `Inside` for what comes out."""
    words = columns.members.shape[-1]

    def tile(carry, given):
        recalled, covered, pairs = carry
        inside, some = given
        # Only barriers keep XLA from calculating anew for each use.
        squared = _once(squared_distances(rows.points, some.points, centre))
        turned = _once(squared.T)

        def word(number: int) -> tuple[Array, Array, Array, Array]:
            def held(squared: Array, radii: Array, ends: Array) -> Array:
                return _held(squared, radii, _once(ends[..., number]))

            of_real = held(squared, rows.precision_radii, rows.precision_ends)
            of_generated = held(turned, some.radii, some.ends)
            present = held(squared, rows.density_radii, rows.density_ends)
            present = _once(present & some.members[None, :, number])
            counts = _count(present)
            return _any(of_real, 0), _any(of_generated, 0), _any(present, 1), counts

        # A scan over the words would be six times slower on a CPU.
        found = zip(*map(word, range(words)), strict=True)
        more = [jnp.stack(one) for one in found]
        carry = recalled | more[1], covered | more[2], pairs + more[3]
        return carry, inside | more[0]

    none = jnp.zeros((words, len(rows.points)), jnp.uint32)
    start = (none, none, jnp.zeros((words, WORD), jnp.int64))
    (recalled, covered, pairs), inside = jax.lax.scan(tile, start, (inside, columns))
    return inside, recalled.T, covered.T, pairs.reshape(-1)


def _once(array: Array) -> Array:
    return jax.lax.optimization_barrier(array)


def _held(squared: Array, radii: Array, ends: Array) -> Array:
    """Returns as bits in which samples the ball of a row holds a column."""
    held = jnp.zeros(squared.shape, jnp.uint32)
    for place in range(radii.shape[1]):
        inside = squared < radii[:, place, None]
        held |= jnp.where(inside, ends[:, place, None], jnp.uint32(0))
    return held


def _any(words: Array, axis: int) -> Array:
    return jax.lax.reduce(words, np.uint32(0), jax.lax.bitwise_or, (axis,))


def _count(words: Array) -> Array:
    """Counts each of 32 bits over all words: two of them at a time, in 16 bits each."""

    def count(_, bit: Array) -> tuple[None, Array]:
        two = (words >> bit) & np.uint32(0x00010001)
        sums = jnp.sum(two, axis=1, dtype=jnp.uint32)
        return None, jnp.stack([jnp.sum(sums & 0xFFFF), jnp.sum(sums >> 16)])

    _, counts = jax.lax.scan(count, None, jnp.arange(16, dtype=jnp.uint32))
    return counts.T.reshape(-1).astype(jnp.int64)

"""Precision, recall, density and coverage in one pass, with all their half-samples."""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.errors import InputError
from jaxgen.metrics.arrays import check_pair
from jaxgen.metrics.balls import (
    WORD,
    Balls,
    balls,
    list_length,
    to_bits,
    to_words,
)
from jaxgen.metrics.distances import (
    BLOCK,
    blocks,
    centre_of,
    double_precision,
    in_tiles,
    squared_distances,
    tiles,
)
from jaxgen.metrics.neighbours import search
from jaxgen.metrics.resampling import Halves
from jaxgen.typing import Array

Tie = Literal["stylegan", "prdc"]
"""Whether a point at exactly the radius is inside: "stylegan" (<=) or not: "prdc" (<),
as in the code of those names. They differ where examples are duplicates, or features
whole numbers."""


class NeighbourReplicates(NamedTuple):
    """The four metrics on half-samples, each float64 of shape (repeats,).

    Attributes:
        precision: See `NeighbourMetrics`.
        recall: See there.
        density: See there.
        coverage: See there.
    """

    precision: np.ndarray
    recall: np.ndarray
    density: np.ndarray
    coverage: np.ndarray


class NeighbourMetrics(NamedTuple):
    """How two sets lie in each other's balls of nearest neighbours.

    Attributes:
        precision: Share of generated examples inside a ball of any real one.
        recall: Share of real examples inside a ball of any generated one.
        density: In how many real balls a generated example is, over k.
        coverage: Share of real examples whose ball holds any generated one.
        replicates: The same on half-samples, or None.
    """

    precision: float
    recall: float
    density: float
    coverage: float
    replicates: NeighbourReplicates | None


def neighbour_metrics(
    real: np.ndarray,
    generated: np.ndarray,
    *,
    precision_k: int = 3,
    density_k: int = 5,
    tie: Tie = "stylegan",
    halves: Halves | None = None,
    block_size: int = BLOCK,
    progress: Callable[[int], None] | None = None,
) -> NeighbourMetrics:
    """Calculates improved precision and recall, density and coverage together.

    A ball is that of an example and its k nearest others of the same set, found among
    all of them (in a half-sample: among all of the half). Each set's distances within
    itself are calculated once, and those between the sets once, whatever is asked for.

    Args:
        real: Features, shape (n, d).
        generated: Features, shape (m, d).
        precision_k: k of precision and recall.
        density_k: k of density and coverage.
        tie: Whether the edge belongs to a ball, see `Tie`.
        halves: Half-samples of both sets, or None.
        block_size: Rows of distances at once; it changes nothing but memory and time.
        progress: It is called with the number of rows done since the last call, 2 n + m
            in all.

    Returns:
        `NeighbourMetrics(precision, recall, density, coverage, replicates)`.

    Raises:
        InputError: The features cannot be used, a set or its half has no more than k
            examples, or an argument is wrong.

    Examples:
        >>> real = np.array([[0.0], [1.0], [2.0], [10.0]])
        >>> generated = np.array([[0.5], [0.6], [0.7], [30.0]])
        >>> found = neighbour_metrics(real, generated, precision_k=1, density_k=2)
        >>> found.precision, found.recall, found.density, found.coverage
        (0.75, 1.0, 1.125, 1.0)

    References:
        Kynkäänniemi et al., Improved Precision and Recall Metric for Assessing
        Generative Models, 2019, equations 1 and 2.
        Naeem et al., Reliable Fidelity and Diversity Metrics for Generative Models,
        2020, section 3.
    """
    real, generated = _check(real, generated, precision_k, density_k, tie, halves)
    of_real = _samples(len(real), None if halves is None else halves.real)
    of_generated = _samples(
        len(generated), None if halves is None else halves.generated
    )
    repeats = len(of_real) - 1
    centre = centre_of(real)
    steps: dict[str, Any] = {
        "centre": centre, "block_size": block_size, "progress": progress,
    }  # fmt: skip
    rule: dict[str, Any] = {"centre": centre, "closed": tie == "stylegan"}

    length = list_length(max(precision_k, density_k), len(real), repeats)
    near = search(real, None, k=length, **steps)
    for_precision = balls(real, near, of_real, k=precision_k, **rule)
    for_density = balls(real, near, of_real, k=density_k, **rule)
    length = list_length(precision_k, len(generated), repeats)
    near = search(generated, None, k=length, **steps)
    for_recall = balls(generated, near, of_generated, k=precision_k, **rule)

    rows = _Rows(real, *for_precision, *for_density)
    inside = _sweep(rows, generated, for_recall, of_generated, **steps)
    num_real, num_generated = of_real.sum(axis=1), of_generated.sum(axis=1)
    samples = NeighbourReplicates(
        (inside.generated & of_generated).sum(axis=1) / num_generated,
        (inside.recalled & of_real).sum(axis=1) / num_real,
        inside.pairs / (density_k * num_generated),
        inside.covered.sum(axis=1) / num_real,
    )
    whole = [float(values[0]) for values in samples]
    if halves is None:
        return NeighbourMetrics(*whole, replicates=None)
    return NeighbourMetrics(
        *whole, replicates=NeighbourReplicates(*(values[1:] for values in samples))
    )


def _check(
    real: np.ndarray,
    generated: np.ndarray,
    precision_k: int,
    density_k: int,
    tie: str,
    halves: Halves | None,
) -> tuple[np.ndarray, np.ndarray]:
    if tie not in get_args(Tie):
        raise InputError(f'tie="{tie}": expected "stylegan" (<=) or "prdc" (<).')
    if min(precision_k, density_k) < 1:
        raise InputError(
            f"precision_k={precision_k}, density_k={density_k}: balls need at least 1 "
            "neighbour."
        )
    least = max(precision_k, density_k) + 1
    real, generated = check_pair(real, generated, least=least)
    for name, rows, number in (
        ("real", halves and halves.real, len(real)),
        ("generated", halves and halves.generated, len(generated)),
    ):
        if rows is None:
            continue
        if rows.ndim != 2 or rows.shape[1] != number or rows.dtype != bool:
            raise InputError(
                f"The half-samples of the {name} features are {rows.dtype} of shape "
                f"{rows.shape}: expected bool of shape (repeats, {number})."
            )
        if rows.sum(axis=1).min() < least:
            raise InputError(
                f"A half of the {number} {name} features has "
                f"{rows.sum(axis=1).min()}: k needs at least {least}; give more "
                "examples, or no halves."
            )
    if halves is not None and len(halves.real) != len(halves.generated):
        raise InputError(
            f"There are {len(halves.real)} half-samples of the real features and "
            f"{len(halves.generated)} of the generated: give as many of each."
        )
    return real, generated


def _samples(number: int, halves: np.ndarray | None) -> np.ndarray:
    whole = np.ones((1, number), bool)
    return whole if halves is None else np.concatenate([whole, halves])


class _Inside(NamedTuple):
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


class _Rows(NamedTuple):
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


def _sweep(
    real: _Rows,
    generated: np.ndarray,
    for_recall: Balls,
    members: np.ndarray,
    *,
    centre: np.ndarray,
    block_size: int,
    progress: Callable[[int], None] | None,
) -> _Inside:
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
            kept[0], *found = _block(kept[0], _Rows(*rows), columns, targets.centre)
            return tuple(found)

        found = blocks(real, block_size, progress, work)
        inside = np.asarray(kept[0]).swapaxes(1, 2)
    recalled, covered, pairs = zip(*found, strict=True)
    samples = len(members)
    return _Inside(
        to_bits(inside.reshape(count * size, -1)[: len(generated)], samples),
        to_bits(np.concatenate(recalled)[: len(real.points)], samples),
        to_bits(np.concatenate(covered)[: len(real.points)], samples),
        np.sum(pairs, axis=0, dtype=np.int64)[:samples],
    )


@partial(jax.jit, donate_argnums=0)
def _block(
    inside: Array, rows: _Rows, columns: _Columns, centre: Array
) -> tuple[Array, Array, Array, Array]:
    """Sweeps over the tiles of generated points; see `_Inside` for what comes out."""
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

"""Moments of many draws in constant memory, over all devices."""

import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from jaxgen.checks import check_count, check_key
from jaxgen.estimators.threefry import fold_in_each
from jaxgen.typing import Array, PRNGKeyArray, PyTree

__all__ = ["Moments", "chunk_moments", "default_chunk", "merge_moments", "moments"]

# Floats of one chunk of draws, and the most draws a chunk has.
_FLOATS, _DRAWS = 1 << 18, 1 << 16


class Moments(NamedTuple):
    """Mean and central moments of draws, each a pytree like one draw, in float64.

    Attributes:
        count: Number of draws.
        mean: Their mean.
        second: Mean of the squared deviations from the mean.
        third: Mean of the cubed deviations.
        fourth: Mean of the fourth powers of the deviations.
    """

    count: int
    mean: PyTree
    second: PyTree
    third: PyTree
    fourth: PyTree

    @property
    def variance(self) -> PyTree:
        """The unbiased variance."""
        factor = self.count / max(self.count - 1, 1)
        return jax.tree.map(lambda m2: m2 * factor, self.second)

    @property
    def standard_error(self) -> PyTree:
        """The standard error of the mean."""
        return jax.tree.map(lambda v: np.sqrt(v / self.count), self.variance)

    @property
    def variance_standard_error(self) -> PyTree:
        """The standard error of the variance, sqrt((m4 - m2^2) / n), for large n."""
        return jax.tree.map(
            lambda m2, m4: np.sqrt(np.maximum(m4 - m2**2, 0.0) / self.count),
            self.second,
            self.fourth,
        )


def moments(
    key: PRNGKeyArray,
    sample: Callable[..., PyTree],
    count: int,
    *operands: Any,
    chunk: int | None = None,
    devices: list[Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Moments:
    """Draws `count` times and returns the moments of every leaf, entry by entry.

    Draw i has the key `fold_in(key, i)`, whatever the devices and the chunk. Memory is
    that of one chunk on each device, and four numbers for each entry of a draw.

    Args:
        key: A typed key; it is consumed.
        sample: `sample(key, *operands)`, one draw: any pytree of floating arrays. It is
            compiled once for the same function.
        count: Number of draws.
        *operands: What else the draw is a function of.
        chunk: Draws done at once on a device; by default what fits a cache.
        devices: Devices to spread the draws over, all of this process by default. The
            result does not depend on them.
        progress: Called as `progress(done, count)` after every call.

    Examples:
        >>> normal = moments(jax.random.key(0), jax.random.normal, 100_000)
        >>> bool(abs(normal.variance - 1.0) < 5 * normal.variance_standard_error)
        True
    """
    check_key(key)
    check_count("count", count, 1, (1 << 31) - 1)
    if chunk is not None:
        check_count("chunk", chunk, 1)
    devices = list(devices or jax.local_devices())
    chunk = min(chunk or default_chunk(sample, key, *operands), count)
    total: Moments | None = None
    for done, part in _parts(key, sample, count, operands, chunk, devices):
        total = part if total is None else merge_moments(total, part)
        if progress is not None:
            progress(done, count)
    assert total is not None
    return total


def default_chunk(
    sample: Callable[..., PyTree], key: PRNGKeyArray, *operands: Any
) -> int:
    """Returns how many draws are done at once, from the size of one."""
    shapes = jax.eval_shape(sample, key, *operands)
    floats = sum(leaf.size for leaf in jax.tree.leaves(shapes))
    return int(np.clip(_FLOATS // max(floats, 1), 1, _DRAWS))


def merge_moments(a: Moments, b: Moments) -> Moments:
    """Returns the moments of two sets of draws together.

    Pebay, Formulas for robust, one-pass parallel computation of covariances and
    arbitrary-order statistical moments, 2008.
    """
    n = a.count + b.count
    p, q = a.count / n, b.count / n
    trees = [jax.tree.flatten(tree) for tree in (*a[1:], *b[1:])]
    merged = []
    for m1, a2, a3, a4, n1, b2, b3, b4 in zip(*(t[0] for t in trees), strict=True):
        d = n1 - m1
        second = p * a2 + q * b2 + p * q * d**2
        third = p * a3 + q * b3 + 3 * p * q * d * (b2 - a2) + p * q * (p - q) * d**3
        fourth = (
            p * a4
            + q * b4
            + 4 * p * q * d * (b3 - a3)
            + 6 * p * q * d**2 * (q * a2 + p * b2)
            + p * q * (p**3 + q**3) * d**4
        )
        merged.append((m1 + q * d, second, third, fourth))
    structure = trees[0][1]
    columns = zip(*merged, strict=True) if merged else ((),) * 4
    return Moments(n, *(jax.tree.unflatten(structure, column) for column in columns))


def _parts(
    key: PRNGKeyArray,
    sample: Callable[..., PyTree],
    count: int,
    operands: tuple[Any, ...],
    chunk: int,
    devices: list[Any],
) -> Iterator[tuple[int, Moments]]:
    """Yields the moments of the chunks in order; one call is always under way."""
    run = chunk_moments(sample, chunk, tuple(devices))
    starts = np.arange(0, count, chunk, dtype=np.uint32)
    waiting: list[tuple[np.ndarray, Any]] = []
    for at in range(0, len(starts) + 1, len(devices)):
        own = starts[at : at + len(devices)]
        if len(own):
            # A device without a chunk repeats the last one; it is not counted.
            padded = np.pad(own, (0, len(devices) - len(own)), mode="edge")
            waiting.append((own, run(key, padded, count, operands)))
        while waiting and (len(waiting) > 1 or not len(own)):
            yield from _fetched(*waiting.pop(0), chunk=chunk, count=count)
    while waiting:
        yield from _fetched(*waiting.pop(0), chunk=chunk, count=count)


def _fetched(
    own: np.ndarray, done: Any, *, chunk: int, count: int
) -> Iterator[tuple[int, Moments]]:
    parts = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), done)
    for index, start in enumerate(own.tolist()):
        drawn = min(chunk, count - start)
        pick = functools.partial(jax.tree.map, lambda leaf, i=index: leaf[i])
        yield start + drawn, Moments(drawn, *(pick(part) for part in parts))


@functools.lru_cache(maxsize=64)  # it keeps alive what the draws close over
def chunk_moments(
    sample: Callable[..., PyTree], chunk: int, devices: tuple[Any, ...]
) -> Callable[..., tuple[PyTree, PyTree, PyTree, PyTree]]:
    """Returns the compiled moments of one chunk on each device.

    A function of a key, the number of each chunk's first draw (an array, one a device),
    the number of draws in all and the operands.
    """
    mesh = jax.make_mesh(
        (len(devices),), ("draws",), axis_types=(AxisType.Auto,), devices=devices
    )
    whole, split = PartitionSpec(), PartitionSpec("draws")

    def one_device(
        key: PRNGKeyArray, starts: Array, count: Array, operands: tuple[Any, ...]
    ) -> Any:
        numbers = starts[0] + jnp.arange(chunk, dtype=jnp.uint32)
        keys = fold_in_each(key, numbers)
        draws = jax.vmap(lambda one: sample(one, *operands))(keys)
        leaves, structure = jax.tree.flatten(draws)
        columns = zip(*(_four(leaf, numbers < count) for leaf in leaves), strict=True)
        return tuple(jax.tree.unflatten(structure, column) for column in columns)

    compiled = jax.jit(
        jax.shard_map(
            one_device,
            mesh=mesh,
            in_specs=(whole, split, whole, whole),
            out_specs=split,
            check_vma=False,
        )
    )

    def run(
        key: PRNGKeyArray, starts: np.ndarray, count: int, operands: tuple[Any, ...]
    ) -> tuple[PyTree, PyTree, PyTree, PyTree]:
        # A clone, since each chunk folds its own numbers into the key; put there, since
        # arrays may have been committed to one device.
        placed = jax.device_put(
            (jax.random.clone(key), operands), NamedSharding(mesh, whole)
        )
        return compiled(placed[0], starts, np.uint32(count), placed[1])

    return run


def _four(draws: Array, inside: Array) -> tuple[Array, ...]:
    draws = draws.astype(jnp.result_type(draws, jnp.float32))
    share = inside.astype(draws.dtype) / jnp.sum(inside).astype(draws.dtype)
    share = share.reshape((-1,) + (1,) * (draws.ndim - 1))
    mean = jnp.sum(draws * share, axis=0, keepdims=True)
    apart = draws - mean
    powers = (jnp.sum(share * apart**k, axis=0, keepdims=True) for k in (2, 3, 4))
    return (mean, *powers)

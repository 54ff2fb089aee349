"""Key discipline: a root key that never changes, and named streams folded from it.

Step N of a run draws from `stream(step_key(root, N), "latent")`, so that any step can
be replayed alone and a resumed run needs no chain of keys.
"""

import zlib

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.checks import check_count, check_key, check_shapes
from jaxgen.errors import InputError
from jaxgen.jax_internals import is_traced
from jaxgen.typing import Array, PRNGKeyArray, RandomKeys, Size

__all__ = [
    "example_keys",
    "normal",
    "numpy_generator",
    "step_key",
    "stream",
    "systematic_resampling",
]


def stream(key: PRNGKeyArray, name: str) -> PRNGKeyArray:
    """Returns the key of the named stream; streams of other names are independent.

    The name is hashed by CRC-32, a constant of the name in every process and version.

    Examples:
        >>> key = jax.random.key(0)
        >>> bool(stream(key, "latent") == stream(key, "latent"))
        True
        >>> bool(stream(key, "latent") == stream(key, "dropout"))
        False
    """
    check_key(key)
    return jax.random.fold_in(key, zlib.crc32(name.encode()))


def step_key(root: PRNGKeyArray, step: Array | int) -> PRNGKeyArray:
    """Returns the key of one optimisation step."""
    check_key(root, name="root")
    return jax.random.fold_in(root, step)


def example_keys(
    key: PRNGKeyArray, batch_size: Size, *, axis_name: str | None = None
) -> RandomKeys:
    """Returns one key per example, shape (batch_size,).

    Examples are numbered across the devices of `axis_name`, so that every shard draws
    what one device would have drawn for the same examples.

    Args:
        key: The key of the whole batch; it is consumed.
        batch_size: Examples on this device.
        axis_name: The mapped axis under `jax.pmap` or `jax.shard_map`, if any.
    """
    check_key(key)
    indices = jnp.arange(batch_size, dtype=jnp.uint32)
    if axis_name is not None:
        first = jax.lax.axis_index(axis_name).astype(jnp.uint32) * batch_size
        indices = indices + first
    return jax.vmap(jax.random.fold_in, in_axes=(None, 0))(key, indices)


def normal(key: RandomKeys, shape: tuple[Size, ...]) -> Array:
    """Returns standard normal draws of `shape`; the key is consumed.

    Args:
        key: One key, or one per entry of the leading axis (see `example_keys`).
        shape: Shape of the result.
    """
    check_key(key)
    if key.ndim == 0:
        return jax.random.normal(key, shape)
    return jax.vmap(lambda one: jax.random.normal(one, shape[1:]))(key)


def systematic_resampling(key: PRNGKeyArray, weights: Array, num_samples: int) -> Array:
    """Draws numbers of examples, each about as often as its weight says.

    Example i comes num_samples * w_i times, rounded up or down. With equal weights, and
    as many samples as examples or fewer, none comes twice.

    Args:
        key: One key; it is consumed.
        weights: Of the examples, shape (n,); none below 0. They need not sum to 1.
        num_samples: How many numbers to draw.

    Returns:
        int32, shape (num_samples,), in random order.

    Raises:
        InputError: A weight that is known is negative or not finite, or all are 0.

    Examples:
        >>> weights = jax.numpy.array([0.5, 0.0, 0.5])
        >>> print(jax.numpy.sort(systematic_resampling(jax.random.key(0), weights, 4)))
        [0 0 2 2]

    References:
        Kitagawa, Monte Carlo Filter and Smoother, 1996.
    """
    check_key(key)
    check_shapes(("batch",), weights=weights)
    check_count("num_samples", num_samples, 1)
    if not is_traced(weights):
        known = np.asarray(weights)
        if not (np.isfinite(known).all() and (known >= 0).all() and known.any()):
            raise InputError(
                "The weights cannot be drawn by: give finite numbers, none below 0 and "
                "not all 0."
            )
    offset_key, order_key = jax.random.split(key)
    ends = jnp.cumsum(weights)
    offset = jax.random.uniform(offset_key)
    points = (jnp.arange(num_samples) + offset) / num_samples * ends[-1]
    # Rounding may put the last point at the end, past every row of weight above 0.
    last = jnp.max(jnp.where(weights > 0, jnp.arange(weights.shape[0]), 0))
    rows = jnp.minimum(jnp.searchsorted(ends, points, side="right"), last)
    return jax.random.permutation(order_key, rows)


def numpy_generator(key: PRNGKeyArray) -> np.random.Generator:
    """Returns a NumPy generator that the key decides; the key is consumed.

    For draws on the host, permutations above all, that need not be traced.

    Args:
        key: One key; not one that is traced.

    Examples:
        >>> key = jax.random.key(0)
        >>> int(numpy_generator(key).integers(100))
        85
    """
    check_key(key)
    return np.random.default_rng(np.asarray(jax.random.key_data(key)))

"""The random bits of `jax.random`, made in one pass on a CPU.

On CPU jax lowers its hash, Threefry, to a loop over whole arrays, which XLA can neither
fuse nor spread over cores; that loop takes most of the time of a cheap estimator. Here
is the same hash written out: the same bits for the same key, several times faster.
"""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jaxgen.jax_internals import THREEFRY, define_random_bits
from jaxgen.typing import Array, PRNGKeyArray, RandomKeys

__all__ = ["BY_BITS", "fold_in_each", "threefry", "unrolled"]

# Families that are sampled by random bits alone. jax has other ways to sample counts
# and gammas, and some of them accept none but its own kind of key.
BY_BITS = (
    "Bernoulli",
    "Categorical",
    "Cauchy",
    "Exponential",
    "Gumbel",
    "Laplace",
    "Logistic",
    "Normal",
    "OneHotCategorical",
    "Weibull",
)
_CONFIG: Any = jax.config  # its flags are unknown to type checkers
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_WORDS = {8: jnp.uint8, 16: jnp.uint16, 32: jnp.uint32, 64: jnp.uint64}


def unrolled(key: PRNGKeyArray) -> PRNGKeyArray:
    """Returns a key that draws what `key` draws, faster on a CPU; `key` is consumed.

    A key of another kind than jax's default is returned as it is. The new key is not
    for `jax.random.poisson`, `gamma` and their like; see `BY_BITS`.
    """
    if _CONFIG.jax_debug_key_reuse:
        key, used = jax.random.clone(key), key
        jax.random.bits(used)  # else the check would not see that it is consumed
    return _converted(key)


def fold_in_each(key: PRNGKeyArray, numbers: Array) -> RandomKeys:
    """Returns `fold_in(key, number)` of each number, fast; `key` may be used again."""
    fold_in = jax.vmap(jax.random.fold_in, in_axes=(None, 0))
    keys = fold_in(_converted(key), numbers)
    kind = jax.random.key_impl(key)
    return jax.random.wrap_key_data(jax.random.key_data(keys), impl=kind)


def _converted(key: PRNGKeyArray) -> PRNGKeyArray:
    usual = jax.random.key_impl(key) == "threefry2x32"
    if not (usual and _CONFIG.jax_threefry_partitionable):
        return key
    if jax.default_backend() != "cpu":
        return key
    return jax.random.wrap_key_data(jax.random.key_data(key), impl=_IMPLEMENTATION)


def threefry(key: Array, high: Array, low: Array) -> tuple[Array, Array]:
    """Calculates the two words of the hash Threefry-2x32, 20 rounds, of a counter.

    Salmon et al., Parallel random numbers: as easy as 1, 2, 3, 2011.

    Args:
        key: Its two words, uint32, shape (2,).
        high: The counter's high word, uint32, any shape.
        low: Its low word.
    """
    words = (key[0], key[1], key[0] ^ key[1] ^ jnp.uint32(0x1BD11BDA))
    high, low = high + words[0], low + words[1]
    for five in range(5):
        for turn in _ROTATIONS[five % 2]:
            high = high + low
            low = (low << jnp.uint32(turn)) | (low >> jnp.uint32(32 - turn))
            low = low ^ high
        high = high + words[(five + 1) % 3]
        low = low + words[(five + 2) % 3] + jnp.uint32(five + 1)
    return high, low


def _counted(key: Array, shape: tuple[int, ...]) -> tuple[Array, Array]:
    low = lax.iota(jnp.uint32, math.prod(shape)).reshape(shape)
    return threefry(key, jnp.zeros_like(low), low)


@functools.partial(jax.jit, static_argnums=(1, 2), inline=True)
def _random_bits(key: Array, width: int, shape: tuple[int, ...]) -> Array:
    if math.prod(shape) >= 1 << 32:
        return THREEFRY.random_bits(key, width, shape)
    high, low = _counted(key, shape)
    if width == 64:
        bits = (high.astype(jnp.uint64) << jnp.uint64(32)) | low.astype(jnp.uint64)
    else:
        bits = (high ^ low).astype(_WORDS[width])
    # Else XLA makes them anew in every loop that they are needed in.
    return lax.optimization_barrier(bits)


@functools.partial(jax.jit, static_argnums=1, inline=True)
def _split(key: Array, shape: tuple[int, ...]) -> Array:
    return jnp.stack(_counted(key, shape), axis=-1)


@functools.partial(jax.jit, inline=True)
def _fold_in(key: Array, data: Array) -> Array:
    low = jnp.asarray(data).astype(jnp.uint32)
    return jnp.stack(threefry(key, jnp.zeros_like(low), low))


_IMPLEMENTATION = define_random_bits(
    key_shape=(2,),
    seed=THREEFRY.seed,
    split=_split,
    random_bits=_random_bits,
    fold_in=_fold_in,
    name="threefry2x32_unrolled",
    tag="fru",
)

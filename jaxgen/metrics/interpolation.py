"""Paths between two latents."""

import jax
import jax.numpy as jnp

from jaxgen.typing import Latents, PerExample

__all__ = ["lerp", "slerp"]


def lerp(start: Latents, end: Latents, position: PerExample) -> Latents:
    """Goes from `start` to `end` on a straight line: `(1 - t) start + t end`.

    Args:
        start: Shape (n, d).
        end: Shape (n, d).
        position: t, shape (n,).
    """
    return start + position[:, None] * (end - start)


def slerp(start: Latents, end: Latents, position: PerExample) -> Latents:
    """Goes from `start` to `end` round the origin, the angle growing evenly.

    The direction moves on the great circle through both, by the same angle in the same
    time; the length goes evenly from that of `start` to that of `end`. Between unit
    vectors it is the usual spherical interpolation, and a generator that normalises
    its latents sees that one whatever their lengths; for others, a path between draws
    of a normal prior stays where the prior has its mass.

    Where both have the same direction it is a straight line; where they are opposite,
    every half circle is as short, and one of them is taken.

    Args:
        start: Shape (n, d), d at least 2, no row 0.
        end: Likewise.
        position: t, shape (n,).

    References:
        Shoemake, Animating Rotation with Quaternion Curves, 1985, section 3.3.
        White, Sampling Generative Networks, 2016, section 2.1.
    """
    first_length = jnp.linalg.norm(start, axis=-1, keepdims=True)
    last_length = jnp.linalg.norm(end, axis=-1, keepdims=True)
    first, last = start / first_length, end / last_length
    cosine = jnp.sum(first * last, axis=-1, keepdims=True)
    across = last - cosine * first
    sine = jnp.sqrt(jnp.maximum(jnp.sum(across**2, axis=-1, keepdims=True), 1e-30))
    tiny = 8 * jnp.finfo(first.dtype).eps
    # Of opposite ends `across` is rounding: a direction that is surely perpendicular.
    axis = jax.nn.one_hot(jnp.argmin(jnp.abs(first), axis=-1), first.shape[-1])
    other = axis - jnp.sum(axis * first, axis=-1, keepdims=True) * first
    other = other / jnp.linalg.norm(other, axis=-1, keepdims=True)
    opposite = (sine < tiny) & (cosine < 0)
    angle = jnp.where(opposite, jnp.pi, jnp.arctan2(sine, cosine))
    side = jnp.where(opposite, other, across / sine)
    turned = position[:, None] * angle
    length = lerp(first_length, last_length, position)
    return length * (jnp.cos(turned) * first + jnp.sin(turned) * side)

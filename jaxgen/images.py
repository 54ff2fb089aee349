"""Images as bytes and as numbers, and functions applied to them in blocks."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.typing import Array

__all__ = ["every_nth", "in_blocks", "scale", "to_bytes"]


def every_nth(count: int, most: int) -> np.ndarray:
    """Returns indices evenly spread: the examples of a set may be sorted by class."""
    return np.linspace(0, count - 1, min(most, count)).astype(int)


def in_blocks(function: Callable, *inputs: np.ndarray | Array, size: int = 500) -> list:
    """Applies a function to blocks of examples; returns what it gave, on the host."""
    return [
        jax.device_get(function(*(x[first : first + size] for x in inputs)))
        for first in range(0, len(inputs[0]), size)
    ]


def scale(images: Array | np.ndarray) -> Array:
    """Brings bytes to [0, 1]."""
    return jnp.asarray(images, jnp.float32) / 255


def to_bytes(images: Array | np.ndarray) -> np.ndarray:
    """Brings images in [0, 1] to bytes; what lies outside is cut."""
    values = np.clip(np.asarray(images, np.float32), 0, 1) * 255
    return values.round().astype(np.uint8)

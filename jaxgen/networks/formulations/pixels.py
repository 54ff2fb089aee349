"""Windows of images, as pads and splits."""

import functools
from collections.abc import Sequence

import jax.numpy as jnp
from jax import lax

from jaxgen.typing import Array, Images

__all__ = ["interleave", "pad", "phases", "total", "window"]


def pad(images: Images, rows: tuple[int, int], columns: tuple[int, int]) -> Images:
    """Pads with zeros; crops where a margin is negative."""
    zero = jnp.zeros((), images.dtype)
    return lax.pad(images, zero, ((0, 0, 0), (*rows, 0), (*columns, 0), (0, 0, 0)))


def window(images: Images, rows: tuple[int, int], columns: tuple[int, int]) -> Images:
    """Returns the pixels from `start` to `start + length`, zeros outside the image.

    Args:
        images: Images.
        rows: (start, length); the start may be negative.
        columns: The same for columns.
    """
    margins = [
        (-start, start + length - size)
        for (start, length), size in zip(
            (rows, columns), images.shape[1:3], strict=True
        )
    ]
    return pad(images, *margins)


def phases(images: Images, strides: tuple[int, int]) -> list[list[Images]]:
    """Splits images into those of every `stride`-th pixel, by row and column phase.

    Args:
        images: Images whose height and width the strides divide.
        strides: Of rows and columns.
    """
    batch, height, width, channels = images.shape
    size = (height // strides[0], width // strides[1])
    images = images.reshape(batch, size[0], strides[0], size[1], strides[1], channels)
    return [
        [
            phase.reshape(batch, *size, channels)
            for phase in lax.split(row, (1,) * strides[1], axis=4)
        ]
        for row in lax.split(images, (1,) * strides[0], axis=2)
    ]


def interleave(phases: Sequence[Sequence[Images]]) -> Images:
    """Puts images together of their phases: the inverse of `phases`."""
    images = jnp.stack([jnp.stack(row, axis=3) for row in phases], axis=2)
    batch, height, row_stride, width, column_stride, channels = images.shape
    return images.reshape(batch, height * row_stride, width * column_stride, channels)


def total(terms: Sequence[Array]) -> Array:
    """Sums arrays, one at least."""
    return functools.reduce(jnp.add, terms)

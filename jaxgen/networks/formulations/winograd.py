"""A convolution of 3x3 with 16 products in place of 36.

Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2016, section 4.1.
"""

import jax.numpy as jnp
from jax import lax

from jaxgen.networks.formulations.pixels import (
    interleave,
    pad,
    phases,
    total,
    window,
)
from jaxgen.typing import Array, Images


def winograd(inputs: Images, kernel: Array, pads) -> Images:
    """Computes tiles of 2x2 outputs by 16 products a pair of channels: F(2x2, 3x3).

    The outputs are A' ((G g G') * (B' d B)) A, with d the 4x4 inputs of a tile and g
    the kernel. The constants are 1 and 1/2, so that rounding stays about that of the
    plain sum; larger tiles save more and lose digits.

    Args:
        inputs: Shape (batch, height, width, inputs).
        kernel: Shape (3, 3, inputs, outputs).
        pads: ((top, bottom), (left, right)).
    """
    batch, channels, features = inputs.shape[0], *kernel.shape[2:]
    sizes = [
        size + low + high - 2
        for size, (low, high) in zip(inputs.shape[1:3], pads, strict=True)
    ]
    tiles = [-(-size // 2) for size in sizes]
    # An odd size has one pixel more to compute, of zeros, and to leave out again.
    margins = [
        (low, high + 2 * tile - size)
        for (low, high), size, tile in zip(pads, sizes, tiles, strict=True)
    ]
    parts = phases(pad(inputs, *margins), (2, 2))
    seen = [
        [
            window(
                parts[row % 2][column % 2],
                (row // 2, tiles[0]),
                (column // 2, tiles[1]),
            )
            for column in range(4)
        ]
        for row in range(4)
    ]
    inputs_of = jnp.stack(_flat(_both_ways(_input_transform, seen)))
    taps = [
        [tap.reshape(channels, features) for tap in lax.split(row, (1,) * 3, axis=1)]
        for row in lax.split(kernel, (1,) * 3, axis=0)
    ]
    kernels = jnp.stack(_flat(_both_ways(_kernel_transform, taps)))
    products = inputs_of.reshape(16, -1, channels) @ kernels
    products = [
        one.reshape(batch, *tiles, features)
        for one in lax.split(products, (1,) * 16, axis=0)
    ]
    square = [products[4 * row : 4 * row + 4] for row in range(4)]
    outputs = interleave(_both_ways(_output_transform, square))
    return window(outputs, (0, sizes[0]), (0, sizes[1]))


def _input_transform(d: list[Array]) -> list[Array]:
    """Multiplies by B': equation 10."""
    return [d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]]


def _kernel_transform(g: list[Array]) -> list[Array]:
    """Multiplies by G."""
    ends, middle = 0.5 * (g[0] + g[2]), 0.5 * g[1]
    return [g[0], ends + middle, ends - middle, g[2]]


def _output_transform(m: list[Array]) -> list[Array]:
    """Multiplies by A'."""
    return [total(m[:3]), m[1] - m[2] - m[3]]


def _both_ways(transform, square: list[list[Array]]) -> list[list[Array]]:
    """Transforms the columns of a square of arrays, and then its rows."""
    columns = [transform(list(column)) for column in zip(*square, strict=True)]
    return [transform(list(row)) for row in zip(*columns, strict=True)]


def _flat(square: list[list[Array]]) -> list[Array]:
    return [one for row in square for one in row]

"""A convolution of 3x3 with 16 products in place of 36.

Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2016, section 4.1.
"""

import jax.numpy as jnp
from jax import lax

from jaxgen.networks.formulations.pixels import pad
from jaxgen.typing import Array, Images

__all__ = ["winograd"]


def winograd(inputs: Images, kernel: Array, pads) -> Images:
    """Computes tiles of 2x2 outputs by 16 products a pair of channels: F(2x2, 3x3).

    The outputs are A' ((G g G') * (B' d B)) A, with d the 4x4 inputs of a tile and g
    the kernel. The constants are 1 and 1/2, so that rounding stays about that of the
    plain sum; larger tiles save more and lose digits.

    Rows are transformed first, then the columns of all four results at once: a program
    of 16 expressions would take as long to run and twice as long to compile.

    Args:
        inputs: Shape (batch, height, width, inputs).
        kernel: Shape (3, 3, inputs, outputs).
        pads: ((top, bottom), (left, right)).
    """
    batch, channels, features = inputs.shape[0], *kernel.shape[2:]
    height, width = (
        size + low + high - 2
        for size, (low, high) in zip(inputs.shape[1:3], pads, strict=True)
    )
    # An odd size has one pixel more to compute, of zeros, and to leave out again.
    odd = (height % 2, width % 2)
    inputs = pad(
        inputs, *((low, high + one) for (low, high), one in zip(pads, odd, strict=True))
    )
    tiles = jnp.stack(_input_transform(inputs, axis=1))
    tiles = jnp.stack(_input_transform(tiles, axis=3))
    kernels = jnp.stack(_kernel_transform(kernel))
    kernels = jnp.stack(_kernel_transform(jnp.moveaxis(kernels, 1, 0)))
    count = tiles.shape[3:5]
    # The first axis is that of columns now, the second that of rows.
    products = tiles.reshape(16, -1, channels) @ kernels.reshape(16, channels, features)
    products = products.reshape(4, 4, batch, *count, features)
    outputs = jnp.stack(_output_transform(products), axis=4)
    outputs = jnp.stack(_output_transform(outputs), axis=2)
    outputs = outputs.reshape(batch, 2 * count[0], 2 * count[1], features)
    margins = ((0, -one) for one in odd)
    return pad(outputs, *margins)


def _input_transform(d: Array, axis: int) -> tuple[Array, ...]:
    """Multiplies the windows of 4, in steps of 2, along an axis by B': equation 10."""
    even, odd = _unstack(
        d.reshape(*d.shape[:axis], -1, 2, *d.shape[axis + 1 :]), axis + 1
    )
    last = even.shape[axis] - 1
    d0, d2, d1, d3 = (
        lax.slice_in_dim(half, start, start + last, axis=axis)
        for half in (even, odd)
        for start in (0, 1)
    )
    return d0 - d2, d1 + d2, d2 - d1, d1 - d3


def _kernel_transform(g: Array) -> tuple[Array, ...]:
    """Multiplies the first axis, of 3, by G."""
    g0, g1, g2 = _unstack(g, 0)
    ends, middle = 0.5 * (g0 + g2), 0.5 * g1
    return g0, ends + middle, ends - middle, g2


def _output_transform(m: Array) -> tuple[Array, Array]:
    """Multiplies the first axis, of 4, by A'."""
    m0, m1, m2, m3 = _unstack(m, 0)
    return m0 + m1 + m2, m1 - m2 - m3


def _unstack(array: Array, axis: int) -> list[Array]:
    parts = lax.split(array, (1,) * array.shape[axis], axis=axis)
    return [lax.squeeze(part, (axis,)) for part in parts]

"""A transposed convolution, phase by phase of its output."""

import math

import jax.numpy as jnp
from jax import lax

from jaxgen.networks.formulations.pixels import interleave, total, window
from jaxgen.typing import Array, Images

__all__ = ["subpixel"]


def subpixel(inputs: Images, kernel: Array, strides, pads) -> Images:
    """Multiplies with all taps at once, then sums those of each phase, shifted.

    Gathering the inputs first would move more: there are seldom more outputs.

    Args:
        inputs: Shape (batch, height, width, inputs).
        kernel: Shape (height, width, inputs, outputs).
        strides: Pixels of the output for one of the input.
        pads: ((top, bottom), (left, right)) around the dilated input.
    """
    batch, height, width, channels = inputs.shape
    *extents, _, features = kernel.shape
    rows, columns = (
        _Phases(size, extent, stride, margins)
        for size, extent, stride, margins in zip(
            (height, width), extents, strides, pads, strict=True
        )
    )
    # The barrier keeps the transposes of the kernel and of its gradient apart: without
    # it XLA copies the cotangent of `products` (4.5 times the inputs where 64 channels
    # become 32) into another order: a quarter of a step of the Keras VAE's net.
    matrix = lax.optimization_barrier(kernel.transpose(2, 0, 1, 3))
    matrix = matrix.reshape(channels, -1)
    products = (inputs.reshape(-1, channels) @ matrix).reshape(batch, height, width, -1)
    products = lax.split(products, (features,) * math.prod(extents), axis=3)
    # Where the stride exceeds the kernel, some phases have no tap at all.
    nothing = jnp.zeros(
        (batch, rows.length, columns.length, features), products[0].dtype
    )

    def phase(row_taps, column_taps) -> Images:
        terms = [
            window(
                products[row * extents[1] + column],
                (top, rows.length),
                (left, columns.length),
            )
            for row, top in row_taps
            for column, left in column_taps
        ]
        return total(terms) if terms else nothing

    outputs = interleave(
        [
            [phase(row_taps, column_taps) for column_taps in columns.taps]
            for row_taps in rows.taps
        ]
    )
    return window(outputs, (0, rows.size), (0, columns.size))


class _Phases:
    """One axis of a transposed convolution, sorted by the phase of its output.

    Output `stride * m + phase` sums kernel[tap] * inputs[m + shift] over the taps that
    do not meet a zero of the dilated input.

    Attributes:
        size: Pixels of the output.
        length: Pixels of one phase of it.
        taps: The pairs (tap, shift) of each phase.
    """

    def __init__(self, size: int, extent: int, stride: int, pads: tuple[int, int]):
        low, high = pads
        self.size = (size - 1) * stride + 1 + low + high - extent + 1
        self.length = -(-self.size // stride)
        self.taps = [
            [
                (tap, (phase + tap - low) // stride)
                for tap in range(extent)
                if (phase + tap - low) % stride == 0
            ]
            for phase in range(stride)
        ]

"""A convolution to few channels: products first, shifts afterwards."""

from jax import lax

from jaxgen.networks.formulations.pixels import pad, total, window
from jaxgen.typing import Array, Images

__all__ = ["few_outputs"]


def few_outputs(inputs: Images, kernel: Array, pads) -> Images:
    """Multiplies each pixel with all taps at once, then sums rows, then columns.

    Where few channels come out, the products of all taps are fewer numbers than the
    windows of the input would be. A sum over rows first leaves products of one row of
    the kernel alone to shift by columns.

    Args:
        inputs: Shape (batch, height, width, inputs).
        kernel: Shape (height, width, inputs, outputs).
        pads: ((top, bottom), (left, right)).
    """
    inputs = pad(inputs, *pads)
    batch, height, width, channels = inputs.shape
    extents, features = kernel.shape[:2], kernel.shape[-1]
    length, breadth = height - extents[0] + 1, width - extents[1] + 1
    matrix = lax.optimization_barrier(kernel.transpose(2, 0, 1, 3))
    products = inputs.reshape(-1, channels) @ matrix.reshape(channels, -1)
    products = products.reshape(batch, height, width, -1)
    of_rows = lax.split(products, (extents[1] * features,) * extents[0], axis=3)
    summed = total(
        [window(one, (row, length), (0, width)) for row, one in enumerate(of_rows)]
    )
    of_columns = lax.split(summed, (features,) * extents[1], axis=3)
    return total(
        [
            window(one, (0, length), (column, breadth))
            for column, one in enumerate(of_columns)
        ]
    )

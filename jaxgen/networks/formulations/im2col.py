"""A convolution as one product of a matrix of windows."""

import jax.numpy as jnp

from jaxgen.networks.formulations.pixels import pad, phases, window
from jaxgen.typing import Array, Images

__all__ = ["im2col"]

_FEW_CHANNELS = 8


def im2col(inputs: Images, kernel: Array, strides, pads) -> Images:
    """Gathers all pixels of each window, then multiplies them with the kernel.

    Args:
        inputs: Shape (batch, height, width, inputs).
        kernel: Shape (height, width, inputs, outputs).
        strides: Steps between windows.
        pads: ((top, bottom), (left, right)).
    """
    rows, columns = (
        _Windows(size, extent, stride, margins)
        for size, extent, stride, margins in zip(
            inputs.shape[1:3], kernel.shape[:2], strides, pads, strict=True
        )
    )
    if tuple(strides) == (1, 1) and inputs.shape[-1] <= _FEW_CHANNELS:
        patches = _rows_of_columns(pad(inputs, *pads), rows.length, columns.length)
        return patches @ kernel.reshape(-1, kernel.shape[-1])
    parts = phases(pad(inputs, rows.margins, columns.margins), strides)
    patches = [
        window(
            parts[row % strides[0]][column % strides[1]],
            (row // strides[0], rows.length),
            (column // strides[1], columns.length),
        )
        for row in range(kernel.shape[0])
        for column in range(kernel.shape[1])
    ]
    return jnp.concatenate(patches, axis=-1) @ kernel.reshape(-1, kernel.shape[-1])


def _rows_of_columns(inputs: Images, length: int, breadth: int) -> Images:
    """Gathers the columns of all windows, then their rows.

    So all but a few of the copies are of a whole row of the kernel, not of one pixel of
    few channels.
    """
    height, width = inputs.shape[1:3]
    columns = [
        window(inputs, (0, height), (column, breadth))
        for column in range(width - breadth + 1)
    ]
    gathered = jnp.concatenate(columns, axis=-1)
    rows = [
        window(gathered, (row, length), (0, breadth))
        for row in range(height - length + 1)
    ]
    return jnp.concatenate(rows, axis=-1)


class _Windows:
    """One axis of a convolution, cut into blocks of `stride` pixels.

    Attributes:
        length: Windows, the size of the output.
        blocks: Blocks of the padded input, all pixels of all windows among them.
        margins: Padding that makes the input whole blocks.
    """

    def __init__(self, size: int, extent: int, stride: int, pads: tuple[int, int]):
        low, high = pads
        self.length = (size + low + high - extent) // stride + 1
        self.blocks = self.length + (extent - 1) // stride
        self.margins = (low, self.blocks * stride - size - low)

"""Convolutions, and the one place where their formulation is chosen.

A formulation changes the speed, never the parameters nor (but for rounding) the
result:

- `plain`: XLA's own convolution. Best on GPU and TPU.
- `im2col`: shifted slices and one matrix product. XLA's convolutions on CPU have slow
  gradients, and are many times slower again inside `lax.scan` and `jax.vmap`
  (https://github.com/jax-ml/jax/issues/12868); matrix products are not.
- `subpixel`: the same for a transposed convolution: its stride**2 interleaved phases
  are small dense convolutions of the input, so no product with a zero is computed.
- `auto`: by `jax.default_backend()` when traced; `benchmarks/convolution.py` measures
  which is faster.

Kernels have the layout of Flax and `lax`: (height, width, inputs, outputs).
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Literal

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from jaxgen.typing import Array, Images

ConvFormulation = Literal["auto", "plain", "im2col"]
ConvTransposeFormulation = Literal["auto", "plain", "subpixel"]
Padding = str | Sequence[tuple[int, int]]

_DIMENSIONS = ("NHWC", "HWIO", "NHWC")


def convolve(
    inputs: Images,
    kernel: Array,
    *,
    strides: tuple[int, int] = (1, 1),
    padding: Padding = "SAME",
    formulation: ConvFormulation = "auto",
) -> Images:
    """Correlates images with a kernel, as `lax.conv_general_dilated` does.

    Args:
        inputs: Images, shape (batch, height, width, inputs).
        kernel: Shape (kernel height, kernel width, inputs, outputs).
        strides: Steps between windows.
        padding: "SAME" (as TensorFlow and Keras: ceil(size / stride) windows), "VALID",
            or ((top, bottom), (left, right)).
        formulation: See the module's docstring.

    Raises:
        ValueError: The formulation or the padding is unknown.
    """
    _check(formulation, ("auto", "plain", "im2col"))
    pads = _conv_pads(inputs.shape[1:3], kernel.shape[:2], strides, padding)
    if _is_plain(formulation):
        return lax.conv_general_dilated(
            inputs, kernel, strides, pads, dimension_numbers=_DIMENSIONS
        )
    return _im2col(inputs, kernel, strides, pads)


def convolve_transpose(
    inputs: Images,
    kernel: Array,
    *,
    strides: tuple[int, int] = (1, 1),
    padding: Padding = "SAME",
    formulation: ConvTransposeFormulation = "auto",
) -> Images:
    """Convolves dilated images with a kernel, as `lax.conv_transpose` does.

    Args:
        inputs: Images, shape (batch, height, width, inputs).
        kernel: Shape (kernel height, kernel width, inputs, outputs), not flipped: Keras
            and PyTorch store it flipped in space (and the last two axes swapped).
        strides: Pixels of the output for one of the input.
        padding: "SAME" (as TensorFlow and Keras: size * stride pixels out), "VALID", or
            ((top, bottom), (left, right)) put around the dilated input; a PyTorch
            padding of p is kernel size - 1 - p here.
        formulation: See the module's docstring.

    Raises:
        ValueError: The formulation or the padding is unknown.
    """
    _check(formulation, ("auto", "plain", "subpixel"))
    pads = _transpose_pads(kernel.shape[:2], strides, padding)
    if _is_plain(formulation):
        return lax.conv_transpose(
            inputs, kernel, strides, pads, dimension_numbers=_DIMENSIONS
        )
    return _subpixel(inputs, kernel, strides, pads)


class Conv(nn.Module):
    """A convolution with bias; parameters as those of `flax.linen.Conv`.

    Attributes:
        features: Channels of the output.
        kernel_size: Height and width of the kernel.
        strides: Steps between windows.
        padding: See `convolve`.
        use_bias: Whether a bias is added.
        formulation: See `convolve`.
        kernel_init: Initializer of the kernel; Keras's by default.
        kernel_map: Makes of the parameter the kernel that is used, as `SpectralNorm`.
    """

    features: int
    kernel_size: tuple[int, int] = (3, 3)
    strides: tuple[int, int] = (1, 1)
    padding: Padding = "SAME"
    use_bias: bool = True
    formulation: ConvFormulation = "auto"
    kernel_init: nn.initializers.Initializer = nn.initializers.glorot_uniform()
    kernel_map: Callable[[Array], Array] | None = None

    @nn.compact
    def __call__(self, inputs: Images) -> Images:
        """Returns images of `features` channels."""
        shape = (*self.kernel_size, inputs.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape)
        if self.kernel_map is not None:
            kernel = self.kernel_map(kernel)
        outputs = convolve(
            inputs,
            kernel,
            strides=self.strides,
            padding=self.padding,
            formulation=self.formulation,
        )
        return _add_bias(self, outputs) if self.use_bias else outputs


class ConvTranspose(nn.Module):
    """A transposed convolution; parameters as those of `flax.linen.ConvTranspose`.

    Attributes:
        features: Channels of the output.
        kernel_size: Height and width of the kernel.
        strides: Pixels of the output for one of the input.
        padding: See `convolve_transpose`.
        use_bias: Whether a bias is added.
        formulation: See `convolve_transpose`.
        kernel_init: Initializer of the kernel; Keras's by default.
        kernel_map: Makes of the parameter the kernel that is used, as `SpectralNorm`.
    """

    features: int
    kernel_size: tuple[int, int] = (3, 3)
    strides: tuple[int, int] = (1, 1)
    padding: Padding = "SAME"
    use_bias: bool = True
    formulation: ConvTransposeFormulation = "auto"
    kernel_init: nn.initializers.Initializer = nn.initializers.glorot_uniform()
    kernel_map: Callable[[Array], Array] | None = None

    @nn.compact
    def __call__(self, inputs: Images) -> Images:
        """Returns images of `features` channels."""
        shape = (*self.kernel_size, inputs.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape)
        if self.kernel_map is not None:
            kernel = self.kernel_map(kernel)
        outputs = convolve_transpose(
            inputs,
            kernel,
            strides=self.strides,
            padding=self.padding,
            formulation=self.formulation,
        )
        return _add_bias(self, outputs) if self.use_bias else outputs


def _add_bias(module: nn.Module, outputs: Images) -> Images:
    bias = module.param("bias", nn.initializers.zeros, (outputs.shape[-1],))
    return outputs + jnp.broadcast_to(bias, outputs.shape)


def _is_plain(formulation: str) -> bool:
    if formulation == "auto":
        return jax.default_backend() != "cpu"
    return formulation == "plain"


def _check(formulation: str, known: tuple[str, ...]) -> None:
    if formulation not in known:
        raise ValueError(
            f"formulation={formulation!r} is unknown: choose one of {', '.join(known)}."
        )


def _check_padding(padding: Padding) -> None:
    if isinstance(padding, str) and padding not in ("SAME", "VALID"):
        raise ValueError(
            f"padding={padding!r} is unknown: give 'SAME', 'VALID' or two pairs."
        )


def _conv_pads(size, kernel_size, strides, padding: Padding):
    _check_padding(padding)
    if isinstance(padding, str):
        return tuple(lax.padtype_to_pads(size, kernel_size, strides, padding))
    return tuple((low, high) for low, high in padding)


def _transpose_pads(kernel_size, strides, padding: Padding):
    """Returns the padding of the dilated input for which the output has its size."""
    _check_padding(padding)
    if not isinstance(padding, str):
        return tuple((low, high) for low, high in padding)
    pads = []
    for extent, stride in zip(kernel_size, strides, strict=True):
        # The convolution whose transpose this is padded its input by `total`.
        total = max(extent - stride, 0) if padding == "SAME" else 0
        low = extent - 1 - total // 2
        # size * stride (SAME) or (size - 1) * stride + max(extent, stride) (VALID) out.
        high = max(extent, stride) + extent - 2 - total - low
        pads.append((low, high))
    return tuple(pads)


# The two formulations below are built of pads, splits, concatenations and matrix
# products alone, because the transpose of each is another of them: so the gradients
# are as quick as the values. (The transpose of a strided or an integer-indexed slice
# is a scatter between zeros: 4 to 10 times the whole cost on CPU.)


def _im2col(inputs: Images, kernel: Array, strides, pads) -> Images:
    batch, height, width, channels = inputs.shape
    rows = _Windows(height, kernel.shape[0], strides[0], pads[0])
    columns = _Windows(width, kernel.shape[1], strides[1], pads[1])
    inputs = _pad(inputs, rows.margins, columns.margins)
    inputs = inputs.reshape(
        batch, rows.blocks, strides[0], columns.blocks, strides[1], channels
    )
    phases = [
        [
            phase.reshape(batch, rows.blocks, columns.blocks, channels)
            for phase in lax.split(row, (1,) * strides[1], axis=4)
        ]
        for row in lax.split(inputs, (1,) * strides[0], axis=2)
    ]
    patches = [
        _shift(
            phases[row % strides[0]][column % strides[1]],
            (row // strides[0], rows.length),
            (column // strides[1], columns.length),
        )
        for row in range(kernel.shape[0])
        for column in range(kernel.shape[1])
    ]
    return jnp.concatenate(patches, axis=-1) @ kernel.reshape(-1, kernel.shape[-1])


def _subpixel(inputs: Images, kernel: Array, strides, pads) -> Images:
    batch, height, width, channels = inputs.shape
    *extents, _, features = kernel.shape
    rows = _Phases(height, extents[0], strides[0], pads[0])
    columns = _Phases(width, extents[1], strides[1], pads[1])
    # One product for all taps; then each phase of the output sums its own, shifted.
    # Gathering the inputs first would move more: there are seldom more outputs.
    # The barrier keeps the transposes of the kernel and of its gradient apart: without
    # it XLA copies the cotangent of `products` (4.5 times the inputs where 64 channels
    # become 32) into another order: a quarter of a step of the Keras VAE's net.
    matrix = lax.optimization_barrier(kernel.transpose(2, 0, 1, 3))
    matrix = matrix.reshape(channels, -1)
    products = (inputs.reshape(-1, channels) @ matrix).reshape(batch, height, width, -1)
    products = lax.split(products, (features,) * math.prod(extents), axis=3)
    shape = (batch, rows.length, columns.length, features)
    phases = [
        [
            _sum(
                shape,
                [
                    _shift(
                        products[row * extents[1] + column],
                        (top, rows.length),
                        (left, columns.length),
                    )
                    for row, top in row_taps
                    for column, left in column_taps
                ],
            )
            for column_taps in columns.taps
        ]
        for row_taps in rows.taps
    ]
    outputs = jnp.stack([jnp.stack(row, axis=3) for row in phases], axis=2)
    outputs = outputs.reshape(
        batch, rows.length * strides[0], columns.length * strides[1], features
    )
    return _shift(outputs, (0, rows.size), (0, columns.size))


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


def _pad(images: Images, rows: tuple[int, int], columns: tuple[int, int]) -> Images:
    """Pads with zeros; crops where a margin is negative."""
    zero = jnp.zeros((), images.dtype)
    return lax.pad(images, zero, ((0, 0, 0), (*rows, 0), (*columns, 0), (0, 0, 0)))


def _shift(images: Images, rows: tuple[int, int], columns: tuple[int, int]) -> Images:
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
    return _pad(images, *margins)


def _sum(shape: tuple[int, ...], terms: Sequence[Array]) -> Array:
    # Where the stride exceeds the kernel, some phases have no tap at all.
    if not terms:
        return jnp.zeros(shape)
    return functools.reduce(jnp.add, terms)

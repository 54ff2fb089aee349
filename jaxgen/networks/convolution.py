"""Convolutions, and the one place where their formulation is chosen.

A formulation changes the speed, never the parameters nor (but for rounding) the
result:

- `plain`: XLA's own convolution. Best on GPU and TPU.
- `im2col`: shifted slices and one matrix product. XLA's convolutions on CPU have slow
  gradients, and are many times slower again inside `lax.scan` and `jax.vmap`
  (https://github.com/jax-ml/jax/issues/12868); matrix products are not.
- `winograd`: 3x3 without stride by 16 products in place of 36, matrix products too.
- `few_outputs`: without stride, to few channels: products first, shifts afterwards.
- `subpixel`: the same for a transposed convolution: its stride**2 interleaved phases
  are small dense convolutions of the input, so no product with a zero is computed.
- `auto`: by `jax.default_backend()` when traced: on CPU the best of the others for the
  shape at hand, all of which may be mapped and scanned; elsewhere `plain`.

`benchmarks/convolution.py` and `benchmarks/translation_step.py` measure which is
faster. All but `plain` add up in float32 at least, whatever the type of the images.

Kernels have the layout of Flax and `lax`: (height, width, inputs, outputs).
"""

from collections.abc import Callable, Sequence
from typing import Literal, get_args

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from jaxgen.checks import check_choice
from jaxgen.networks.formulations.few_outputs import few_outputs
from jaxgen.networks.formulations.im2col import im2col
from jaxgen.networks.formulations.subpixel import subpixel
from jaxgen.networks.formulations.winograd import winograd
from jaxgen.networks.initializers import glorot_uniform
from jaxgen.typing import Array, Images

__all__ = [
    "Conv",
    "ConvFormulation",
    "ConvTranspose",
    "ConvTransposeFormulation",
    "LayerFormulation",
    "Padding",
    "convolve",
    "convolve_transpose",
]

ConvFormulation = Literal["auto", "plain", "im2col"]
"""Those that all convolutions of a network can have."""
LayerFormulation = ConvFormulation | Literal["winograd", "few_outputs"]
"""Those of one convolution."""
ConvTransposeFormulation = Literal["auto", "plain", "subpixel"]
Padding = str | Sequence[tuple[int, int]]

_DIMENSIONS = ("NHWC", "HWIO", "NHWC")

_WINOGRAD_CHANNELS = 32
"""With fewer on either side the transforms cost more than the products they save."""


def convolve(
    inputs: Images,
    kernel: Array,
    *,
    strides: tuple[int, int] = (1, 1),
    padding: Padding = "SAME",
    formulation: LayerFormulation = "auto",
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
        ValueError: The formulation or the padding is unknown, or the formulation is not
            for this kernel or these strides.
    """
    known = ("auto", "plain", "im2col", "winograd", "few_outputs")
    check_choice("formulation", formulation, known)
    pads = _conv_pads(inputs.shape[1:3], kernel.shape[:2], strides, padding)
    if formulation == "auto":
        formulation = _best(kernel.shape, strides)
    if formulation == "plain":
        return lax.conv_general_dilated(
            inputs, kernel, strides, pads, dimension_numbers=_DIMENSIONS
        )
    if formulation == "im2col":
        return _exactly(im2col, inputs, kernel, strides, pads)
    if formulation == "winograd" and tuple(kernel.shape[:2]) != (3, 3):
        raise ValueError(
            f"The kernel is {kernel.shape[0]} x {kernel.shape[1]}: 'winograd' is for "
            "3 x 3 alone, so give formulation='auto'."
        )
    if tuple(strides) != (1, 1):
        raise ValueError(
            f"strides={tuple(strides)}: {formulation!r} is for strides of 1 alone, so "
            "give formulation='auto'."
        )
    one = winograd if formulation == "winograd" else few_outputs
    return _exactly(one, inputs, kernel, pads)


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
    check_choice("formulation", formulation, get_args(ConvTransposeFormulation))
    pads = _transpose_pads(kernel.shape[:2], strides, padding)
    if formulation == "plain" or (formulation == "auto" and not _on_cpu()):
        return lax.conv_transpose(
            inputs, kernel, strides, pads, dimension_numbers=_DIMENSIONS
        )
    return _exactly(subpixel, inputs, kernel, strides, pads)


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
    formulation: LayerFormulation = "auto"
    kernel_init: nn.initializers.Initializer = glorot_uniform()
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
    kernel_init: nn.initializers.Initializer = glorot_uniform()
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


def _on_cpu() -> bool:
    return jax.default_backend() == "cpu"


def _best(shape: Sequence[int], strides: tuple[int, int]) -> LayerFormulation:
    """The formulation of a kernel of this shape."""
    *extents, channels, features = shape
    if not _on_cpu():
        return "plain"
    if tuple(strides) != (1, 1) or max(extents) == 1:
        return "im2col"
    if tuple(extents) == (3, 3) and min(channels, features) >= _WINOGRAD_CHANNELS:
        return "winograd"
    return "few_outputs" if 2 * features <= channels else "im2col"


def _exactly(
    formulation: Callable[..., Images], inputs: Images, kernel: Array, *geometry
) -> Images:
    """Computes in float32 at least."""
    dtype = jnp.result_type(inputs, kernel)
    exact = jnp.promote_types(dtype, jnp.float32)
    outputs = formulation(inputs.astype(exact), kernel.astype(exact), *geometry)
    return outputs.astype(dtype)


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

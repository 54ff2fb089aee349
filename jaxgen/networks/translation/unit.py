"""A convolution and its normalization, of which the translation networks are made."""

from functools import partial
from typing import Literal, get_args

from flax import linen as nn
from jax.typing import DTypeLike

from jaxgen.checks import check_choice
from jaxgen.networks.batch_norm import BatchNorm
from jaxgen.networks.convolution import Conv, ConvFormulation, ConvTranspose
from jaxgen.networks.gan_parts import TRANSPOSED
from jaxgen.networks.initializers import normal
from jaxgen.networks.resnet import spread_kernel
from jaxgen.networks.spectral_norm import SpectralNorm
from jaxgen.networks.translation.norms import Norm, instance_norm
from jaxgen.typing import Array, Images

__all__ = ["Unit", "Upsampling", "check_choices"]

Upsampling = Literal["transpose", "resize_conv"]

_normal = normal(0.02)

_TRANSPOSED_PADDING = {3: (1, 2), 4: (2, 2)}
"""Around the dilated input, by the size of the kernel. PyTorch calls both a padding of
1, and gives the kernel of 3 an `output_padding` of 1 besides; "SAME" would be (2, 1)
for it, and the images would lie a pixel beside."""


class Unit(nn.Module):
    """A convolution, then a normalization. All kernels start as N(0, 0.02).

    Attributes:
        features: Channels of the output.
        kernel: Height and width of the kernel.
        stride: Steps between windows. With `upsampling` it is 2 pixels for one.
        margin: Zeros around the input, the same at all four sides: not "SAME", which
            puts more of them behind than before where the stride is 2.
        norm: "instance", "batch", or "none".
        use_bias: Whether the convolution has a bias. A batch normalization has its own.
        upsampling: "transpose": a transposed convolution; "resize_conv": pixels
            doubled, then a convolution of 3x3 between zeros, which leaves no
            checkerboard (Odena et al., Deconvolution and Checkerboard Artifacts, 2016);
            None: neither.
        spectral: Whether the kernel has the spectral norm 1.
        formulation: See `jaxgen.networks.convolution`.
        dtype: What is computed in; parameters and statistics of norms stay float32.
    """

    features: int
    kernel: int = 3
    stride: int = 1
    margin: int = 0
    norm: Norm = "none"
    use_bias: bool = True
    upsampling: Upsampling | None = None
    spectral: bool = False
    formulation: ConvFormulation = "auto"
    dtype: DTypeLike | None = None

    @nn.compact
    def __call__(
        self, images: Images, *, train: bool = False, axis_name: str | None = None
    ) -> Images:
        """Returns images of `features` channels, before any activation."""
        dtype = images.dtype if self.dtype is None else self.dtype
        spectral = SpectralNorm(train=train, name="spectral") if self.spectral else None
        resizing = self.upsampling == "resize_conv"

        def kernel_map(kernel: Array) -> Array:
            if spectral is not None:
                kernel = spectral(kernel)
            if resizing:
                # The doubling and the convolution are one transposed convolution, of a
                # kernel of 4x4: a quarter of the products.
                kernel = spread_kernel(kernel)
            return kernel if self.dtype is None else kernel.astype(dtype)

        if self.upsampling is None:
            layer = partial(
                Conv,
                kernel_size=(self.kernel, self.kernel),
                strides=(self.stride, self.stride),
                padding=((self.margin, self.margin),) * 2,
                formulation=self.formulation,
            )
        else:
            side = 3 if resizing else self.kernel
            layer = partial(
                ConvTranspose,
                kernel_size=(side, side),
                strides=(2, 2),
                padding=(_TRANSPOSED_PADDING[4 if resizing else side],) * 2,
                formulation=TRANSPOSED[self.formulation],
            )
        hidden = layer(
            self.features,
            use_bias=self.use_bias,
            kernel_init=_normal,
            kernel_map=kernel_map,
            name="conv",
        )(images.astype(dtype))
        if self.norm == "instance":
            hidden = instance_norm(hidden)
        elif self.norm == "batch":
            normalize = BatchNorm(name="norm")
            hidden = normalize(hidden, train=train, axis_name=axis_name)
        # The bias and the scale are float32, and so is what they are applied to.
        return hidden.astype(dtype)


def check_choices(
    norm: Norm, formulation: ConvFormulation, upsampling: Upsampling | None = None
) -> None:
    """Raises an InputError if a network's choices for its units are unknown."""
    check_choice("norm", norm, get_args(Norm))
    check_choice("formulation", formulation, get_args(ConvFormulation))
    if upsampling is not None:
        check_choice("upsampling", upsampling, get_args(Upsampling))

"""Convolutions whose input channels are scaled by a style, one for each image.

Karras et al., Analyzing and Improving the Image Quality of StyleGAN, 2020, section 2.2.
"""

import math

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgen.networks.convolution import ConvFormulation, convolve, convolve_transpose
from jaxgen.networks.equalized import EqualizedDense, activate, clip_to
from jaxgen.networks.gan_parts import TRANSPOSED
from jaxgen.networks.initializers import normal
from jaxgen.networks.resampling import filter_images
from jaxgen.networks.styles import add_noise
from jaxgen.typing import Array, Images

__all__ = ["StyledLayer", "ToRGB", "modulated_convolution"]


def modulated_convolution(
    images: Images,
    kernel: Array,
    styles: Array,
    *,
    up: bool = False,
    demodulate: bool = True,
    formulation: ConvFormulation = "auto",
) -> Images:
    """Convolves each image with the kernel times its own style.

    Computed as the scaled input, one convolution for the whole batch, and the scaled
    output: the kernel of one image never exists.

    Args:
        images: Shape (batch, height, width, inputs); all is computed in their type,
            but for the scale of the outputs.
        kernel: Shape (kernel size, kernel size, inputs, outputs).
        styles: Shape (batch, inputs).
        up: Whether images are doubled, by a transposed convolution and a filter.
        demodulate: Whether outputs are divided by the norm of their image's kernel
            (equation 3): before the filter of `up` they are of unit deviation, if the
            inputs are.
        formulation: See `jaxgen.networks.convolution`.
    """
    dtype, size = images.dtype, kernel.shape[0]
    # Cast last: gradients of styles are sums over pixels, and not in 16 bits.
    images = (images * styles[:, None, None]).astype(dtype)
    if up:
        # A true convolution: one pixel gives the kernel, not the mirrored one.
        images = convolve_transpose(
            images,
            kernel[::-1, ::-1].astype(dtype),
            strides=(2, 2),
            padding=((size - 1, size - 1),) * 2,
            formulation=TRANSPOSED[formulation],
        )
        # Twice on each axis, since three of four pixels were zeros.
        images = 4 * filter_images(images, padding=(1, 1))
    else:
        images = convolve(
            images,
            kernel.astype(dtype),
            padding=((size // 2, size // 2),) * 2,
            formulation=formulation,
        )
    if not demodulate:
        return images
    squares = jnp.square(styles) @ jnp.sum(jnp.square(kernel), axis=(0, 1))
    return (images * jax.lax.rsqrt(squares + 1e-8)[:, None, None]).astype(dtype)


class StyledLayer(nn.Module):
    """A modulated convolution, noise, bias and activation.

    Attributes:
        features: Channels of the output.
        up: Whether images are doubled.
        clamp: Bound of the outputs; None for none.
        formulation: See `jaxgen.networks.convolution`.
    """

    features: int
    up: bool = False
    clamp: float | None = None
    formulation: ConvFormulation = "auto"

    @nn.compact
    def __call__(
        self, images: Images, styles: Array, noise: Array | None = None
    ) -> Images:
        """Returns images; the noise (batch, height, width) is constant by default."""
        channels = images.shape[-1]
        kernel = self.param("kernel", normal(1.0), (3, 3, channels, self.features))
        images = modulated_convolution(
            images,
            kernel,
            EqualizedDense(channels, bias=1.0, name="affine")(styles),
            up=self.up,
            formulation=self.formulation,
        )
        images = add_noise(self, images, noise, ())
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        images = (images + bias[None, None, None]).astype(images.dtype)
        return activate(images, clamp=self.clamp)


class ToRGB(nn.Module):
    """A modulated convolution of 1 x 1 to the channels of an image, and a bias.

    Attributes:
        channels: Of the image.
        clamp: Bound of the outputs; None for none.
        formulation: See `jaxgen.networks.convolution`.
    """

    channels: int
    clamp: float | None = None
    formulation: ConvFormulation = "auto"

    @nn.compact
    def __call__(self, images: Images, styles: Array) -> Images:
        """Returns images of `channels` channels."""
        inputs = images.shape[-1]
        kernel = self.param("kernel", normal(1.0), (1, 1, inputs, self.channels))
        styles = EqualizedDense(inputs, bias=1.0, name="affine")(styles)
        images = modulated_convolution(
            images,
            kernel,
            styles / math.sqrt(inputs),
            demodulate=False,
            formulation=self.formulation,
        )
        bias = self.param("bias", nn.initializers.zeros, (self.channels,))
        images = (images + bias[None, None, None]).astype(images.dtype)
        return clip_to(images, self.clamp)

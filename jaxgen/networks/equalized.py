"""Layers with an equalized learning rate: weights are N(0, 1), and scaled when used.

Karras et al., Progressive Growing of GANs, 2018, section 4.1.
"""

import math
from typing import Literal

import jax.numpy as jnp
from flax import linen as nn

from jaxgen.networks.convolution import (
    ConvFormulation,
    Padding,
    convolve,
    convolve_transpose,
)
from jaxgen.networks.gan_parts import TRANSPOSED
from jaxgen.networks.initializers import normal
from jaxgen.networks.resnet import spread_kernel
from jaxgen.typing import Array, Images

__all__ = [
    "EqualizedConv",
    "EqualizedDense",
    "activate",
    "clip_to",
    "normalize_second_moment",
]


class EqualizedDense(nn.Module):
    """A dense layer whose kernel is multiplied by `multiplier / sqrt(inputs)`.

    Attributes:
        features: Outputs.
        multiplier: Of the learning rate: parameters are stored divided by it, the
            kernel as N(0, 1 / multiplier**2), and multiplied by it when used.
        gain: Of the kernel, beside 1 / sqrt(inputs).
        bias: First value of the bias.
    """

    features: int
    multiplier: float = 1.0
    gain: float = 1.0
    bias: float = 0.0

    @nn.compact
    def __call__(self, inputs: Array) -> Array:
        """Returns shape (batch, features)."""
        shape = (inputs.shape[-1], self.features)
        kernel = self.param("kernel", normal(1.0 / self.multiplier), shape)
        scale = self.gain * self.multiplier / math.sqrt(inputs.shape[-1])
        first = nn.initializers.constant(self.bias / self.multiplier)
        bias = self.param("bias", first, (self.features,))
        return inputs @ (scale * kernel) + self.multiplier * bias[None]


class EqualizedConv(nn.Module):
    """A convolution whose kernel is multiplied by `gain / sqrt(fan in)`.

    Attributes:
        features: Channels of the output.
        kernel_size: Height and width of the kernel.
        stride: Pixels from one window to the next.
        padding: Zeros on each side of the image; half the kernel by default.
        gain: Of the kernel, beside 1 / sqrt(fan in).
        use_bias: Whether a bias is added.
        resample: "up" for images that are doubled before the convolution, each pixel to
            four; "down" for outputs that are halved, each four to their mean. One
            convolution does both, with a kernel that is larger by a pixel.
        formulation: See `jaxgen.networks.convolution`.
    """

    features: int
    kernel_size: int = 3
    stride: int = 1
    padding: int | None = None
    gain: float = 1.0
    use_bias: bool = True
    resample: Literal["up", "down"] | None = None
    formulation: ConvFormulation = "auto"

    @nn.compact
    def __call__(self, images: Images) -> Images:
        """Returns images of `features` channels, in the type of the images."""
        channels = images.shape[-1]
        shape = (self.kernel_size, self.kernel_size, channels, self.features)
        kernel = self.param("kernel", normal(1.0), shape)
        scale = self.gain / math.sqrt(self.kernel_size**2 * channels)
        kernel = (scale * kernel).astype(images.dtype)
        margin = self.kernel_size // 2 if self.padding is None else self.padding
        outputs = self._convolve(images, kernel, ((margin, margin),) * 2)
        if not self.use_bias:
            return outputs
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        # Cast last: the gradient of a bias is a sum over all pixels, which must not be
        # added up in 16 bits.
        return (outputs + bias[None, None, None]).astype(outputs.dtype)

    def _convolve(self, images: Images, kernel: Array, padding: Padding) -> Images:
        if self.resample == "up":
            return convolve_transpose(
                images,
                spread_kernel(kernel),
                strides=(2, 2),
                formulation=TRANSPOSED[self.formulation],
            )
        strides = (self.stride, self.stride)
        if self.resample == "down":
            kernel, strides = spread_kernel(kernel) / 4, (2, 2)
        return convolve(
            images,
            kernel,
            strides=strides,
            padding=padding,
            formulation=self.formulation,
        )


def activate(
    inputs: Array, *, gain: float = math.sqrt(2.0), clamp: float | None = None
) -> Array:
    """Returns `gain` times the leaky ReLU of slope 0.2, within +-`clamp`."""
    # The slope is part of the product: one pass, and exact in any type.
    outputs = jnp.where(inputs < 0, 0.2 * gain, gain).astype(inputs.dtype) * inputs
    return clip_to(outputs, clamp)


def clip_to(inputs: Array, clamp: float | None) -> Array:
    """Returns numbers within +-`clamp`, or as they are."""
    return inputs if clamp is None else jnp.clip(inputs, -clamp, clamp)


def normalize_second_moment(inputs: Array) -> Array:
    """Returns rows whose mean square is 1 (the pixel norm of latents)."""
    squares = jnp.mean(jnp.square(inputs), axis=-1, keepdims=True)
    return inputs / jnp.sqrt(squares + 1e-8)

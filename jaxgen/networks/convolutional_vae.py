"""The convolutional encoder and decoder of the Keras VAE example, for any image size.

Source: F. Chollet, "Variational AutoEncoder", https://keras.io/examples/generative/vae/
"""

from typing import Any

import jax.numpy as jnp
from flax import linen as nn

from jaxgen.calls import factory
from jaxgen.checks import check_count, check_counts
from jaxgen.networks.convolution import (
    Conv,
    ConvFormulation,
    ConvTranspose,
    ConvTransposeFormulation,
)
from jaxgen.networks.mlp import head_of, with_condition
from jaxgen.networks.pure import pure
from jaxgen.typing import Array, Images, Network

__all__ = [
    "ConvolutionalDecoder",
    "ConvolutionalEncoder",
    "convolutional_decoder",
    "convolutional_encoder",
]

_glorot = nn.initializers.glorot_uniform()


class ConvolutionalEncoder(nn.Module):
    """Images, and a condition if there is one, to the parameters of their latents.

    Attributes:
        head: Makes the parameters of the last features, as `GaussianHead(2)`.
        hidden: Width of the last features: 16 in the Keras example, 128 for more.
        formulation: See `jaxgen.networks.convolution`.
    """

    head: nn.Module
    hidden: int = 16
    formulation: ConvFormulation = "auto"

    @nn.compact
    def __call__(self, images: Images, condition: Array | None = None) -> Any:
        """Returns what the head makes, with a leading axis (batch,)."""
        hidden = images
        for features in (32, 64):
            layer = Conv(features, strides=(2, 2), formulation=self.formulation)
            hidden = nn.relu(_add_condition(layer(hidden), condition))
        hidden = hidden.reshape(hidden.shape[0], -1)
        dense = nn.Dense(self.hidden, kernel_init=_glorot)
        return self.head(nn.relu(dense(with_condition(hidden, condition))))


class ConvolutionalDecoder(nn.Module):
    """Latents to the logits (or means) of images; a condition enters every resolution.

    Attributes:
        image_shape: Height, width and channels. Sizes that are no multiple of 4 are
            cropped from the next one that is, at the bottom and on the right.
        hidden: Width of a layer of features before the images, or None for none.
        formulation: See `jaxgen.networks.convolution`.
    """

    image_shape: tuple[int, int, int]
    hidden: int | None = None
    formulation: ConvTransposeFormulation = "auto"

    @nn.compact
    def __call__(self, latents: Array, condition: Array | None = None) -> Images:
        """Returns one number per pixel and channel, unbounded."""
        height, width, channels = self.image_shape
        base = (-(-height // 4), -(-width // 4), 64)
        hidden = with_condition(latents.reshape(latents.shape[0], -1), condition)
        if self.hidden is not None:
            hidden = nn.relu(nn.Dense(self.hidden, kernel_init=_glorot)(hidden))
            hidden = with_condition(hidden, condition)
        dense = nn.Dense(base[0] * base[1] * base[2], kernel_init=_glorot)
        hidden = nn.relu(dense(hidden)).reshape(-1, *base)
        for features in (64, 32):
            layer = ConvTranspose(
                features, strides=(2, 2), formulation=self.formulation
            )
            hidden = nn.relu(_add_condition(layer(hidden), condition))
        hidden = ConvTranspose(channels, formulation=self.formulation)(hidden)
        return _add_condition(hidden, condition)[:, :height, :width]


@factory
def convolutional_encoder(
    latents: int | tuple[int, ...],
    *,
    hidden: int = 16,
    formulation: ConvFormulation = "auto",
) -> Network:
    """Returns `ConvolutionalEncoder` as pure functions; `latents` as `mlp_encoder`."""
    check_count("hidden", hidden, 1)
    return pure(ConvolutionalEncoder(head_of(latents), hidden, formulation))


@factory
def convolutional_decoder(
    image_shape: tuple[int, int, int],
    *,
    hidden: int | None = None,
    formulation: ConvTransposeFormulation = "auto",
) -> Network:
    """Returns `ConvolutionalDecoder` as pure functions: latents to logits or means."""
    check_counts("image_shape", image_shape, 1)
    if hidden is not None:
        check_count("hidden", hidden, 1)
    return pure(ConvolutionalDecoder(image_shape, hidden, formulation))


def _add_condition(images: Images, condition: Array | None) -> Images:
    # What a convolution by 1 x 1 makes of a condition painted over whole channels.
    if condition is None:
        return images
    dense = nn.Dense(images.shape[-1], use_bias=False, kernel_init=_glorot)
    return images + jnp.broadcast_to(dense(condition)[:, None, None], images.shape)

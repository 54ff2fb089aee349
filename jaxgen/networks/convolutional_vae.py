"""The convolutional encoder and decoder of the Keras VAE example, for any image size.

Source: F. Chollet, "Variational AutoEncoder", https://keras.io/examples/generative/vae/
"""

from flax import linen as nn

from jaxgen.networks.convolution import (
    Conv,
    ConvFormulation,
    ConvTranspose,
    ConvTransposeFormulation,
)
from jaxgen.networks.mlp import GaussianHead
from jaxgen.networks.pure import pure
from jaxgen.typing import Images, Latents, Network

_glorot = nn.initializers.glorot_uniform()


class ConvolutionalEncoder(nn.Module):
    """Images to the mean and the log-variance of their latents.

    Attributes:
        latents: Dimensions of the latent space.
        formulation: See `jaxgen.networks.convolution`.
    """

    latents: int
    formulation: ConvFormulation = "auto"

    @nn.compact
    def __call__(self, images: Images) -> tuple[Latents, Latents]:
        """Returns (mean, log_variance), each of shape (batch, latents)."""
        hidden = images
        for features in (32, 64):
            layer = Conv(features, strides=(2, 2), formulation=self.formulation)
            hidden = nn.relu(layer(hidden))
        hidden = hidden.reshape(hidden.shape[0], -1)
        hidden = nn.relu(nn.Dense(16, kernel_init=_glorot)(hidden))
        return GaussianHead(self.latents)(hidden)


class ConvolutionalDecoder(nn.Module):
    """Latents to the logits (or means) of images.

    Attributes:
        image_shape: Height, width and channels. Sizes that are no multiple of 4 are
            cropped from the next one that is, at the bottom and on the right.
        formulation: See `jaxgen.networks.convolution`.
    """

    image_shape: tuple[int, int, int]
    formulation: ConvTransposeFormulation = "auto"

    @nn.compact
    def __call__(self, latents: Latents) -> Images:
        """Returns one number per pixel and channel, unbounded."""
        height, width, channels = self.image_shape
        base = (-(-height // 4), -(-width // 4), 64)
        dense = nn.Dense(base[0] * base[1] * base[2], kernel_init=_glorot)
        hidden = nn.relu(dense(latents)).reshape(-1, *base)
        for features in (64, 32):
            layer = ConvTranspose(
                features, strides=(2, 2), formulation=self.formulation
            )
            hidden = nn.relu(layer(hidden))
        hidden = ConvTranspose(channels, formulation=self.formulation)(hidden)
        return hidden[:, :height, :width]


def convolutional_encoder(
    latents: int, *, formulation: ConvFormulation = "auto"
) -> Network:
    """Returns `ConvolutionalEncoder` as pure functions: images to (mean, log_var)."""
    return pure(ConvolutionalEncoder(latents, formulation))


def convolutional_decoder(
    image_shape: tuple[int, int, int],
    *,
    formulation: ConvTransposeFormulation = "auto",
) -> Network:
    """Returns `ConvolutionalDecoder` as pure functions: latents to logits or means."""
    return pure(ConvolutionalDecoder(image_shape, formulation))

"""Multilayer perceptrons between images and latents."""

import math
from collections.abc import Callable, Sequence

import jax.numpy as jnp
from flax import linen as nn

from jaxgen.networks.pure import pure
from jaxgen.typing import Array, Images, Latents, Network

_glorot = nn.initializers.glorot_uniform()


class GaussianHead(nn.Module):
    """Features to the mean and the log-variance of a diagonal Gaussian.

    Attributes:
        latents: Dimensions of the Gaussian.
    """

    latents: int

    @nn.compact
    def __call__(self, features: Array) -> tuple[Latents, Latents]:
        """Returns (mean, log_variance), each of shape (batch, latents)."""
        # Two layers in one matrix product. Glorot's bound must be that of one head.
        both = nn.Dense(2 * self.latents, kernel_init=_two_heads)(features)
        mean, log_variance = jnp.split(both, 2, axis=-1)
        return mean, log_variance


class MLPEncoder(nn.Module):
    """Images to the mean and the log-variance of their latents.

    Attributes:
        latents: Dimensions of the latent space.
        features: Widths of the hidden layers.
        activation: Between the layers.
    """

    latents: int
    features: Sequence[int] = (400,)
    activation: Callable[[Array], Array] = nn.relu

    @nn.compact
    def __call__(self, images: Images) -> tuple[Latents, Latents]:
        """Returns (mean, log_variance), each of shape (batch, latents)."""
        hidden = images.reshape(images.shape[0], -1)
        for width in self.features:
            hidden = self.activation(nn.Dense(width, kernel_init=_glorot)(hidden))
        return GaussianHead(self.latents)(hidden)


class MLPDecoder(nn.Module):
    """Latents to the parameters of a distribution of images (logits or means).

    Attributes:
        image_shape: Height, width and channels.
        features: Widths of the hidden layers.
        activation: Between the layers.
    """

    image_shape: tuple[int, int, int]
    features: Sequence[int] = (400,)
    activation: Callable[[Array], Array] = nn.relu

    @nn.compact
    def __call__(self, latents: Latents) -> Images:
        """Returns one number per pixel and channel, unbounded."""
        hidden = latents
        for width in self.features:
            hidden = self.activation(nn.Dense(width, kernel_init=_glorot)(hidden))
        flat = nn.Dense(math.prod(self.image_shape), kernel_init=_glorot)(hidden)
        return flat.reshape(-1, *self.image_shape)


def mlp_encoder(latents: int, features: Sequence[int] = (400,)) -> Network:
    """Returns `MLPEncoder` as pure functions: images to (mean, log_variance)."""
    return pure(MLPEncoder(latents, tuple(features)))


def mlp_decoder(
    image_shape: tuple[int, int, int], features: Sequence[int] = (400,)
) -> Network:
    """Returns `MLPDecoder` as pure functions: latents to logits or means."""
    return pure(MLPDecoder(image_shape, tuple(features)))


def _two_heads(key, shape, dtype=jnp.float32):
    inputs, outputs = shape
    bound = math.sqrt(6 / (inputs + outputs // 2))
    return nn.initializers.uniform(2 * bound)(key, shape, dtype) - bound

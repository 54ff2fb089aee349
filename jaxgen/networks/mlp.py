"""Multilayer perceptrons between images and latents."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
from flax import linen as nn

from jaxgen.calls import factory
from jaxgen.checks import check_count, check_counts
from jaxgen.networks.pure import pure
from jaxgen.typing import Array, Images, Latents, Network

__all__ = [
    "ConditionalPrior",
    "GaussianHead",
    "Initializer",
    "LogitsHead",
    "MLPDecoder",
    "MLPEncoder",
    "conditional_prior",
    "fan_in_uniform",
    "head_of",
    "mlp_decoder",
    "mlp_encoder",
    "with_condition",
]

Initializer = nn.initializers.Initializer
_glorot = nn.initializers.glorot_uniform()
fan_in_uniform = nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")
"""Uniform within 1 / sqrt(inputs), as the kernels of PyTorch's layers start."""


class GaussianHead(nn.Module):
    """Features to the mean and the log-variance of a diagonal Gaussian.

    Attributes:
        latents: Dimensions of the Gaussian.
        kernel_init: Initializer, or None for Glorot's with the bound of one head.
    """

    latents: int
    kernel_init: Initializer | None = None

    @nn.compact
    def __call__(self, features: Array) -> tuple[Latents, Latents]:
        """Returns (mean, log_variance), each of shape (batch, latents)."""
        # Two layers in one matrix product. Glorot's bound must be that of one head.
        init = self.kernel_init or _two_heads
        both = nn.Dense(2 * self.latents, kernel_init=init)(features)
        mean, log_variance = jnp.split(both, 2, axis=-1)
        return mean, log_variance


class LogitsHead(nn.Module):
    """Features to the logits of discrete latents.

    Attributes:
        shape: (latents,) for bits, (variables, classes) for categories.
        kernel_init: Initializer; Glorot's by default.
    """

    shape: tuple[int, ...]
    kernel_init: Initializer = _glorot

    @nn.compact
    def __call__(self, features: Array) -> Array:
        """Returns logits, shape (batch, *shape)."""
        dense = nn.Dense(math.prod(self.shape), kernel_init=self.kernel_init)
        logits = dense(features)
        return logits.reshape(-1, *self.shape)


class MLPEncoder(nn.Module):
    """Images, and a condition if there is one, to the parameters of their latents.

    Attributes:
        head: Makes the parameters of the last features: `GaussianHead(20)`,
            `LogitsHead((20, 10))`.
        features: Widths of the hidden layers.
        activation: Between the layers.
        kernel_init: Initializer; Glorot's by default.
    """

    head: nn.Module
    features: Sequence[int] = (400,)
    activation: Callable[[Array], Array] = nn.relu
    kernel_init: Initializer = _glorot

    @nn.compact
    def __call__(self, images: Images, condition: Array | None = None) -> Any:
        """Returns what the head makes, with a leading axis (batch,)."""
        hidden = images.reshape(images.shape[0], -1)
        hidden = with_condition(hidden, condition)
        for width in self.features:
            dense = nn.Dense(width, kernel_init=self.kernel_init)
            hidden = self.activation(dense(hidden))
        return self.head(hidden)


class MLPDecoder(nn.Module):
    """Latents to the parameters of a distribution of images (logits or means).

    A condition enters every layer.

    Attributes:
        image_shape: Height, width and channels (times the parameters of a channel).
        features: Widths of the hidden layers.
        activation: Between the layers.
        kernel_init: Initializer; Glorot's by default.
    """

    image_shape: tuple[int, int, int]
    features: Sequence[int] = (400,)
    activation: Callable[[Array], Array] = nn.relu
    kernel_init: Initializer = _glorot

    @nn.compact
    def __call__(self, latents: Array, condition: Array | None = None) -> Images:
        """Returns one number per pixel and channel, unbounded."""
        hidden = latents.reshape(latents.shape[0], -1)
        for width in self.features:
            hidden = with_condition(hidden, condition)
            dense = nn.Dense(width, kernel_init=self.kernel_init)
            hidden = self.activation(dense(hidden))
        hidden = with_condition(hidden, condition)
        dense = nn.Dense(math.prod(self.image_shape), kernel_init=self.kernel_init)
        flat = dense(hidden)
        return flat.reshape(-1, *self.image_shape)


class ConditionalPrior(nn.Module):
    """A condition to the mean and the log-variance of p(z|y).

    Attributes:
        latents: Dimensions of z.
        features: Widths of the hidden layers.
    """

    latents: int
    features: Sequence[int] = ()

    @nn.compact
    def __call__(self, condition: Array) -> tuple[Latents, Latents]:
        """Returns (mean, log_variance), each of shape (batch, latents)."""
        for width in self.features:
            condition = nn.relu(nn.Dense(width, kernel_init=_glorot)(condition))
        return GaussianHead(self.latents)(condition)


def with_condition(hidden: Array, condition: Array | None) -> Array:
    """Appends a condition, shape (batch, classes), to features, if there is one."""
    if condition is None:
        return hidden
    return jnp.concatenate([hidden, condition], axis=-1)


@factory
def mlp_encoder(
    latents: int | tuple[int, ...],
    features: Sequence[int] = (400,),
    *,
    activation: Callable[[Array], Array] = nn.relu,
    kernel_init: Initializer | None = None,
) -> Network:
    """Returns `MLPEncoder` as pure functions.

    Args:
        latents: A number for Gaussian latents: images to (mean, log_variance). A shape
            for discrete ones: images to logits of that shape, (latents,) for bits,
            (variables, classes) for categories.
        features: Widths of the hidden layers.
        activation: Between the layers.
        kernel_init: Initializer of all kernels, as `fan_in_uniform`; Glorot's uniform
            by default.
    """
    check_counts("features", features, 1)
    head = head_of(latents, kernel_init)
    init = kernel_init or _glorot
    return pure(MLPEncoder(head, tuple(features), activation, init))


@factory
def mlp_decoder(
    image_shape: tuple[int, int, int],
    features: Sequence[int] = (400,),
    *,
    activation: Callable[[Array], Array] = nn.relu,
    kernel_init: Initializer | None = None,
) -> Network:
    """Returns `MLPDecoder` as pure functions: latents to logits or means."""
    check_counts("image_shape", image_shape, 1)
    check_counts("features", features, 1)
    init = kernel_init or _glorot
    return pure(MLPDecoder(image_shape, tuple(features), activation, init))


@factory
def conditional_prior(latents: int, features: Sequence[int] = ()) -> Network:
    """Returns `ConditionalPrior` as pure functions: condition to (mean, log_var)."""
    check_count("latents", latents, 1)
    check_counts("features", features, 1)
    return pure(ConditionalPrior(latents, tuple(features)))


def head_of(
    latents: int | tuple[int, ...], kernel_init: Initializer | None = None
) -> nn.Module:
    """Returns the head of an encoder: Gaussian for a number, logits for a shape."""
    if not isinstance(latents, Sequence):
        check_count("latents", latents, 1)
        return GaussianHead(latents, kernel_init)
    check_counts("latents", latents, 1)
    return LogitsHead(tuple(latents), kernel_init or _glorot)


def _two_heads(key, shape, dtype=jnp.float32):
    inputs, outputs = shape
    bound = math.sqrt(6 / (inputs + outputs // 2))
    return nn.initializers.uniform(2 * bound)(key, shape, dtype) - bound

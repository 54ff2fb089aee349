"""Generators and critics of dense layers, for points and small images."""

import math
from collections.abc import Sequence

from flax import linen as nn

from jaxgen.calls import factory
from jaxgen.checks import check_count, check_counts
from jaxgen.networks.gan_parts import Activation, leaky_relu
from jaxgen.networks.mlp import Initializer, with_condition
from jaxgen.networks.pure import pure
from jaxgen.typing import Array, Latents, Network

__all__ = ["MLPCritic", "MLPGenerator", "mlp_critic", "mlp_generator"]

_glorot = nn.initializers.glorot_uniform()


class MLPGenerator(nn.Module):
    """Latents, and a condition beside them if there is one, to samples.

    Attributes:
        sample_shape: Of one sample: (2,) for points, (28, 28, 1) for images.
        hidden: Widths of the hidden layers.
        activation: Of the hidden layers.
        output: Of the samples; none by default, `jnp.tanh` for images in [-1, 1].
        kernel_init: Initializer of all kernels; biases start at 0.
    """

    sample_shape: tuple[int, ...]
    hidden: Sequence[int] = (128, 128)
    activation: Activation = nn.relu
    output: Activation | None = None
    kernel_init: Initializer = _glorot

    @nn.compact
    def __call__(self, latents: Latents, condition: Array | None = None) -> Array:
        """Returns samples, shape (batch, *sample_shape)."""
        features = with_condition(latents, condition)
        for width in self.hidden:
            dense = nn.Dense(width, kernel_init=self.kernel_init)
            features = self.activation(dense(features))
        dense = nn.Dense(math.prod(self.sample_shape), kernel_init=self.kernel_init)
        samples = dense(features).reshape(-1, *self.sample_shape)
        return samples if self.output is None else self.output(samples)


class MLPCritic(nn.Module):
    """Samples, and a condition beside them if there is one, to logits.

    Attributes:
        hidden: Widths of the hidden layers.
        activation: Of the hidden layers.
        heads: Logits an example.
        kernel_init: Initializer of all kernels; biases start at 0.
    """

    hidden: Sequence[int] = (128, 128)
    activation: Activation = leaky_relu
    heads: int = 1
    kernel_init: Initializer = _glorot

    @nn.compact
    def __call__(self, samples: Array, condition: Array | None = None) -> Array:
        """Returns logits, shape (batch,) of one head, (batch, heads) of several."""
        features = samples.reshape(samples.shape[0], -1)
        features = with_condition(features, condition)
        for width in self.hidden:
            dense = nn.Dense(width, kernel_init=self.kernel_init)
            features = self.activation(dense(features))
        logits = nn.Dense(self.heads, kernel_init=self.kernel_init)(features)
        return logits[:, 0] if self.heads == 1 else logits


@factory
def mlp_generator(
    sample_shape: Sequence[int],
    hidden: Sequence[int] = (128, 128),
    *,
    activation: Activation = nn.relu,
    output: Activation | None = None,
    kernel_init: Initializer | None = None,
) -> Network:
    """Returns `MLPGenerator` as pure functions: latents to samples.

    Args:
        sample_shape: Of one sample: (2,) for points, (28, 28, 1) for images.
        hidden: Widths of the hidden layers.
        activation: Of the hidden layers.
        output: Of the samples; none by default, `jnp.tanh` for images in [-1, 1] (give
            `models.gan` signed=True).
        kernel_init: Initializer of all kernels, as `fan_in_uniform` (PyTorch's) or
            `flax.linen.initializers.orthogonal()`; Glorot's uniform by default
            (Keras's). Biases start at 0.

    Examples:
        >>> import jax
        >>> network = mlp_generator((2,))
        >>> latents = jax.numpy.zeros((5, 16))
        >>> variables = network.init(jax.random.key(0), latents)
        >>> network.apply(*variables, latents)[0].shape
        (5, 2)
    """
    check_counts("sample_shape", sample_shape, 1)
    check_counts("hidden", hidden, 1)
    init = kernel_init or _glorot
    module = MLPGenerator(tuple(sample_shape), tuple(hidden), activation, output, init)
    return pure(module)


@factory
def mlp_critic(
    hidden: Sequence[int] = (128, 128),
    *,
    activation: Activation = leaky_relu,
    heads: int = 1,
    kernel_init: Initializer | None = None,
) -> Network:
    """Returns `MLPCritic` as pure functions: points or images to raw logits.

    Args:
        hidden: Widths of the hidden layers.
        activation: Of the hidden layers; a leaky `relu` of slope 0.2 by default.
        heads: Logits an example.
        kernel_init: As in `mlp_generator`.

    Examples:
        >>> import jax
        >>> network = mlp_critic(heads=4)
        >>> points = jax.numpy.zeros((5, 2))
        >>> variables = network.init(jax.random.key(0), points)
        >>> network.apply(*variables, points)[0].shape
        (5, 4)
    """
    check_counts("hidden", hidden, 1)
    check_count("heads", heads, 1)
    init = kernel_init or _glorot
    return pure(MLPCritic(tuple(hidden), activation, heads, init))

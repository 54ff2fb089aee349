"""A small convolutional classifier, for features of the set it was trained on."""

import math

from flax import linen as nn

from jaxgen.checks import check_count
from jaxgen.networks.convolution import Conv, ConvFormulation
from jaxgen.networks.pure import pure
from jaxgen.typing import Array, Images, Network

__all__ = ["Classifier", "channels_of", "classifier"]

_WIDTH = 64
"""Channels of the last convolution; each one before it has half, down to 16."""


def channels_of(height: int, width: int) -> tuple[int, ...]:
    """Returns the channels of convolutions that halve images to 8 pixels or less.

    Examples:
        >>> channels_of(28, 28), channels_of(128, 64)
        ((32, 64), (16, 16, 32, 64))
    """
    halvings = max(2, math.ceil(math.log2(max(height, width) / 8)))
    return tuple(max(_WIDTH >> later, 16) for later in reversed(range(halvings)))


_he = nn.initializers.he_uniform()
_glorot = nn.initializers.glorot_uniform()


class Classifier(nn.Module):
    """Images to features and, of these, to the logits of classes.

    Convolutions of stride 2, two at least, halve the images until their sides have 8
    pixels or less; a dense layer makes the features.

    The features are the dense layer *before* its activation. They are sums of many
    terms, and near to a Gaussian within a class: no unit is dead, and none piles up at
    a bound, as after `relu` half of the values do. A Frechet distance knows of means
    and covariances alone, so what is not in them is lost to it. The logits are made
    of the activated features, so that no direction of the features is free of the
    labels.

    Attributes:
        num_classes: Classes.
        dimension: Features.
        formulation: See `jaxgen.networks.convolution`.
    """

    num_classes: int
    dimension: int = 64
    formulation: ConvFormulation = "auto"

    @nn.compact
    def __call__(self, images: Images) -> tuple[Array, Array]:
        """Returns features (batch, dimension) and logits (batch, num_classes)."""
        # [0, 1] to [-1, 1]: Adam is slow where all inputs have one sign.
        hidden = 2 * images - 1
        for channels in channels_of(*images.shape[1:3]):
            layer = Conv(
                channels,
                strides=(2, 2),
                formulation=self.formulation,
                kernel_init=_he,
            )
            hidden = nn.gelu(layer(hidden))
        hidden = hidden.reshape(hidden.shape[0], -1)
        features = nn.Dense(self.dimension, kernel_init=_he)(hidden)
        logits = nn.Dense(self.num_classes, kernel_init=_glorot)
        return features, logits(nn.gelu(features))


def classifier(
    num_classes: int,
    *,
    dimension: int = 64,
    formulation: ConvFormulation = "auto",
) -> Network:
    """Returns `Classifier` as pure functions: images to (features, logits).

    Args:
        num_classes: Classes.
        dimension: Features.
        formulation: See `jaxgen.networks.convolution`.

    Examples:
        >>> import jax
        >>> images = jax.numpy.zeros((5, 28, 28, 1))
        >>> network = classifier(10)
        >>> variables = network.init(jax.random.key(0), images)
        >>> [output.shape for output in network.apply(*variables, images)[0]]
        [(5, 64), (5, 10)]
    """
    check_count("num_classes", num_classes, 1)
    check_count("dimension", dimension, 1)
    return pure(Classifier(num_classes, dimension, formulation))

"""Residual generators and critics, for images of 28 to 64 pixels.

Two identities save more than half of the products where the resolution changes.
Doubling by nearest neighbours and then a convolution of 3 x 3 is one transposed
convolution of 4 x 4 and stride 2; a convolution of 3 x 3 and then the mean of 2 x 2 is
one convolution of 4 x 4 and stride 2. The kernel of both is the small one, summed over
four places.
"""

import functools
import math
from functools import partial
from typing import Literal

import jax.numpy as jnp
from flax import linen as nn

from jaxgen.calls import factory
from jaxgen.checks import check_choice, check_count, check_counts
from jaxgen.networks.batch_norm import BatchNorm
from jaxgen.networks.convolution import Conv, ConvFormulation, ConvTranspose
from jaxgen.networks.gan_parts import (
    TRANSPOSED,
    Activation,
    Conditioning,
    CriticHead,
    halvings,
    split_condition,
    with_condition_channels,
)
from jaxgen.networks.mlp import with_condition
from jaxgen.networks.pure import pure
from jaxgen.networks.spectral_norm import SpectralNorm
from jaxgen.typing import Array, Images, Latents, Network

__all__ = [
    "CriticNormalization",
    "GeneratorNormalization",
    "ResidualCritic",
    "ResidualGenerator",
    "residual_critic",
    "residual_generator",
    "spread_kernel",
]

GeneratorNormalization = Literal["batch", "conditional", "none"]
CriticNormalization = Literal["none", "layer", "spectral"]

_glorot = nn.initializers.glorot_uniform()
_relu_glorot = nn.initializers.variance_scaling(2.0, "fan_avg", "uniform")
_FIRST_SIDE = 7
"""Of the features that are doubled: the shorter has this length or less."""
_LAST_SIDE = 8
"""Of the features that images are halved to."""
_PLAIN_BLOCKS = 2
"""Those that follow at this resolution."""


class ResidualGenerator(nn.Module):
    """Latents, and a condition if there is one, to images.

    Attributes:
        image_shape: Height, width and channels.
        width: Channels of all features.
        normalization: As that of `DCGANGenerator`.
        output: Of the images.
        formulation: See `jaxgen.networks.convolution`.
    """

    image_shape: tuple[int, int, int]
    width: int = 256
    normalization: GeneratorNormalization = "batch"
    output: Activation | None = jnp.tanh
    formulation: ConvFormulation = "auto"

    @nn.compact
    def __call__(
        self,
        latents: Latents,
        condition: Array | None = None,
        *,
        train: bool = False,
        axis_name: str | None = None,
    ) -> Images:
        """Returns images, in [-1, 1] with the default output."""
        height, width, channels = self.image_shape
        doublings = halvings(height, width, above=_FIRST_SIDE)
        base = (height >> doublings, width >> doublings, self.width)
        by_class = self.normalization == "conditional"

        def activate(hidden: Images) -> Images:
            if self.normalization != "none":
                norm = BatchNorm(conditional=by_class, deviation=0.0)
                hidden = norm(hidden, condition, train=train, axis_name=axis_name)
            return nn.relu(hidden)

        layer = partial(Conv, formulation=self.formulation)
        up = partial(
            ConvTranspose,
            self.width,
            strides=(2, 2),
            kernel_init=_relu_glorot,
            kernel_map=spread_kernel,
            formulation=TRANSPOSED[self.formulation],
        )
        hidden = latents if by_class else with_condition(latents, condition)
        hidden = nn.Dense(math.prod(base), kernel_init=_glorot)(hidden)
        hidden = hidden.reshape(-1, *base)
        for _ in range(doublings):
            # A convolution of 1 x 1 and the doubling may change places.
            shortcut = _double(layer(self.width, (1, 1))(hidden))
            hidden = up()(activate(hidden))
            last = layer(self.width, kernel_init=_relu_glorot)
            hidden = last(activate(hidden)) + shortcut
        images = layer(channels)(activate(hidden))
        return images if self.output is None else self.output(images)


class ResidualCritic(nn.Module):
    """Images, and a condition if there is one, to logits.

    Attributes:
        width: Channels of all features.
        normalization: "none"; "layer", before each activation but the first; or
            "spectral", of all kernels.
        heads: Logits an image.
        condition: As that of `DCGANCritic`.
        formulation: See `jaxgen.networks.convolution`.
    """

    width: int = 128
    normalization: CriticNormalization = "none"
    heads: int = 1
    condition: Conditioning = "projection"
    formulation: ConvFormulation = "auto"

    @nn.compact
    def __call__(
        self,
        images: Images,
        condition: Array | None = None,
        *,
        train: bool = False,
        axis_name: str | None = None,
    ) -> Array:
        """Returns logits, shape (batch,) of one head, (batch, heads) of several."""
        del axis_name  # No statistic here is one of a batch.
        beside, projected = split_condition(condition, self.condition)

        def kernel_map() -> SpectralNorm | None:
            if self.normalization != "spectral":
                return None
            return SpectralNorm(train=train)

        def activate(hidden: Images) -> Images:
            if self.normalization == "layer":
                norm = nn.LayerNorm(reduction_axes=(1, 2, 3), feature_axes=-1)
                hidden = norm(hidden)
            return nn.relu(hidden)

        layer = partial(
            Conv, self.width, kernel_init=_relu_glorot, formulation=self.formulation
        )

        def convolve_and_halve(hidden: Images) -> Images:
            norm = kernel_map() or (lambda kernel: kernel)
            down = layer(
                strides=(2, 2),
                kernel_map=lambda kernel: spread_kernel(norm(kernel)) / 4,
            )
            return down(hidden)

        hidden = with_condition_channels(images, beside)
        downs = halvings(*images.shape[1:3], above=_LAST_SIDE)
        for block in range(downs + _PLAIN_BLOCKS):
            inner = hidden if block == 0 else activate(hidden)
            inner = activate(layer(kernel_map=kernel_map())(inner))
            if block < downs:
                shortcut = layer((1, 1), kernel_init=_glorot, kernel_map=kernel_map())
                hidden = convolve_and_halve(inner) + shortcut(_halve(hidden))
            else:
                hidden += layer(kernel_map=kernel_map())(inner)
        features = jnp.sum(nn.relu(hidden), axis=(1, 2))
        return CriticHead(self.heads, _glorot, kernel_map)(features, projected)


@factory
def residual_generator(
    image_shape: tuple[int, int, int],
    *,
    width: int = 256,
    normalization: GeneratorNormalization = "batch",
    output: Activation | None = jnp.tanh,
    formulation: ConvFormulation = "auto",
) -> Network:
    """Returns `ResidualGenerator` as pure functions: latents to images.

    Blocks of two convolutions double features of 4 x 4 or 7 x 7 until they are images.
    Kernels start by Glorot's uniform, times sqrt(2) on the way of the residual.

    Args:
        image_shape: Height, width and channels.
        width: Channels of all features.
        normalization: "batch"; "conditional" on the class, which is then seen by the
            scales and offsets alone; "none".
        output: Of the images: `jnp.tanh` for [-1, 1] (give `models.gan` signed=True),
            `flax.linen.sigmoid` for [0, 1].
        formulation: See `jaxgen.networks.convolution`.

    Raises:
        InputError: The size is not a small one, doubled some times, or the
            normalization is unknown.

    Examples:
        >>> import jax
        >>> network = residual_generator((32, 32, 3), width=8)
        >>> latents = jax.numpy.zeros((5, 16))
        >>> variables = jax.eval_shape(network.init, jax.random.key(0), latents)
        >>> jax.eval_shape(network.apply, *variables, latents)[0].shape
        (5, 32, 32, 3)

    References:
        Miyato et al., Spectral Normalization for Generative Adversarial Networks, 2018,
        table 4; Gulrajani et al., Improved Training of Wasserstein GANs, 2017.
    """
    check_choice("normalization", normalization, ("batch", "conditional", "none"))
    check_counts("image_shape", image_shape, 1)
    check_count("width", width, 1)
    halvings(*image_shape[:2], above=_FIRST_SIDE)
    module = ResidualGenerator(image_shape, width, normalization, output, formulation)
    return pure(module)


@factory
def residual_critic(
    *,
    width: int = 128,
    normalization: CriticNormalization = "none",
    heads: int = 1,
    condition: Conditioning = "projection",
    formulation: ConvFormulation = "auto",
) -> Network:
    """Returns `ResidualCritic` as pure functions: images to raw logits.

    Blocks of two convolutions halve images until they have 8 x 8 pixels or less; after
    two more blocks the features are summed over the pixels.

    Args:
        width: Channels of all features.
        normalization: "none"; "layer", which a gradient penalty goes with; "spectral".
        heads: Logits an image.
        condition: How a condition is seen, if one is given: "projection", "concat", or
            None: not at all, as an auxiliary classifier must not see the class.
        formulation: See `jaxgen.networks.convolution`.

    Raises:
        InputError: The normalization or the condition is unknown.

    Examples:
        >>> import jax
        >>> network = residual_critic(width=8)
        >>> images = jax.numpy.zeros((5, 32, 32, 3))
        >>> variables = jax.eval_shape(network.init, jax.random.key(0), images)
        >>> jax.eval_shape(network.apply, *variables, images)[0].shape
        (5,)

    References:
        Miyato et al., 2018, table 4; Miyato and Koyama, cGANs with Projection
        Discriminator, 2018.
    """
    check_choice("normalization", normalization, ("none", "layer", "spectral"))
    check_choice("condition", condition, ("concat", "projection", None))
    check_count("width", width, 1)
    check_count("heads", heads, 1)
    module = ResidualCritic(width, normalization, heads, condition, formulation)
    return pure(module)


def spread_kernel(kernel: Array) -> Array:
    """Sums a kernel over four places: its full convolution with 2 x 2 ones."""
    ends, rest = ((0, 1), (1, 0)), ((0, 0), (0, 0))
    places = [jnp.pad(kernel, (row, column, *rest)) for row in ends for column in ends]
    return functools.reduce(jnp.add, places)


def _double(images: Images) -> Images:
    batch, height, width, channels = images.shape
    shape = (batch, height, 2, width, 2, channels)
    images = jnp.broadcast_to(images[:, :, None, :, None], shape)
    return images.reshape(batch, 2 * height, 2 * width, channels)


def _halve(images: Images) -> Images:
    batch, height, width, channels = images.shape
    pairs = images.reshape(batch, height // 2, 2, width // 2, 2, channels)
    return jnp.mean(pairs, axis=(2, 4))

"""The deep convolutional generator and critic, for images of 28, 32 or 64 pixels.

Radford et al., Unsupervised Representation Learning with Deep Convolutional Generative
Adversarial Networks, 2016. Upsampling is a transposed convolution of 4 x 4: computed
phase by phase it is the least work. A convolution of 3 x 3 to four times the channels
and a pixel shuffle, at equal widths, took 1.5 to 2 times as long on CPU.
"""

import math
from functools import partial
from typing import Literal

import jax.numpy as jnp
from flax import linen as nn

from jaxgen.calls import factory
from jaxgen.checks import check_choice, check_count, check_counts
from jaxgen.networks.batch_norm import BatchNorm
from jaxgen.networks.convolution import (
    Conv,
    ConvFormulation,
    ConvTranspose,
    ConvTransposeFormulation,
)
from jaxgen.networks.gan_parts import (
    Activation,
    Conditioning,
    CriticHead,
    halvings,
    leaky_relu,
    split_condition,
    with_condition_channels,
)
from jaxgen.networks.initializers import normal
from jaxgen.networks.mlp import with_condition
from jaxgen.networks.pure import pure
from jaxgen.networks.spectral_norm import SpectralNorm
from jaxgen.numerics import minibatch_deviation
from jaxgen.typing import Array, Images, Latents, Network

__all__ = [
    "CriticNormalization",
    "DCGANCritic",
    "DCGANGenerator",
    "GeneratorNormalization",
    "dcgan_critic",
    "dcgan_generator",
]

GeneratorNormalization = Literal["batch", "conditional", "none"]
CriticNormalization = Literal["none", "batch", "layer", "spectral"]

_normal = normal(0.02)
_SMALLEST = 7
"""Images are halved until the shorter side has 7 pixels or less, but 4 at least."""


class DCGANGenerator(nn.Module):
    """Latents, and a condition if there is one, to images.

    Attributes:
        image_shape: Height, width and channels.
        width: Channels of the last layer but one; each before it has twice as many.
        normalization: "batch"; "conditional", whose scales and offsets are all that
            sees the condition; or "none". But for "conditional" the condition goes
            beside the latents.
        output: Of the images.
        formulation: See `jaxgen.networks.convolution`.
    """

    image_shape: tuple[int, int, int]
    width: int = 64
    normalization: GeneratorNormalization = "batch"
    output: Activation | None = jnp.tanh
    formulation: ConvTransposeFormulation = "auto"

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
        doublings = halvings(height, width, above=_SMALLEST)
        features = self.width * 2 ** (doublings - 1)
        base = (height >> doublings, width >> doublings, features)
        normalized = self.normalization != "none"
        by_class = self.normalization == "conditional"

        def activate(hidden: Array) -> Array:
            if normalized:
                norm = BatchNorm(conditional=by_class)
                hidden = norm(hidden, condition, train=train, axis_name=axis_name)
            return nn.relu(hidden)

        layer = partial(
            ConvTranspose,
            kernel_size=(4, 4),
            strides=(2, 2),
            kernel_init=_normal,
            formulation=self.formulation,
        )
        hidden = latents if by_class else with_condition(latents, condition)
        # Batch normalization has an offset of its own.
        dense = nn.Dense(math.prod(base), use_bias=not normalized, kernel_init=_normal)
        hidden = activate(dense(hidden).reshape(-1, *base))
        for later in reversed(range(doublings - 1)):
            up = layer(self.width << later, use_bias=not normalized)
            hidden = activate(up(hidden))
        images = layer(channels)(hidden)
        return images if self.output is None else self.output(images)


class DCGANCritic(nn.Module):
    """Images, and a condition if there is one, to logits.

    Attributes:
        width: Channels of the first layer; each after it has twice as many.
        normalization: "none"; "batch" or "layer", of all layers but the first; or
            "spectral", of all kernels.
        heads: Logits an image.
        condition: How a condition is seen: "concat" (channels beside the image),
            "projection", or None: not at all.
        minibatch_group: Images a group of which the critic sees
            `numerics.minibatch_deviation`, or None.
        activation: Of all layers.
        formulation: See `jaxgen.networks.convolution`.
    """

    width: int = 64
    normalization: CriticNormalization = "none"
    heads: int = 1
    condition: Conditioning = "concat"
    minibatch_group: int | None = None
    activation: Activation = leaky_relu
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
        beside, projected = split_condition(condition, self.condition)

        def kernel_map() -> SpectralNorm | None:
            if self.normalization != "spectral":
                return None
            return SpectralNorm(train=train)

        def normalize(hidden: Array) -> Array:
            if self.normalization == "batch":
                return BatchNorm()(hidden, train=train, axis_name=axis_name)
            if self.normalization == "layer":
                return nn.LayerNorm(reduction_axes=(1, 2, 3), feature_axes=-1)(hidden)
            return hidden

        hidden = with_condition_channels(images, beside)
        for halving in range(halvings(*images.shape[1:3], above=_SMALLEST)):
            normalized = halving > 0 and self.normalization in ("batch", "layer")
            layer = Conv(
                self.width << halving,
                kernel_size=(4, 4),
                strides=(2, 2),
                use_bias=not normalized,
                kernel_init=_normal,
                kernel_map=kernel_map(),
                formulation=self.formulation,
            )
            hidden = layer(hidden)
            hidden = self.activation(normalize(hidden) if normalized else hidden)
        if self.minibatch_group is not None:
            hidden = minibatch_deviation(hidden, self.minibatch_group)
        features = hidden.reshape(hidden.shape[0], -1)
        return CriticHead(self.heads, _normal, kernel_map)(features, projected)


@factory
def dcgan_generator(
    image_shape: tuple[int, int, int],
    *,
    width: int = 64,
    normalization: GeneratorNormalization = "batch",
    output: Activation | None = jnp.tanh,
    formulation: ConvTransposeFormulation = "auto",
) -> Network:
    """Returns `DCGANGenerator` as pure functions: latents to images.

    A dense layer makes features of 7 x 7 (images of 28 pixels) or 4 x 4 (32 or 64), and
    transposed convolutions of 4 x 4 double them. All kernels start as N(0, 0.02).

    Args:
        image_shape: Height, width and channels.
        width: Channels of the last layer but one; each before it has twice as many.
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
        >>> network = dcgan_generator((28, 28, 1), width=8)
        >>> latents = jax.numpy.zeros((5, 16))
        >>> variables = jax.eval_shape(network.init, jax.random.key(0), latents)
        >>> jax.eval_shape(network.apply, *variables, latents)[0].shape
        (5, 28, 28, 1)

    References:
        Radford et al., 2016, section 3 and figure 1; Miyato and Koyama, cGANs with
        Projection Discriminator, 2018, for "conditional".
    """
    check_choice("normalization", normalization, ("batch", "conditional", "none"))
    check_counts("image_shape", image_shape, 1)
    check_count("width", width, 1)
    halvings(*image_shape[:2], above=_SMALLEST)
    module = DCGANGenerator(image_shape, width, normalization, output, formulation)
    return pure(module)


@factory
def dcgan_critic(
    *,
    width: int = 64,
    normalization: CriticNormalization = "none",
    heads: int = 1,
    condition: Conditioning = "concat",
    minibatch_group: int | None = None,
    activation: Activation = leaky_relu,
    formulation: ConvFormulation = "auto",
) -> Network:
    """Returns `DCGANCritic` as pure functions: images to raw logits.

    Convolutions of 4 x 4 and stride 2 halve images to 7 x 7 (28 pixels) or 4 x 4 (32 or
    64); a dense layer sees all features. All kernels start as N(0, 0.02).

    Args:
        width: Channels of the first layer; each after it has twice as many.
        normalization: "none"; "batch" (the paper's), which no gradient penalty goes
            with; "layer"; "spectral".
        heads: Logits an image.
        condition: How a condition is seen, if one is given: "concat", "projection", or
            None: not at all, as an auxiliary classifier must not see the class.
        minibatch_group: Images a group whose deviation is seen too, as 4; none by
            default.
        activation: Of all layers; a leaky `relu` of slope 0.2 by default.
        formulation: See `jaxgen.networks.convolution`.

    Raises:
        InputError: The normalization or the condition is unknown.

    Examples:
        >>> import jax
        >>> network = dcgan_critic(width=8, heads=4)
        >>> images = jax.numpy.zeros((5, 28, 28, 1))
        >>> variables = jax.eval_shape(network.init, jax.random.key(0), images)
        >>> jax.eval_shape(network.apply, *variables, images)[0].shape
        (5, 4)

    References:
        Radford et al., 2016; Miyato et al., Spectral Normalization, 2018; Gulrajani et
        al., Improved Training of Wasserstein GANs, 2017, section 4, for "layer".
    """
    known = ("none", "batch", "layer", "spectral")
    check_choice("normalization", normalization, known)
    check_choice("condition", condition, ("concat", "projection", None))
    check_count("width", width, 1)
    check_count("heads", heads, 1)
    if minibatch_group is not None:
        check_count("minibatch_group", minibatch_group, 2)
    module = DCGANCritic(
        width,
        normalization,
        heads,
        condition,
        minibatch_group,
        activation,
        formulation,
    )
    return pure(module)

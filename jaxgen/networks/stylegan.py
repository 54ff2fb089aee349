"""The generator and the critic of StyleGAN, for images of 16 to 1024 pixels.

Karras et al., A Style-Based Generator Architecture for Generative Adversarial Networks,
2019.

The structure is fixed. The paper grows both networks in training, from 8 pixels on, and
gives each resolution layers of its own from and to RGB; these have one of each, at the
size of the images.

Constant noise and the average style are statistics; filters are constants.
"""

import math
from functools import partial

import jax.numpy as jnp
from flax import linen as nn

from jaxgen.calls import factory
from jaxgen.checks import check_count
from jaxgen.errors import InputError
from jaxgen.networks.convolution import ConvFormulation
from jaxgen.networks.equalized import EqualizedConv, EqualizedDense, activate
from jaxgen.networks.pure import pure
from jaxgen.networks.resampling import filter_images
from jaxgen.networks.stylegan_config import StyleGANConfig
from jaxgen.networks.styles import (
    StyleGANGenerator,
    StyleGANMapping,
    add_noise,
    check_images,
    check_size,
    check_styles,
    draw_noise,
    flatten_channels_first,
    resolutions,
    stylegan_num_styles,
)
from jaxgen.networks.translation.norms import instance_norm
from jaxgen.numerics import minibatch_deviation
from jaxgen.typing import Array, Images, Network, RandomKeys

__all__ = [
    "StyleGANCritic",
    "StyleGANSynthesis",
    "stylegan_critic",
    "stylegan_generator",
    "stylegan_mapping",
    "stylegan_synthesis",
]

_GAIN = math.sqrt(2.0)
"""Of kernels before an activation, which has none; biases are as they are."""
_BLUR = (1.0, 2.0, 1.0)
_PUBLISHED = StyleGANConfig()
_activate = partial(activate, gain=1.0)


class StyleGANSynthesis(nn.Module):
    """Styles to images, by layers whose channels each style scales and shifts.

    Attributes:
        image_size: Height and width of the images.
        config: Sizes.
        channels: Of the images.
        formulation: See `jaxgen.networks.convolution`.
    """

    image_size: int
    config: StyleGANConfig
    channels: int = 3
    formulation: ConvFormulation = "auto"

    @nn.compact
    def __call__(
        self,
        styles: Array,
        *,
        keys: RandomKeys | None = None,
        train: bool = False,
        axis_name: str | None = None,
    ) -> Images:
        """Returns images, about in [-1, 1], from styles (batch, num_styles, features).

        Noise is drawn from the keys, one per image; without keys it is constant.
        """
        del train, axis_name  # Training moves no statistics here.
        check_styles(styles, self.image_size)
        sides = [side for side in resolutions(self.image_size) for _ in range(2)]
        conv = partial(EqualizedConv, formulation=self.formulation)
        shape = (4, 4, self.config.channels(4))
        constant = self.param("const", nn.initializers.ones, shape)
        hidden = jnp.broadcast_to(constant, (styles.shape[0], *shape))
        for number, (side, noise) in enumerate(
            zip(sides, draw_noise(keys, sides), strict=True)
        ):
            if number > 0:
                up = number % 2 == 0
                layer = conv(
                    self.config.channels(side),
                    gain=_GAIN,
                    use_bias=False,
                    resample="up" if up else None,
                    name=f"b{side}_conv{number % 2}",
                )
                hidden = layer(hidden)
                hidden = _blur(hidden) if up else hidden
            style = _StyledNormalization(name=f"b{side}_style{number % 2}")
            hidden = style(hidden, styles[:, number], noise)
        return conv(self.channels, kernel_size=1, name="torgb")(hidden)


class _StyledNormalization(nn.Module):
    """What follows a convolution: adaptive instance normalization after noise."""

    @nn.compact
    def __call__(self, images: Images, style: Array, noise: Array | None) -> Images:
        channels = images.shape[-1]
        images = add_noise(self, images, noise, (channels,))
        bias = self.param("bias", nn.initializers.zeros, (channels,))
        images = _activate(images + bias[None, None, None])
        # Equation 1. The affine map gives the distance of the scale from 1.
        affine = EqualizedDense(2 * channels, name="affine")(style)
        scale, shift = jnp.split(affine[:, None, None], 2, axis=-1)
        # At first the constant has no variance: its gradients and those of its noise
        # strength are 1e4 times the others. Adam's steps do not depend on their scale.
        return (scale + 1) * instance_norm(images, epsilon=1e-8) + shift


class StyleGANCritic(nn.Module):
    """Images to logits.

    Attributes:
        config: Sizes.
        heads: Logits an image.
        formulation: See `jaxgen.networks.convolution`.
    """

    config: StyleGANConfig
    heads: int = 1
    formulation: ConvFormulation = "auto"

    @nn.compact
    def __call__(self, images: Images, *, axis_name: str | None = None) -> Array:
        """Returns logits, shape (batch,) or (batch, heads)."""
        config, size = self.config, check_images(images)
        conv = partial(EqualizedConv, gain=_GAIN, formulation=self.formulation)
        first = conv(config.channels(size), kernel_size=1, name="fromrgb")
        hidden = _activate(first(images))
        for side in reversed(resolutions(size)[1:]):
            layer = conv(config.channels(side), name=f"b{side}_conv0")
            hidden = _activate(layer(hidden))
            layer = conv(
                config.channels(side // 2), resample="down", name=f"b{side}_conv1"
            )
            hidden = _activate(layer(_blur(hidden)))
        hidden = minibatch_deviation(
            hidden, config.minibatch_group, neighbours=False, axis_name=axis_name
        )
        features = config.channels(4)
        hidden = _activate(conv(features, name="conv")(hidden))
        dense = EqualizedDense(features, gain=_GAIN, name="fc")
        hidden = _activate(dense(flatten_channels_first(hidden)))
        logits = EqualizedDense(self.heads, name="out")(hidden)
        return logits[:, 0] if self.heads == 1 else logits


def _blur(images: Images) -> Images:
    return filter_images(images, _BLUR, padding=(1, 1))


@factory
def stylegan_generator(
    image_size: int,
    config: StyleGANConfig = _PUBLISHED,
    channels: int = 3,
    *,
    formulation: ConvFormulation = "auto",
) -> Network:
    """Returns `StyleGANGenerator` as pure functions: latents to images.

    Args:
        image_size: Height and width: a power of two from 16 to 1024.
        config: Sizes; the published ones by default.
        channels: Of the images.
        formulation: See `jaxgen.networks.convolution`.

    Raises:
        InputError: An argument is not one of these.

    Examples:
        >>> import jax
        >>> config = StyleGANConfig(channel_max=8, latents=4, style_features=4)
        >>> network = stylegan_generator(16, config)
        >>> latents = jax.numpy.ones((2, 4))
        >>> variables = jax.eval_shape(network.init, jax.random.key(0), latents)
        >>> jax.eval_shape(network.apply, *variables, latents)[0].shape
        (2, 16, 16, 3)
    """
    synthesis = _synthesis(image_size, config, channels, formulation)
    number = stylegan_num_styles(image_size)
    return pure(StyleGANGenerator(_mapping(config), synthesis, number))


@factory
def stylegan_mapping(config: StyleGANConfig = _PUBLISHED) -> Network:
    """Returns `StyleGANMapping` as pure functions: latents to styles.

    Args:
        config: See `stylegan_generator`.

    Raises:
        InputError: See `stylegan_generator`.
    """
    return pure(_mapping(config))


@factory
def stylegan_synthesis(
    image_size: int,
    config: StyleGANConfig = _PUBLISHED,
    channels: int = 3,
    *,
    formulation: ConvFormulation = "auto",
) -> Network:
    """Returns `StyleGANSynthesis` as pure functions: styles to images.

    The styles number `stylegan_num_styles(image_size)`.

    Args:
        image_size: See `stylegan_generator`.
        config: See `stylegan_generator`.
        channels: See `stylegan_generator`.
        formulation: See `stylegan_generator`.

    Raises:
        InputError: See `stylegan_generator`.
    """
    return pure(_synthesis(image_size, config, channels, formulation))


@factory
def stylegan_critic(
    config: StyleGANConfig = _PUBLISHED,
    *,
    heads: int = 1,
    formulation: ConvFormulation = "auto",
) -> Network:
    """Returns `StyleGANCritic` as pure functions: images to logits.

    Args:
        config: See `stylegan_generator`.
        heads: Logits an image, as `remedies.dag` takes them.
        formulation: See `stylegan_generator`.

    Raises:
        InputError: See `stylegan_generator`.
    """
    check_count("heads", heads, 1)
    return pure(StyleGANCritic(_config(config), heads, formulation))


def _mapping(config: StyleGANConfig) -> StyleGANMapping:
    return StyleGANMapping(_config(config), scaled_bias=False)


def _synthesis(
    image_size: int, config: StyleGANConfig, channels: int, formulation: ConvFormulation
) -> StyleGANSynthesis:
    check_count("channels", channels, 1)
    size = check_size(image_size)
    return StyleGANSynthesis(size, _config(config), channels, formulation)


def _config(config: StyleGANConfig) -> StyleGANConfig:
    if not isinstance(config, StyleGANConfig):
        kind = type(config).__name__
        raise InputError(f"config is a {kind}: give a networks.StyleGANConfig.")
    return config

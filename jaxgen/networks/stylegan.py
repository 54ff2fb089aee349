"""The generator and the critic of StyleGAN, for images of 16 to 1024 pixels.

Karras et al., A Style-Based Generator Architecture for Generative Adversarial Networks,
2019. Written from the paper, not from the published code.

The structure is fixed. The paper grows both networks in training, from 8 pixels on, and
gives each resolution layers of its own from and to RGB; these have one of each, at the
size of the images.

Constant noise and the average style are statistics; filters are constants.
"""

import dataclasses
import math
from functools import partial

import jax.numpy as jnp
from flax import linen as nn

from jaxgen.calls import factory
from jaxgen.errors import InputError
from jaxgen.networks.convolution import ConvFormulation
from jaxgen.networks.equalized import EqualizedConv, EqualizedDense, activate
from jaxgen.networks.pure import pure
from jaxgen.networks.resampling import filter_images
from jaxgen.networks.styles import (
    StyleGANGenerator,
    StyleGANMapping,
    add_noise,
    check_size,
    check_styles,
    draw_noise,
    resolutions,
    stylegan_num_styles,
)
from jaxgen.networks.translation.norms import instance_norm
from jaxgen.numerics import minibatch_deviation
from jaxgen.typing import Array, Images, Network, RandomKeys

__all__ = [
    "StyleGANConfig",
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
_activate = partial(activate, gain=1.0)


@dataclasses.dataclass(frozen=True)
class StyleGANConfig:
    """Sizes of both networks; the defaults are the published ones.

    Attributes:
        channel_base: Layers of r x r pixels have `channel_base / r` channels,
        channel_max: but no more than these.
        style_features: Features of a style, w.
        mapping_layers: Dense layers from latents to styles.
        mapping_multiplier: Of their learning rate.
        average_decay: Of the average style.
        minibatch_group: Images whose deviation the critic sees.
    """

    channel_base: int = 16_384
    channel_max: int = 512
    style_features: int = 512
    mapping_layers: int = 8
    mapping_multiplier: float = 0.01
    average_decay: float = 0.995
    minibatch_group: int = 4

    def channels(self, resolution: int) -> int:
        """Returns the channels of layers of `resolution` pixels."""
        return min(self.channel_base // resolution, self.channel_max)


class StyleGANSynthesis(nn.Module):
    """Styles to images, by layers whose channels each style scales and shifts.

    Attributes:
        image_size: Height and width of the images.
        channels: Of the images.
        config: Sizes.
        formulation: See `jaxgen.networks.convolution`.
    """

    image_size: int
    channels: int
    config: StyleGANConfig
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
        return conv(self.channels, extent=1, name="torgb")(hidden)


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
        formulation: See `jaxgen.networks.convolution`.
    """

    config: StyleGANConfig
    formulation: ConvFormulation = "auto"

    @nn.compact
    def __call__(self, images: Images, *, axis_name: str | None = None) -> Array:
        """Returns logits, shape (batch,)."""
        config, size = self.config, check_size(images.shape[1])
        if images.shape[2] != size:
            raise InputError(f"Images of {images.shape[1:]}: StyleGAN takes squares.")
        conv = partial(EqualizedConv, gain=_GAIN, formulation=self.formulation)
        first = conv(config.channels(size), extent=1, name="fromrgb")
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
        # Channels first: the order of the published weights.
        hidden = hidden.transpose(0, 3, 1, 2).reshape(hidden.shape[0], -1)
        hidden = _activate(EqualizedDense(features, gain=_GAIN, name="fc")(hidden))
        return EqualizedDense(1, name="out")(hidden)[:, 0]


def _blur(images: Images) -> Images:
    return filter_images(images, _BLUR, padding=(1, 1))


@factory
def stylegan_generator(
    image_size: int,
    channels: int = 3,
    *,
    config: StyleGANConfig = StyleGANConfig(),
    formulation: ConvFormulation = "auto",
) -> Network:
    """Returns `StyleGANGenerator` as pure functions: latents to images.

    Args:
        image_size: Height and width: a power of two from 16 to 1024.
        channels: Of the images.
        config: Sizes; the published ones by default.
        formulation: See `jaxgen.networks.convolution`.

    Raises:
        InputError: The size is no such power.

    Examples:
        >>> import jax
        >>> sizes = StyleGANConfig(channel_max=8, style_features=4)
        >>> network = stylegan_generator(16, config=sizes)
        >>> latents = jax.numpy.ones((2, 4))
        >>> variables = jax.eval_shape(network.init, jax.random.key(0), latents)
        >>> jax.eval_shape(network.apply, *variables, latents)[0].shape
        (2, 16, 16, 3)
    """
    size = check_size(image_size)
    return pure(
        StyleGANGenerator(
            _mapping(config),
            StyleGANSynthesis(size, channels, config, formulation),
            stylegan_num_styles(size),
        )
    )


@factory
def stylegan_mapping(*, config: StyleGANConfig = StyleGANConfig()) -> Network:
    """Returns `StyleGANMapping` as pure functions: latents to styles.

    Args:
        config: See `stylegan_generator`.
    """
    return pure(_mapping(config))


@factory
def stylegan_synthesis(
    image_size: int,
    channels: int = 3,
    *,
    config: StyleGANConfig = StyleGANConfig(),
    formulation: ConvFormulation = "auto",
) -> Network:
    """Returns `StyleGANSynthesis` as pure functions: styles to images.

    The styles number `stylegan_num_styles(image_size)`.

    Args:
        image_size: See `stylegan_generator`.
        channels: See `stylegan_generator`.
        config: See `stylegan_generator`.
        formulation: See `stylegan_generator`.
    """
    size = check_size(image_size)
    return pure(StyleGANSynthesis(size, channels, config, formulation))


@factory
def stylegan_critic(
    *,
    config: StyleGANConfig = StyleGANConfig(),
    formulation: ConvFormulation = "auto",
) -> Network:
    """Returns `StyleGANCritic` as pure functions: images to logits.

    Args:
        config: See `stylegan_generator`.
        formulation: See `stylegan_generator`.
    """
    return pure(StyleGANCritic(config, formulation))


def _mapping(config: StyleGANConfig) -> StyleGANMapping:
    return StyleGANMapping(
        config.style_features,
        config.mapping_layers,
        config.mapping_multiplier,
        config.average_decay,
        scaled_bias=False,
    )

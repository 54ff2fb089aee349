"""The generator and the critic of StyleGAN2, for images of 16 to 1024 pixels.

Karras et al., Analyzing and Improving the Image Quality of StyleGAN, 2020; Karras et
al., Training Generative Adversarial Networks with Limited Data, 2020 (StyleGAN2-ADA),
whose sizes and layers these are. Written from the papers, not from the published code.

Constant noise and the average style are statistics; filters are constants.
"""

import dataclasses
import math
from functools import partial
from typing import Literal

import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike

from jaxgen.calls import factory
from jaxgen.checks import check_choice
from jaxgen.errors import InputError
from jaxgen.networks.convolution import ConvFormulation
from jaxgen.networks.equalized import (
    EqualizedConv,
    EqualizedDense,
    activate,
    normalize_second_moment,
)
from jaxgen.networks.initializers import normal
from jaxgen.networks.modulated import StyledLayer, ToRGB
from jaxgen.networks.pure import pure
from jaxgen.networks.resampling import filter_images
from jaxgen.networks.styles import (
    StyleGANGenerator,
    StyleGANMapping,
    check_condition,
    check_size,
    check_styles,
    draw_noise,
    resolutions,
    stylegan_num_styles,
)
from jaxgen.numerics import minibatch_deviation
from jaxgen.typing import Array, Images, Network, RandomKeys

__all__ = [
    "STYLEGAN2_CONFIGS",
    "StyleGAN2Config",
    "StyleGAN2Critic",
    "StyleGAN2Name",
    "StyleGAN2Synthesis",
    "stylegan2_critic",
    "stylegan2_generator",
    "stylegan2_mapping",
    "stylegan2_synthesis",
]

StyleGAN2Name = Literal["auto", "config_f", "paper256", "paper512", "cifar"]


@dataclasses.dataclass(frozen=True)
class StyleGAN2Config:
    """Sizes and constants of both networks; change one by `dataclasses.replace`.

    Attributes:
        channel_base: Layers of r x r pixels have `channel_base / r` channels,
        channel_max: but no more than these. `channel_base` None is 16,384 for images
            below 512 pixels and 32,768 from there on.
        latents: Dimension of the latent space.
        style_features: Features of a style, w.
        mapping_layers: Dense layers from latents to styles.
        mapping_multiplier: Of their learning rate.
        average_decay: Of the average style.
        clamp: Bound of activations; None for none.
        minibatch_group: Images whose deviation the critic sees.
        critic_skips: Whether blocks of the critic are residual.
        critic_mapping_layers: Dense layers that map labels in the critic.
        compute_dtype: In which the layers of the four highest resolutions are computed,
            as `jnp.bfloat16`; None for the type of the parameters. Styles,
            demodulation, RGB images, dense layers and the deviation never change type.
    """

    channel_base: int | None = None
    channel_max: int = 512
    latents: int = 512
    style_features: int = 512
    mapping_layers: int = 2
    mapping_multiplier: float = 0.01
    average_decay: float = 0.995
    clamp: float | None = 256.0
    minibatch_group: int = 4
    critic_skips: bool = True
    critic_mapping_layers: int = 8
    compute_dtype: DTypeLike | None = None

    def channels(self, image_size: int, resolution: int) -> int:
        """Returns the channels of layers of `resolution` pixels."""
        base = self.channel_base or (16_384 if image_size < 512 else 32_768)
        return min(base // resolution, self.channel_max)

    def dtype(self, image_size: int, resolution: int) -> DTypeLike | None:
        """Returns the type in which layers of `resolution` pixels are computed."""
        return self.compute_dtype if resolution >= max(image_size // 8, 8) else None


STYLEGAN2_CONFIGS: dict[str, StyleGAN2Config] = {
    "auto": StyleGAN2Config(),
    "config_f": StyleGAN2Config(channel_base=32_768, mapping_layers=8),
    "paper256": StyleGAN2Config(
        channel_base=16_384, mapping_layers=8, minibatch_group=8
    ),
    "paper512": StyleGAN2Config(
        channel_base=32_768, mapping_layers=8, minibatch_group=8
    ),
    "cifar": StyleGAN2Config(
        channel_base=32_768, minibatch_group=32, critic_skips=False
    ),
}
"""The published sizes. `auto` is StyleGAN2-ADA's own choice by resolution, `config_f`
the large networks of StyleGAN2, the others those of the tables of StyleGAN2-ADA."""


class StyleGAN2Synthesis(nn.Module):
    """Styles to images; each block adds to an RGB image that is doubled on the way.

    Attributes:
        image_size: Height and width of the images.
        channels: Of the images.
        config: Sizes.
        formulation: See `jaxgen.networks.convolution`.
    """

    image_size: int
    channels: int
    config: StyleGAN2Config
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
        sides = resolutions(self.image_size)
        # The first resolution has one layer, the others two.
        noise = draw_noise(keys, [side for side in sides for _ in range(2)][1:])
        hidden, image = None, None
        for level, resolution in enumerate(sides):
            block = _SynthesisBlock(
                resolution,
                self.config.channels(self.image_size, resolution),
                first_style=max(2 * level - 1, 0),
                channels=self.channels,
                clamp=self.config.clamp,
                dtype=self.config.dtype(self.image_size, resolution),
                formulation=self.formulation,
                name=f"b{resolution}",
            )
            hidden, image = block(hidden, image, styles, noise)
        assert image is not None
        return image


class _SynthesisBlock(nn.Module):
    """All layers of one resolution, and its share of the RGB image."""

    resolution: int
    features: int
    first_style: int
    channels: int
    clamp: float | None
    dtype: DTypeLike | None
    formulation: ConvFormulation

    @nn.compact
    def __call__(
        self,
        hidden: Images | None,
        image: Images | None,
        styles: Array,
        noise: list[Array] | list[None],
    ) -> tuple[Images, Images]:
        number = self.first_style
        layer = partial(
            StyledLayer, self.features, clamp=self.clamp, formulation=self.formulation
        )
        if hidden is None:
            shape = (self.resolution, self.resolution, self.features)
            constant = self.param("const", normal(1.0), shape)
            hidden = jnp.broadcast_to(constant, (styles.shape[0], *shape))
        else:
            hidden = hidden.astype(self.dtype or styles.dtype)
            up = layer(up=True, name="conv0")
            hidden = up(hidden, styles[:, number], noise[number])
            number += 1
        plain = layer(name="conv1")
        hidden = plain(hidden, styles[:, number], noise[number])
        # The style after this block's is the first of the next one too.
        rgb = ToRGB(
            self.channels, clamp=self.clamp, formulation=self.formulation, name="torgb"
        )
        own = rgb(hidden, styles[:, number + 1]).astype(styles.dtype)
        return hidden, own if image is None else own + filter_images(
            image, up=2, padding=(2, 1)
        )  # fmt: skip


class StyleGAN2Critic(nn.Module):
    """Images, and a one-hot label if there is one, to logits.

    Attributes:
        config: Sizes.
        num_classes: Classes of the label, or None.
        formulation: See `jaxgen.networks.convolution`.
    """

    config: StyleGAN2Config
    num_classes: int | None = None
    formulation: ConvFormulation = "auto"

    @nn.compact
    def __call__(
        self,
        images: Images,
        condition: Array | None = None,
        *,
        axis_name: str | None = None,
    ) -> Array:
        """Returns logits, shape (batch,)."""
        config, size, dtype = self.config, images.shape[1], images.dtype
        check_size(size)
        check_condition(condition, self.num_classes)
        if images.shape[2] != size:
            raise InputError(f"Images of {images.shape[1:]}: StyleGAN takes squares.")
        conv = partial(EqualizedConv, formulation=self.formulation)
        *blocks, smallest = reversed(resolutions(size))
        images = images.astype(config.dtype(size, size) or dtype)
        first = conv(config.channels(size, size), extent=1, name="fromrgb")
        hidden = activate(first(images), clamp=config.clamp)
        for resolution in blocks:
            block = _CriticBlock(
                config.channels(size, resolution),
                config.channels(size, resolution // 2),
                config=config,
                formulation=self.formulation,
                name=f"b{resolution}",
            )
            hidden = block(hidden.astype(config.dtype(size, resolution) or dtype))
        hidden = minibatch_deviation(
            hidden.astype(dtype),
            config.minibatch_group,
            neighbours=False,
            axis_name=axis_name,
        )
        features = config.channels(size, smallest)
        hidden = activate(conv(features, name="conv")(hidden), clamp=config.clamp)
        # Channels first: the order of the published weights.
        hidden = hidden.transpose(0, 3, 1, 2).reshape(hidden.shape[0], -1)
        hidden = activate(EqualizedDense(features, name="fc")(hidden))
        if condition is None:
            return EqualizedDense(1, name="out")(hidden)[:, 0]
        label = normalize_second_moment(
            EqualizedDense(features, name="embed")(condition)
        )
        for layer in range(config.critic_mapping_layers):
            dense = EqualizedDense(
                features, config.mapping_multiplier, name=f"label{layer}"
            )
            label = activate(dense(label))
        outputs = EqualizedDense(features, name="out")(hidden)
        return jnp.sum(outputs * label, axis=-1) / math.sqrt(features)


class _CriticBlock(nn.Module):
    """Two convolutions of one resolution; the second halves the image."""

    features: int
    next_features: int
    config: StyleGAN2Config
    formulation: ConvFormulation

    @nn.compact
    def __call__(self, images: Images) -> Images:
        clamp, skips = self.config.clamp, self.config.critic_skips
        conv = partial(EqualizedConv, formulation=self.formulation)
        hidden = activate(conv(self.features, name="conv0")(images), clamp=clamp)
        hidden = filter_images(hidden, padding=(2, 2))
        down = conv(self.next_features, stride=2, padding=0, name="conv1")
        # A sum of two independent parts of half the variance has unit variance.
        part = math.sqrt(0.5) if skips else 1.0
        hidden = activate(
            down(hidden),
            gain=part * math.sqrt(2.0),
            clamp=None if clamp is None else part * clamp,
        )
        if not skips:
            return hidden
        small = filter_images(images, down=2, padding=(1, 1))
        skip = conv(
            self.next_features, extent=1, gain=part, use_bias=False, name="skip"
        )
        return hidden + skip(small)


@factory
def stylegan2_generator(
    image_size: int,
    config: StyleGAN2Name | StyleGAN2Config = "auto",
    channels: int = 3,
    num_classes: int | None = None,
    *,
    formulation: ConvFormulation = "auto",
) -> Network:
    """Returns `StyleGANGenerator` as pure functions: latents to images.

    Args:
        image_size: Height and width: a power of two from 16 to 1024.
        config: A name of `STYLEGAN2_CONFIGS`, or a record of sizes.
        channels: Of the images.
        num_classes: Classes of the one-hot label that `init` and `apply` then take.
        formulation: See `jaxgen.networks.convolution`.

    Raises:
        InputError: There is no such configuration, or the size is no such power.

    Examples:
        >>> import jax
        >>> sizes = StyleGAN2Config(channel_max=8, latents=4, style_features=4)
        >>> network = stylegan2_generator(16, sizes)
        >>> latents = jax.numpy.ones((2, 4))
        >>> variables = network.init(jax.random.key(0), latents)
        >>> network.apply(*variables, latents)[0].shape
        (2, 16, 16, 3)
    """
    size, sizes = check_size(image_size), _config(config)
    return pure(
        StyleGANGenerator(
            _mapping(sizes, num_classes),
            StyleGAN2Synthesis(size, channels, sizes, formulation),
            stylegan_num_styles(size),
        )
    )


@factory
def stylegan2_mapping(
    config: StyleGAN2Name | StyleGAN2Config = "auto", num_classes: int | None = None
) -> Network:
    """Returns `StyleGANMapping` as pure functions: latents to styles.

    Args:
        config: A name of `STYLEGAN2_CONFIGS`, or a record of sizes.
        num_classes: See `stylegan2_generator`.
    """
    return pure(_mapping(_config(config), num_classes))


@factory
def stylegan2_synthesis(
    image_size: int,
    config: StyleGAN2Name | StyleGAN2Config = "auto",
    channels: int = 3,
    *,
    formulation: ConvFormulation = "auto",
) -> Network:
    """Returns `StyleGAN2Synthesis` as pure functions: styles to images.

    Args:
        image_size: See `stylegan2_generator`.
        config: See `stylegan2_generator`.
        channels: See `stylegan2_generator`.
        formulation: See `stylegan2_generator`.
    """
    size, sizes = check_size(image_size), _config(config)
    return pure(StyleGAN2Synthesis(size, channels, sizes, formulation))


@factory
def stylegan2_critic(
    config: StyleGAN2Name | StyleGAN2Config = "auto",
    num_classes: int | None = None,
    *,
    formulation: ConvFormulation = "auto",
) -> Network:
    """Returns `StyleGAN2Critic` as pure functions: images to logits.

    Args:
        config: A name of `STYLEGAN2_CONFIGS`, or a record of sizes.
        num_classes: See `stylegan2_generator`.
        formulation: See `stylegan2_generator`.
    """
    return pure(StyleGAN2Critic(_config(config), num_classes, formulation))


def _mapping(config: StyleGAN2Config, num_classes: int | None) -> StyleGANMapping:
    return StyleGANMapping(
        config.style_features,
        config.mapping_layers,
        config.mapping_multiplier,
        config.average_decay,
        num_classes=num_classes,
    )


def _config(config: StyleGAN2Name | StyleGAN2Config) -> StyleGAN2Config:
    if isinstance(config, StyleGAN2Config):
        return config
    check_choice("config", config, tuple(STYLEGAN2_CONFIGS))
    return STYLEGAN2_CONFIGS[config]

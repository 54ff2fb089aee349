"""The layers of StyleGAN2: synthesis and critic as Flax modules.

Karras et al., Analyzing and Improving the Image Quality of StyleGAN, 2020; Karras et
al., Training Generative Adversarial Networks with Limited Data, 2020 (StyleGAN2-ADA).
Constant noise is a statistic; filters are constants.
"""

import math
from functools import partial

import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike

from jaxgen.networks.convolution import ConvFormulation
from jaxgen.networks.equalized import (
    EqualizedConv,
    EqualizedDense,
    activate,
    normalize_second_moment,
)
from jaxgen.networks.initializers import normal
from jaxgen.networks.modulated import StyledLayer, ToRGB
from jaxgen.networks.resampling import filter_images
from jaxgen.networks.stylegan_config import StyleGAN2Config
from jaxgen.networks.styles import (
    check_condition,
    check_images,
    check_styles,
    draw_noise,
    flatten_channels_first,
    resolutions,
)
from jaxgen.numerics import minibatch_deviation
from jaxgen.typing import Array, Images, RandomKeys

__all__ = ["StyleGAN2Critic", "StyleGAN2Synthesis"]


class StyleGAN2Synthesis(nn.Module):
    """Styles to images; each block adds to an RGB image that is doubled on the way.

    Attributes:
        image_size: Height and width of the images.
        config: Sizes.
        channels: Of the images.
        formulation: See `jaxgen.networks.convolution`.
    """

    image_size: int
    config: StyleGAN2Config
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
        heads: Logits an image; one with a label.
        formulation: See `jaxgen.networks.convolution`.
    """

    config: StyleGAN2Config
    num_classes: int | None = None
    heads: int = 1
    formulation: ConvFormulation = "auto"

    @nn.compact
    def __call__(
        self,
        images: Images,
        condition: Array | None = None,
        *,
        axis_name: str | None = None,
    ) -> Array:
        """Returns logits, shape (batch,) or (batch, heads)."""
        config, size, dtype = self.config, check_images(images), images.dtype
        check_condition(condition, self.num_classes)
        conv = partial(EqualizedConv, formulation=self.formulation)
        *blocks, smallest = reversed(resolutions(size))
        images = images.astype(config.dtype(size, size) or dtype)
        first = conv(config.channels(size, size), kernel_size=1, name="fromrgb")
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
        dense = EqualizedDense(features, name="fc")
        hidden = activate(dense(flatten_channels_first(hidden)))
        if condition is None:
            logits = EqualizedDense(self.heads, name="out")(hidden)
            return logits[:, 0] if self.heads == 1 else logits
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
            self.next_features, kernel_size=1, gain=part, use_bias=False, name="skip"
        )
        return hidden + skip(small)

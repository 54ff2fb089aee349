"""What the generators of StyleGAN and StyleGAN2 have in common.

Karras et al., A Style-Based Generator Architecture for Generative Adversarial Networks,
2019; Karras et al., Analyzing and Improving the Image Quality of StyleGAN, 2020.
"""

import itertools
import math
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgen import random
from jaxgen.checks import check_count
from jaxgen.errors import InputError
from jaxgen.networks.equalized import (
    EqualizedDense,
    activate,
    normalize_second_moment,
)
from jaxgen.networks.stylegan_config import StyleGAN2Config, StyleGANConfig
from jaxgen.typing import Array, Images, Latents, RandomKeys

__all__ = [
    "StyleGANGenerator",
    "StyleGANMapping",
    "add_noise",
    "check_condition",
    "check_images",
    "check_size",
    "check_styles",
    "draw_noise",
    "flatten_channels_first",
    "resolutions",
    "stylegan_num_styles",
]


class StyleGANMapping(nn.Module):
    """Latents, and a one-hot label if there is one, to styles w, one per image.

    Attributes:
        config: Sizes; the average style is a statistic.
        scaled_bias: Whether sqrt(2), the gain that keeps the variance, is that of the
            activation, as in StyleGAN2, or of the kernel alone, as in StyleGAN.
        num_classes: Classes of the label, or None.
    """

    config: StyleGANConfig | StyleGAN2Config
    scaled_bias: bool = True
    num_classes: int | None = None

    @nn.compact
    def __call__(
        self,
        latents: Latents,
        condition: Array | None = None,
        *,
        train: bool = False,
        axis_name: str | None = None,
    ) -> Array:
        """Returns styles, shape (batch, features); `train` moves the average."""
        config, features = self.config, self.config.style_features
        if latents.shape[-1] != config.latents:
            raise InputError(
                f"The mapping was given latents of shape {latents.shape}: its config "
                f"has latents={config.latents}; give the model as many, or change the "
                "config."
            )
        check_condition(condition, self.num_classes)
        gains = (1.0, math.sqrt(2.0)) if self.scaled_bias else (math.sqrt(2.0), 1.0)
        hidden = normalize_second_moment(latents)
        if condition is not None:
            label = EqualizedDense(features, name="embed")(condition)
            hidden = jnp.concatenate([hidden, normalize_second_moment(label)], axis=-1)
        for layer in range(config.mapping_layers):
            dense = EqualizedDense(
                features, config.mapping_multiplier, gains[0], name=f"fc{layer}"
            )
            hidden = activate(dense(hidden), gain=gains[1])
        average = self.variable("batch_stats", "average", jnp.zeros, (features,))
        if train and not self.is_initializing():
            mean = jnp.mean(jax.lax.stop_gradient(hidden), axis=0)
            mean = mean if axis_name is None else jax.lax.pmean(mean, axis_name)
            average.value = mean + config.average_decay * (average.value - mean)
        return hidden


class StyleGANGenerator(nn.Module):
    """Latents, and a one-hot label if there is one, to images: both parts in one.

    Attributes:
        mapping: Latents to styles.
        synthesis: A module; styles to images.
        num_styles: Of the synthesis, which here are all equal.
    """

    mapping: StyleGANMapping
    synthesis: Callable[..., Images]
    num_styles: int

    def __call__(
        self,
        latents: Latents,
        condition: Array | None = None,
        *,
        keys: RandomKeys | None = None,
        train: bool = False,
        axis_name: str | None = None,
    ) -> Images:
        """Returns images, about in [-1, 1], with noise as the synthesis has it."""
        styles = self.mapping(latents, condition, train=train, axis_name=axis_name)
        shape = (styles.shape[0], self.num_styles, styles.shape[1])
        return self.synthesis(jnp.broadcast_to(styles[:, None], shape), keys=keys)


def stylegan_num_styles(image_size: int) -> int:
    """Returns the styles of a synthesis: two for each resolution from 4 pixels on.

    They are those of the layers; StyleGAN2 has a layer less, and the last is for RGB.

    Raises:
        InputError: StyleGAN makes no images of that size.

    Examples:
        >>> stylegan_num_styles(32), stylegan_num_styles(1024)
        (8, 18)
    """
    return 2 * len(resolutions(check_size(image_size)))


def resolutions(image_size: int) -> list[int]:
    """Returns 4, 8, ..., image_size."""
    return [2**level for level in range(2, image_size.bit_length())]


def draw_noise(
    keys: RandomKeys | None, sides: Sequence[int]
) -> list[Array] | list[None]:
    """Returns noise (batch, side, side) for each side, or None for each without keys.

    Args:
        keys: One per image; they are consumed.
        sides: Of the images of each layer.
    """
    if keys is None:
        return [None] * len(sides)
    # Drawn at once: XLA's CPU compiler takes half a second for each draw.
    ends = list(itertools.accumulate(side**2 for side in sides))
    drawn = random.normal(keys, (keys.shape[0], ends[-1]))
    parts = jnp.split(drawn, ends[:-1], axis=1)
    return [
        part.reshape(-1, side, side) for part, side in zip(parts, sides, strict=True)
    ]


def add_noise(
    module: nn.Module, images: Images, noise: Array | None, shape: tuple[int, ...]
) -> Images:
    """Adds noise times a parameter of the module, `noise_strength`, 0 at first.

    Args:
        module: Keeps the constant noise too, a statistic.
        images: Shape (batch, height, width, channels).
        noise: Shape (batch, height, width), the same for all channels; None for the
            constant noise.
        shape: Of the parameter: (), or (channels,).
    """
    strength = module.param("noise_strength", nn.initializers.zeros, shape)
    constant = module.variable(
        "batch_stats",
        "noise",
        lambda: jax.random.normal(module.make_rng("params"), images.shape[1:3]),
    )
    noise = constant.value[None] if noise is None else noise
    scaled = strength.reshape(1, 1, 1, -1) * noise[..., None]
    return (images + scaled).astype(images.dtype)


def flatten_channels_first(images: Images) -> Array:
    """Returns images as rows in the order of published weights: channels first."""
    return images.transpose(0, 3, 1, 2).reshape(images.shape[0], -1)


def check_size(image_size: int) -> int:
    """Returns the size; raises InputError if StyleGAN makes no images of it."""
    check_count("image_size", image_size, 1)
    if image_size not in (16, 32, 64, 128, 256, 512, 1024):
        raise InputError(
            f"image_size={image_size}: StyleGAN takes images of 16, 32, 64, 128, 256, "
            "512 or 1024 pixels a side; resize them as they are loaded."
        )
    return image_size


def check_images(images: Images) -> int:
    """Returns the side of images; raises InputError if StyleGAN takes none of these."""
    if images.ndim != 4 or images.shape[1] != images.shape[2]:
        raise InputError(
            f"The critic was given images of shape {images.shape}: StyleGAN takes "
            "squares, shape (batch, side, side, channels)."
        )
    return check_size(images.shape[1])


def check_styles(styles: Array, image_size: int) -> None:
    """Raises InputError unless there is a style for each layer."""
    number = stylegan_num_styles(image_size)
    if styles.ndim != 3 or styles.shape[1] != number:
        raise InputError(
            f"The synthesis was given styles of shape {styles.shape}: images of "
            f"{image_size} pixels take (batch, {number}, features); give "
            f"models.StyledGenerator num_styles={number}."
        )


def check_condition(condition: Array | None, num_classes: int | None) -> None:
    """Raises InputError unless the labels have as many classes as the network."""
    if condition is None:
        if num_classes is None:
            return
        found = "no labels"
    elif condition.ndim != 2:
        found = f"labels of shape {condition.shape}"
    elif condition.shape[1] != num_classes:
        found = f"labels of {condition.shape[1]} classes"
    else:
        return
    raise InputError(
        f"The network is made for num_classes={num_classes} and was given {found}: "
        "give one-hot labels of shape (batch, num_classes), or num_classes=None and "
        "no labels."
    )

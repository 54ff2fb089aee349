"""Configurations of the networks of StyleGAN and StyleGAN2, and the published ones.

Karras et al., A Style-Based Generator Architecture for Generative Adversarial Networks,
2019; Karras et al., Analyzing and Improving the Image Quality of StyleGAN, 2020; Karras
et al., Training Generative Adversarial Networks with Limited Data, 2020
(StyleGAN2-ADA).
"""

import dataclasses
from typing import Literal

import jax.numpy as jnp
from jax.typing import DTypeLike

from jaxgen.checks import check_count, check_number
from jaxgen.errors import InputError

__all__ = ["STYLEGAN2_CONFIGS", "StyleGAN2Config", "StyleGAN2Name", "StyleGANConfig"]

StyleGAN2Name = Literal[
    "auto", "config_f", "paper256", "paper512", "paper1024", "cifar"
]


@dataclasses.dataclass(frozen=True)
class StyleGANConfig:
    """Sizes of both networks; the defaults are the published ones.

    Attributes:
        channel_base: Layers of r x r pixels have `channel_base / r` channels, at most
            `channel_max`.
        channel_max: Most channels of a layer.
        latents: Dimension of the latent space.
        style_features: Features of a style, w.
        mapping_layers: Dense layers from latents to styles.
        mapping_multiplier: Of their learning rate.
        average_decay: Of the average style.
        minibatch_group: Images whose deviation the critic sees.

    Raises:
        InputError: A number is out of its range.
    """

    channel_base: int = 16_384
    channel_max: int = 512
    latents: int = 512
    style_features: int = 512
    mapping_layers: int = 8
    mapping_multiplier: float = 0.01
    average_decay: float = 0.995
    minibatch_group: int = 4

    def __post_init__(self) -> None:
        """Checks the numbers."""
        _check(self)

    def channels(self, resolution: int) -> int:
        """Returns the channels of layers of `resolution` pixels."""
        return _channels(self.channel_base, self.channel_max, resolution)


@dataclasses.dataclass(frozen=True)
class StyleGAN2Config:
    """Sizes and constants of both networks; change one by `dataclasses.replace`.

    Attributes:
        channel_base: Layers of r x r pixels have `channel_base / r` channels, at most
            `channel_max`. None is 16,384 for images below 512 pixels and 32,768 from
            there on.
        channel_max: Most channels of a layer.
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
            demodulation, sums of RGB images, dense layers and the deviation never
            change type.

    Raises:
        InputError: A number is out of its range, or the type is not a floating one.
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

    def __post_init__(self) -> None:
        """Checks the numbers."""
        _check(self)
        check_count("critic_mapping_layers", self.critic_mapping_layers, 0)
        if self.clamp is not None:
            check_number("clamp", self.clamp, above=0)
        if self.compute_dtype is not None:
            try:
                dtype = jnp.dtype(self.compute_dtype)
            except TypeError:  # a name that is none
                dtype = self.compute_dtype
            if not (hasattr(dtype, "kind") and jnp.issubdtype(dtype, jnp.floating)):
                raise InputError(
                    f"compute_dtype={dtype}: give a floating type, such as "
                    "jnp.bfloat16, or None."
                )

    def channels(self, image_size: int, resolution: int) -> int:
        """Returns the channels of layers of `resolution` pixels."""
        base = self.channel_base or (16_384 if image_size < 512 else 32_768)
        return _channels(base, self.channel_max, resolution)

    def dtype(self, image_size: int, resolution: int) -> DTypeLike | None:
        """Returns the type in which layers of `resolution` pixels are computed."""
        return self.compute_dtype if resolution >= max(image_size // 8, 8) else None


def _check(config: StyleGANConfig | StyleGAN2Config) -> None:
    """Raises InputError unless the numbers of both records are in their ranges."""
    names = "channel_max latents style_features mapping_layers minibatch_group".split()
    names += [] if config.channel_base is None else ["channel_base"]
    for name in names:
        check_count(name, getattr(config, name), 1)
    check_number("mapping_multiplier", config.mapping_multiplier, above=0)
    check_number("average_decay", config.average_decay, least=0, most=1)


def _channels(channel_base: int, channel_max: int, resolution: int) -> int:
    """Returns the channels of layers of `resolution` pixels, at least one."""
    if channel_base < resolution:
        raise InputError(
            f"channel_base={channel_base}: layers of {resolution} pixels would have no "
            f"channels; give at least {resolution}."
        )
    return min(channel_base // resolution, channel_max)


STYLEGAN2_CONFIGS: dict[str, StyleGAN2Config] = {
    "auto": StyleGAN2Config(),
    "config_f": StyleGAN2Config(channel_base=32_768, mapping_layers=8),
    "paper256": StyleGAN2Config(
        channel_base=16_384, mapping_layers=8, minibatch_group=8
    ),
    "paper512": StyleGAN2Config(
        channel_base=32_768, mapping_layers=8, minibatch_group=8
    ),
    "paper1024": StyleGAN2Config(channel_base=32_768, mapping_layers=8),
    "cifar": StyleGAN2Config(
        channel_base=32_768, minibatch_group=32, critic_skips=False
    ),
}
"""The published sizes. `auto` is StyleGAN2-ADA's own choice by resolution, `config_f`
the large networks of StyleGAN2, the others those of the tables of StyleGAN2-ADA."""

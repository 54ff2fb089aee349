"""The sizes of StyleGAN2's networks, and those that were published.

Karras et al., Analyzing and Improving the Image Quality of StyleGAN, 2020; Karras et
al., Training Generative Adversarial Networks with Limited Data, 2020 (StyleGAN2-ADA).
"""

import dataclasses
from typing import Literal

from jax.typing import DTypeLike

from jaxgen.networks.styles import num_channels

__all__ = ["STYLEGAN2_CONFIGS", "StyleGAN2Config", "StyleGAN2Name"]

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
            demodulation, sums of RGB images, dense layers and the deviation never
            change type.
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
        return num_channels(base, self.channel_max, resolution)

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

"""The generator and the critic of StyleGAN2, for images of 16 to 1024 pixels.

Karras et al., Analyzing and Improving the Image Quality of StyleGAN, 2020; Karras et
al., Training Generative Adversarial Networks with Limited Data, 2020 (StyleGAN2-ADA).
"""

from jaxgen.calls import factory
from jaxgen.checks import check_choice, check_count
from jaxgen.errors import InputError
from jaxgen.networks.convolution import ConvFormulation
from jaxgen.networks.pure import pure
from jaxgen.networks.stylegan2_modules import StyleGAN2Critic, StyleGAN2Synthesis
from jaxgen.networks.stylegan_config import (
    STYLEGAN2_CONFIGS,
    StyleGAN2Config,
    StyleGAN2Name,
)
from jaxgen.networks.styles import (
    StyleGANGenerator,
    StyleGANMapping,
    check_size,
    stylegan_num_styles,
)
from jaxgen.typing import Network

__all__ = [
    "stylegan2_critic",
    "stylegan2_generator",
    "stylegan2_mapping",
    "stylegan2_synthesis",
]


@factory
def stylegan2_generator(
    image_size: int,
    config: StyleGAN2Name | StyleGAN2Config = "auto",
    channels: int = 3,
    *,
    num_classes: int | None = None,
    formulation: ConvFormulation = "auto",
) -> Network:
    """Returns `StyleGANGenerator` as pure functions: latents to images.

    Args:
        image_size: Height and width: a power of two from 16 to 1024.
        config: A name of `STYLEGAN2_CONFIGS`, or a configuration of one's own.
        channels: Of the images.
        num_classes: Classes of the one-hot label that `init` and `apply` then take.
        formulation: See `jaxgen.networks.convolution`.

    Raises:
        InputError: An argument is not one of these.

    Examples:
        >>> import jax
        >>> config = StyleGAN2Config(channel_max=8, latents=4, style_features=4)
        >>> network = stylegan2_generator(16, config)
        >>> latents = jax.numpy.ones((2, 4))
        >>> variables = jax.eval_shape(network.init, jax.random.key(0), latents)
        >>> jax.eval_shape(network.apply, *variables, latents)[0].shape
        (2, 16, 16, 3)
    """
    mapping = _mapping(config, num_classes)
    synthesis = _synthesis(image_size, config, channels, formulation)
    number = stylegan_num_styles(image_size)
    return pure(StyleGANGenerator(mapping, synthesis, number))


@factory
def stylegan2_mapping(
    config: StyleGAN2Name | StyleGAN2Config = "auto",
    *,
    num_classes: int | None = None,
) -> Network:
    """Returns `StyleGANMapping` as pure functions: latents to styles.

    Args:
        config: See `stylegan2_generator`.
        num_classes: See `stylegan2_generator`.

    Raises:
        InputError: See `stylegan2_generator`.
    """
    return pure(_mapping(config, num_classes))


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

    Raises:
        InputError: See `stylegan2_generator`.
    """
    return pure(_synthesis(image_size, config, channels, formulation))


@factory
def stylegan2_critic(
    config: StyleGAN2Name | StyleGAN2Config = "auto",
    *,
    num_classes: int | None = None,
    heads: int = 1,
    formulation: ConvFormulation = "auto",
) -> Network:
    """Returns `StyleGAN2Critic` as pure functions: images to logits.

    Args:
        config: See `stylegan2_generator`.
        num_classes: See `stylegan2_generator`.
        heads: Logits an image, as `remedies.dag` takes them; with labels one alone.
        formulation: See `stylegan2_generator`.

    Raises:
        InputError: See `stylegan2_generator`; or there are labels and several heads.
    """
    check_count("heads", heads, 1)
    _check_classes(num_classes)
    if num_classes is not None and heads > 1:
        raise InputError(
            f"heads={heads} with num_classes={num_classes}: the logit of a critic with "
            "labels is a product with the label; leave one of them out."
        )
    return pure(StyleGAN2Critic(_config(config), num_classes, heads, formulation))


def _mapping(
    config: StyleGAN2Name | StyleGAN2Config, num_classes: int | None
) -> StyleGANMapping:
    _check_classes(num_classes)
    return StyleGANMapping(_config(config), num_classes=num_classes)


def _synthesis(
    image_size: int,
    config: StyleGAN2Name | StyleGAN2Config,
    channels: int,
    formulation: ConvFormulation,
) -> StyleGAN2Synthesis:
    check_count("channels", channels, 1)
    size = check_size(image_size)
    return StyleGAN2Synthesis(size, _config(config), channels, formulation)


def _check_classes(num_classes: int | None) -> None:
    if num_classes is not None:
        check_count("num_classes", num_classes, 1)


def _config(config: StyleGAN2Name | StyleGAN2Config) -> StyleGAN2Config:
    if isinstance(config, StyleGAN2Config):
        return config
    check_choice("config", config, tuple(STYLEGAN2_CONFIGS))
    return STYLEGAN2_CONFIGS[config]

"""The generator of pix2pix: an encoder and a decoder with skips between them."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, get_args

import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike

from jaxgen.calls import factory
from jaxgen.checks import check_choice, check_count
from jaxgen.errors import InputError
from jaxgen.networks.convolution import ConvFormulation
from jaxgen.networks.gan_parts import leaky_relu
from jaxgen.networks.pure import pure
from jaxgen.networks.translation.dropout import dropout as drop
from jaxgen.networks.translation.encoder_decoder import EncoderDecoder
from jaxgen.networks.translation.norms import Norm
from jaxgen.networks.translation.sizes import height_and_width
from jaxgen.networks.translation.unit import Unit, Upsampling, check_choices
from jaxgen.typing import Images, Network, RandomKeys

__all__ = [
    "Dropout",
    "UNetTranslator",
    "dropping_levels",
    "unet_features",
    "unet_translator",
]

Dropout = Literal["paper", "reference", None]

_WIDEST = 3
"""Doublings of the width, after which it stays."""

_FEATURES = 4
"""Levels whose features are offered: those that are not yet a few pixels."""


class UNetTranslator(EncoderDecoder):
    """Images to images of the same size, through a bottleneck and past it.

    Attributes:
        channels: Channels of the output.
        width: Channels of the first layer; each after it has twice as many, up to 8
            times.
        depth: Halvings.
        norm: Of all layers but the first, the bottleneck and the last.
        dropout: Where half of the numbers are dropped.
        upsampling: "transpose" or "resize_conv".
        formulation: See `jaxgen.networks.convolution`.
        dtype: What is computed in.
    """

    channels: int = 3
    width: int = 64
    depth: int = 8
    norm: Norm = "batch"
    dropout: Dropout = "paper"
    upsampling: Upsampling = "transpose"
    formulation: ConvFormulation = "auto"
    dtype: DTypeLike | None = None

    @nn.compact
    def run(
        self,
        images: Images,
        keys: RandomKeys | None,
        train: bool,
        axis_name: str | None,
        encode: bool = False,
    ) -> tuple[Images, ...]:
        """Returns the images alone, or the feature maps if only to `encode`."""
        _check_size(images, self.depth)
        unit = partial(
            Unit,
            kernel=4,
            use_bias=self.norm != "batch",
            formulation=self.formulation,
            dtype=self.dtype,
        )
        mode = {"train": train, "axis_name": axis_name}
        last = self.depth - 1
        dropping = dropping_levels(self.dropout, self.depth)

        hidden, skips = images, []
        for level in range(self.depth):
            down = unit(
                self.width << min(level, _WIDEST),
                stride=2,
                margin=1,
                norm="none" if level in (0, last) else self.norm,
                name=f"down_{level}",
            )
            hidden = down(leaky_relu(hidden) if level else hidden, **mode)
            skips.append(hidden)
            if encode and level == min(_FEATURES, last) - 1:
                return (images, *skips)
        for level in reversed(range(1, self.depth)):
            up = unit(
                self.width << min(level - 1, _WIDEST),
                norm=self.norm,
                upsampling=self.upsampling,
                name=f"up_{level}",
            )
            hidden = up(nn.relu(hidden), **mode)
            if level in dropping:
                hidden = drop(hidden, keys, name=f"dropout_{level}")
            hidden = jnp.concatenate([skips[level - 1], hidden], axis=-1)
        up = unit(self.channels, use_bias=True, upsampling=self.upsampling, name="up_0")
        hidden = up(nn.relu(hidden), **mode)
        return (jnp.tanh(hidden.astype(images.dtype)),)


def dropping_levels(dropout: Dropout, depth: int) -> range:
    """Returns the levels of the decoder that have dropout; depth - 1 is the deepest."""
    if dropout == "paper":
        return range(max(depth - 3, 1), depth)
    if dropout == "reference":
        return range(4, depth - 1)
    return range(0)


def _check_size(images: Images, depth: int) -> None:
    height, width = height_and_width(images)
    step = 2**depth
    if height % step or width % step:
        common = math.gcd(height, width)
        most = (common & -common).bit_length() - 1
        smaller = f", or give depth={most}" if most > 1 else ""
        raise InputError(
            f"Images of {height} x {width} pixels: a U-Net of depth {depth} needs "
            f"sides that {step} divides; resize, crop or pad the images{smaller}."
        )


@factory
def unet_translator(
    channels: int = 3,
    *,
    width: int = 64,
    depth: int = 8,
    norm: Norm = "batch",
    dropout: Dropout = "paper",
    upsampling: Upsampling = "transpose",
    formulation: ConvFormulation = "auto",
    dtype: DTypeLike | None = None,
) -> Network:
    """Returns `UNetTranslator` as pure functions: images to images, in [-1, 1].

    `depth` convolutions of 4x4 halve the sides and as many double them; each of these
    but the deepest also sees what the halving one of its size has made. All kernels
    start as N(0, 0.02), biases as 0 and scales as N(1, 0.02).

    Dropout is the noise of pix2pix, and is on wherever keys are given, be it in
    training or afterwards.

    Args:
        channels: Channels of the output; those of the input may be others.
        width: Channels of the first layer; each after it has twice as many, up to 8
            times.
        depth: Halvings: 8 for images of 256 pixels, 7 for 128, 5 for 32.
        norm: Of all layers but the first, the bottleneck and the last: "batch" (the
            paper's), "instance" or "none".
        dropout: Which layers of the decoder lose half of their numbers. "paper": the
            first three. "reference": as the authors' PyTorch code does, the second to
            the fourth of depth 8, the second and third of depth 7; none of depth 5.
            None: no layer.
        upsampling: "transpose" or "resize_conv"; see `Unit`.
        formulation: See `jaxgen.networks.convolution`.
        dtype: What is computed in, as `jnp.bfloat16`; that of the images by default.
            Parameters, statistics and output stay float32.

    Raises:
        InputError: A choice is unknown or a number no whole one, or too small; or, when
            the network is initialized or applied, images lack an axis, or 2**depth does
            not divide their sides.

    Examples:
        >>> import jax
        >>> network = unet_translator(width=8, depth=5)
        >>> images = jnp.zeros((2, 32, 64, 1))
        >>> variables = jax.eval_shape(network.init, jax.random.key(0), images)
        >>> jax.eval_shape(network.apply, *variables, images)[0].shape
        (2, 32, 64, 3)

    References:
        Isola et al., 2017, section 3.2 and appendix 6.1; Ronneberger et al., U-Net,
        2015.
    """
    module = UNetTranslator(
        channels, width, depth, norm, dropout, upsampling, formulation, dtype
    )
    return pure(_checked(module))


@factory
def unet_features(
    channels: int = 3, **options: Any
) -> Callable[..., tuple[tuple[Images, ...], Any]]:
    """Returns the feature maps of `unet_translator(channels, **options)`.

    They are the images and the outputs of the first four halvings (without the
    bottleneck), after the normalization. See `resnet_features`.

    Args:
        channels: Of the translator.
        **options: Of the translator, all by keyword.
    """
    module = _checked(UNetTranslator(channels, **options))
    return pure(module, method="features").apply


def _checked(module: UNetTranslator) -> UNetTranslator:
    check_choices(module.norm, module.formulation, module.upsampling)
    check_choice("dropout", module.dropout, get_args(Dropout))
    check_count("channels", module.channels, 1)
    check_count("width", module.width, 1)
    check_count("depth", module.depth, 2)
    return module

"""The generator of CycleGAN: down, residual blocks, up."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike

from jaxgen.calls import factory
from jaxgen.checks import check_count
from jaxgen.errors import InputError
from jaxgen.networks.convolution import ConvFormulation
from jaxgen.networks.pure import pure
from jaxgen.networks.translation.dropout import dropout as drop
from jaxgen.networks.translation.encoder_decoder import EncoderDecoder
from jaxgen.networks.translation.norms import Norm
from jaxgen.networks.translation.sizes import height_and_width
from jaxgen.networks.translation.unit import Unit, Upsampling, check_choices
from jaxgen.typing import Images, Network, RandomKeys

__all__ = [
    "HALVINGS",
    "ResNetTranslator",
    "published_blocks",
    "reflect",
    "resnet_features",
    "resnet_translator",
]

HALVINGS = 2


class ResNetTranslator(EncoderDecoder):
    """Images to images of the same size, by residual blocks at a quarter of it.

    Attributes:
        channels: Channels of the output.
        width: Channels of the first layer; twice as many after each halving.
        blocks: Residual blocks.
        norm: Of all layers but the last.
        dropout: Whether blocks drop half of their hidden numbers.
        upsampling: "transpose" or "resize_conv".
        formulation: See `jaxgen.networks.convolution`.
        dtype: What is computed in.
    """

    channels: int = 3
    width: int = 64
    blocks: int = 9
    norm: Norm = "instance"
    dropout: bool = False
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
        _check_size(images)
        unit = partial(
            Unit,
            norm=self.norm,
            use_bias=self.norm != "batch",
            formulation=self.formulation,
            dtype=self.dtype,
        )
        mode = {"train": train, "axis_name": axis_name}

        hidden = reflect(images, 3)
        features = [hidden]
        hidden = nn.relu(unit(self.width, kernel=7, name="stem")(hidden, **mode))
        for stage in range(HALVINGS):
            down = unit(
                self.width << (stage + 1), stride=2, margin=1, name=f"down_{stage}"
            )
            hidden = down(hidden, **mode)
            features.append(hidden)
            hidden = nn.relu(hidden)
        for block in range(self.blocks):
            branch = unit(hidden.shape[-1], name=f"block_{block}_0")
            inner = nn.relu(branch(reflect(hidden, 1), **mode))
            if self.dropout:
                inner = drop(inner, keys, name=f"dropout_{block}")
            branch = unit(hidden.shape[-1], name=f"block_{block}_1")
            hidden = hidden + branch(reflect(inner, 1), **mode)
            if block in (0, self.blocks // 2):
                features.append(hidden)
            if encode and block == self.blocks // 2:
                break
        if encode:
            return tuple(features)
        for stage in reversed(range(HALVINGS)):
            up = unit(
                self.width << stage,
                upsampling=self.upsampling,
                name=f"up_{stage}",
            )
            hidden = nn.relu(up(hidden, **mode))
        head = unit(self.channels, kernel=7, norm="none", use_bias=True, name="head")
        hidden = head(reflect(hidden, 3), **mode)
        return (jnp.tanh(hidden.astype(images.dtype)),)


def reflect(images: Images, margin: int) -> Images:
    """Mirrors images beyond their sides, the outermost pixels not repeated."""
    margins = (margin, margin)
    return jnp.pad(images, ((0, 0), margins, margins, (0, 0)), mode="reflect")


def _check_size(images: Images) -> None:
    height, width = height_and_width(images)
    step = 2**HALVINGS
    # Two pixels at the blocks, whose reflection needs one beside the outermost.
    if height % step or width % step or min(height, width) < 2 * step:
        raise InputError(
            f"Images of {height} x {width} pixels: a ResNet translator halves them "
            f"twice, so give sides of {2 * step} or more that {step} divides; crop or "
            "pad the images."
        )


@factory
def resnet_translator(
    channels: int = 3,
    *,
    width: int = 64,
    blocks: int = 9,
    norm: Norm = "instance",
    dropout: bool = False,
    upsampling: Upsampling = "transpose",
    formulation: ConvFormulation = "auto",
    dtype: DTypeLike | None = None,
) -> Network:
    """Returns `ResNetTranslator` as pure functions: images to images, in [-1, 1].

    A convolution of 7x7, two of 3x3 that halve the sides, blocks of two convolutions of
    3x3 around which the input passes, two that double the sides, and one of 7x7;
    reflected images are put around the first, the last and those of the blocks. All
    kernels start as N(0, 0.02), biases as 0 and scales as N(1, 0.02).

    Args:
        channels: Channels of the output; those of the input may be others.
        width: Channels of the first layer; twice as many after each halving.
        blocks: Residual blocks: 9 for 256 pixels, 6 for 128, in the paper.
        norm: Of all layers but the last: "instance" (the paper's; without scale and
            offset), "batch" or "none".
        dropout: Whether half of the numbers between the convolutions of a block are
            dropped, where keys are given.
        upsampling: "transpose" or "resize_conv"; see `Unit`.
        formulation: See `jaxgen.networks.convolution`.
        dtype: What is computed in, as `jnp.bfloat16`; that of the images by default.
            Parameters, statistics and output stay float32.

    Raises:
        InputError: A choice is unknown or a number no whole one, or too small; or, when
            the network is initialized or applied, images lack an axis, or their sides
            are not multiples of 4 or below 8.

    Examples:
        >>> import jax
        >>> network = resnet_translator(width=8, blocks=1)
        >>> images = jnp.zeros((2, 32, 48, 3))
        >>> variables = jax.eval_shape(network.init, jax.random.key(0), images)
        >>> jax.eval_shape(network.apply, *variables, images)[0].shape
        (2, 32, 48, 3)

    References:
        Zhu et al., 2017, section 4 and appendix 7.2; Johnson et al., Perceptual Losses
        for Real-Time Style Transfer and Super-Resolution, 2016.
    """
    module = ResNetTranslator(
        channels, width, blocks, norm, dropout, upsampling, formulation, dtype
    )
    return pure(_checked(module))


@factory
def resnet_features(
    channels: int = 3, **options: Any
) -> Callable[..., tuple[tuple[Images, ...], Any]]:
    """Returns the feature maps of `resnet_translator(channels, **options)`.

    They are those that Park et al. contrast: the images with the 3 reflected pixels
    around them (at layer 0 of the authors' code), the two halving convolutions before
    their normalization (4 and 8), and the first and the middle block, of 9 the fifth
    (12 and 16). The layers after them are not computed.

    Args:
        channels: Of the translator.
        **options: Of the translator, all by keyword.

    Returns:
        A function as `apply` of the translator, with its parameters and statistics,
        whose outputs are the feature maps, shapes (batch, height, width, features).

    References:
        Park et al., Contrastive Learning for Unpaired Image-to-Image Translation, 2020,
        appendix.
    """
    module = _checked(ResNetTranslator(channels, **options))
    return pure(module, method="features").apply


def _checked(module: ResNetTranslator) -> ResNetTranslator:
    check_choices(module.norm, module.formulation, module.upsampling)
    check_count("channels", module.channels, 1)
    check_count("width", module.width, 1)
    check_count("blocks", module.blocks, 0)
    return module


def published_blocks(side: int) -> int:
    """Returns the residual blocks of the paper for images of a side in pixels.

    Args:
        side: Side of the images in pixels.

    Returns:
        9 from 256 pixels on, and 6 from 128; below, which the paper leaves open, 3.
    """
    return 9 if side >= 256 else 6 if side >= 128 else 3

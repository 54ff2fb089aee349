"""Critics of patches: a logit for each place of an image."""

from functools import partial

import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike

from jaxgen.calls import factory
from jaxgen.checks import check_count
from jaxgen.errors import InputError
from jaxgen.networks.convolution import ConvFormulation
from jaxgen.networks.gan_parts import leaky_relu
from jaxgen.networks.pure import pure
from jaxgen.networks.translation.norms import Norm
from jaxgen.networks.translation.sizes import height_and_width
from jaxgen.networks.translation.unit import Unit, check_choices
from jaxgen.typing import Array, Images, Network

__all__ = [
    "PatchCritic",
    "PixelCritic",
    "patch_critic",
    "patch_receptive_field",
    "pixel_critic",
]

_WIDEST = 3
"""Doublings of the width, after which it stays."""


class PatchCritic(nn.Module):
    """Images to a logit for each of many overlapping patches.

    Attributes:
        width: Channels of the first layer; each after it has twice as many, up to 8
            times.
        layers: Halvings.
        norm: Of all layers but the first and the last.
        spectral: Whether all kernels have the spectral norm 1.
        heads: Logits a patch.
        formulation: See `jaxgen.networks.convolution`.
        dtype: What is computed in.
    """

    width: int = 64
    layers: int = 3
    norm: Norm = "instance"
    spectral: bool = False
    heads: int = 1
    formulation: ConvFormulation = "auto"
    dtype: DTypeLike | None = None

    @nn.compact
    def __call__(
        self, images: Images, *, train: bool = False, axis_name: str | None = None
    ) -> Array:
        """Returns logits, shape (batch, [heads,] height, width)."""
        _check_size(images, self.layers)
        unit = partial(
            Unit,
            kernel=4,
            margin=1,
            spectral=self.spectral,
            formulation=self.formulation,
            dtype=self.dtype,
        )
        mode = {"train": train, "axis_name": axis_name}
        hidden = leaky_relu(unit(self.width, stride=2, name="layer_0")(images, **mode))
        for layer in range(1, self.layers + 1):
            inner = unit(
                self.width << min(layer, _WIDEST),
                stride=2 if layer < self.layers else 1,
                norm=self.norm,
                use_bias=self.norm != "batch",
                name=f"layer_{layer}",
            )
            hidden = leaky_relu(inner(hidden, **mode))
        logits = unit(self.heads, name="head")(hidden, **mode)
        return _by_head(logits.astype(images.dtype))


class PixelCritic(nn.Module):
    """Images to a logit for each pixel, which it sees alone.

    Attributes:
        width: Channels of the first layer; the second has twice as many.
        norm: Of the second layer.
        spectral: Whether all kernels have the spectral norm 1.
        heads: Logits a pixel.
        formulation: See `jaxgen.networks.convolution`.
        dtype: What is computed in.
    """

    width: int = 64
    norm: Norm = "instance"
    spectral: bool = False
    heads: int = 1
    formulation: ConvFormulation = "auto"
    dtype: DTypeLike | None = None

    @nn.compact
    def __call__(
        self, images: Images, *, train: bool = False, axis_name: str | None = None
    ) -> Array:
        """Returns logits, shape (batch, [heads,] height, width)."""
        height_and_width(images)
        unit = partial(
            Unit,
            kernel=1,
            spectral=self.spectral,
            formulation=self.formulation,
            dtype=self.dtype,
        )
        mode = {"train": train, "axis_name": axis_name}
        use_bias = self.norm != "batch"
        hidden = leaky_relu(unit(self.width, name="layer_0")(images, **mode))
        inner = unit(2 * self.width, norm=self.norm, use_bias=use_bias, name="layer_1")
        hidden = leaky_relu(inner(hidden, **mode))
        logits = unit(self.heads, use_bias=use_bias, name="head")(hidden, **mode)
        return _by_head(logits.astype(images.dtype))


def _by_head(logits: Images) -> Array:
    """Puts heads before places, or drops the axis of the only one."""
    return logits[..., 0] if logits.shape[-1] == 1 else jnp.moveaxis(logits, -1, 1)


def patch_receptive_field(layers: int) -> int:
    """Returns the side, in pixels, of what one logit of a `patch_critic` sees.

    Examples:
        >>> [patch_receptive_field(layers) for layers in range(1, 6)]
        [16, 34, 70, 142, 286]
    """
    side = 1
    for stride in (1, 1, *(2,) * layers):
        side = (side - 1) * stride + 4
    return side


def _check_size(images: Images, layers: int) -> None:
    height, width = height_and_width(images)
    least = 3 * 2**layers
    if min(height, width) < least:
        raise InputError(
            f"Images of {height} x {width} pixels: a patch critic of {layers} layers "
            f"needs {least} or more; give larger images or fewer layers."
        )


@factory
def patch_critic(
    *,
    width: int = 64,
    layers: int = 3,
    norm: Norm = "instance",
    spectral: bool = False,
    heads: int = 1,
    formulation: ConvFormulation = "auto",
    dtype: DTypeLike | None = None,
) -> Network:
    """Returns `PatchCritic` as pure functions: images to logits of their patches.

    Convolutions of 4x4, of which `layers` halve the sides and two more take a pixel off
    them: sides of s pixels give floor(s / 2**layers) - 2 logits, each of which sees
    `patch_receptive_field(layers)` pixels; with 3 layers, 256 give 30, which see 70.
    All kernels start as N(0, 0.02), biases as 0 and scales as N(1, 0.02).

    Args:
        width: Channels of the first layer; each after it has twice as many, up to 8
            times.
        layers: Halvings.
        norm: Of all layers but the first and the last: "instance" (CycleGAN's), "batch"
            (pix2pix's) or "none".
        spectral: Whether all kernels have the spectral norm 1; see `SpectralNorm`.
        heads: Logits a patch.
        formulation: See `jaxgen.networks.convolution`.
        dtype: What is computed in, as `jnp.bfloat16`; that of the images by default.
            Parameters, statistics and logits stay float32.

    Returns:
        Logits of shape (batch, height, width) with one head, (batch, heads, height,
        width) with several, without a sigmoid.

    Raises:
        InputError: A choice is unknown or a number no whole one, or too small; or, when
            the network is initialized or applied, images lack an axis or a side is
            below 3 * 2**layers pixels.

    Examples:
        >>> import jax
        >>> network = patch_critic(width=8)
        >>> images = jnp.zeros((2, 256, 256, 3))
        >>> variables = jax.eval_shape(network.init, jax.random.key(0), images)
        >>> jax.eval_shape(network.apply, *variables, images)[0].shape
        (2, 30, 30)

    References:
        Isola et al., 2017, section 3.2.2 and appendix 6.1.2.
    """
    check_choices(norm, formulation)
    for name, number in (("width", width), ("layers", layers), ("heads", heads)):
        check_count(name, number, 1)
    module = PatchCritic(width, layers, norm, spectral, heads, formulation, dtype)
    return pure(module)


@factory
def pixel_critic(
    *,
    width: int = 64,
    norm: Norm = "instance",
    spectral: bool = False,
    heads: int = 1,
    formulation: ConvFormulation = "auto",
    dtype: DTypeLike | None = None,
) -> Network:
    """Returns `PixelCritic` as pure functions: images to a logit for each pixel.

    Three convolutions of 1x1: the "1x1 PixelGAN", which judges colours alone. The last
    has a bias where the second has one (not with "batch"), as in the authors' code.

    Args:
        width: Channels of the first layer; the second has twice as many.
        norm: Of the second layer: "instance", "batch" or "none".
        spectral: Whether all kernels have the spectral norm 1; see `SpectralNorm`.
        heads: Logits a pixel.
        formulation: See `jaxgen.networks.convolution`.
        dtype: As that of `patch_critic`.

    Returns:
        Logits of shape (batch, height, width) with one head, (batch, heads, height,
        width) with several, without a sigmoid.

    Raises:
        InputError: A choice is unknown or a number no whole one, or too small; or, when
            the network is initialized or applied, images lack an axis.

    References:
        Isola et al., 2017, section 4.4 and appendix 6.1.2.
    """
    check_choices(norm, formulation)
    for name, number in (("width", width), ("heads", heads)):
        check_count(name, number, 1)
    module = PixelCritic(width, norm, spectral, heads, formulation, dtype)
    return pure(module)

"""The convolutions of VGG-16, of which LPIPS is made.

Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image
Recognition, 2015, configuration D.
"""

from collections.abc import Mapping
from functools import partial

import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxgen.networks.convolution import Conv
from jaxgen.networks.pure import pure
from jaxgen.networks.state_dict import take
from jaxgen.typing import Images, Network, Params

__all__ = ["DEVIATION", "MEAN", "VGG", "WIDTHS", "standardize", "vgg", "vgg_params"]

WIDTHS = (64, 128, 256, 512, 512)
"""Channels of each stage."""

_DEPTHS = (2, 2, 3, 3, 3)

MEAN = (0.485, 0.456, 0.406)
"""Of the colours it was trained on, which are from 0 to 1."""

DEVIATION = (0.229, 0.224, 0.225)
"""Of the same."""


class VGG(nn.Module):
    """Images to the activations at the end of each of its five stages.

    A stage is two or three 3x3 convolutions, each with `relu`; between stages a max
    pool halves height and width. What is returned is named relu1_2, relu2_2, relu3_3,
    relu4_3 and relu5_3 elsewhere.
    """

    @nn.compact
    def __call__(self, images: Images) -> tuple[Images, ...]:
        """Returns five sets of images; the input's colours have mean 0, variance 1."""
        hidden, outputs = images, []
        for stage, (width, depth) in enumerate(zip(WIDTHS, _DEPTHS, strict=True)):
            if stage:
                hidden = nn.max_pool(hidden, (2, 2), (2, 2), "VALID")
            for layer in range(depth):
                # Plain: im2col would hold each image nine times.
                name = f"conv{stage + 1}_{layer + 1}"
                hidden = nn.relu(Conv(width, formulation="plain", name=name)(hidden))
            outputs.append(hidden)
        return tuple(outputs)


def vgg() -> Network:
    """Returns `VGG` as pure functions: images to five sets of activations."""
    return pure(VGG())


def vgg_params(state_dict: Mapping[str, np.ndarray]) -> Params:
    """Makes parameters of the state dict of torchvision's VGG-16.

    The dense layers of its classifier are left out.

    Args:
        state_dict: Arrays by name; see `jaxgen.networks.torch_weights`.

    Returns:
        float32 arrays.

    Raises:
        InputError: The names or shapes are those of another network.
    """
    cure = "Give torchvision's vgg16, without batch normalization."
    part = partial(take, state_dict, network="VGG-16", cure=cure)
    params, number, inputs = {}, 0, 3
    for stage, (width, depth) in enumerate(zip(WIDTHS, _DEPTHS, strict=True)):
        for layer in range(depth):
            name = f"features.{number}"
            kernel = part(f"{name}.weight", (width, inputs, 3, 3))
            bias = part(f"{name}.bias", (width,))
            params[f"conv{stage + 1}_{layer + 1}"] = {
                "kernel": np.asarray(kernel.transpose(2, 3, 1, 0), np.float32),
                "bias": np.asarray(bias, np.float32),
            }
            number, inputs = number + 2, width  # a convolution and its relu
        number += 1  # the pool
    return params


def standardize(images: Images) -> Images:
    """Brings colours from [0, 1] to the mean and variance VGG was trained with."""
    shape = (1, 1, 1, 3)
    mean, deviation = jnp.array(MEAN), jnp.array(DEVIATION)
    return (images - mean.reshape(shape)) / deviation.reshape(shape)

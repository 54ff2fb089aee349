"""Small StyleGAN2 networks and random numbers for all their parameters, in both forms.

The numbers are float64; a compiled function takes them as float32 by default.
"""

import contextlib
import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxgen import networks
from jaxgen.networks import StyleGAN2Config
from jaxgen.networks.modulated import StyledLayer
from jaxgen.typing import Network
from tests.networks import stylegan2_reference_shapes as shapes
from tests.networks.stylegan2_names import tree_of

LATENTS, STYLES, CLASSES, MAPPED = 6, 5, 3, 2
"""Features of latents and of styles, classes, and layers of each mapping."""

WIDTHS = {"channel_base": 64, "channel_max": 8}
SMALL = StyleGAN2Config(
    **WIDTHS,
    latents=LATENTS,
    style_features=STYLES,
    mapping_layers=MAPPED,
    critic_mapping_layers=MAPPED,
)


class Parts(NamedTuple):
    """A network with its numbers.

    Attributes:
        network: Ours.
        state: Of the independent implementation: parameters and buffers by name.
        params: The same parameters in our tree.
        stats: The same buffers in our tree.
    """

    network: Network
    state: dict[str, np.ndarray]
    params: Any
    stats: Any


@functools.cache
def generator(
    size: int = 16, config: StyleGAN2Config = SMALL, num_classes: int | None = None
) -> Parts:
    """Returns a generator, all noise strengths 0.3; its parts are `stylegan2_mapping`
    and `stylegan2_synthesis` with the branches of its trees."""
    state = shapes.random_generator(
        3,
        size,
        **WIDTHS,
        latents=LATENTS,
        w_features=STYLES,
        mapping_layers=MAPPED,
        num_classes=num_classes or 0,
    )
    network = networks.stylegan2_generator(size, config, num_classes=num_classes)
    return _parts(network, state, normal(1, LATENTS), num_classes)


@functools.cache
def critic(
    size: int = 16, config: StyleGAN2Config = SMALL, num_classes: int | None = None
) -> Parts:
    """Returns a critic."""
    state = shapes.random_critic(
        4,
        size,
        **WIDTHS,
        mapping_layers=MAPPED,
        num_classes=num_classes or 0,
        architecture="resnet" if config.critic_skips else "orig",
    )
    network = networks.stylegan2_critic(config, num_classes=num_classes)
    return _parts(network, state, normal(1, size, size, 3), num_classes)


def trees(network, *shapes):
    """Returns the shapes of parameters and statistics, computing nothing."""
    inputs = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    return jax.eval_shape(network.init, jax.random.key(0), *inputs)


def labels(number: int, num_classes: int | None) -> list[np.ndarray]:
    """Returns one-hot labels as the inputs after the first; none without classes."""
    if num_classes is None:
        return []
    return [np.eye(num_classes)[np.arange(number) % num_classes]]


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    """Numbers that need no compilation, as those of JAX do for each shape."""
    return np.random.default_rng(seed).normal(size=shape)


def channels_last(images):
    """From the layout of the independent implementation to ours."""
    return np.moveaxis(np.asarray(images), 1, -1)


@contextlib.contextmanager
def noise_of_layers():
    """Within it, the noise that layers are called with is put in a dict by name."""
    noise = {}

    def intercept(call, inputs, options, context):
        if isinstance(context.module, StyledLayer):
            noise[".".join(context.module.path)] = inputs[2]
        return call(*inputs, **options)

    with nn.intercept_methods(intercept):
        yield noise


def _parts(network: Network, state, inputs, num_classes: int | None) -> Parts:
    like = jax.eval_shape(
        network.init, jax.random.key(0), inputs, *labels(1, num_classes)
    )
    return Parts(network, state, *(tree_of(state, one) for one in like))

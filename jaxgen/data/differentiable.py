"""Random augmentations that a gradient passes through: DiffAugment and ADA's.

For what the critic of a GAN sees, data and samples alike, with values in [-1, 1]. Each
image draws from a key of its own. What is moved in or cut out is 0, grey, as in the
original implementation of the first paper.

Zhao et al., Differentiable Augmentation for Data-Efficient GAN Training, 2020. Karras
et al., Training Generative Adversarial Networks with Limited Data, 2020.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.scipy import ndimage

from jaxgen import random
from jaxgen.calls import factory
from jaxgen.checks import check_key
from jaxgen.data.transforms import check_square
from jaxgen.errors import InputError
from jaxgen.numerics import keep_nan
from jaxgen.typing import Array, Images, PRNGKeyArray, RandomKeys

__all__ = ["ADA_POLICIES", "DIFF_POLICIES", "ada", "diff_augment", "jointly"]

DIFF_POLICIES = ("color", "translation", "cutout")
"""What `diff_augment` can do."""
ADA_POLICIES = ("blit", "geometry", "color", "cutout")
"""What `ada` can do."""


@factory
def diff_augment(
    policies: Sequence[str] = DIFF_POLICIES,
) -> Callable[[RandomKeys, Images], Images]:
    """Makes DiffAugment, `function(keys, images) -> images`.

    color: brightness by up to +-0.5; saturation, the distance from the mean of the
    channels, by a factor of 0 to 2 (a grey image has none); contrast, the distance from
    the mean of the image, by 0.5 to 1.5. translation: by whole pixels, up to 1/8 of the
    image. cutout: a square of half the image's side, around any pixel.

    Args:
        policies: Which of `DIFF_POLICIES`; they are done in this order.

    Raises:
        InputError: There is no such policy.

    Examples:
        >>> function = diff_augment(("cutout",))
        >>> images = jnp.ones((3, 8, 8, 1))
        >>> function(jax.random.key(0), images).shape
        (3, 8, 8, 1)

    References:
        Zhao et al., 2020, with the ranges of the authors' implementation.
    """
    _check_policies("diff_augment", policies, DIFF_POLICIES)
    known = {"color": _color, "translation": _translation, "cutout": _cutout}

    def one(key: PRNGKeyArray, image: Array) -> Array:
        for own, policy in zip(
            jax.random.split(key, len(policies)), policies, strict=True
        ):
            image = known[policy](own, image)
        return image

    def function(keys: RandomKeys, images: Images) -> Images:
        return jax.vmap(one)(_each(keys, images), images)

    return function


@factory
def jointly(
    function: Callable[[RandomKeys, Images], Images], channels: Sequence[int]
) -> Callable[[RandomKeys, Images], Images]:
    """Makes an augmentation of several images that lie in one, as further channels.

    For the pairs that a conditional critic sees: all parts draw the same numbers, so
    that they are moved and coloured alike.

    Args:
        function: `(keys, images) -> images`, as `diff_augment()` makes it.
        channels: Of each part, in their order.

    Raises:
        InputError: The images have another number of channels.

    Examples:
        >>> function = jointly(diff_augment(("translation",)), (3, 1))
        >>> function(jax.random.key(0), jnp.ones((2, 8, 8, 4))).shape
        (2, 8, 8, 4)
    """
    ends = [sum(channels[: place + 1]) for place in range(len(channels))]

    def both(keys: RandomKeys, images: Images) -> Images:
        if images.shape[-1] != ends[-1]:
            raise InputError(
                f"The critic sees images of {images.shape[-1]} channels, and jointly "
                f"was given {tuple(channels)}: give the channels of each part of them."
            )
        parts = jnp.split(images, ends[:-1], axis=-1)
        # One draw for all: the numbers depend on the key alone, not on the channels.
        drawn = [function(jax.random.clone(keys), part) for part in parts]
        return jnp.concatenate(drawn, axis=-1)

    return both


@factory
def ada(
    policies: Sequence[str] = ("blit", "geometry", "color"),
) -> Callable[[RandomKeys, Images, Any], Images]:
    """Makes ADA's augmentations, `function(keys, images, probability) -> images`.

    Each is done with the probability, and independently of the others; at 0 images
    stay as they are. blit: a flip left to right (of half the images), a turn by 0 to 3
    quarters, a shift by up to 1/8 in whole pixels. geometry: scaling by 2^N(0, 0.2^2),
    a turn by any angle, a shift by N(0, 1/8^2) of the image. color: brightness by
    N(0, 0.2^2), contrast by 2^N(0, 0.5^2). cutout: a square of half the image's side.

    All that moves pixels is one map, sampled once, bilinearly and without the paper's
    low-pass filter; beyond the border is the mirror image. Of the paper's set these are
    absent: scaling along one axis only, flips of the luma, turns of the hue,
    saturation, filters of frequency bands and noise.

    Args:
        policies: Which of `ADA_POLICIES`; the paper's own choice by default.

    Raises:
        InputError: There is no such policy, or images to be turned are not square.

    Examples:
        >>> images = jnp.ones((3, 8, 8, 1))
        >>> function = ada(("color",))
        >>> bool((function(jax.random.key(0), images, 0.0) == images).all())
        True

    References:
        Karras et al., 2020, section 2.3 and appendix B.
    """
    _check_policies("ada", policies, ADA_POLICIES)

    def one(key: PRNGKeyArray, image: Array, probability: Any) -> Array:
        keys = dict(zip(ADA_POLICIES, jax.random.split(key, 4), strict=True))
        size = jnp.array(image.shape[:2], image.dtype)
        # From a place in the result to where its pixel comes from.
        matrix, shift = jnp.eye(2, dtype=image.dtype), jnp.zeros(2, image.dtype)
        if "blit" in policies:
            check_square(image.shape)
            matrix, shift = _blit(keys["blit"], size, probability)
        if "geometry" in policies:
            outer, further = _geometry(keys["geometry"], size, probability)
            matrix, shift = matrix @ outer, matrix @ further + shift
        if {"blit", "geometry"} & set(policies):
            image = _sample(image, matrix, shift)
        if "color" in policies:
            image = _brightness_and_contrast(keys["color"], image, probability)
        if "cutout" in policies:
            gate, own = jax.random.split(keys["cutout"])
            cut = jax.random.uniform(gate) < probability
            image = jnp.where(cut, _cutout(own, image), image)
        return image

    def function(keys: RandomKeys, images: Images, probability: Any) -> Images:
        each = jax.vmap(partial(one, probability=probability))
        return keep_nan(probability, each(_each(keys, images), images))

    return function


def _each(keys: RandomKeys, images: Images) -> RandomKeys:
    check_key(keys, name="keys")
    return random.example_keys(keys, images.shape[0]) if keys.ndim == 0 else keys


def _check_policies(name: str, policies: Sequence[str], known: tuple[str, ...]) -> None:
    if isinstance(policies, str) or not policies or set(policies) - set(known):
        raise InputError(
            f"{name} was given the policies {policies!r}: expected some of {known}."
        )


def _color(key: PRNGKeyArray, image: Array) -> Array:
    brightness, saturation, contrast = jax.random.uniform(key, (3,), image.dtype)
    image += brightness - 0.5
    grey = jnp.mean(image, axis=-1, keepdims=True)
    image = grey + 2 * saturation * (image - grey)
    mean = jnp.mean(image)
    return mean + (0.5 + contrast) * (image - mean)


def _translation(key: PRNGKeyArray, image: Array) -> Array:
    height, width = (int(side / 8 + 0.5) for side in image.shape[:2])
    padded = jnp.pad(image, ((height, height), (width, width), (0, 0)))
    most = jnp.array([2 * height, 2 * width])
    down, right = jax.random.randint(key, (2,), 0, most + 1)
    return jax.lax.dynamic_slice(padded, (down, right, 0), image.shape)


def _cutout(key: PRNGKeyArray, image: Array) -> Array:
    inside = []
    for own, side in zip(jax.random.split(key), image.shape, strict=False):
        length = int(side / 2 + 0.5)
        center = jax.random.randint(own, (), 0, side + 1 - length % 2)
        place = jnp.arange(side) - (center - length // 2)
        inside.append((place >= 0) & (place < length))
    rows, columns = inside
    keep = ~(rows[:, None] & columns[None, :])
    return image * keep[..., None].astype(image.dtype)


def _blit(key: PRNGKeyArray, size: Array, probability: Any) -> tuple[Array, Array]:
    keys = jax.random.split(key, 3)
    chances = jax.random.uniform(keys[0], (3,)) < probability
    flip_draw, turn_draw = jax.random.uniform(keys[1], (2,))
    across = jnp.where(chances[0] & (flip_draw < 0.5), -1.0, 1.0)
    quarters = jnp.where(chances[1], jnp.floor(4 * turn_draw), 0).astype(jnp.int32)
    # Exact, where the sine of pi is not.
    cosine, sine = jnp.array([[1, 0], [0, 1], [-1, 0], [0, -1]], size.dtype)[quarters]
    shift = size * jax.random.uniform(keys[2], (2,), size.dtype, -1 / 8, 1 / 8)
    turn = jnp.array([[cosine, -sine * across], [sine, cosine * across]])
    return turn, jnp.where(chances[2], jnp.round(shift), 0.0)


def _geometry(key: PRNGKeyArray, size: Array, probability: Any) -> tuple[Array, Array]:
    keys = jax.random.split(key, 4)
    chances = jax.random.uniform(keys[0], (3,)) < probability
    scale = jnp.exp2(0.2 * jax.random.normal(keys[1], (), size.dtype))
    angle = jax.random.uniform(keys[2], (), size.dtype, -jnp.pi, jnp.pi)
    shift = size / 8 * jax.random.normal(keys[3], (2,), size.dtype)
    scale = jnp.where(chances[0], scale, 1.0)
    angle = jnp.where(chances[1], angle, 0.0)
    cosine, sine = jnp.cos(angle), jnp.sin(angle)
    turn = jnp.array([[cosine, -sine], [sine, cosine]])
    return scale * turn, jnp.where(chances[2], shift, 0.0)


def _sample(image: Array, matrix: Array, shift: Array) -> Array:
    height, width = image.shape[:2]
    center = jnp.array([height - 1, width - 1], image.dtype) / 2
    rows, columns = jnp.meshgrid(jnp.arange(height), jnp.arange(width), indexing="ij")
    places = jnp.stack([rows, columns]).astype(image.dtype) - center[:, None, None]
    places = jnp.einsum("ab,bhw->ahw", matrix, places)
    places += (center + shift)[:, None, None]

    def channel(plane: Array) -> Array:
        return ndimage.map_coordinates(plane, list(places), order=1, mode="mirror")

    return jax.vmap(channel, in_axes=-1, out_axes=-1)(image)


def _brightness_and_contrast(
    key: PRNGKeyArray, image: Array, probability: Any
) -> Array:
    keys = jax.random.split(key)
    chances = jax.random.uniform(keys[0], (2,)) < probability
    brightness, contrast = jax.random.normal(keys[1], (2,), image.dtype)
    image += jnp.where(chances[0], 0.2 * brightness, 0.0)
    return image * jnp.where(chances[1], jnp.exp2(0.5 * contrast), 1.0)

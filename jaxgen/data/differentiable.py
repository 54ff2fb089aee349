"""Random augmentations that a gradient passes through: DiffAugment and ADA's.

For what the critic of a GAN sees, data and samples alike, with values in [-1, 1]. Each
image draws from a key of its own. DiffAugment moves in zeros, grey, as in the original
implementation of its paper; ADA moves in the mirror image.

Zhao et al., Differentiable Augmentation for Data-Efficient GAN Training, 2020. Karras
et al., Training Generative Adversarial Networks with Limited Data, 2020.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgen import random
from jaxgen.calls import factory
from jaxgen.checks import check_key
from jaxgen.data import ada_colour, ada_corruptions, ada_geometry
from jaxgen.data.transforms import check_square
from jaxgen.errors import InputError
from jaxgen.numerics import keep_nan
from jaxgen.typing import Array, Images, PRNGKeyArray, RandomKeys

__all__ = ["ADA_POLICIES", "DIFF_POLICIES", "ada", "diff_augment", "jointly"]

DIFF_POLICIES = ("color", "translation", "cutout")
"""What `diff_augment` can do."""
ADA_POLICIES = ("blit", "geometry", "color", "filter", "noise", "cutout")
"""What `ada` can do, in the order in which it is done."""


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

    Each is done with the probability, and independently of the others; an image for
    which none is drawn stays as it is, bit by bit. In this order:

    blit: a flip left to right (of half the images), a turn by 0 to 3 quarters, a shift
    by up to 1/8 in whole pixels. geometry: scaling by 2^N(0, 0.2^2), a turn by any
    angle, stretching by 2^N(0, 0.2^2), another turn (one of the two with the
    probability), a shift by N(0, 1/8^2) of the image. color: brightness by
    N(0, 0.2^2), contrast by 2^N(0, 0.5^2), a flip of the luma (of half the images), a
    turn of the hue by any angle, saturation by 2^N(0, 1). filter: each of four bands of
    frequencies by 2^N(0, 1). noise: of deviation |N(0, 0.1^2)|. cutout: a box of half
    the image's sides. The first three are "bgc" of the paper.

    Where anything of "geometry" is drawn, an image is sampled bilinearly between two
    low-pass filters of twice its pixels, and beyond the border is the mirror image, as
    far as the other border. That is most of the work, and takes memory of 36 times the
    image; it is left out where no image of a batch needs it.

    Args:
        policies: Which of `ADA_POLICIES`; the paper's own choice by default.

    Raises:
        InputError: There is no such policy; images to be turned are not square, or
            those to be coloured have neither 1 nor 3 channels.

    Examples:
        >>> images = jnp.ones((3, 8, 8, 1))
        >>> function = ada(("color",))
        >>> bool((function(jax.random.key(0), images, 0.0) == images).all())
        True

    References:
        Karras et al., 2020, section 2.3 and appendix B.
    """
    _check_policies("ada", policies, ADA_POLICIES)

    def place(drawn: _Drawn, image: Array, chance: Any) -> _Placed:
        """Does what moves whole pixels, and says how the others move."""
        size = image.shape[:2]
        placed, shift = image, jnp.zeros(2)
        if "blit" in policies:
            check_square(image.shape)
            blit = ada_geometry.draw_blit(drawn.uniforms[:7], size, chance)
            image = ada_geometry.turn_and_flip(image, blit)
            placed = ada_geometry.shift_pixels(image, blit.shift)
            shift = -blit.shift
        if "geometry" not in policies:
            return _Placed(placed, image, jnp.eye(2), shift, jnp.array(False))
        geometry = ada_geometry.draw_geometry(
            drawn.uniforms[7:14], drawn.normals[:4], size, chance
        )
        matrix, back = ada_geometry.inverse_map(geometry)
        return _Placed(placed, image, matrix, shift + back, geometry.drawn)

    def change(drawn: _Drawn, image: Array, chance: Any) -> Array:
        """Does what changes the values of pixels."""
        keys = drawn.keys
        if "color" in policies:
            colour = ada_colour.draw_colour(
                drawn.uniforms[14:], drawn.normals[4:], chance
            )
            image = ada_colour.change_colour(image, colour)
        if "filter" in policies:
            gains, any_drawn = ada_corruptions.draw_gains(keys["filter"], chance)
            filtered = ada_corruptions.filter_bands(image, gains)
            image = jnp.where(any_drawn, filtered, image)
        if "noise" in policies:
            own, drawing = jax.random.split(keys["noise"])
            deviation = ada_corruptions.draw_noise(drawing, chance)
            image = ada_corruptions.add_noise(own, image, deviation)
        if "cutout" in policies:
            middle, cut = ada_corruptions.draw_cut(keys["cutout"], chance)
            image = jnp.where(cut, ada_corruptions.cut_out(image, middle), image)
        return image

    def function(keys: RandomKeys, images: Images, probability: Any) -> Images:
        drawn = jax.vmap(_draw)(_each(keys, images))
        placed = jax.vmap(place, (0, 0, None))(drawn, images, probability)
        images = placed.image
        if "geometry" in policies:
            images = jax.lax.cond(placed.drawn.any(), _sampled, _unsampled, placed)
        images = jax.vmap(change, (0, 0, None))(drawn, images, probability)
        return keep_nan(probability, images)

    return function


class _Drawn(NamedTuple):
    """Draws of one image: numbers of "bgc", keys of the other policies."""

    uniforms: Array
    normals: Array
    keys: dict[str, PRNGKeyArray]


def _draw(key: PRNGKeyArray) -> _Drawn:
    # Drawn at once: XLA's CPU compiler takes a quarter of a second for each draw.
    uniform_key, normal_key, *others = jax.random.split(key, 5)
    return _Drawn(
        uniforms=jax.random.uniform(uniform_key, (21,), jnp.float32),
        normals=jax.random.normal(normal_key, (7,), jnp.float32),
        keys=dict(zip(("filter", "noise", "cutout"), others, strict=True)),
    )


class _Placed(NamedTuple):
    """Images after a blit, and the map that is left to be done.

    Attributes:
        image: After the blit.
        before: The same without the shift, which the map holds, too.
        matrix: From places of the result to places of `before`.
        shift: In pixels.
        drawn: Whether there is anything left to be done.
    """

    image: Array
    before: Array
    matrix: Array
    shift: Array
    drawn: Array


# A gradient that calculates the places again takes half as long as one that keeps them.
@jax.checkpoint
def _sampled(placed: _Placed) -> Array:
    found = jax.vmap(ada_geometry.resample)(placed.before, placed.matrix, placed.shift)
    return jnp.where(placed.drawn[:, None, None, None], found, placed.image)


def _unsampled(placed: _Placed) -> Array:
    return placed.image


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

"""What changes colours in ADA's augmentations: the draw, and what is done with it.

A pixel of three channels is a vector; its luma is the part along (1, 1, 1) / sqrt(3),
its chroma the rest.

Karras et al., Training Generative Adversarial Networks with Limited Data, 2020,
appendix B.2 and figure 17.
"""

import math
from typing import Any, NamedTuple

import jax.numpy as jnp

from jaxgen.errors import InputError
from jaxgen.typing import Array

__all__ = ["Colour", "change_colour", "draw_colour"]


class Colour(NamedTuple):
    """One draw of changes of colour, in the order in which they are done.

    Attributes:
        brightness: Added to all channels.
        contrast: Factor of all channels.
        luma_flip: Whether the luma changes its sign.
        hue: Angle by which the chroma turns about the luma axis, in radians.
        saturation: Factor of the chroma.
        drawn: Whether any of them is done; if not, they change nothing.
    """

    brightness: Array
    contrast: Array
    luma_flip: Array
    hue: Array
    saturation: Array
    drawn: Array


def draw_colour(uniforms: Array, normals: Array, probability: Any) -> Colour:
    """Tells whether and how the colours of an image change.

    brightness: N(0, 0.2^2). contrast: 2^N(0, 0.5^2). luma_flip: one of two. hue: any
    angle. saturation: 2^N(0, 1). Each with the probability.

    Args:
        uniforms: Draws from [0, 1), shape (7,).
        normals: Standard normal draws, shape (3,).
        probability: Of each, from 0 to 1.
    """
    gates = uniforms[:5] < probability
    brightness, contrast, saturation = normals
    flip = gates[2] & (uniforms[5] < 0.5)
    hue = (2 * uniforms[6] - 1) * math.pi
    return Colour(
        brightness=jnp.where(gates[0], 0.2 * brightness, 0.0),
        contrast=jnp.where(gates[1], jnp.exp2(0.5 * contrast), 1.0),
        luma_flip=flip,
        hue=jnp.where(gates[3], hue, 0.0),
        saturation=jnp.where(gates[4], jnp.exp2(saturation), 1.0),
        drawn=gates[:2].any() | flip | gates[3:].any(),
    )


def change_colour(image: Array, colour: Colour) -> Array:
    """Changes the colours of an image.

    With the luma y and the chroma u of a pixel, and v = (1, 1, 1) / sqrt(3):

        contrast [+-(y + brightness) + saturation (cos(hue) u + sin(hue) v x u)].

    It is the product of the paper's five matrices: all of them leave the luma axis and
    the plane across it where they are. A grey image has no chroma.

    Args:
        image: Shape (height, width, 1 or 3), values in [-1, 1].
        colour: What to do.

    Raises:
        InputError: The image has another number of channels.
    """
    if image.shape[-1] not in (1, 3):
        raise InputError(
            f"ada cannot change the colours of images of {image.shape[-1]} channels: "
            'give images of 1 or 3, or leave "color" out of its policies.'
        )
    luma = jnp.mean(image, axis=-1, keepdims=True)
    found = jnp.where(colour.luma_flip, -1.0, 1.0) * (luma + colour.brightness)
    if image.shape[-1] == 3:
        chroma = image - luma
        across = jnp.roll(chroma, 1, axis=-1) - jnp.roll(chroma, -1, axis=-1)
        across /= math.sqrt(3)
        turned = jnp.cos(colour.hue) * chroma + jnp.sin(colour.hue) * across
        found += colour.saturation * turned
    found = (colour.contrast * found).astype(image.dtype)
    return jnp.where(colour.drawn, found, image)

"""Crops and flips of the images of a pair, for the compiled step."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jaxgen.data.sources import Source
from jaxgen.errors import InputError
from jaxgen.typing import Array, PRNGKeyArray

__all__ = ["centre", "check", "crop_and_flip"]


def crop_and_flip(
    key: PRNGKeyArray,
    images: Sequence[Array],
    sizes: Sequence[int | None],
    *,
    flip: bool,
) -> list[Array]:
    """Crops single images at one place, drawn at random, and flips all or none.

    Args:
        key: The key is consumed.
        images: Shape (height, width, channels) each, one scene in whole multiples of
            the smallest size, whose pixels decide the places there are.
        sizes: Side of the crop of each, in the same multiples; None for no crop.
        flip: Flip left to right in half of the cases.
    """
    place, side = jax.random.split(key)
    smallest = min(range(len(images)), key=lambda index: images[index].shape[0])
    height, width, _ = images[smallest].shape
    made = list(images)
    least = sizes[smallest]
    if least is not None:
        room = jnp.array([height - least + 1, width - least + 1])
        top, left = jax.random.randint(place, (2,), 0, room)
        for index, image in enumerate(images):
            scale = image.shape[0] // height
            made[index] = jax.lax.dynamic_slice(
                image,
                (scale * top, scale * left, 0),
                (scale * least, scale * least, image.shape[-1]),
            )
    if flip:
        turned = jax.random.bernoulli(side)
        made = [jnp.where(turned, image[:, ::-1], image) for image in made]
    return made


def centre(images: Array, size: int | None) -> Array:
    """Crops the centre of images (n, height, width, channels); None for no crop."""
    if size is None:
        return images
    top, left = ((side - size) // 2 for side in images.shape[1:3])
    return images[:, top : top + size, left : left + size]


def check(source: Source, size: int) -> None:
    """Refuses a crop that does not fit.

    Raises:
        InputError: It is larger than the images.
    """
    height, width, _ = source.image_shape
    if size > min(height, width):
        raise InputError(
            f"The crop of {size}x{size} pixels is larger than the images of "
            f"{source.name!r}, {width}x{height}: give a smaller crop_size, or a "
            f"load_size of at least {size}."
        )

"""Dropout whose masks belong to images, not to the batch they are in."""

import math

import jax
import jax.numpy as jnp

from jaxgen.checks import check_number
from jaxgen.errors import InputError
from jaxgen.random import stream
from jaxgen.typing import Images, RandomKeys

__all__ = ["dropout"]


def dropout(
    hidden: Images, keys: RandomKeys | None, *, name: str, rate: float = 0.5
) -> Images:
    """Sets each number to 0 with probability `rate`, and divides the others by 1 - it.

    Args:
        hidden: Shape (batch, height, width, channels).
        keys: One per image, so that a mask is the same on any number of devices and in
            any batch; without them nothing is dropped.
        name: Of the place in the network; masks of other places are independent.
        rate: What share is dropped.

    Raises:
        InputError: There is not one key per image.
    """
    check_number("rate", rate, least=0, below=1)
    if keys is None:
        return hidden
    if keys.shape != hidden.shape[:1]:
        raise InputError(
            f"Dropout got keys of shape {keys.shape} for {hidden.shape[0]} images: "
            "give one key per image, as jaxgen.random.example_keys makes them."
        )

    def kept(key):
        # Drawn flat, as the same numbers compile several times sooner on CPU.
        size = math.prod(hidden.shape[1:])
        mask = jax.random.bernoulli(stream(key, name), 1 - rate, (size,))
        return mask.reshape(hidden.shape[1:])

    return jnp.where(jax.vmap(kept)(keys), hidden / (1 - rate), 0)

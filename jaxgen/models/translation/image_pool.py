"""A history of generated images that lives on the device.

A critic that is also trained on samples of earlier steps forgets less, and the game
oscillates less.

Shrivastava et al., Learning from Simulated and Unsupervised Images through Adversarial
Training, 2017, section 2.3; Zhu et al., Unpaired Image-to-Image Translation, 2017.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.typing import Array, PRNGKeyArray

__all__ = ["ImagePool", "empty_pool", "exchange"]


class ImagePool(NamedTuple):
    """The images that are kept.

    Attributes:
        images: Shape (size, height, width, channels).
        count: How many of them there are, int32 scalar.
    """

    images: Array
    count: Array


def empty_pool(size: int, like: Array) -> ImagePool:
    """Makes a pool without images.

    Args:
        size: Images it can hold; with 0 every image passes.
        like: A batch of such images.
    """
    shape = (size, *like.shape[1:])
    return ImagePool(jnp.zeros(shape, like.dtype), jnp.zeros((), jnp.int32))


def exchange(
    key: PRNGKeyArray, pool: ImagePool, images: Array, *, axis_name: str | None = None
) -> tuple[ImagePool, Array]:
    """Shows images to a pool, one after the other, and takes as many from it.

    While the pool has room an image is kept, and given back itself. Then each of them
    is, with probability one half, exchanged for a random one of the pool, or else given
    back and not kept.

    Args:
        key: The key of the step, the same on all devices; it is consumed.
        pool: The pool, the same on all devices.
        images: Of this device, shape (batch, height, width, channels).
        axis_name: The mapped axis, whose devices share the pool.

    Returns:
        The new pool, and as many images as were given.
    """
    size = pool.images.shape[0]
    if size == 0:
        return pool, images
    rows, first = images.shape[0], 0
    if axis_name is not None:
        # A sum of what each device puts at its place: shard_map knows of the result
        # that it is the same everywhere, which it does not of an all_gather.
        devices = jax.lax.axis_size(axis_name)
        first = jax.lax.axis_index(axis_name) * rows
        whole = jnp.zeros((rows * devices, *images.shape[1:]), images.dtype)
        whole = jax.lax.dynamic_update_slice_in_dim(whole, images, first, axis=0)
        images = jax.lax.psum(whole, axis_name)
    swap_key, place_key = jax.random.split(key)
    swaps = jax.random.bernoulli(swap_key, 0.5, (images.shape[0],))
    places = jax.random.randint(place_key, (images.shape[0],), 0, size)

    def one(pool: ImagePool, item: tuple[Array, Array, Array]):
        image, swap, place = item
        filling = pool.count < size
        place = jnp.where(filling, pool.count, place)
        old = jax.lax.dynamic_index_in_dim(pool.images, place, keepdims=False)
        kept = jnp.where(filling | swap, image, old)
        taken = jnp.where(swap & ~filling, old, image)
        stored = jax.lax.dynamic_update_index_in_dim(pool.images, kept, place, axis=0)
        return ImagePool(stored, jnp.minimum(pool.count + 1, size)), taken

    pool, taken = jax.lax.scan(one, pool, (images, swaps, places))
    if axis_name is not None:
        taken = jax.lax.dynamic_slice_in_dim(taken, first, rows)
    return pool, taken

"""How a translator is used once it is trained: units, noise, statistics."""

from typing import Any, Literal, NamedTuple, get_args

import jax

from jaxgen import random
from jaxgen.checks import check_choice, check_floats, check_key
from jaxgen.errors import InputError
from jaxgen.typing import (
    Array,
    Network,
    Params,
    PRNGKeyArray,
    PyTree,
    RandomKeys,
)

Statistics = Literal["image", "batch", "running"]


class Noise(NamedTuple):
    """What a translator does when it is used, not trained.

    Attributes:
        dropout: Whether its dropout stays on, which needs a key: the noise z of
            pix2pix. A network without dropout takes no notice.
        statistics: What a batch normalization uses, of the critic too when it is asked:
            the statistics of the "image" alone, as the published code does with its
            batches of one; those of the "batch"; or the "running" ones of training.

    References:
        Isola et al., Image-to-Image Translation with Conditional Adversarial Networks,
        2017, section 3.4.
    """

    dropout: bool = True
    statistics: Statistics = "image"


PUBLISHED_NOISE = Noise()
"""That of pix2pix's code: dropout is on, and each image has statistics of its own."""


def signed(images: Array) -> Array:
    """From [0, 1], where data are, to [-1, 1], where networks are."""
    return 2.0 * images - 1.0


def shown(images: Array) -> Array:
    """From [-1, 1] to [0, 1]."""
    return 0.5 * (images + 1.0)


def translate(
    network: Network,
    net: tuple[Params, PyTree],
    images: Array,
    key: RandomKeys | None,
    noise: Noise,
) -> Array:
    """Returns what a network makes of images when it is used.

    Args:
        network: The network.
        net: Its parameters and statistics.
        images: In [0, 1], shape (batch, height, width, channels).
        key: One for all images or one per image, or None where nothing is drawn.
        noise: What it does.

    Returns:
        Images in [0, 1].

    Raises:
        InputError: The images are none, or the key is none of them.
    """
    check_images("images", images)
    keys = image_keys(key, noise, images.shape[0])
    return shown(translated(network, *net, signed(images), keys, noise))


def translated(
    network: Network,
    params: Params,
    stats: PyTree,
    images: Array,
    keys: RandomKeys | None,
    noise: Noise,
) -> Array:
    """Returns what a network makes of signed images when it is used.

    Args:
        network: The network.
        params: Of it.
        stats: Of it.
        images: In [-1, 1], shape (batch, height, width, channels).
        keys: One per image, or None where nothing is drawn.
        noise: What it does.
    """
    keys = keys if noise.dropout else None
    if noise.statistics != "image":
        train = noise.statistics == "batch"
        return network.apply(params, stats, images, keys=keys, train=train)[0]
    if not jax.tree.leaves(stats):
        return network.apply(params, stats, images, keys=keys)[0]

    def one(item: tuple[Array, PRNGKeyArray | None]) -> Array:
        image, key = item
        own = None if key is None else key[None]
        net = network.apply(params, stats, image[None], keys=own, train=True)
        return net[0][0]

    # One after the other, as a batch of one has no other statistics than its own.
    return jax.lax.map(one, (images, keys))


def image_keys(key: RandomKeys | None, noise: Noise, rows: int) -> RandomKeys | None:
    """Returns one key per image from the caller's one, None where nothing is drawn."""
    if key is None:
        return None
    check_key(key)
    if not noise.dropout:
        return None
    if key.shape not in ((), (rows,)):
        raise InputError(
            f"key has shape {key.shape}, and there are {rows} images: give one key, or "
            "one for each of them."
        )
    return random.example_keys(key, rows) if key.ndim == 0 else key


def check_images(name: str, images: Any) -> None:
    """Refuses arrays that are not images, by shape and type."""
    check_floats(**{name: images})
    if images.ndim != 4:
        raise InputError(
            f"{name} has shape {images.shape}: give (batch, height, width, channels)."
        )


def check_noise(noise: Any) -> None:
    """Refuses what is no `Noise`, and statistics of another name."""
    if not isinstance(noise, Noise):
        raise InputError(
            f"noise={noise!r}: give a models.Noise, as Noise(dropout=False)."
        )
    check_choice("Noise.statistics", noise.statistics, get_args(Statistics))

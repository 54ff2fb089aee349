"""How a trained translator is used: units of images, dropout, statistics."""

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
    Size,
)

__all__ = [
    "PUBLISHED_INFERENCE",
    "InferenceMode",
    "Statistics",
    "check_images",
    "check_inference",
    "to_signed",
    "to_unit",
    "translate",
]

Statistics = Literal["image", "batch", "running"]


class InferenceMode(NamedTuple):
    """Dropout and statistics of a translator that is used, not trained.

    Attributes:
        dropout: Whether its dropout stays on, which needs a key: the noise z of
            pix2pix. A network without dropout ignores it. A module whose dropout
            depends on `train` drops nothing with "running" statistics.
        statistics: What a batch normalization uses, also that of the critic when its
            logits are asked for: the statistics of the "image" alone, as the published
            code does with its batches of one; those of the "batch"; or the "running"
            ones of training.

    References:
        Isola et al., Image-to-Image Translation with Conditional Adversarial Networks,
        2017, section 3.4.
    """

    dropout: bool = True
    statistics: Statistics = "image"


PUBLISHED_INFERENCE = InferenceMode()
"""That of pix2pix's code: dropout is on, and each image has statistics of its own."""


def to_signed(images: Array) -> Array:
    """Converts images from [0, 1], as in the data, to [-1, 1], as in the networks."""
    return 2.0 * images - 1.0


def to_unit(images: Array) -> Array:
    """Converts images from [-1, 1] to [0, 1]."""
    return 0.5 * (images + 1.0)


def translate(
    network: Network,
    net: tuple[Params, PyTree],
    key: RandomKeys | None,
    images: Array,
    inference: InferenceMode,
) -> Array:
    """Translates images by a trained network.

    Args:
        network: The network.
        net: Its parameters and statistics.
        key: One for all images or one per image, or None where nothing is drawn.
        images: In [0, 1], shape (batch, height, width, channels).
        inference: Dropout and statistics.

    Returns:
        Images in [0, 1].

    Raises:
        InputError: The images have another shape or type, or the key has.
    """
    if getattr(key, "ndim", 0) == 4:
        raise InputError(
            "translate was given images in place of its key: call translate(state, "
            "key, images), with None for no key."
        )
    if key is not None:
        check_key(key)
    check_images("images", images)
    keys = _image_keys(key, inference, images.shape[0])
    params, stats = net
    inputs = to_signed(images)
    if inference.statistics != "image":
        train = inference.statistics == "batch"
        outputs, _ = network.apply(params, stats, inputs, keys=keys, train=train)
        return to_unit(outputs)
    if not jax.tree.leaves(stats):
        return to_unit(network.apply(params, stats, inputs, keys=keys)[0])

    def one(item: tuple[Array, PRNGKeyArray | None]) -> Array:
        image, key = item
        own = None if key is None else key[None]
        outputs, _ = network.apply(params, stats, image[None], keys=own, train=True)
        return outputs[0]

    # One after the other, as a batch of one has no other statistics than its own.
    return to_unit(jax.lax.map(one, (inputs, keys)))


def _image_keys(
    key: RandomKeys | None, inference: InferenceMode, rows: Size
) -> RandomKeys | None:
    """Returns one key per image from the caller's one, None where nothing is drawn."""
    if key is None or not inference.dropout:
        return None
    if key.shape not in ((), (rows,)):
        raise InputError(
            f"key has shape {key.shape}, and there are {rows} images: give one key, or "
            "one for each of them."
        )
    return random.example_keys(key, rows) if key.ndim == 0 else key


def check_images(name: str, images: Any) -> None:
    """Raises InputError unless an array has the shape and type of images."""
    check_floats(**{name: images})
    if images.ndim != 4:
        raise InputError(
            f"{name} has shape {images.shape}: give (batch, height, width, channels)."
        )


def check_inference(inference: Any) -> None:
    """Raises InputError unless it is an `InferenceMode` with known statistics."""
    if not isinstance(inference, InferenceMode):
        raise InputError(
            f"inference={inference!r}: give a models.InferenceMode, as "
            "InferenceMode(dropout=False)."
        )
    check_choice("InferenceMode.statistics", inference.statistics, get_args(Statistics))

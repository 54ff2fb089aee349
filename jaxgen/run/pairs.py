"""The data of a run that translates images: pairs, or two sets of images."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from jaxgen import data, random
from jaxgen.checks import check_key
from jaxgen.errors import InputError
from jaxgen.run.options import PairOptions, check_bounds, check_positive
from jaxgen.run.setup import Setup, start, steps_of
from jaxgen.typing import PRNGKeyArray

__all__ = [
    "ENLARGED",
    "load_pairs",
    "pairs_run_name",
    "picture_function",
    "predicts_colour",
    "prepare_pairs",
    "set_name",
    "training_images",
]

ENLARGED = 286 / 256
"""The papers load training images larger than their crops by this factor."""

_MOST_TRAINING_IMAGES = 1000


def prepare_pairs(
    config: Any, *, unpaired: bool = False, load_size: int | None = None
) -> Setup:
    """Checks the options of a run and its data, and loads the data.

    Args:
        config: A dataclass that has the fields of `PairOptions` and `RunOptions`, with
            an `image_size`. If it has `disjoint` and that is true, training images are
            parted from their partners.
        unpaired: Whether a and b are drawn in independent orders in training, be they
            pairs or not.
        load_size: Training images are resized to it and then cropped at random; by
            default 286/256 of `image_size`, as in the papers.

    Raises:
        InputError: An option, the data or the devices cannot be used.
    """
    check_positive(config, "image_size")
    check_bounds(config, "share", above=0, most=1)
    place, key = start(config)
    load_size = load_size or round(ENLARGED * config.image_size)
    train = load_pairs(config, "train", load_size)
    test = load_pairs(config, config.test_split, config.image_size)
    if not (unpaired or train.aligned):
        raise InputError(
            f"The images of {config.data} are no pairs: give a set of pairs, or "
            "train without them by experiments.cyclegan."
        )
    if not unpaired and config.direction is None:
        doubt = data.doubtful_direction(train)
        if doubt is not None:
            raise InputError(f"{doubt[:-1]}, or direction='a_to_b' if it is meant.")
    if config.share < 1:
        train = train.share(config.share, key=random.stream(key, "share"))
    if getattr(config, "disjoint", False):
        train = data.disjoint_halves(train)
    batches, test_batches = (
        data.pair_pipeline(
            pairs,
            batch_size=config.batch_size,
            key=random.stream(key, "data"),
            train=is_train,
            crop_size=config.image_size,
            flip=is_train and config.flip,
            aligned=False if unpaired and is_train else None,
        )
        for pairs, is_train in ((train, True), (test, False))
    )
    steps = steps_of(config, batches)
    return Setup(train, test, batches, test_batches, place, key, steps)


def load_pairs(config: PairOptions, split: Any, size: int) -> data.Pairs:
    """Loads one split of the pairs that the options name.

    Args:
        config: The options.
        split: The split.
        size: Side of the images in pixels.
    """
    more: dict[str, Any] = {
        "split": split,
        "direction": config.direction or "a_to_b",
        "data_dir": config.data_dir,
        "image_size": size,
        "layout": config.layout,
        "channels": config.channels,
    }
    degrade = data.degradation_of(_degradation_word(config))
    if degrade is None or config.data != "emoji":
        return data.load_pairs(config.data, degrade=degrade, **more)
    more["direction"] = "a_to_b"
    drawings = data.load_pairs("emoji", **more).b
    pairs = data.paired(drawings, degrade=degrade)
    return pairs.swapped() if config.direction == "b_to_a" else pairs


def _degradation_word(config: PairOptions) -> str:
    if config.degrade != "auto":
        return config.degrade
    return "low_light" if config.data == "emoji" else "none"


def training_images(config: PairOptions, key: PRNGKeyArray) -> data.PairImages:
    """Reads up to 1000 training images whole, as held-out ones come, not cropped.

    Args:
        config: The options.
        key: The root key of the run, for the share of the images.
    """
    check_key(key)
    pairs = load_pairs(config, "train", config.image_size or 0)
    if config.share < 1:
        pairs = pairs.share(config.share, key=random.stream(key, "share"))
    return data.read_pairs(pairs, _MOST_TRAINING_IMAGES)


def predicts_colour(config: PairOptions) -> bool:
    """Tells whether a is the lightness and b the colour of one image in CIELAB."""
    word = _degradation_word(config)
    lab = word == "colorize" or (config.data == "photos" and word == "none")
    return lab and config.direction != "b_to_a"


def picture_function(
    config: PairOptions,
) -> Callable[[np.ndarray, np.ndarray], np.ndarray] | None:
    """Returns how outputs become pictures where they are colour alone, else None.

    Args:
        config: The options.

    Returns:
        `(inputs, images) -> pictures`, all of bytes.
    """
    if not predicts_colour(config):
        return None

    def show(inputs: np.ndarray, images: np.ndarray) -> np.ndarray:
        colours = data.colour.join_lab(inputs / 255, images / 255)
        return (255 * colours).round().astype(np.uint8)

    return show


def pairs_run_name(config: Any, setup: Setup, *words: str) -> str:
    """Returns the name of a run, made of its data and its options.

    Args:
        config: `PairOptions`, with `remedies`.
        setup: The data.
        words: What comes after the name of the set.
    """
    parts = [re.sub(r"[^\w.-]+", "-", set_name(setup.train.name)).strip("-"), *words]
    parts.append(f"{config.image_size}")
    if config.remedies != "none":
        parts.append(config.remedies)
    if config.share < 1:
        parts.append(f"{100 * config.share:g}percent")
    if config.direction == "b_to_a":
        parts.append("reverse")
    return re.sub("[+/]", "-", "-".join(parts).replace("=", ""))


def set_name(name: str) -> str:
    """Returns what a set of images is called: the last part of a path."""
    return Path(name).resolve().name if Path(name).exists() else name

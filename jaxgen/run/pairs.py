"""The data of a run that translates images: pairs, or two sets of images."""

from typing import Any

from jaxgen import data, random
from jaxgen.errors import InputError
from jaxgen.run.options import PairOptions, check_bounds, check_positive
from jaxgen.run.setup import Setup, start, steps_of
from jaxgen.typing import PRNGKeyArray

__all__ = [
    "ENLARGED",
    "load_pairs",
    "predicts_colour",
    "prepare_pairs",
    "training_images",
]

ENLARGED = 286 / 256
"""The papers load training images larger than their crops by this factor."""

_MOST_TRAINING_IMAGES = 1000


def prepare_pairs(config: Any, *, unpaired: bool = False) -> Setup:
    """Checks the options of a run and its data, and loads the data.

    Args:
        config: A dataclass that has the fields of `PairOptions` and `RunOptions`, with
            an `image_size`. If it has `disjoint` and that is true, training images are
            parted from their partners.
        unpaired: Whether a and b are drawn in independent orders in training, be they
            pairs or not.

    Raises:
        InputError: An option, the data or the devices cannot be used.
    """
    check_positive(config, "image_size", "load_size")
    check_bounds(config, "share", above=0, most=1)
    place, key = start(config)
    load_size = config.load_size or round(ENLARGED * config.image_size)
    if load_size < config.image_size:
        raise InputError(
            f"--image-size is {config.image_size}, a crop that is larger than the "
            f"images, which --load-size makes {load_size}: give at least as much."
        )
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
            resident={"auto": "auto", "device": True, "stream": False}[config.resident],
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
    degrade = data.degradation_of(config.degrade)
    if degrade is None or config.data != "emoji":
        return data.load_pairs(config.data, degrade=degrade, **more)
    more["direction"] = "a_to_b"
    drawings = data.load_pairs("emoji", **more).b
    pairs = data.paired(drawings, degrade=degrade)
    return pairs.swapped() if config.direction == "b_to_a" else pairs


def training_images(config: PairOptions, key: PRNGKeyArray) -> data.PairImages:
    """Reads up to 1000 training images whole, as held-out ones come, not cropped.

    Args:
        config: The options.
        key: The root key of the run, for the share of the images.
    """
    pairs = load_pairs(config, "train", config.image_size or 0)
    if config.share < 1:
        pairs = pairs.share(config.share, key=random.stream(key, "share"))
    return data.read_pairs(pairs, _MOST_TRAINING_IMAGES)


def predicts_colour(config: PairOptions) -> bool:
    """Tells whether a is the lightness and b the colour of one image in CIELAB."""
    lab = config.degrade == "colorize"
    lab |= config.data == "photos" and config.degrade == "none"
    return lab and config.direction != "b_to_a"

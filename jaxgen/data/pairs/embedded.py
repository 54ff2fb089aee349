"""Pairs that need no download: emoji in two styles, and patches of photographs."""

import functools
import json
from importlib import resources

import numpy as np

from jaxgen.data import images, resizing
from jaxgen.data.degradations import lab_colorization
from jaxgen.data.pairs.sets import Pairs, paired
from jaxgen.data.sources import Source, from_arrays
from jaxgen.errors import InputError

__all__ = ["LOADERS", "load_emoji", "load_photos"]

_EMOJI_SIZE = 64


def load_emoji(split: str, *, image_size: int | None = None) -> Pairs:
    """Loads 791 emoji, drawn in the styles of Noto (a) and of Twemoji (b), over white.

    Faces, hands, animals, food and things, 64x64, with their names. What looks nearly
    alike, as the hearts in all colours, lies in one split. Licences: Apache-2.0 and CC
    BY 4.0, see the README beside the files.

    Args:
        split: `train` (633 pairs) or `test` (158).
        image_size: Resize to this height and width.

    Raises:
        InputError: There is no such split, or pillow is missing.
    """
    _check_split("emoji", split)
    columns, a, b = _sheets()
    mask = np.zeros(len(columns["name"]), bool)
    mask[columns["test"]] = True
    chosen = np.flatnonzero(mask if split == "test" else ~mask)
    sides = []
    for array in (a, b):
        array = array[chosen]
        if image_size is not None and image_size != _EMOJI_SIZE:
            array = resizing.resize(array, image_size)
        sides.append(from_arrays(array, name="emoji", split=split))
    names = tuple(columns["name"][index] for index in chosen)
    return Pairs(*sides, aligned=True, name="emoji", split=split, names=names)


@functools.cache
def _sheets() -> tuple[dict, np.ndarray, np.ndarray]:
    folder = resources.files("jaxgen.data.pairs") / "emoji"
    columns = json.loads((folder / "pairs.json").read_text())
    count, across = len(columns["name"]), columns["columns"]
    shape = (-(-count // across) * _EMOJI_SIZE, across * _EMOJI_SIZE, 3)
    styles = []
    for style in ("google", "twitter"):
        file = folder / f"{style}.webp"
        sheet = images.decode(file.read_bytes(), file.name, shape, image_size=None)
        cells = sheet.reshape(-1, _EMOJI_SIZE, across, _EMOJI_SIZE, 3).swapaxes(1, 2)
        styles.append(cells.reshape(-1, _EMOJI_SIZE, _EMOJI_SIZE, 3)[:count])
    return columns, *styles


_PHOTOGRAPHS = {
    "train": ("china.jpg", "flower.jpg", "astronaut", "rocket"),
    "test": ("chelsea", "coffee"),
}
"""scikit-learn's (files with a suffix) and scikit-image's."""

_LEAST_CONTRAST = 12
"""Standard deviation of a patch's grey values: bare sky has nothing to learn."""


def load_photos(split: str, *, image_size: int | None = None) -> Source:
    """Cuts patches out of colour photographs that scikit-learn and scikit-image carry.

    At half their size and at full size; patches of little contrast are left out. They
    overlap in training; in the test, of other photographs, they do not. scikit-learn's
    china and flower are CC BY 2.0 (danielbuechele and vultilion on Flickr),
    scikit-image's astronaut and rocket in the public domain, chelsea and coffee CC0.

    Args:
        split: `train` (china, flower, astronaut, rocket: 725 patches of 64 pixels) or
            `test` (chelsea, coffee: 94).
        image_size: Height and width of the patches, 64 by default, up to 150.

    Raises:
        InputError: There is no such split or no such patch, or a package is missing.
    """
    _check_split("photos", split)
    size = image_size or 64
    if size > 150:
        raise InputError(
            f"The image size {size} is too large for patches of the photographs, the "
            "smallest of which is 451x300 pixels: expected at most 150."
        )
    stride = size // 2 or 1 if split == "train" else size
    patches = []
    for name in _PHOTOGRAPHS[split]:
        photograph = _photograph(name)
        height, width = (side // 2 * 2 for side in photograph.shape[:2])
        half = photograph[:height, :width].reshape(height // 2, 2, width // 2, 2, 3)
        for picture in (half.mean((1, 3)).round().astype(np.uint8), photograph):
            windows = np.lib.stride_tricks.sliding_window_view(
                picture, (size, size), axis=(0, 1)
            )
            windows = windows[::stride, ::stride].reshape(-1, 3, size, size)
            kept = windows[windows.mean(1).std((1, 2)) >= _LEAST_CONTRAST]
            patches.append(np.moveaxis(kept, 1, -1))
    return from_arrays(np.concatenate(patches), name="photos", split=split)


def _photograph(name: str) -> np.ndarray:
    try:
        from skimage import data
        from sklearn import datasets
    except ImportError as error:
        raise InputError(
            "The data set 'photos' comes with scikit-learn and scikit-image, which are "
            f'not installed ({error}): pip install "jaxgen[experiments]".'
        ) from error
    if name.endswith(".jpg"):
        return np.asarray(datasets.load_sample_image(name))
    return np.asarray(getattr(data, name)())


def _load_photo_pairs(split: str, *, image_size: int | None = None) -> Pairs:
    photos = load_photos(split, image_size=image_size)
    return paired(photos, degrade=lab_colorization())


def _check_split(name: str, split: str) -> None:
    if split not in ("train", "test"):
        raise InputError(
            f"The set {name!r} has no split {split!r}: expected 'train' or 'test'."
        )


LOADERS = {"emoji": load_emoji, "photos": _load_photo_pairs}

"""One call for every set of pairs: embedded, folders, TFDS, or made of one set."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args

from jaxgen.checks import check_choice, check_count
from jaxgen.data import loading
from jaxgen.data.degradations import Degradation
from jaxgen.data.pairs import embedded, folders, tfds
from jaxgen.data.pairs.layouts import Layout
from jaxgen.data.pairs.sets import Pairs, paired
from jaxgen.data.sources import Source
from jaxgen.errors import InputError
from jaxgen.typing import Direction

__all__ = ["PairSplit", "load_pairs"]

PairSplit = Literal["train", "test", "val"]


def load_pairs(
    name: str | os.PathLike[str],
    *,
    split: PairSplit = "train",
    direction: Direction = "a_to_b",
    data_dir: str | os.PathLike[str] | None = None,
    image_size: int | None = None,
    layout: Layout = "auto",
    channels: int | None = None,
    degrade: Degradation | Callable[[Any], Any] | None = None,
) -> Pairs:
    """Loads one split of two image sets, of which `a` is translated to `b`.

    Args:
        name: `emoji`, the same things drawn in two styles (a Noto, b Twemoji), or
            `photos`, patches of photographs (a lightness, b colour, unless `degrade`
            says otherwise), which are embedded; the path of a folder (see
            `jaxgen.data.pairs.folders.load_pair_folder`); a set of TensorFlow Datasets
            with splits trainA, trainB, testA and testB, as `cycle_gan/monet2photo`; or,
            with `degrade`, whatever `jaxgen.data.load` knows.
        split: `train`, `test`, or `val` where the set has one.
        direction: `b_to_a` swaps the two: then the set's own b is the `a` of the
            result, what is translated.
        data_dir: Where TensorFlow Datasets has prepared its sets.
        image_size: Resize the images of both so that their short side has this many
            pixels, and crop the centre. Without it all images of one side must have one
            size, and those of the other the same, or a whole multiple of it.
        layout: Of a folder; `auto` looks for what is there.
        channels: Read the images of a folder with 1 or 3 channels, whatever they have;
            otherwise those of one side must be all grey or all of colour.
        degrade: Make pairs of a single set: `b` is an image and `a` what this function
            leaves of it (see `paired`).

    Raises:
        InputError: There is no such set, split or direction, images have no partner,
            differ in size, or cannot be read; or `layout` or `channels` is given where
            no folder of pairs is read. Names and headers are checked at once, pixels
            when they are read.

    Examples:
        >>> pairs = load_pairs("emoji", split="test")
        >>> len(pairs), pairs.aligned, pairs.a.image_shape, pairs.names[0]
        (158, True, (64, 64, 3), 'smile')
    """
    name = os.fspath(name)
    check_choice("split", split, get_args(PairSplit))
    check_choice("direction", direction, get_args(Direction))
    check_choice("layout", layout, get_args(Layout))
    if image_size is not None:
        check_count("image_size", image_size, 1)
    is_single, is_embedded = degrade is not None, name in embedded.LOADERS
    is_folder = Path(name).is_dir() or not tfds.is_known(name, data_dir)
    if is_single or is_embedded or not is_folder:
        _refuse_folder_options(name, is_single, layout=layout, channels=channels)
    if degrade is not None:
        pairs = paired(_single(name, split, data_dir, image_size), degrade=degrade)
    elif is_embedded:
        pairs = embedded.LOADERS[name](split, image_size=image_size)
    elif is_folder:
        if not Path(name).is_dir() and os.sep not in name:
            raise InputError(
                f"The paired set {name!r} is unknown: expected 'emoji', 'photos', "
                "'cycle_gan/...' of TensorFlow Datasets, a folder of pairs, or, with "
                "degrade, a set of single images; check the name."
            )
        pairs = folders.load_pair_folder(
            name, split, layout=layout, image_size=image_size, channels=channels
        )
    else:
        pairs = tfds.load_pair_tfds(
            name, split, data_dir=data_dir, image_size=image_size
        )
    return pairs.swapped() if direction == "b_to_a" else pairs


def _single(
    name: str, split: str, data_dir: str | os.PathLike[str] | None, size: int | None
) -> Source:
    if name == "photos":
        return embedded.load_photos(split, image_size=size)
    if split == "val":
        raise InputError(
            f"The set {name!r} of single images has no split 'val': expected 'train' "
            "or 'test'."
        )
    return loading.load(name, split=split, data_dir=data_dir, image_size=size)  # pyright: ignore[reportArgumentType]


def _refuse_folder_options(name: str, is_single: bool, **options: Any) -> None:
    what = "is a set of single images" if is_single else "is none"
    for option, value in options.items():
        if value not in (None, "auto"):
            raise InputError(
                f"{option}={value!r} is for folders of pairs, and {name!r} {what}: "
                "leave it out."
            )

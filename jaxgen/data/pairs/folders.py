"""Folders of pairs: A/ and B/, trainA/ and trainB/, or two images side by side."""

import os
from collections.abc import Sequence
from pathlib import Path

from jaxgen.data.pairs import files as pair_files
from jaxgen.data.pairs import layouts
from jaxgen.data.pairs.files import Kind
from jaxgen.data.pairs.layouts import Layout
from jaxgen.data.pairs.sets import Pairs, scale_between
from jaxgen.errors import InputError

__all__ = ["load_pair_folder"]


def load_pair_folder(
    folder: str | os.PathLike[str],
    split: str,
    *,
    layout: Layout = "auto",
    image_size: int | None = None,
    channels: int | None = None,
) -> Pairs:
    """Loads one split of a folder of pairs.

    Aligned: `A/` and `B/` hold files of the same names (suffixes may differ); below
    `train/`, `test/` and `val/`, or with these below them, or without: then every tenth
    pair is for the test. Unpaired: `trainA/`, `trainB/`, `testA/`, `testB/`, as in the
    sets of CycleGAN. Side by side: `train/`, `test/` and `val/`, or the folder itself,
    hold images whose left half is a and right half b, as in the sets of pix2pix.

    Images may have 8 bits, grey or colour, or be grey of 16 bits (PNG, TIFF, PGM), of
    at most `jaxgen.data.images.MOST_PIXELS` pixels; or they are `.npy` arrays
    (height, width) or (height, width, channels), one an image: uint8, uint16, or
    floating point in [0, 1], with any number of channels.

    Args:
        folder: The folder.
        split: `train`, `test` or `val`.
        layout: `aligned`, `unpaired` or `side_by_side`; `auto` takes trainA/ and
            trainB/ for unpaired, A/ and B/ for aligned, and images without either for
            side by side, if they are half as wide again as high. Given, it reads
            trainA/ and trainB/ as aligned, or A/ and B/ as unpaired.
        image_size: Resize so that the short side has this many pixels and crop the
            centre (of side by side images, of each half).
        channels: Read image files of 8 bits with 1 or 3 channels, whatever they have.

    Raises:
        InputError: The folder, the split or the layout is not there; a file has no
            partner, cannot be read, or differs from the others of its side in size,
            channels or bits; or the sizes of a pair do not fit. Headers are checked at
            once, pixels when they are read.
    """
    folder = Path(folder)
    if not folder.is_dir():
        what = "is no folder" if os.path.lexists(folder) else "does not exist"
        raise InputError(
            f"The folder {folder} {what}: expected a folder of pairs; check the path."
        )
    if channels not in (None, 1, 3):
        raise InputError(f"channels={channels}: expected 1 or 3, or None.")
    found = layouts.find(folder, split, layout)
    first = pair_files.read_kinds(found.a, channels=channels)
    if found.b is None:
        # Both halves come from one file.
        _check_halves(found.a, first, sure=layout == "side_by_side")
        parts = [(found.a, first, side) for side in (0, 1)]
    else:
        second = pair_files.read_kinds(found.b, channels=channels)
        parts = [(found.a, first, None), (found.b, second, None)]
        if found.aligned and image_size is None:
            _check_sizes(found.a, first, found.b, second)
    a, b = (
        pair_files.source(
            files,
            kinds,
            side=side,
            name=str(folder),
            split=split,
            image_size=image_size,
        )
        for files, kinds, side in parts
    )
    names = tuple(path.stem for path in found.a)
    pairs = Pairs(
        a, b, aligned=found.aligned, name=str(folder), split=split, names=names
    )
    if found.aligned:
        scale_between(pairs)
    return pairs


def _check_halves(files: Sequence[Path], kinds: Sequence[Kind], *, sure: bool) -> None:
    for path, kind in zip(files, kinds, strict=True):
        if kind.width % 2:
            raise InputError(
                f"The image {path} is {kind.width}x{kind.height} pixels: expected an "
                "even width, the left half a and the right half b; mend it, or put a "
                "and b into folders A and B."
            )
        if not sure and 2 * kind.width < 3 * kind.height:
            raise InputError(
                f"The image {path} is {kind.width}x{kind.height} pixels and looks like "
                "a single one: expected two side by side; put a and b into folders A "
                "and B, or give layout='side_by_side' if it holds both."
            )


def _check_sizes(
    a: Sequence[Path], first: Sequence[Kind], b: Sequence[Path], second: Sequence[Kind]
) -> None:
    """Names the first pair whose sizes differ by another factor than those before."""

    def ratio(one: Kind, other: Kind) -> tuple[float, float]:
        return one.height / other.height, one.width / other.width

    for path, own, partner, other in zip(a, first, b, second, strict=True):
        if ratio(own, other) != ratio(first[0], second[0]):
            raise InputError(
                f"The images {path} ({own.width}x{own.height}) and {partner} "
                f"({other.width}x{other.height}) of a pair differ in size: expected "
                f"the factor between {a[0].name} and its partner in all pairs; give "
                "image_size to resize all of them."
            )

"""The files of a folder of pairs: what their headers say, and their pixels."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxgen.data import images, resizing
from jaxgen.data.sources import Source, whole_numbers
from jaxgen.errors import InputError

__all__ = ["SUFFIXES", "Kind", "read_kinds", "source"]

SUFFIXES = images.SUFFIXES | {".npy"}

_THREADS = 4


class Kind(NamedTuple):
    """What the header of a file says."""

    height: int
    width: int
    channels: int
    deep: bool
    """16 bits."""


def read_kinds(files: Sequence[Path], *, channels: int | None) -> list[Kind]:
    """Reads the headers of files.

    Args:
        files: The files.
        channels: What to read image files with, or None for their own.

    Raises:
        InputError: One of them is no readable image.
    """

    def one(path: Path) -> Kind:
        if path.suffix.lower() == ".npy":
            array = images.open_array(path)
            return Kind(*array.shape, deep=array.dtype != np.uint8)
        header = images.read_header(path, str(path), deep=True)
        own = 1 if header.grey else 3
        # 16 bits are grey here, whatever was asked for.
        own = own if header.deep else channels or own
        return Kind(header.height, header.width, own, header.deep)

    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(one, files))


def source(
    files: Sequence[Path],
    kinds: Sequence[Kind],
    *,
    side: int | None,
    name: str,
    split: str,
    image_size: int | None,
) -> Source:
    """Makes the source of one side of the pairs.

    Args:
        files: One an example.
        kinds: What `read_kinds` says of them.
        side: 0 or 1 where an image is the left or right half of its file, or None.
        name: Of the set.
        split: Of the set.
        image_size: Resize so that the short side has this many pixels and crop the
            centre, or None: all must have one size.

    Raises:
        InputError: The files differ in channels, bits or size.
    """
    kind = _common(files, kinds, sizes=image_size is None)
    height, width = kind.height, kind.width // (1 if side is None else 2)
    if image_size is not None:
        height = width = image_size
    shape = (height, width, kind.channels)

    def one(index: int) -> np.ndarray:
        path = files[index]
        if side is None:
            return _read(path, shape, kind, image_size)
        # The whole file in its own size, of which one half is taken.
        own = kinds[index]
        half = own.width // 2
        whole = _read(path, (own.height, own.width, kind.channels), kind, None)
        pixels = whole[:, side * half : (side + 1) * half]
        if image_size is not None:
            pixels = resizing.resize(pixels[None], image_size)[0]
        return pixels

    def read(indices: np.ndarray) -> dict[str, np.ndarray]:
        return {"image": np.stack([one(index) for index in indices.tolist()])}

    return Source(
        name=name,
        split=split,
        num_examples=len(files),
        image_shape=shape,
        class_names=None,
        read=read,
        dtype=np.dtype(np.uint16 if kind.deep else np.uint8),
    )


def _common(files: Sequence[Path], kinds: Sequence[Kind], *, sizes: bool) -> Kind:
    """Returns the kind that all files are of; `sizes` says whether of one size too."""
    # Where grey and colour are mixed, the grey ones are what is amiss.
    most = max(kinds, key=lambda kind: kind.channels)
    where = files[kinds.index(most)]
    for path, kind in zip(files, kinds, strict=True):
        if kind.channels != most.channels:
            number = f"{kind.channels} channels" if kind.channels > 1 else "one channel"
            raise InputError(
                f"The image {path} has {number} and {where} has {most.channels}: "
                "expected as many in all images of a side; convert it, take it out, or "
                "give channels=3 (or 1) to read all alike."
            )
        if kind.deep != kinds[0].deep:
            bits = 16 if kind.deep else 8
            raise InputError(
                f"The image {path} has {bits} bits and {files[0]} has "
                f"{24 - bits}: expected as many in all images of a side; convert it, "
                "or take it out."
            )
        if sizes:
            images.check_size(
                str(path), (kind.height, kind.width), (kinds[0].height, kinds[0].width)
            )
    return kinds[0]


def _read(
    path: Path, shape: tuple[int, int, int], kind: Kind, image_size: int | None
) -> np.ndarray:
    if path.suffix.lower() == ".npy":
        pixels = whole_numbers(images.open_array(path), str(path))
        if image_size is not None:
            pixels = resizing.resize(pixels[None], image_size)[0]
        images.check_size(str(path), pixels.shape[:2], shape[:2])
        return pixels
    decode = images.decode_deep if kind.deep else images.decode
    return decode(path, str(path), shape, image_size=image_size)

"""Folders of images, read file by file."""

import os
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxgen.data import images
from jaxgen.data.sources import Source
from jaxgen.errors import InputError

__all__ = ["held_out", "load_folder", "scan"]

_THREADS = 4


class _Files(NamedTuple):
    """The images of a folder in their order, and the class folder of each."""

    paths: list[Path]
    classes: list[str] | None


def load_folder(
    folder: str | Path, split: str, *, image_size: int | None = None
) -> Source:
    """Loads a folder of images: its own, or those of one subfolder per class.

    The folder may hold `train` and `test` subfolders laid out so. Otherwise every
    tenth image in the order of the names (the last one, where there are fewer than
    ten) is for the test, the others for training. Images are sorted by name, classes
    too; hidden files, files without the suffix of an image and what is no regular file
    are passed over.

    Images have 8 bits a channel and at most `jaxgen.data.images.MOST_PIXELS` pixels. If
    all are grey there is one channel, otherwise three (RGB).

    Args:
        folder: The folder.
        split: `train` or `test`.
        image_size: Resize so that the short side has this many pixels and crop the
            centre. Without it all images must have the size of the first.

    Raises:
        InputError: The folder is missing or empty, an image is damaged or has another
            size, or there is no such split. The headers of all images are checked at
            once, pixels when they are read.
    """
    folder = Path(folder)
    files, class_names = _list_split(folder, split)
    with ThreadPoolExecutor(_THREADS) as pool:
        headers = list(pool.map(images.read_header, files.paths, map(str, files.paths)))
    channels = 1 if all(header.grey for header in headers) else 3
    if image_size is not None:
        image_shape = (image_size, image_size, channels)
    else:
        first = (headers[0].height, headers[0].width)
        for path, header in zip(files.paths, headers, strict=True):
            images.check_size(str(path), (header.height, header.width), first)
        image_shape = (*first, channels)
    label = None
    if files.classes is not None and class_names is not None:
        number = {name: index for index, name in enumerate(class_names)}
        label = np.array([number[name] for name in files.classes], np.int32)

    def read(indices: np.ndarray) -> dict[str, np.ndarray]:
        def one(index: int) -> np.ndarray:
            path = files.paths[index]
            return images.decode(path, str(path), image_shape, image_size=image_size)

        examples = {"image": np.stack([one(index) for index in indices.tolist()])}
        return examples if label is None else examples | {"label": label[indices]}

    return Source(
        name=str(folder),
        split=split,
        num_examples=len(files.paths),
        image_shape=image_shape,
        class_names=class_names,
        read=read,
    )


def _list_split(folder: Path, split: str) -> tuple[_Files, tuple[str, ...] | None]:
    """Finds the images of a split, and the classes over both splits."""
    if not folder.is_dir():
        what = "is no folder" if os.path.lexists(folder) else "does not exist"
        raise InputError(
            f"The folder {folder} {what}: expected a folder of images; check the path."
        )
    own = {name: folder / name for name in ("train", "test")}
    if any(path.is_dir() for path in own.values()):
        if not own[split].is_dir():
            raise InputError(
                f"The folder {folder} has no subfolder {split!r} beside the other "
                "split: add it, or give the images without train and test subfolders."
            )
        found = {
            name: _list_images(path) for name, path in own.items() if path.is_dir()
        }
        files = found[split]
        names = {name for part in found.values() for name in part.classes or ()}
    else:
        everything = _list_images(folder)
        names = set(everything.classes or ())
        files = _hold_out(folder, everything, split)
    return files, tuple(sorted(names)) if files.classes is not None else None


def _hold_out(folder: Path, files: _Files, split: str) -> _Files:
    count = len(files.paths)
    if count < 2:
        raise InputError(
            f"The folder {folder} holds a single image: expected at least 2, one for "
            "training and one for the test."
        )
    chosen = held_out(count, split)
    classes = files.classes
    return _Files(
        [files.paths[index] for index in chosen],
        None if classes is None else [classes[index] for index in chosen],
    )


def held_out(count: int, split: str) -> list[int]:
    """Lists which of a folder's images, in their order, belong to a split."""
    test = set(range(9, count, 10)) or {count - 1}
    return [index for index in range(count) if (index in test) == (split == "test")]


def _list_images(folder: Path) -> _Files:
    """Lists the images in the folder itself, or those in its class subfolders."""
    own, subfolders = scan(folder)
    by_class = {path.name: _walk(path) for path in subfolders}
    by_class = {name: paths for name, paths in by_class.items() if paths}
    if own and by_class:
        raise InputError(
            f"The folder {folder} holds images beside subfolders of images "
            f"({', '.join(sorted(by_class))}): expected either images, or one "
            "subfolder per class; move one of them away."
        )
    if {"trainA", "trainB"} <= by_class.keys():
        raise InputError(
            f"The folder {folder} holds two domains for translation (trainA, trainB), "
            "not classes: give one of its subfolders."
        )
    if own:
        return _Files(own, None)
    paths = [path for name in sorted(by_class) for path in by_class[name]]
    if not paths:
        raise InputError(
            f"The folder {folder} holds no images: expected files ending in "
            f"{', '.join(sorted(images.SUFFIXES))}, or one subfolder of them per class."
        )
    return _Files(paths, [name for name in sorted(by_class) for _ in by_class[name]])


def scan(
    folder: Path, suffixes: Collection[str] = images.SUFFIXES
) -> tuple[list[Path], list[Path]]:
    """Returns the images and the subfolders of a folder, sorted by name.

    Named pipes, sockets, devices and links to nothing are passed over.
    """
    own, subfolders = [], []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                path = Path(entry.path)
                if os.path.isdir(path):
                    subfolders.append(path)
                elif path.suffix.lower() in suffixes and os.path.isfile(path):
                    own.append(path)
    except OSError as error:
        raise InputError(
            f"The folder {folder} cannot be read ({error.strerror}): expected a "
            "folder that you may list; check its permissions."
        ) from error
    return sorted(own), sorted(subfolders)


def _walk(folder: Path) -> Sequence[Path]:
    """Lists the images below a class folder, at any depth."""
    return sorted(
        Path(parent) / name
        for parent, folders, names in os.walk(folder)
        for name in names
        if not name.startswith(".")
        and Path(name).suffix.lower() in images.SUFFIXES
        and os.path.isfile(os.path.join(parent, name))
    )

"""Where the files of pairs lie in a folder, and which belong together."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from jaxgen.data.folders import held_out, scan
from jaxgen.data.pairs.files import SUFFIXES
from jaxgen.errors import InputError

__all__ = ["Found", "Layout", "find"]

Layout = Literal["auto", "aligned", "unpaired", "side_by_side"]

_SPLITS = ("train", "val", "test")


class Found(NamedTuple):
    """The files of a split, in their order.

    Attributes:
        a: Files of the inputs.
        b: Files of the outputs; None where each file holds both, side by side.
        aligned: Whether file i of `a` belongs to file i of `b`.
    """

    a: list[Path]
    b: list[Path] | None
    aligned: bool


def find(folder: Path, split: str, layout: Layout) -> Found:
    """Finds the files of a split; see `load_pair_folder` for what is looked for.

    Raises:
        InputError: There is nothing of the kind, or a file has no partner.
    """
    sides = None if layout == "side_by_side" else _two_folders(folder, split)
    if sides is None:
        if layout in ("aligned", "unpaired"):
            raise _no_layout(folder, split, layout)
        return Found(_side_by_side(folder, split), None, True)
    a, b = (scan(path, SUFFIXES)[0] for path in sides)
    for path, files in zip(sides, (a, b), strict=True):
        if not files:
            raise InputError(
                f"The folder {path} holds no images: expected files ending in "
                f"{', '.join(sorted(SUFFIXES))}."
            )
    aligned = layout == "aligned"
    if layout == "auto":
        aligned = sides[0].name != f"{split}A"
    if aligned:
        a, b = _partners(a, b)
    if sides == (folder / "A", folder / "B"):
        a, b = (_hold_out(files, folder, split) for files in (a, b))
    return Found(a, b, aligned)


def _two_folders(folder: Path, split: str) -> tuple[Path, Path] | None:
    """Finds the folders of the two sides, or says which of them is missing."""

    def places(split: str) -> list[tuple[Path, Path]]:
        return [
            (folder / split / "A", folder / split / "B"),
            (folder / "A" / split, folder / "B" / split),
            (folder / f"{split}A", folder / f"{split}B"),
        ]

    def is_there(pair: tuple[Path, Path]) -> bool:
        return any(path.is_dir() for path in pair)

    has_splits = any(is_there(pair) for own in _SPLITS for pair in places(own))
    known = places(split) if has_splits else [(folder / "A", folder / "B")]
    found = [pair for pair in known if is_there(pair)]
    if not found:
        if has_splits:
            raise _no_split(folder, split)
        return None
    for there, missing in (found[0], found[0][::-1]):
        if not missing.is_dir():
            raise InputError(
                f"The folder {there} is there and {missing} is not: expected both "
                "sides of the pairs; add it."
            )
    return found[0]


def _partners(a: list[Path], b: list[Path]) -> tuple[list[Path], list[Path]]:
    """Puts both sides in one order, by the names of the files without suffix."""
    by_name: list[dict[str, Path]] = []
    for files in (a, b):
        named: dict[str, Path] = {}
        for path in files:
            if path.stem in named:
                raise InputError(
                    f"The images {named[path.stem]} and {path.name} have one name: "
                    "expected one image of a name on each side; take one of them out."
                )
            named[path.stem] = path
        by_name.append(named)
    first, second = by_name
    for own, other, files in ((first, second, b), (second, first, a)):
        alone = sorted(own.keys() - other.keys())
        if alone:
            more = f" ({len(alone)} images have none)" if len(alone) > 1 else ""
            raise InputError(
                f"{files[0].parent} has no partner of {own[alone[0]]}{more}: expected "
                f"the same names on both sides, which hold {len(a)} images A and "
                f"{len(b)} images B; add it, or give layout='unpaired' where they do "
                "not belong together."
            )
    names = sorted(first)
    return [first[name] for name in names], [second[name] for name in names]


def _side_by_side(folder: Path, split: str) -> list[Path]:
    own = {name: folder / name for name in _SPLITS if (folder / name).is_dir()}
    if own and split not in own:
        raise _no_split(folder, split)
    files, _ = scan(own.get(split, folder), SUFFIXES)
    if not files:
        raise _no_layout(folder, split, "auto")
    return files if own else _hold_out(files, folder, split)


def _hold_out(files: Sequence[Path], folder: Path, split: str) -> list[Path]:
    """Splits a folder that has no splits: every tenth is for the test."""
    if split == "val":
        raise _no_split(folder, split)
    if len(files) < 2:
        raise InputError(
            f"The folder {files[0].parent} holds a single image: expected at least 2, "
            "one for training and one for the test."
        )
    return [files[index] for index in held_out(len(files), split)]


def _no_split(folder: Path, split: str) -> InputError:
    return InputError(
        f"The folder {folder} has no split {split!r}: expected {split}/A and "
        f"{split}/B, A/{split} and B/{split}, {split}A and {split}B, or {split}/ with "
        "images side by side; give another split, or add it."
    )


def _no_layout(folder: Path, split: str, layout: str) -> InputError:
    wanted = "" if layout == "auto" else f" of the layout {layout!r}"
    return InputError(
        f"The folder {folder} holds no pairs{wanted}: expected folders A and B, "
        f"{split}A and {split}B, or images side by side, in it or in its subfolder "
        f"{split}; check the path and layout."
    )

"""Figures as files: `figures/NAME.json` has the words, `figures/NAME.npz` the arrays.

A file names one of the kinds listed here and the values of its fields. What it names is
looked up in that list and nowhere else, the types of all fields are those that the
kind declares, and nothing is evaluated or unpickled.
"""

import dataclasses
import json
import math
import re
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from jaxgen import files
from jaxgen.errors import InputError
from jaxgen.report import kinds
from jaxgen.run_files import read_arrays, read_object, shown

__all__ = ["KINDS", "check_own", "read_figures", "write_figures"]

KINDS: Mapping[str, type[kinds.FigureSpec]] = {
    "Bars": kinds.Bars,
    "Curves": kinds.Curves,
    "Dots": kinds.Dots,
    "HeatMap": kinds.HeatMap,
    "ImageTable": kinds.ImageTable,
    "Movie": kinds.Movie,
    "Scatter": kinds.Scatter,
}
"""The kinds that a file may name."""

_FORMAT = 1
_NAME = re.compile(r"[a-z][a-z0-9_]{0,79}")
_CURE = "write the figures of the run again, or delete both files to leave it out"


def write_figures(folder: Path, figures: Mapping[str, kinds.FigureSpec]) -> None:
    """Writes all figures of a run, which replace those that were written before.

    Args:
        folder: The run's folder.
        figures: By name, in the order of the page; a name is of small letters, digits
            and underscores.

    Raises:
        InputError: A name cannot be that of a file, or a figure is of no kind listed in
            `KINDS`.
    """
    for name, figure in figures.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise InputError(
                f"A figure cannot have the name {shown(name)}: give one of at most 80 "
                "small letters, digits and underscores that begins with a letter."
            )
        if KINDS.get(type(figure).__name__) is not type(figure):
            raise InputError(
                f"The figure {name!r} is {shown(figure)}; one of the kinds "
                f"{', '.join(KINDS)} was expected."
            )
    place = Path(folder) / "figures"
    check_own(place)
    for old in place.glob("*.json"):
        if old.stem not in figures:
            for ending in (".json", ".npz", ".png", ".svg"):
                old.with_suffix(ending).unlink(missing_ok=True)
    for number, (name, figure) in enumerate(figures.items()):
        arrays: dict[str, np.ndarray] = {}
        content = {
            "format": _FORMAT,
            "kind": type(figure).__name__,
            "place": number,
            "figure": _written(figure, "", arrays),
        }
        try:
            text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
        except ValueError as error:
            raise InputError(
                f"The figure {name!r} holds a number that is not finite: {error}."
            ) from error
        # The words last: a reader takes what they name.
        files.write_npz(place / f"{name}.npz", **arrays)
        files.write_whole(place / f"{name}.json", text.encode())


def check_own(place: Path) -> None:
    """Raises an InputError where the folder of figures is a link out of the run."""
    if place.is_symlink():
        raise InputError(
            f"{place} is a link to another folder: put a folder in its place."
        )


def read_figures(folder: Path) -> dict[str, kinds.FigureSpec]:
    """Reads the figures of a run, whoever wrote them.

    Args:
        folder: The run's folder.

    Returns:
        The figures by name, in the order of the page; none where none were written.

    Raises:
        InputError: A file is damaged, or its arrays do not belong together.
    """
    found = []
    for path in sorted((Path(folder) / "figures").glob("*.json")):
        if not _NAME.fullmatch(path.stem):
            raise InputError(f"{path} has no name of a figure: {_CURE}.")
        content = read_object(path, cure=_CURE)
        try:
            found.append((_place(content), path.stem, _read(path, content)))
        except InputError as error:
            if str(path) in str(error) or str(path.with_suffix(".npz")) in str(error):
                raise
            raise InputError(
                f"{path} is damaged: {error} {_CURE.capitalize()}."
            ) from error
    return {name: figure for _, name, figure in sorted(found, key=lambda one: one[0])}


def _written(value: Any, path: str, arrays: dict[str, np.ndarray]) -> Any:
    """A value as JSON has it; arrays are put aside under the name of their place."""
    if isinstance(value, np.ndarray):
        arrays[path] = value
        return path
    if dataclasses.is_dataclass(value):
        return {
            field.name: _written(
                getattr(value, field.name), _below(path, field.name), arrays
            )
            for field in dataclasses.fields(value)
        }
    if isinstance(value, Mapping):
        return {
            key: _written(item, _below(path, str(number)), arrays)
            for number, (key, item) in enumerate(value.items())
        }
    if isinstance(value, tuple | list):
        return [
            _written(item, _below(path, str(number)), arrays)
            for number, item in enumerate(value)
        ]
    return value.item() if isinstance(value, np.generic) else value


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _place(content: Mapping[str, Any]) -> int:
    place = content.get("place")
    if type(place) is not int:
        raise InputError(f"its place is {shown(place)}; a whole number was expected.")
    return place


def _read(path: Path, content: Mapping[str, Any]) -> kinds.FigureSpec:
    kind = content.get("kind")
    if content.get("format") != _FORMAT or not isinstance(kind, str):
        raise InputError(
            f"its format is {shown(content.get('format'))} and its kind "
            f"{shown(kind)}; format {_FORMAT} and a kind were expected."
        )
    if kind not in KINDS:
        raise InputError(f"its kind is {shown(kind)}; {', '.join(KINDS)} are known.")
    arrays = read_arrays(path.with_suffix(".npz"))
    taken: set[str] = set()
    figure = _parsed(KINDS[kind], content.get("figure"), "figure", arrays, taken)
    if taken != set(arrays):
        raise InputError(
            f"it names the arrays {sorted(taken)}, and beside it are {sorted(arrays)}."
        )
    return figure


def _parsed(
    hint: Any, value: Any, path: str, arrays: Mapping[str, np.ndarray], taken: set[str]
) -> Any:
    """A value of JSON as the type that a field declares."""

    def refuse(wanted: str) -> InputError:
        return InputError(f"{path} is {shown(value)}; {wanted} was expected.")

    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        if value is None and type(None) in inner:
            return None
        (hint,) = [one for one in inner if one is not type(None)]
        return _parsed(hint, value, path, arrays, taken)
    if origin is Literal:
        if not isinstance(value, str) or value not in inner:
            raise refuse(f"one of {inner}")
        return value
    if hint is np.ndarray:
        if not isinstance(value, str) or value not in arrays or value in taken:
            raise refuse("the name of an array of its own")
        taken.add(value)
        return arrays[value]
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, dict):
            raise refuse("an object")
        return {
            key: _parsed(inner[1], item, f"{path}.{key}", arrays, taken)
            for key, item in value.items()
        }
    if origin is tuple:
        several = inner[-1] is Ellipsis
        if not isinstance(value, list) or not (several or len(value) == len(inner)):
            raise refuse("a list" if several else f"a list of {len(inner)}")
        own = [inner[0]] * len(value) if several else inner
        return tuple(
            _parsed(one, item, f"{path}.{number}", arrays, taken)
            for number, (one, item) in enumerate(zip(own, value, strict=True))
        )
    if dataclasses.is_dataclass(hint):
        return _parsed_object(typing.cast(type, hint), value, path, arrays, taken)
    if hint is float:
        if type(value) not in (int, float) or not math.isfinite(value):
            raise refuse("a number")
        return value
    if type(value) is not hint:
        raise refuse(
            {str: "a text", bool: "true or false", int: "a whole number"}[hint]
        )
    return value


def _parsed_object(
    kind: type,
    value: Any,
    path: str,
    arrays: Mapping[str, np.ndarray],
    taken: set[str],
) -> Any:
    fields = [field.name for field in dataclasses.fields(kind)]
    if not isinstance(value, dict) or set(value) != set(fields):
        raise InputError(
            f"{path} is {shown(value)}; an object with {', '.join(fields)} was "
            "expected."
        )
    hints = typing.get_type_hints(kind)
    return kind(
        **{
            name: _parsed(hints[name], value[name], f"{path}.{name}", arrays, taken)
            for name in fields
        }
    )

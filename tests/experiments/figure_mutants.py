"""Figures of a run with one thing wrong, and what tells that it is.

A mutant has two arrays swapped, half of an array, two names of a mapping exchanged, or
words of two figures exchanged. It is caught by the checks of its kind, or since it
differs from what a test computes anew from the model of the run.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from jaxgen.errors import InputError
from jaxgen.report import FigureSpec

Figures = Mapping[str, FigureSpec]
Path = tuple[str, ...]
"""Where something is in a figure: fields of dataclasses and names in mappings."""

WORDS = ("title", "caption", "alt")


class Expected(NamedTuple):
    """What a figure is to show.

    Attributes:
        title: Its title.
        phrases: What caption and alternative text say, numbers included.
        content: Fields that hold arrays or numbers, nested as in the figure.
    """

    title: str
    phrases: tuple[str, ...]
    content: Mapping[str, Any]


class Mutant(NamedTuple):
    """A change of the figures of a run.

    Attributes:
        what: What is wrong, in words.
        make: Makes the figures with it; raises InputError where a kind refuses them.
    """

    what: str
    make: Callable[[], Figures]


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yields arrays, numbers and texts of a figure with their places."""
    for name, item in _items(value):
        if _items(item):
            yield from leaves(item, (*path, name))
        else:
            yield (*path, name), item


def mappings(value: Any, path: Path = ()) -> Iterator[tuple[Path, Mapping]]:
    """Yields the mappings of a figure that have two names or more."""
    if isinstance(value, Mapping) and len(value) > 1:
        yield path, value
    for name, item in _items(value):
        yield from mappings(item, (*path, name))


def put(value: Any, path: Path, new: Any) -> Any:
    """Returns a copy with something else at a place."""
    if not path:
        return new
    first, *rest = path
    changed = put(dict(_items(value))[first], tuple(rest), new)
    if isinstance(value, Mapping):
        return {**value, first: changed}
    return dataclasses.replace(value, **{first: changed})


def _items(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, Mapping):
        return list(value.items())
    if dataclasses.is_dataclass(value):
        return [(f.name, getattr(value, f.name)) for f in dataclasses.fields(value)]
    return []


def differences(figures: Figures, expected: Mapping[str, Expected]) -> list[str]:
    """Returns what figures show otherwise than expected, and what words say."""
    found = [f"figures: {list(figures)}"] if set(figures) != set(expected) else []
    for name in set(figures).intersection(expected):
        figure, wanted = figures[name], expected[name]
        said = f"{figure.caption} {figure.alt}"
        if figure.title != wanted.title:
            found.append(f"{name}: title {figure.title!r}")
        found += [f"{name}: not said {p!r}" for p in wanted.phrases if p not in said]
        shown = {p: v for p, v in leaves(figure) if isinstance(v, np.ndarray | float)}
        told = dict(leaves(wanted.content))
        for path in sorted({*shown, *told}):
            if path not in shown or path not in told:
                found.append(f"{name}: {path} is not in both")
            elif not _alike(shown[path], told[path]):
                found.append(f"{name}: {path} differs")
    return found


def _alike(one: Any, other: Any) -> bool:
    one, other = np.asarray(one), np.asarray(other)
    if one.shape != other.shape:
        return False
    apart = np.abs(one.astype(float) - other.astype(float))
    if one.dtype == np.uint8:  # another compilation may round a few grey values by one
        return apart.max() <= 1 and apart.mean() < 0.01
    return bool((apart <= 1e-4 * (1 + np.abs(other))).all())


def mutants(figures: Figures, number: int, seed: int = 0) -> list[Mutant]:
    """Returns different mutants, a quarter of them of each sort.

    Args:
        figures: Of a run.
        number: How many; fewer are returned of a sort that has no more.
        seed: Of their choice.
    """
    rng = np.random.default_rng(seed)
    arrays = [
        (name, path, value)
        for name, figure in figures.items()
        for path, value in leaves(figure)
        if isinstance(value, np.ndarray) and value.ndim
    ]
    sorts = [
        [
            _swap(figures, one, other)
            for place, one in enumerate(arrays)
            for other in arrays[:place]
            if one[2].shape == other[2].shape and one[2].dtype == other[2].dtype
            if not np.array_equal(one[2], other[2])
        ],
        [_halve(figures, one) for one in arrays if len(one[2]) > 1],
        [
            _exchange(figures, name, path, mapping, names)
            for name, figure in figures.items()
            for path, mapping in mappings(figure)
            for names in _pairs(list(mapping))
        ],
        [
            _exchange_words(figures, pair, word)
            for pair in _pairs(list(figures))
            for word in WORDS
        ],
    ]
    chosen = []
    for place, sort in enumerate(sorts):
        share = number // 4 + (place < number % 4)
        order = rng.permutation(len(sort))[:share]
        chosen += [sort[index] for index in order]
    return chosen


def _pairs(names: list[str]) -> Iterator[tuple[str, str]]:
    return ((a, b) for place, a in enumerate(names) for b in names[:place])


def _swap(figures: Figures, one: tuple, other: tuple) -> Mutant:
    def make() -> Figures:
        changed = put(figures, (one[0], *one[1]), other[2])
        return put(changed, (other[0], *other[1]), one[2])

    return Mutant(f"arrays of {one[:2]} and {other[:2]} swapped", make)


def _halve(figures: Figures, one: tuple) -> Mutant:
    name, path, value = one
    half = value[: len(value) // 2]
    return Mutant(
        f"second half of {one[:2]} dropped", lambda: put(figures, (name, *path), half)
    )


def _exchange(figures, name: str, path: Path, mapping: Mapping, names) -> Mutant:
    one, other = names
    turned = {one: other, other: one}
    renamed = {turned.get(key, key): value for key, value in mapping.items()}
    return Mutant(
        f"{one!r} and {other!r} of {name} {path} exchanged",
        lambda: put(figures, (name, *path), renamed),
    )


def _exchange_words(figures: Figures, pair: tuple[str, str], word: str) -> Mutant:
    one, other = pair

    def make() -> Figures:
        changed = put(figures, (one, word), getattr(figures[other], word))
        return put(changed, (other, word), getattr(figures[one], word))

    return Mutant(f"{word} of {one} and {other} exchanged", make)


def caught_by(mutant: Mutant, expected: Mapping[str, Expected]) -> str:
    """Returns what catches a mutant: the sentence of its kind, or a difference."""
    try:
        found = differences(mutant.make(), expected)
    except InputError as error:
        return str(error)
    return found[0] if found else ""

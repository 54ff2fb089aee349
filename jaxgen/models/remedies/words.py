"""Remedies by the words of a command line.

A word is a name, with its number behind it or after an equals sign: `pac2`, `unroll5`,
`noise=0.3`; `r1` and `r2` want the sign, as in `r1=10`. Several are joined by a plus:
`r1=0.1+r2=0.1`.
"""

import inspect
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from jaxgen.errors import InputError
from jaxgen.models.remedies.inputs import instance_noise, minibatch_deviation, pac
from jaxgen.models.remedies.mode_seeking import mode_seeking
from jaxgen.models.remedies.optimizers import unroll
from jaxgen.models.remedies.path_length import path_length
from jaxgen.models.remedies.penalties import (
    dragan,
    gradient_penalty,
    lecam,
    r1,
    r2,
    weight_clipping,
)
from jaxgen.models.remedies.remedy import Remedy

__all__ = ["WORDS", "from_words", "words_label"]


class _Choice(NamedTuple):
    """A remedy that a name stands for.

    Attributes:
        make: `(number, steps) -> Remedy`.
        points: Its number for points in the plane, where the word gives none.
        images: Likewise for images.
        label: For figures and tables, with a place for the number.
    """

    make: Callable[[float, int | None], Remedy]
    points: float
    images: float
    label: str


_CHOICES: dict[str, _Choice] = {
    "pac": _Choice(lambda n, _: pac(_whole("pac", n)), 2, 2, "pac({})"),
    "unroll": _Choice(lambda n, _: unroll(_whole("unroll", n)), 5, 5, "unroll({})"),
    "noise": _Choice(
        lambda n, steps: instance_noise(n, steps=steps), 0.3, 0.1, "noise {}"
    ),
    "std": _Choice(
        lambda n, _: minibatch_deviation(_whole("std", n)),
        4,
        4,
        "minibatch std {}",
    ),
    "gp": _Choice(lambda n, _: gradient_penalty(n), 0.1, 10.0, "GP {}"),
    "r1": _Choice(lambda n, _: r1(n), 0.1, 10.0, "R1 {}"),
    "r2": _Choice(lambda n, _: r2(n), 0.1, 10.0, "R2 {}"),
    "dragan": _Choice(lambda n, _: dragan(n), 0.1, 10.0, "DRAGAN {}"),
    "lecam": _Choice(lambda n, _: lecam(n), 0.1, 0.1, "LeCam {}"),
    "path": _Choice(lambda n, _: path_length(n), 2.0, 2.0, "path length {}"),
    "seek": _Choice(lambda n, _: mode_seeking(n), 1.0, 1.0, "mode seeking {}"),
    "clip": _Choice(lambda n, _: weight_clipping(n), 0.1, 0.01, "clip {}"),
}

WORDS = tuple(_CHOICES)
"""Names that `from_words` knows, beside `none`."""


def from_words(
    words: str,
    *,
    images: bool = False,
    steps: int | None = None,
    more: Mapping[str, Callable[..., Remedy]] | None = None,
) -> tuple[Remedy, ...]:
    """Returns the remedies that words name, in their order.

    Args:
        words: As `none`, `pac2`, `noise=0.3`, `r1=0.1+r2=0.1`.
        images: Whether a number that is left out is the usual one for images; by
            default it is that for points in the plane.
        steps: Critic steps over which noise falls to 0; None for noise that stays.
        more: Functions that make further remedies, by name. A function with a parameter
            takes the number of its word, and has a default for it.

    Raises:
        InputError: A word names no remedy, or has a number that its remedy cannot take.

    Examples:
        >>> [remedy.name for remedy in from_words("pac2+r1")]
        ['pac(2)', 'r1']
        >>> from_words("none")
        ()
    """
    makers = more or {}
    found: list[Remedy] = []
    for name, number in _named(words, (*makers, *WORDS)):
        if name in makers:
            found.append(_made(name, makers[name], number))
        else:
            choice = _CHOICES[name]
            found.append(choice.make(_usual(choice, number, images), steps))
    return tuple(found)


def words_label(words: str, *, images: bool = False) -> str:
    """Returns what remedies are called in figures and tables.

    Args:
        words: See `from_words`.
        images: See `from_words`.

    Raises:
        InputError: See `from_words`.

    Examples:
        >>> words_label("r1+r2=1")
        'R1 0.1 + R2 1'
    """
    labels = []
    for name, number in _named(words, WORDS):
        choice = _CHOICES[name]
        labels.append(choice.label.format(f"{_usual(choice, number, images):g}"))
    return " + ".join(labels) or "none"


def _made(name: str, make: Callable[..., Remedy], number: float | None) -> Remedy:
    if number is None:
        return make()
    if not inspect.signature(make).parameters:
        raise InputError(f"The remedy {name!r} takes no number, but has {number:g}.")
    return make(number)


def _usual(choice: _Choice, number: float | None, images: bool) -> float:
    if number is not None:
        return number
    return choice.images if images else choice.points


def _named(words: str, known: tuple[str, ...]) -> list[tuple[str, float | None]]:
    """Returns the name and the number of each word."""
    if words == "none":
        return []
    found = []
    for part in words.split("+"):
        if part == "none":
            raise InputError(
                f"The remedies {words!r} are none and others: leave `none` out of them."
            )
        name, number = _split(part, known)
        if name not in known:
            raise InputError(
                f"There is no remedy {part!r} (in {words!r}): give none or "
                f"{', '.join(known)}, with a number behind it as in pac2 or r1=10, "
                "and several joined by a plus."
            )
        found.append((name, number))
    return found


def _split(part: str, known: tuple[str, ...]) -> tuple[str, float | None]:
    """A name and its number: `r1` is a name, `pac2` is one with a number."""
    if part in known:
        return part, None
    # Else r12 would be an R1 of weight 2.
    match = re.fullmatch(r"((?:r1|r2)(?==)|[a-z_]+)=?(\d*\.?\d+(?:e-?\d+)?)", part)
    return (part, None) if match is None else (match[1], float(match[2]))


def _whole(name: str, number: float) -> int:
    if number != int(number):
        raise InputError(f"The remedy {name}={number:g} takes a whole number.")
    return int(number)

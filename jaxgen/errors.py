"""The errors that a user can mend, told in one sentence and without a traceback."""

import math
from collections.abc import Sequence
from typing import Any

from jax.core import Tracer


class InputError(ValueError):
    """Something the user gave cannot be used.

    The message is one sentence or two: it names the culprit, the value seen, what
    was expected and what to do. Scripts print it and exit with status 2.
    """


def check_number(name: str, value: Any, *, above: float | None = None) -> None:
    """Raises an InputError unless a number is finite and, if asked for, above another.

    A traced number, as those of an ensemble's members, is not looked at.
    """
    if isinstance(value, Tracer):
        return
    number = float(value)
    if not math.isfinite(number):
        raise InputError(f"{name}={number}: give a finite number.")
    if above is not None and not number > above:
        raise InputError(f"{name}={number:g}: give a number above {above:g}.")


def check_count(name: str, value: Any, least: int) -> None:
    """Raises an InputError unless the value is a whole number of at least `least`."""
    if not isinstance(value, int) or value < least:
        raise InputError(
            f"{name} was given {value!r}: give a whole number, {least} or more."
        )


def check_choice(name: str, value: Any, choices: Sequence[Any]) -> None:
    """Raises an InputError unless the value is one of the choices."""
    if value not in choices:
        known = ", ".join(map(repr, choices))
        raise InputError(f"{name}={value!r} is unknown: choose one of {known}.")

"""Checks of arguments. Each raises an `InputError` with the name of the argument.

Dtype, rank, shape and key type are known while JAX traces, so those checks always run.
Values are checked only where an argument is concrete; a traced value passes.
"""

import math
import operator
from collections.abc import Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.errors import InputError
from jaxgen.jax_internals import is_traced

__all__ = [
    "check_choice",
    "check_count",
    "check_counts",
    "check_key",
    "check_number",
]


def check_number(
    name: str,
    value: Any,
    *,
    above: float | None = None,
    least: float | None = None,
    below: float | None = None,
    most: float | None = None,
) -> None:
    """Raises an InputError unless a value is one finite number within the bounds.

    Args:
        name: The argument, as the caller knows it.
        value: A number, or an array of shape (). A traced one passes.
        above: The value must be greater than this.
        least: The value must be this or greater.
        below: The value must be less than this.
        most: The value must be this or less.
    """
    if is_traced(value):
        return
    bounds = [
        f"{word} {bound:g}"
        for word, bound in [
            ("above", above),
            ("of at least", least),
            ("below", below),
            ("of at most", most),
        ]
        if bound is not None
    ]
    number = _as_float(value)
    finite = number is not None and math.isfinite(number)
    inside = (
        number is not None
        and finite
        and (above is None or number > above)
        and (least is None or number >= least)
        and (below is None or number < below)
        and (most is None or number <= most)
    )
    if not inside:
        shown = repr(value) if number is None else f"{number:g}"
        kind = "a number" if finite or number is None else "a finite number"
        wanted = " ".join([kind, " and ".join(bounds)]).rstrip()
        raise InputError(f"{name}={shown}: give {wanted}.")


def check_count(name: str, value: Any, least: int, most: int | None = None) -> None:
    """Raises an InputError unless a value is a whole number within the bounds.

    NumPy's integers are whole numbers; True and 2.0 are not. A traced value passes.

    Args:
        name: The argument, as the caller knows it.
        value: What was given.
        least: The value must be this or greater.
        most: The value must be this or less.
    """
    if is_traced(value):
        return
    number = _as_index(value)
    if number is None or number < least or (most is not None and number > most):
        wanted = f"of at least {least}" if most is None else f"from {least} to {most}"
        shown = value if number is None else number
        raise InputError(f"{name}={shown!r}: give a whole number {wanted}.")


def check_counts(name: str, values: Any, least: int) -> None:
    """Raises an InputError unless values are a sequence of counts; see `check_count`.

    Args:
        name: The argument, as the caller knows it.
        values: What was given. It may be empty.
        least: Each value must be this or greater.
    """
    numbers = (
        [_as_index(value) for value in values] if isinstance(values, Iterable) else None
    )
    if numbers is None or any(n is None or n < least for n in numbers):
        raise InputError(
            f"{name}={values!r}: give a sequence of whole numbers of at least {least}."
        )


def check_choice(name: str, value: Any, choices: Sequence[Any]) -> None:
    """Raises an InputError unless a value is one of the choices."""
    if value not in choices:
        known = ", ".join(map(repr, choices))
        raise InputError(f"{name}={value!r} is unknown: choose one of {known}.")


def check_key(key: Any, *, name: str = "key") -> None:
    """Raises an InputError unless `key` is a typed key of JAX, or an array of them.

    Args:
        key: What was given.
        name: The argument, as the caller knows it.
    """
    if isinstance(key, jax.Array) and jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
        return
    if isinstance(key, jax.Array | np.ndarray):
        shown = f"an array of {key.dtype} of shape {key.shape}"
        if key.dtype == np.uint32:
            shown += " (an old key of jax.random.PRNGKey)"
    else:
        shown = repr(key)
    raise InputError(f"{name} is {shown}: give a typed key, such as jax.random.key(0).")


def _as_index(value: Any) -> int | None:
    # None for what is no whole number: 2.0, True, text.
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def _as_float(value: Any) -> float | None:
    # None for what is no number: text, True, an array of several.
    if isinstance(value, str | bytes | bool | np.bool_):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None

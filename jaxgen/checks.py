"""Checks of arguments. Each raises an `InputError` with the name of the argument.

Dtype, rank, shape and key type are known while JAX traces, so those checks always run.
Values are checked only where an argument is concrete; a traced value passes.
"""

import math
import operator
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.errors import InputError
from jaxgen.jax_internals import is_traced

__all__ = [
    "check_choice",
    "check_count",
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
    wanted = " ".join(["a finite number", " and ".join(bounds)]).rstrip()
    number = _as_float(value)
    inside = (
        number is not None
        and math.isfinite(number)
        and (above is None or number > above)
        and (least is None or number >= least)
        and (below is None or number < below)
        and (most is None or number <= most)
    )
    if not inside:
        shown = repr(value) if number is None else f"{number:g}"
        raise InputError(f"{name}={shown}: give {wanted}.")


def check_count(name: str, value: Any, least: int) -> None:
    """Raises an InputError unless a value is a whole number of at least `least`.

    NumPy's integers are whole numbers; True and 2.0 are not.
    """
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or number < least:
        raise InputError(
            f"{name} was given {value!r}: give a whole number, {least} or more."
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


def _as_float(value: Any) -> float | None:
    # None for what is no number: text, True, an array of several.
    if isinstance(value, str | bytes | bool | np.bool_):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None

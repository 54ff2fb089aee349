"""Checks of arguments. Each raises an `InputError` with the name of the argument.

Dtype, rank, shape and key type are known while JAX traces, so those checks always run.
Values are checked only where an argument is concrete; a traced value passes.
"""

import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.errors import InputError
from jaxgen.jax_internals import is_traced
from jaxgen.typing import Network

__all__ = [
    "check_batch",
    "check_choice",
    "check_count",
    "check_counts",
    "check_floats",
    "check_key",
    "check_labels",
    "check_network",
    "check_number",
    "check_shapes",
    "check_unit_interval",
    "examples_of",
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
        shown = repr(value)
        if number is not None and float(f"{number:g}") == number:
            shown = f"{number:g}"
        kind = "a number" if finite or number is None else "a finite number"
        wanted = " ".join([kind, " and ".join(bounds)]).rstrip()
        raise InputError(f"{name}={shown}: give {wanted}.")


def check_count(name: str, value: Any, least: int, most: int | None = None) -> None:
    """Raises an InputError unless a value is a whole number within the bounds.

    NumPy's integers are whole numbers; True and 2.0 are not. A traced value passes, and
    so does a size that `jax.export` leaves open.

    Args:
        name: The argument, as the caller knows it.
        value: What was given.
        least: The value must be this or greater.
        most: The value must be this or less.
    """
    if is_traced(value):
        return
    number = _as_index(value)
    if number is None and _is_open_size(value):
        return
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
    known = (
        [_as_index(value) for value in values if not is_traced(value)]
        if isinstance(values, Iterable)
        else [None]
    )
    if any(number is None or number < least for number in known):
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


def check_floats(**arrays: Any) -> None:
    """Raises an InputError unless all are arrays of floating numbers.

    Args:
        arrays: What was given, by the names of the arguments.
    """
    for name, array in arrays.items():
        dtype = getattr(array, "dtype", None)
        if dtype is None:
            kind = type(array).__name__
            raise InputError(f"{name} is a {kind}: give an array of floating numbers.")
        if not jnp.issubdtype(dtype, jnp.floating):
            cure = "; divide bytes by 255" if dtype == np.uint8 else ""
            raise InputError(f"{name} has dtype {dtype}: give floating numbers{cure}.")


def check_shapes(axes: Sequence[str], *, cure: str = "", **arrays: Any) -> None:
    """Raises an InputError unless all are floating arrays of one shape and the rank.

    Broadcasting would hide a difference: (n, 1) with (n,) makes (n, n).

    Args:
        axes: The names of the axes; "..." as the last stands for any number of them.
        cure: How to get that shape, where it is known.
        arrays: What was given, by the names of the arguments.
    """
    check_floats(**arrays)
    shapes = [array.shape for array in arrays.values()]
    rank = len(shapes[0])
    fits = rank >= len(axes) - 1 if "..." in axes else rank == len(axes)
    if not fits or len(set(shapes)) > 1:
        given = " and ".join(
            f"{name} has shape {shape}"
            for name, shape in zip(arrays, shapes, strict=True)
        )
        wanted = f"({', '.join(axes)}{',' if len(axes) == 1 else ''})"
        raise InputError(f"{given}: give one shape, {wanted}{cure and f'; {cure}'}.")


def check_unit_interval(name: str, array: Any) -> None:
    """Raises an InputError unless an array is floating and its values in [0, 1].

    What is outside by 0.001 counts as rounding.

    Args:
        name: The argument, as the caller knows it.
        array: An array. The values of a traced one are not checked.
    """
    check_floats(**{name: array})
    if is_traced(array) or not array.size:
        return
    # Concrete even while something else is traced.
    with jax.ensure_compile_time_eval():
        low, high = float(array.min()), float(array.max())
    if math.isnan(low):
        raise InputError(f"{name} holds NaN: give numbers in [0, 1].")
    if low < -0.001 or high > 1.001:
        raise InputError(
            f"{name} has values from {low:g} to {high:g}: scale them to [0, 1], by "
            "x / 255 from bytes or (x + 1) / 2 from [-1, 1]."
        )


def check_labels(name: str, labels: Any, rows: int, num_classes: int) -> None:
    """Raises an InputError unless labels are class numbers of shape (rows,).

    Args:
        name: The argument, as the caller knows it.
        labels: Whole numbers. The values of a traced array are not checked.
        rows: The number of examples.
        num_classes: The number of classes.
    """
    numbers = f"whole numbers, 0 to {num_classes - 1}"
    if not hasattr(labels, "dtype"):
        kind = type(labels).__name__
        raise InputError(f"{name} is a {kind}: give an array of {numbers}.")
    if not jnp.issubdtype(labels.dtype, jnp.integer):
        raise InputError(f"{name} has dtype {labels.dtype}: give {numbers}.")
    if labels.shape != (rows,):
        raise InputError(
            f"{name} has shape {labels.shape}: give one for each example, shape "
            f"({rows},)."
        )
    if is_traced(labels) or not rows:
        return
    with jax.ensure_compile_time_eval():
        low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= num_classes:
        raise InputError(
            f"{name} has the value {low if low < 0 else high}, and there are "
            f"{num_classes} classes: give {numbers}."
        )


def check_batch(batch: Any, *names: str) -> None:
    """Raises an InputError unless a batch is a dict that holds floating arrays.

    Args:
        batch: What was given.
        names: Of the arrays that are needed, such as "image".
    """
    if not isinstance(batch, Mapping) or any(name not in batch for name in names):
        needed = ", ".join(f"{name!r}: images" for name in names)
        raise InputError(f"{_given(batch)} {{{needed}}}.")
    check_floats(**{f"batch[{name!r}]": batch[name] for name in names})


def examples_of(batch: Any) -> Any:
    """Returns the examples of a batch: its "data", or its "image".

    Raises:
        InputError: The batch is no dict, holds neither, or they are not floating.
    """
    for name in ("data", "image"):
        if isinstance(batch, Mapping) and name in batch:
            check_batch(batch, name)
            return batch[name]
    raise InputError(
        f"{_given(batch)} {{'image': images}}, or {{'data': samples}} of another kind."
    )


def check_network(name: str, network: Any, example: str) -> None:
    """Raises InputError unless `network` is a Network, as `example` makes one."""
    if not isinstance(network, Network):
        raise InputError(
            f"{name} is a {type(network).__name__}: give a Network, as "
            f"networks.{example}() makes it, or networks.pure(module) of a module."
        )


def _given(batch: Any) -> str:
    """Returns the first words of a refusal: what a batch is, up to "give"."""
    if isinstance(batch, Mapping):
        found = ", ".join(map(repr, sorted(batch))) or "nothing"
        return f"The batch holds {found}: give"
    kind = f"a {type(batch).__name__}"
    if hasattr(batch, "dtype"):
        kind = f"an array of {batch.dtype} of shape {batch.shape}"
    return f"batch is {kind}: give a dict,"


def _is_open_size(value: Any) -> bool:
    from jax import export

    return export.is_symbolic_dim(value)


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
    if isinstance(value, str | bytes) or np.asarray(value).dtype == np.bool_:
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None

"""The parts of JAX that are used here and that its compatibility policy does not cover.

Nothing else in jaxgen imports `jax.core`, `jax.extend` or `jax.interpreters`, so a new
JAX release can break this file only. See
https://docs.jax.dev/en/latest/api_compatibility.html.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.extend.core
import jax.extend.random
from jax.core import Tracer
from jax.interpreters import partial_eval

__all__ = [
    "THREEFRY",
    "define_random_bits",
    "evaluate_jaxpr",
    "inputs_used",
    "is_literal",
    "is_traced",
]

THREEFRY: Any = jax.extend.random.threefry_prng_impl
"""JAX's own threefry generator: `seed`, `split`, `random_bits` and `fold_in`."""

define_random_bits: Callable[..., Any] = jax.extend.random.define_prng_impl
"""Registers a random number generator; see `jax.extend.random.define_prng_impl`."""


def is_traced(value: Any) -> bool:
    """Whether a value is known only when a compiled program runs."""
    return isinstance(value, Tracer)


def is_literal(atom: Any) -> bool:
    """Whether an input of a jaxpr's equation is a constant, not a variable."""
    return isinstance(atom, jax.extend.core.Literal)


def evaluate_jaxpr(closed: Any, *arguments: Any) -> Any:
    """Returns the single output of `jax.make_jaxpr(function)(...)` at the arguments."""
    (output,) = jax.extend.core.jaxpr_as_fun(closed)(*arguments)
    return output


def inputs_used(jaxpr: Any, outputs: Sequence[bool]) -> list[bool]:
    """Returns for each input of a jaxpr whether the selected outputs depend on it.

    Args:
        jaxpr: From `jax.make_jaxpr(function)(*arguments).jaxpr`.
        outputs: For each output, whether it is selected.
    """
    return partial_eval.dce_jaxpr(jaxpr, list(outputs))[1]

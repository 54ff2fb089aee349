"""Whether the outputs of a function depend on an input, found in its jaxpr."""

from collections.abc import Callable
from typing import Any

import jax

from jaxgen.jax_internals import is_literal

__all__ = ["depends_on"]


def depends_on(function: Callable[[Any], Any], argument: Any) -> bool:
    """Returns whether the outputs of a function may depend on its argument.

    Nothing is computed: the jaxpr of the function is searched. An inner function counts
    as one operation, whose outputs depend on all of its inputs. So True may be wrong,
    False never is.

    Args:
        function: Any that can be traced; what it closes over is no input.
        argument: A pytree of arrays, or of their shapes.
    """
    jaxpr = jax.make_jaxpr(function)(argument).jaxpr
    reached = set(jaxpr.invars)

    def is_reached(one: Any) -> bool:
        return not is_literal(one) and one in reached

    for step in jaxpr.eqns:
        if any(map(is_reached, step.invars)):
            reached.update(step.outvars)
    return any(map(is_reached, jaxpr.outvars))

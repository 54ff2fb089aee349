"""What depends on what, found without calculating anything."""

from collections.abc import Callable
from typing import Any

import jax

from jaxgen.jax_internals import is_literal


def depends(function: Callable[[Any], Any], argument: Any) -> bool:
    """Whether what a function returns may depend on its argument.

    A called function counts as one step, whose results depend on all it is given: so
    the answer may be a needless yes, but no wrong no.

    Args:
        function: Any that can be traced; what it closes over does not count.
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

"""Means of a model's terms over a data set, no example left out or counted twice."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.training.guard import reading_data
from jaxgen.training.parallel import Placement, steps_that_fit
from jaxgen.typing import Array, Data, Model, PRNGKeyArray, PyTree

__all__ = ["STEPS_PER_CALL", "compile_evaluation"]

STEPS_PER_CALL = 64


def compile_evaluation(
    model: Model, data: Data, place: Placement
) -> Callable[[Any, PRNGKeyArray], dict[str, Array]]:
    """Compiles `(state, key) -> mean of every term over the data set`.

    The same key draws the same random numbers for the same examples, so that curves
    compare. The result stays on the device.
    """
    rows = place.rows(data.batch_size)
    resident = place.put_replicated(data.resident)

    def sums(
        state: Any, key: PRNGKeyArray, resident: PyTree, items: PyTree, steps: Array
    ) -> dict[str, Array]:
        def one(_: None, item_and_step: tuple[PyTree, Array]) -> tuple[None, Any]:
            item, step = item_and_step
            batch = data.batch(resident, item, step)
            terms = model.evaluate(state, jax.random.fold_in(key, step), batch)
            terms = {name: batch["weight"] * value for name, value in terms.items()}
            return None, jax.tree.map(jnp.sum, terms | {"weight": batch["weight"]})

        return jax.tree.map(jnp.sum, jax.lax.scan(one, None, (items, steps))[1])

    compiled = jax.jit(sums, out_shardings=place.replicated)
    with reading_data():
        fit = steps_that_fit(data, rows)
    length = min(STEPS_PER_CALL, fit)
    calls = [
        (first, min(first + length, data.steps_per_epoch))
        for first in range(0, data.steps_per_epoch, length)
    ]
    # Indices are put on the device once; a stream of images is read again each time.
    small = data.steps_per_epoch <= fit

    def items(first: int, last: int) -> PyTree:
        with reading_data():
            feed = data.feed(first, last - first, rows)
        return place.put_split(feed)

    kept = [items(*call) for call in calls] if small else None

    def evaluate(state: Any, key: PRNGKeyArray) -> dict[str, Array]:
        totals: dict[str, Array] = {}
        for number, (first, last) in enumerate(calls):
            feed = items(first, last) if kept is None else kept[number]
            part = compiled(
                state, key, resident, feed, np.arange(first, last, dtype=np.int32)
            )
            totals = part if not totals else jax.tree.map(jnp.add, totals, part)
        weight = totals.pop("weight")
        return {name: total / weight for name, total in totals.items()}

    return evaluate

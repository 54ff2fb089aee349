"""Means of a model's terms over a data set, no example left out or counted twice."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.checks import check_key
from jaxgen.training.guard import reading_data
from jaxgen.training.parallel import Placement, steps_that_fit
from jaxgen.typing import Array, Batch, Data, Model, PRNGKeyArray, PyTree

__all__ = [
    "STEPS_PER_CALL",
    "compile_evaluation",
    "iterate_batches",
    "per_example_terms",
]

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


def iterate_batches(data: Data) -> Iterator[Batch]:
    """Yields the batches of one pass over a data set, as a compiled step sees them."""
    make = jax.jit(data.batch)
    for step in range(data.steps_per_epoch):
        with reading_data():
            item = jax.tree.map(lambda leaf: leaf[0], data.feed(step, 1))
        yield make(data.resident, item, np.int32(step))


def per_example_terms(
    key: PRNGKeyArray, model: Model, data: Data, state: Any
) -> dict[str, np.ndarray]:
    """Evaluates every example of a data set.

    Args:
        key: It is consumed. Given `random.stream(root, "evaluation")` it draws what the
            records of `fit` were made of, so that the means agree.
        model: The model.
        data: The data set, with weights of 0 for padding.
        state: The state of the model, on one device.

    Returns:
        The terms of `model.evaluate` by name, float, shape (examples,).
    """
    check_key(key)
    evaluate = jax.jit(model.evaluate)
    blocks = []
    for step, batch in enumerate(iterate_batches(data)):
        terms = evaluate(state, jax.random.fold_in(key, step), batch)
        kept = np.asarray(batch["weight"]) > 0
        blocks.append({name: np.asarray(v)[kept] for name, v in terms.items()})
    return {name: np.concatenate([b[name] for b in blocks]) for name in blocks[0]}

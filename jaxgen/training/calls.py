"""The compiled steps of one run, and the boundaries of the calls that make them."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxgen.training.guard import reading_data
from jaxgen.training.parallel import Placement, compile_steps, steps_that_fit
from jaxgen.typing import Batch, Data, Metrics, Model, PRNGKeyArray

__all__ = ["Calls"]


class Calls:
    """The compiled steps of one run and the boundaries of its calls; see `fit`."""

    def __init__(
        self,
        model: Model,
        data: Data,
        key: PRNGKeyArray,
        steps: int,
        evaluate_every: int | None,
        steps_per_call: int,
        place: Placement,
    ):
        """Puts the data on the devices."""
        self.model, self.data, self.key, self.place = model, data, key, place
        self.steps = steps
        self.period = evaluate_every or data.steps_per_epoch
        self.rows = place.rows(data.batch_size)
        # Calls of (nearly) one length: the fewest that fill a period.
        with reading_data():
            longest = min(steps_per_call, steps_that_fit(data, self.rows))
        calls = -(-self.period // longest)
        self.length = -(-self.period // calls)
        self.resident = place.put_replicated(data.resident)
        self.compiled = compile_steps(model, data, place)

    def initial(self) -> Any:
        """Returns the state before the first step."""

        def init(key: PRNGKeyArray, resident: Any, items: Any) -> Any:
            item = jax.tree.map(lambda leaf: leaf[0], items)
            return self.model.init(key, self.data.batch(resident, item, jnp.int32(0)))

        items = self.items(0, 1)
        if getattr(self.model, "num_classes", None) is not None:
            # Inside a compiled init the labels have no values that could be checked.
            batch = self.batch(items, 0)
            if all(leaf.is_fully_addressable for leaf in jax.tree.leaves(batch)):
                jax.eval_shape(lambda key: self.model.init(key, batch), self.key)
        init = jax.jit(init, out_shardings=self.place.replicated)
        return init(self.key, self.resident, items)

    def batch(self, items: Any, step: int) -> Batch:
        """Returns the batch of one step, given the feed of that step alone."""
        item = jax.tree.map(lambda leaf: leaf[0], items)
        return jax.jit(self.data.batch)(self.resident, item, jnp.int32(step))

    def items(self, first: int, last: int) -> Any:
        """Returns the feed of steps first ... last - 1, on the devices."""
        with reading_data():
            feed = self.data.feed(first, last - first, self.rows)
        return self.place.put_split(feed)

    def call(self, state: Any, first: int, last: int) -> tuple[Any, Metrics]:
        """Runs steps first ... last - 1; donates the state once the data are read."""
        return self.compiled(state, self.resident, self.items(first, last))

    def is_record(self, step: int) -> bool:
        """Whether a record is written after this many steps."""
        return step % self.period == 0 or step == self.steps

    def end_of_call(self, step: int) -> int:
        """Returns where the call that begins at a step ends.

        It depends on the step alone, so that a resumed run makes the same calls: only
        the same compiled program gives the same bits.
        """
        period, within = divmod(step, self.period)
        end = within - within % self.length + self.length
        return min(period * self.period + min(end, self.period), self.steps)

"""Models that are trained at once, each on pairs of its own.

Shares of a set differ in what is drawn, not in what is computed: one program trains a
model on each of them, and is compiled once instead of once a share.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.models import Ensemble
from jaxgen.typing import (
    Array,
    Batch,
    Data,
    Evaluate,
    Init,
    Metrics,
    PRNGKeyArray,
    PyTree,
    Update,
)


class SideBySide:
    """Batches of several sets in one, as a `jaxgen.typing.Data`.

    Each leaf of a batch gets a leading axis of sets.

    Attributes:
        batch_size: Examples a batch of each set, over all devices.
        num_examples: Examples of the largest set.
        steps_per_epoch: Batches a pass of the largest set.
        resident: Those of all sets.
    """

    def __init__(self, sets: Sequence[Data]):
        """Takes the sets, whose batches have one size."""
        self._sets = tuple(sets)
        self.batch_size = self._sets[0].batch_size
        self.num_examples = max(one.num_examples for one in self._sets)
        self.steps_per_epoch = max(one.steps_per_epoch for one in self._sets)
        self.resident: list[PyTree] = [one.resident for one in self._sets]

    def feed(
        self, first_step: int, num_steps: int, rows: slice = slice(None)
    ) -> PyTree:
        """Returns what each set needs."""
        return [one.feed(first_step, num_steps, rows) for one in self._sets]

    def batch(
        self,
        resident: PyTree,
        item: PyTree,
        step: Array,
        *,
        axis_name: str | None = None,
    ) -> Batch:
        """Makes a batch of each set, and stacks them."""
        made = [
            one.batch(own, its, step, axis_name=axis_name)
            for one, own, its in zip(self._sets, resident, item, strict=True)
        ]
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), *made)


class MembersState(NamedTuple):
    """The states of the ensembles of all sets, stacked.

    Attributes:
        step: Number of updates done, int32 scalar.
        key: The root key, which never changes.
        net: The states, each leaf with a leading axis of sets.
    """

    step: Array
    key: PRNGKeyArray
    net: PyTree


class Members(NamedTuple):
    """The pure functions of ensembles that are trained at once; see `members`.

    Attributes:
        init: `(key, batch) -> MembersState`.
        update: `(state, batch, axis_name=None) -> (MembersState, Metrics)`; the terms
            are means over all members.
        evaluate: `(state, key, batch) -> terms per example`, likewise, of a batch
            without the axis of sets, which all members are given.
    """

    init: Init
    update: Update
    evaluate: Evaluate


def members(ensemble: Ensemble) -> Members:
    """Makes one model of the ensembles of several sets, for batches of `SideBySide`.

    All sets begin with the same parameters, and draw the same numbers.

    Args:
        ensemble: What is trained on each set.
    """

    def init(key: PRNGKeyArray, batch: Batch) -> MembersState:
        net = jax.vmap(lambda own: ensemble.init(key, own))(batch)
        return MembersState(jnp.zeros((), jnp.int32), key, net)

    def update(
        state: MembersState, batch: Batch, axis_name: str | None = None
    ) -> tuple[MembersState, Metrics]:
        def one(net: Any, own: Batch) -> tuple[Any, Metrics]:
            return ensemble.update(net, own, axis_name)

        net, metrics = jax.vmap(one)(state.net, batch)
        return MembersState(state.step + 1, state.key, net), _mean(metrics)

    def evaluate(state: MembersState, key: PRNGKeyArray, batch: Batch) -> Metrics:
        return _mean(
            jax.vmap(lambda net: ensemble.evaluate(net, key, batch))(state.net)
        )

    return Members(init, update, evaluate)


def member_of(state: MembersState, place: int, seed: int) -> Any:
    """Returns the state of one model: that of a seed, on the set at a place."""

    def one(leaf: Array) -> Array:
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            leaf = jax.random.clone(leaf)  # the root key is used again and again
        return leaf[place, seed]

    return jax.tree.map(one, state.net.net)


def _mean(metrics: Metrics) -> Metrics:
    return jax.tree.map(lambda values: jnp.mean(values, axis=0), metrics)

"""Data augmentation in the usual sense: of what a model is trained on, and of it alone.

A generative model learns what it is shown: augmented data. Where that is not wanted,
see `jaxgen.data.transforms` and `jaxgen.data.differentiable`.
"""

from collections.abc import Callable
from typing import Any

import jax

from jaxgen import random
from jaxgen.checks import check_key
from jaxgen.typing import Array, Batch, Data, PRNGKeyArray, PyTree, RandomKeys

__all__ = ["AugmentedData"]


class AugmentedData:
    """Batches of another set, transformed inside the compiled step.

    Attributes:
        batch_size: Examples a batch, over all devices.
        num_examples: Examples in the set.
        steps_per_epoch: Batches a pass.
        resident: That of the other set, and the key that is drawn from.
    """

    def __init__(
        self,
        data: Data,
        function: Callable[[RandomKeys, Array], Array],
        *,
        key: PRNGKeyArray,
    ):
        """Makes the set.

        Args:
            data: Where batches come from; best in training.
            function: `(keys, images) -> images`, with one key per image, as
                `data.transforms.any_of(rotations())`.
            key: The root key of the data.
        """
        check_key(key)
        self._data = data
        self._function = function
        self.batch_size = data.batch_size
        self.num_examples = data.num_examples
        self.steps_per_epoch = data.steps_per_epoch
        stream = random.stream(key, "augment")
        self._key_impl = jax.random.key_impl(stream)
        self.resident: dict[str, Any] = {
            "data": data.resident,
            "augment_key": jax.random.key_data(stream),
        }

    def feed(
        self, first_step: int, num_steps: int, rows: slice = slice(None)
    ) -> PyTree:
        """Returns what the other set needs."""
        return self._data.feed(first_step, num_steps, rows)

    def batch(
        self,
        resident: PyTree,
        item: PyTree,
        step: Array,
        *,
        axis_name: str | None = None,
    ) -> Batch:
        """Makes the other set's batch and transforms its images."""
        batch = self._data.batch(resident["data"], item, step, axis_name=axis_name)
        root = jax.random.wrap_key_data(resident["augment_key"], impl=self._key_impl)
        keys = random.example_keys(
            random.step_key(root, step), batch["image"].shape[0], axis_name=axis_name
        )
        return batch | {"image": self._function(keys, batch["image"])}

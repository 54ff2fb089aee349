"""Which examples a step sees: a function of the key and the step alone."""

import threading

import jax
import numpy as np

from jaxgen import random
from jaxgen.checks import check_count, check_key
from jaxgen.errors import InputError
from jaxgen.typing import PRNGKeyArray

__all__ = ["Order"]


class Order:
    """The order in which a set is visited.

    In training every epoch has its own permutation, and the examples of the last,
    incomplete batch are left out of it. In evaluation the examples come in order and
    the last batch is filled up with the first example, at weight 0.

    Two sets that are visited side by side, and differ in size, have one length in
    evaluation: that of the larger, in which the smaller begins anew.

    Attributes:
        num_examples: Examples in the set.
        batch_size: Examples a batch.
        steps_per_epoch: Batches a pass.
    """

    def __init__(
        self,
        num_examples: int,
        *,
        batch_size: int,
        key: PRNGKeyArray,
        train: bool,
        evaluated: int | None = None,
    ):
        """Makes the order.

        Args:
            num_examples: Examples in the set.
            batch_size: Examples a batch.
            key: The root key of the data.
            train: Whether the order is for training or for evaluation.
            evaluated: Examples a pass of an evaluation, where that is more than the
                set has: it begins anew.

        Raises:
            InputError: The batch size is not positive, or in training larger than
                the set.
        """
        check_key(key)
        check_count("batch_size", batch_size, 1)
        if train and num_examples < batch_size:
            raise InputError(
                f"The batch size {batch_size} exceeds the {num_examples} examples of "
                f"the training set: expected at most {num_examples}; give a smaller "
                "batch_size."
            )
        self._evaluated = evaluated or num_examples
        self.num_examples = num_examples
        self.batch_size = batch_size
        self.steps_per_epoch = (
            num_examples // batch_size if train else -(-self._evaluated // batch_size)
        )
        self._train = train
        self._key = random.stream(key, "order")
        self._epochs: dict[int, np.ndarray] = {}
        # Reading threads ask too.
        self._lock = threading.Lock()

    def indices(self, step: int) -> np.ndarray:
        """Returns the indices of the examples of a step, int32 (batch_size,)."""
        epoch, position = divmod(step, self.steps_per_epoch)
        first = position * self.batch_size
        if self._train:
            return self._permutation(epoch)[first : first + self.batch_size]
        indices = np.arange(first, first + self.batch_size, dtype=np.int32)
        indices = np.where(indices < self._evaluated, indices, 0)
        return (indices % self.num_examples).astype(np.int32)

    def weights(self, step: int) -> np.ndarray:
        """Returns float32 (batch_size,): 1 for an example, 0 for padding."""
        first = (step % self.steps_per_epoch) * self.batch_size
        rows = np.arange(first, first + self.batch_size)
        return (self._train | (rows < self._evaluated)).astype(np.float32)

    def _permutation(self, epoch: int) -> np.ndarray:
        with self._lock:
            if epoch not in self._epochs:
                # Two are kept: reading ahead crosses from one epoch to the next.
                while len(self._epochs) > 1:
                    del self._epochs[min(self._epochs)]
                self._epochs[epoch] = self._draw(epoch)
            return self._epochs[epoch]

    def _draw(self, epoch: int) -> np.ndarray:
        # On the host: jax.random.permutation sorts, 40 ms for 60,000 on a CPU.
        words = np.asarray(jax.random.key_data(jax.random.fold_in(self._key, epoch)))
        # Philox takes 128 bits; every key of jax has 64 or 128.
        bits = sum(int(word) << 32 * place for place, word in enumerate(words.ravel()))
        generator = np.random.Generator(np.random.Philox(key=bits))
        return generator.permutation(self.num_examples).astype(np.int32)

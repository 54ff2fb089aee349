"""From a source to batches: resident on the device, or streamed by Grain."""

import sys
import threading
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen import random
from jaxgen.checks import check_key
from jaxgen.data.augment import binarize as binarize_images
from jaxgen.data.order import Order
from jaxgen.data.sources import Source
from jaxgen.errors import InputError
from jaxgen.typing import Array, Batch, Data, PRNGKeyArray, PyTree

__all__ = ["RESIDENT_BYTES", "DeviceData", "StreamData", "pipeline"]

RESIDENT_BYTES = 2 * 2**30
_THREADS = 4
_AHEAD = 8
"""Batches read ahead."""


def pipeline(
    source: Source,
    *,
    batch_size: int,
    key: PRNGKeyArray,
    train: bool,
    binarize: bool = False,
    resident: Literal["auto"] | bool = "auto",
) -> Data:
    """Makes batches of a source; the batches are the same, resident or streamed.

    Args:
        source: The examples.
        batch_size: Examples a batch, over all devices.
        key: The root key of the data: the order of the examples and what is drawn for
            them come from named streams of it.
        train: In training, every epoch has its own order and leaves out its last
            incomplete batch. In evaluation, the examples come in order, the last
            batch is padded, and batches carry a `weight`, 0 for padding.
        binarize: Draw each pixel from a Bernoulli of its grey value, afresh at every
            visit in training, always alike in evaluation.
        resident: Keep the whole set on the device; "auto" does so below 2 GiB.

    Raises:
        InputError: The batch is larger than the training set, or an image cannot be
            used (when it is read).

    Examples:
        >>> from jaxgen.data import load
        >>> data = pipeline(
        ...     load("digits"), batch_size=100, key=jax.random.key(0), train=True
        ... )
        >>> item = jax.tree.map(lambda leaf: leaf[0], data.feed(0, num_steps=1))
        >>> batch = jax.jit(data.batch)(data.resident, item, 0)
        >>> batch["image"].shape, data.steps_per_epoch
        ((100, 8, 8, 1), 16)
    """
    check_key(key)
    if not isinstance(source, Source):
        raise InputError(
            f"source is a {type(source).__name__}: give a set of images, as "
            "data.load(name) and data.from_arrays(images) make them."
        )
    if resident == "auto":
        resident = source.num_bytes <= RESIDENT_BYTES
    kind = DeviceData if resident else StreamData
    return kind(source, batch_size=batch_size, key=key, train=train, binarize=binarize)


class _Pipeline:
    """What both kinds share: the order, the scale and the draws."""

    def __init__(
        self,
        source: Source,
        *,
        batch_size: int,
        key: PRNGKeyArray,
        train: bool,
        binarize: bool = False,
        order: Order | None = None,
    ):
        """Makes the pipeline; see `pipeline` for the arguments."""
        self._source = source
        self._order = order or Order(
            len(source), batch_size=batch_size, key=key, train=train
        )
        self._train = train
        self._binarize = binarize
        self.batch_size = batch_size
        self.num_examples = len(source)
        self.steps_per_epoch = self._order.steps_per_epoch
        self.resident: dict[str, Any] = {}
        if binarize:
            # As plain bits, and not closed over: another seed needs no new compilation,
            # and no caller has to know how typed keys are copied or sharded.
            stream = random.stream(key, "binarize")
            self._key_impl = jax.random.key_impl(stream)
            self.resident["binarize_key"] = jax.random.key_data(stream)

    def _weights(self, first_step: int, num_steps: int, rows: slice) -> dict[str, Any]:
        if self._train:
            return {}
        steps = range(first_step, first_step + num_steps)
        return {"weight": np.stack([self._order.weights(step)[rows] for step in steps])}

    def _finish(
        self,
        resident: PyTree,
        image: Array,
        rest: Batch,
        step: Array,
        axis_name: str | None,
    ) -> Batch:
        if jnp.issubdtype(image.dtype, jnp.integer):
            # XLA makes a product of a division by a constant, eager jax does not:
            # written so, both give the same bits (and the largest gives 1 exactly).
            scale = np.float32(1 / jnp.iinfo(image.dtype).max)
            image = image.astype(jnp.float32) * scale
        if self._binarize:
            stream = jax.random.wrap_key_data(
                resident["binarize_key"], impl=self._key_impl
            )
            # Every pass of an evaluation draws alike.
            visit = step if self._train else step % self.steps_per_epoch
            key = random.step_key(stream, visit)
            keys = random.example_keys(key, image.shape[0], axis_name=axis_name)
            image = binarize_images(keys, image)
        return {"image": image} | rest


class DeviceData(_Pipeline):
    """A set that lives on the device as bytes; the host feeds indices alone.

    Attributes:
        batch_size: Examples a batch, over all devices.
        num_examples: Examples in the set.
        steps_per_epoch: Batches a pass.
        resident: `image`, as it is stored, and `label` int32 of the whole set.
    """

    def __init__(self, source: Source, **options: Any):
        """Reads the whole source; see `pipeline` for the options."""
        super().__init__(source, **options)
        self.resident |= jax.tree.map(jnp.asarray, source.in_memory())

    def feed(
        self, first_step: int, num_steps: int, rows: slice = slice(None)
    ) -> PyTree:
        """Returns `index` int32 (num_steps, rows), and `weight` in evaluation."""
        steps = range(first_step, first_step + num_steps)
        index = np.stack([self._order.indices(step)[rows] for step in steps])
        return {"index": index} | self._weights(first_step, num_steps, rows)

    def batch(
        self,
        resident: PyTree,
        item: PyTree,
        step: Array,
        *,
        axis_name: str | None = None,
    ) -> Batch:
        """Gathers the examples of one step and scales them to [0, 1]."""
        index = item["index"]
        # The order is in bounds by construction, so no clamping is compiled in.
        image = resident["image"].at[index].get(mode="promise_in_bounds")
        rest = {name: item[name] for name in ("weight",) if name in item}
        if "label" in resident:
            rest["label"] = resident["label"].at[index].get(mode="promise_in_bounds")
        return self._finish(resident, image, rest, step, axis_name)


class StreamData(_Pipeline):
    """A set read while training: Grain's threads read the coming batches ahead.

    Steps asked for in turn are read ahead; any other step may be asked for and starts
    the reading anew from there.

    Attributes:
        batch_size: Examples a batch, over all devices.
        num_examples: Examples in the set.
        steps_per_epoch: Batches a pass.
        resident: Nothing but what a transformation needs.
    """

    def __init__(self, source: Source, **options: Any):
        """Opens the source without reading it; see `pipeline` for the options."""
        super().__init__(source, **options)
        try:
            import grain
        except ImportError as error:
            raise InputError(
                f"The data set {source.name!r} is too large to stay on the device and "
                "is streamed by grain, which is not installed: "
                'pip install "jaxgen[experiments]".'
            ) from error
        self._grain = grain
        self._reader: Any = None
        self._position: tuple[int, slice] | None = None
        self._lock = threading.Lock()

    def feed(
        self, first_step: int, num_steps: int, rows: slice = slice(None)
    ) -> PyTree:
        """Returns `image` and `label` (num_steps, rows, ...), and `weight`.

        Raises:
            InputError: An image is damaged or has another size.
        """
        with self._lock:
            if self._position != (first_step, rows):
                self._seek(first_step, rows)
            try:
                batches = [next(self._reader) for _ in range(num_steps)]
            except BaseException:
                self._position = None
                raise
            self._position = (first_step + num_steps, rows)
        stacked = {name: np.stack([b[name] for b in batches]) for name in batches[0]}
        return stacked | self._weights(first_step, num_steps, rows)

    def batch(
        self,
        resident: PyTree,
        item: PyTree,
        step: Array,
        *,
        axis_name: str | None = None,
    ) -> Batch:
        """Scales the examples of one step to [0, 1]."""
        rest = {name: leaf for name, leaf in item.items() if name != "image"}
        return self._finish(resident, item["image"], rest, step, axis_name)

    def _seek(self, step: int, rows: slice) -> None:
        if self._reader is not None:
            self._reader.close()
        steps = self._grain.MapDataset.source(_Steps(self._source, self._order, rows))
        options = self._grain.ReadOptions(
            num_threads=_THREADS, prefetch_buffer_size=_AHEAD
        )
        self._reader = iter(steps[step:].to_iter_dataset(options))


class _Steps:
    """All the batches of a run as Grain's random access source: one element a batch.

    A batch, not an example, is the unit of Grain's threads: handing over each of 128
    small images costs more than reading it.
    """

    def __init__(self, source: Source, order: Order, rows: slice):
        self._source = source
        self._order = order
        self._rows = rows

    def __len__(self) -> int:
        # A run may be as long as it likes.
        return sys.maxsize

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        return self._source.read(self._order.indices(index)[self._rows])

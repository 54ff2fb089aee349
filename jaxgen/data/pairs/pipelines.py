"""From pairs to batches of `a` and `b`, cropped and flipped inside the step."""

import dataclasses
from collections.abc import Sequence
from functools import partial
from typing import Any, Literal

import jax

from jaxgen import random
from jaxgen.checks import check_count, check_key
from jaxgen.data import resizing
from jaxgen.data.order import Order
from jaxgen.data.pairs import crops as crops_of
from jaxgen.data.pairs.sets import Pairs, scale_between
from jaxgen.data.pipelines import RESIDENT_BYTES, DeviceData, StreamData
from jaxgen.data.sources import Source
from jaxgen.errors import InputError
from jaxgen.typing import Array, Batch, Data, PRNGKeyArray, PyTree

__all__ = ["PairData", "pair_pipeline"]


def pair_pipeline(
    pairs: Pairs,
    *,
    batch_size: int,
    key: PRNGKeyArray,
    train: bool,
    load_size: int | None = None,
    crop_size: int | None = None,
    flip: bool = False,
    aligned: bool | None = None,
    resident: Literal["auto"] | bool = "auto",
) -> Data:
    """Makes batches of pairs: `a` and `b`, float32 (n, height, width, channels).

    pix2pix and CycleGAN train with `load_size=286, crop_size=256, flip=True`: images
    are resized once, when they are read, and cropped anew at every visit.

    Sizes are those of the larger image of a pair; where the other is smaller by a whole
    factor, its size and the place of its crop are smaller by the same.

    Args:
        pairs: The examples.
        batch_size: Examples a batch, over all devices.
        key: The root key of the data: orders, crops and flips come from named streams
            of it.
        train: In training, every epoch has its own order and leaves out its last
            incomplete batch, and crops and flips are drawn at every visit. In
            evaluation, examples come in order, crops are of the centre, nothing is
            flipped, the last batch is padded, and batches carry a `weight`, 0 for
            padding.
        load_size: Resize images so that their short side has this many pixels, and cut
            them to a square.
        crop_size: Side of the square crop.
        flip: Flip half of the images left to right.
        aligned: Whether row i of `a` and of `b` belong together, and are cropped and
            flipped alike; that of the pairs by default. With False, `a` and `b` have
            independent orders, crops and flips, and a pass is one of the larger side.
            In evaluation row i of known pairs still belongs together.
        resident: Keep both sets on the device; "auto" does so below 2 GiB.

    Raises:
        InputError: A crop is larger than the image, or not a multiple of the factor
            between the two sizes; there are no pairs to be aligned; the batch is larger
            than the training set; or an image cannot be used (when it is read: of
            resident sets at once).

    Examples:
        >>> from jaxgen.data import load_pairs
        >>> data = pair_pipeline(
        ...     load_pairs("emoji", image_size=36),
        ...     batch_size=4,
        ...     key=jax.random.key(0),
        ...     train=True,
        ...     crop_size=32,
        ...     flip=True,
        ... )
        >>> item = jax.tree.map(lambda leaf: leaf[0], data.feed(0, num_steps=1))
        >>> batch = jax.jit(data.batch)(data.resident, item, 0)
        >>> batch["a"].shape, batch["b"].shape, data.steps_per_epoch
        ((4, 32, 32, 3), (4, 32, 32, 3), 158)
    """
    check_key(key)
    if aligned is None:
        aligned = pairs.aligned
    if aligned and not pairs.aligned:
        raise InputError(
            f"The pairs {pairs.name!r} are not aligned, and aligned=True was given: "
            "expected a set whose images belong together; train on it unpaired."
        )
    scales = scale_between(pairs) if pairs.aligned else (1, 1)
    for name, size in (("load_size", load_size), ("crop_size", crop_size)):
        if size is not None:
            check_count(name, size, 1)
            if size % max(scales):
                raise InputError(
                    f"{name}={size}: expected a multiple of {max(scales)}, by which "
                    "one image of a pair is larger than the other."
                )
    loads, crops = (
        [None if size is None else size * scale // max(scales) for scale in scales]
        for size in (load_size, crop_size)
    )
    sides = [
        _resized(source, size)
        for source, size in zip((pairs.a, pairs.b), loads, strict=True)
    ]
    for side, size in zip(sides, crops, strict=True):
        if size is not None:
            crops_of.check(side, size)
    if resident == "auto":
        resident = sum(side.num_bytes for side in sides) <= RESIDENT_BYTES
    return PairData(
        *sides,
        batch_size=batch_size,
        key=key,
        train=train,
        aligned=aligned,
        crops=crops,
        flip=flip,
        resident=resident,
    )


class PairData:
    """Batches of `a` and `b` as a `jaxgen.typing.Data`, made of two others.

    Attributes:
        batch_size: Pairs a batch, over all devices.
        num_examples: Pairs in the set; unaligned, images of the larger side.
        steps_per_epoch: Batches a pass.
        resident: Those of the two, and the keys that are drawn from.
    """

    def __init__(
        self,
        a: Source,
        b: Source,
        *,
        batch_size: int,
        key: PRNGKeyArray,
        train: bool,
        aligned: bool,
        crops: Sequence[int | None],
        flip: bool,
        resident: bool,
    ):
        """Opens both sets; see `pair_pipeline` for the arguments."""
        check_key(key)
        self.batch_size = batch_size
        self.num_examples = max(len(a), len(b))
        self._aligned = aligned
        self._crops = crops
        self._flip = flip
        kind = DeviceData if resident else StreamData
        self._sides: dict[str, Any] = {}
        for name, source in (("a", a), ("b", b)):
            order = Order(
                len(source),
                batch_size=batch_size,
                # One order for both, or one for each.
                key=key if aligned or name == "a" else random.stream(key, name),
                train=train,
                evaluated=self.num_examples,
            )
            self._sides[name] = kind(
                source, batch_size=batch_size, key=key, train=train, order=order
            )
        self.steps_per_epoch = max(s.steps_per_epoch for s in self._sides.values())
        self.resident: dict[str, Any] = {
            name: side.resident for name, side in self._sides.items()
        }
        self._draws = train and (flip or None not in crops)
        if self._draws:
            stream = random.stream(key, "crop")
            self._key_impl = jax.random.key_impl(stream)
            # Plain bits, as in `data.pipelines`: another seed, the same program.
            self.resident["crop_key"] = jax.random.key_data(stream)

    def feed(
        self, first_step: int, num_steps: int, rows: slice = slice(None)
    ) -> PyTree:
        """Returns what the two sets need, as `a` and `b`."""
        return {
            name: side.feed(first_step, num_steps, rows)
            for name, side in self._sides.items()
        }

    def batch(
        self,
        resident: PyTree,
        item: PyTree,
        step: Array,
        *,
        axis_name: str | None = None,
    ) -> Batch:
        """Makes one batch: scaled to [0, 1], cropped, flipped."""
        made = {
            name: side.batch(resident[name], item[name], step, axis_name=axis_name)
            for name, side in self._sides.items()
        }
        batch = {name: one["image"] for name, one in made.items()}
        if self._draws:
            root = jax.random.wrap_key_data(resident["crop_key"], impl=self._key_impl)
            batch = self._moved(random.step_key(root, step), batch, axis_name)
        else:
            for (name, image), size in zip(batch.items(), self._crops, strict=True):
                batch[name] = crops_of.centre(image, size)
        if "weight" in made["a"]:
            batch["weight"] = made["a"]["weight"]
        return batch

    def _moved(self, key: PRNGKeyArray, batch: Batch, axis_name: str | None) -> Batch:
        def move(key: PRNGKeyArray, images: Sequence[Array], crops) -> list[Array]:
            keys = random.example_keys(key, images[0].shape[0], axis_name=axis_name)
            each = partial(crops_of.crop_and_flip, sizes=crops, flip=self._flip)
            return jax.vmap(each)(keys, images)

        if self._aligned:
            return dict(
                zip(batch, move(key, list(batch.values()), self._crops), strict=True)
            )
        return {
            name: move(random.stream(key, name), [image], [crop])[0]
            for (name, image), crop in zip(batch.items(), self._crops, strict=True)
        }


def _resized(source: Source, size: int | None) -> Source:
    if size is None or source.image_shape[:2] == (size, size):
        return source

    def read(indices):
        return {"image": resizing.resize(source.read(indices)["image"], size)}

    return dataclasses.replace(
        source,
        image_shape=(size, size, source.image_shape[-1]),
        read=read,
        class_names=None,
        cache_name=source.cache_name and f"{source.cache_name} resized {size}",
    )

"""A source: one split of an image set, read at random as numpy arrays."""

import dataclasses
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import numpy as np

from jaxgen.checks import check_labels
from jaxgen.data import cache
from jaxgen.errors import InputError

__all__ = [
    "Indices",
    "Source",
    "Split",
    "check_indices",
    "concatenate",
    "fixed_binarization",
    "from_arrays",
    "select",
    "whole_numbers",
    "without_labels",
]

Split = Literal["train", "test", "train+test"]
Indices = Sequence[int] | np.ndarray

_CHUNK_BYTES = 2**22
"""Decoded bytes read at once: enough to hide the cost of a call, little memory."""

_MOST_CLASSES = 2**16
"""Where classes have no names: a label of 2**31 would need as many numbers."""

_THREADED_PIXELS = 64 * 64
"""From this size on threads help (twice as fast at 512x256 on 2 cores): decoding, not
Python, takes the time. With MNIST's images they cost 20%."""


@dataclasses.dataclass(frozen=True)
class Source:
    """One split of an image set, with random access to its examples.

    Attributes:
        name: Name of the set.
        split: `train`, `test` or `train+test`.
        num_examples: Number of examples.
        image_shape: (height, width, channels), the same for every image.
        class_names: One name per class, or None where the set has no labels.
        read: `read(indices) -> {"image": (n, height, width, channels), "label": int32
            (n,)}` (the label only in a labelled set). Indices are a range, a list, a
            tuple or an array of at least one integer, where -1 is the last example;
            anything else, such as a slice or a mask, raises an InputError. The function
            that is given here gets them as int64 from 0 on. It may be called from
            several threads at once. Labels without a class name raise an InputError.
        cache_name: A name that changes whenever the decoded examples would, so that
            `in_memory` may keep them on disk, or None where reading is cheap.
        dtype: Of the images: uint8 or uint16; the largest number is white.
    """

    name: str
    split: str
    num_examples: int
    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...] | None
    read: Callable[[Any], dict[str, np.ndarray]] = dataclasses.field(repr=False)
    cache_name: str | None = dataclasses.field(default=None, repr=False)
    dtype: np.dtype = dataclasses.field(default=np.dtype(np.uint8), repr=False)

    def __post_init__(self) -> None:
        """Makes `read` take any sequence of indices, and check the labels it gives."""
        # A copy by `dataclasses.replace` may have another number of examples.
        function = self.read.function if isinstance(self.read, _Read) else self.read
        read = _Read(function, self.name, self.num_examples, self.class_names)
        object.__setattr__(self, "read", read)

    def __len__(self) -> int:
        """Returns the number of examples."""
        return self.num_examples

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        """Returns one example: `image` (height, width, channels) and `label`."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"index {index} of a set of {len(self)} examples")
        example = self.read([index])
        return {name: values[0] for name, values in example.items()}

    @property
    def num_bytes(self) -> int:
        """Bytes of all images, decoded."""
        return self.num_examples * int(np.prod(self.image_shape)) * self.dtype.itemsize

    def in_memory(self) -> dict[str, np.ndarray]:
        """Reads every example.

        Returns:
            `image` (num_examples, height, width, channels), of `dtype`, and, in a
            labelled set, `label` int32 (num_examples,).

        Raises:
            InputError: A file is corrupt or its image has another size.
        """
        if self.cache_name is None:
            return self._read_all()
        expected: dict[str, tuple[int, ...]] = {
            "image": (self.num_examples, *self.image_shape)
        }
        if self.class_names is not None:
            expected["label"] = (self.num_examples,)
        return cache.load_or_compute(self.cache_name, expected, self._read_all)

    def _read_all(self) -> dict[str, np.ndarray]:
        image = np.empty((self.num_examples, *self.image_shape), self.dtype)
        label = np.empty(self.num_examples, np.int32)
        height, width, channels = self.image_shape
        chunk = min(max(_CHUNK_BYTES // (height * width * channels), 1), 512)

        def read(first: int) -> None:
            indices = np.arange(first, min(first + chunk, self.num_examples))
            examples = self.read(indices)
            image[indices] = examples["image"]
            if self.class_names is not None:
                label[indices] = examples["label"]

        threads = 4 if height * width >= _THREADED_PIXELS else 1
        with ThreadPoolExecutor(threads) as pool:
            try:
                for _ in pool.map(read, range(0, self.num_examples, chunk)):
                    pass
            except BaseException:
                # The first damaged image, or Ctrl-C, ends the reading at once.
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return {"image": image} | ({} if self.class_names is None else {"label": label})


@dataclasses.dataclass(frozen=True)
class _Read:
    """Reads examples by indices that are checked first, and checks their labels."""

    function: Callable[[np.ndarray], dict[str, np.ndarray]]
    name: str
    num_examples: int
    class_names: tuple[str, ...] | None

    def __call__(self, indices: Indices) -> dict[str, np.ndarray]:
        indices = check_indices(indices, self.num_examples)
        examples = self.function(indices)
        if self.class_names is not None:
            check_labels(
                f"The label of {self.name!r}",
                examples.get("label"),
                len(indices),
                len(self.class_names),
            )
        return examples


def check_indices(indices: Indices, num_examples: int) -> np.ndarray:
    """Returns indices as int64 from 0 to num_examples - 1, shape (n,).

    Args:
        indices: At least one integer; one below 0 counts from the end.
        num_examples: Of the set.

    Raises:
        InputError: They are no such sequence, or not within the set.
    """
    found = np.asarray(indices)
    if found.ndim != 1 or found.dtype.kind not in "iu" or not len(found):
        raise InputError(
            f"The indices are {indices!r}: expected a range, a list or an array of at "
            "least one integer; of a mask give np.flatnonzero(mask)."
        )
    found = found.astype(np.int64)
    outside = (found < -num_examples) | (found >= num_examples)
    if outside.any():
        raise InputError(
            f"The index {found[outside.argmax()]} is not within a set of "
            f"{num_examples} examples: give -{num_examples} to {num_examples - 1}."
        )
    return np.where(found < 0, found + num_examples, found)


def from_arrays(
    image: np.ndarray,
    label: np.ndarray | None = None,
    *,
    name: str = "arrays",
    split: str = "train",
    class_names: tuple[str, ...] | None = None,
) -> Source:
    """Makes a source of arrays that are already in memory.

    Args:
        image: uint8 or uint16 (num_examples, height, width, channels).
        label: Integers (num_examples,) from 0, if there are labels.
        name: Name of the set.
        split: Name of the split.
        class_names: One name per class; the numbers themselves by default, at most
            65,536 of them.

    Raises:
        InputError: The images are neither uint8 nor uint16 of rank 4, there are none,
            their channels come before height and width, or the labels do not match them
            or `class_names`.
    """
    image = np.asarray(image)
    if image.dtype not in (np.uint8, np.uint16) or image.ndim != 4:
        raise InputError(
            f"The images of {name!r} are {image.dtype} of shape {image.shape}: "
            "expected uint8 or uint16 of shape (examples, height, width, channels)."
        )
    # An image of 1 or 3 rows with more than 4 channels is one with its channels first.
    if image.shape[1] in (1, 3) and min(image.shape[2:]) > 4:
        raise InputError(
            f"The images of {name!r} have shape {image.shape}, with the channels "
            "before height and width: give images.transpose(0, 2, 3, 1)."
        )
    if not len(image):
        raise InputError(f"The set {name!r} holds no examples: expected at least one.")
    arrays = {"image": image}
    if label is not None:
        label = np.asarray(label)
        most = len(class_names) if class_names else _MOST_CLASSES
        check_labels(f"The label of {name!r}", label, len(image), most)
        label = label.astype(np.int32)
        arrays["label"] = label
        class_names = class_names or tuple(map(str, range(label.max() + 1)))
    return Source(
        name=name,
        split=split,
        num_examples=len(image),
        image_shape=(image.shape[1], image.shape[2], image.shape[3]),
        class_names=None if label is None else class_names,
        read=lambda indices: {key: array[indices] for key, array in arrays.items()},
        dtype=image.dtype,
    )


def whole_numbers(array: np.ndarray, name: str) -> np.ndarray:
    """Returns floating point in [0, 1] as uint16, to 1/65535, and whole numbers as is.

    Args:
        array: Of any shape.
        name: What to call it in an error.

    Raises:
        InputError: There is nothing, or something outside of [0, 1].
    """
    if not np.issubdtype(array.dtype, np.floating):
        return np.array(array)
    if not (array.size and array.min() >= 0 and array.max() <= 1):
        span = f"from {array.min()} to {array.max()}" if array.size else "missing"
        raise InputError(
            f"The values of {name} are {span}: expected floating point in [0, 1] "
            "without NaN, or uint8 or uint16; scale them."
        )
    return np.round(array * np.float64(65535)).astype(np.uint16)


def without_labels(source: Source) -> Source:
    """Leaves the labels out, which then need not be of any class."""
    if source.class_names is None:
        return source
    unchecked = dataclasses.replace(source, class_names=None)
    return dataclasses.replace(
        unchecked, read=lambda indices: {"image": unchecked.read(indices)["image"]}
    )


def select(source: Source, indices: Indices) -> Source:
    """Takes some examples of a source, in the order of their indices.

    Args:
        source: The examples.
        indices: Integers (n,), as `source.read` takes them.

    Raises:
        InputError: They are no indices of the source.
    """
    chosen = check_indices(indices, len(source))
    return dataclasses.replace(
        source,
        num_examples=len(chosen),
        read=lambda indices: source.read(chosen[indices]),
        cache_name=None,
    )


def concatenate(first: Source, second: Source) -> Source:
    """Joins two splits of one set, the examples of `first` before those of `second`.

    Labels are left out unless both have them.
    """
    if None in (first.class_names, second.class_names):
        first, second = without_labels(first), without_labels(second)

    def read(indices: np.ndarray) -> dict[str, np.ndarray]:
        # The examples of either split are read in one call, then put in order.
        in_first = indices < len(first)
        parts = []
        if in_first.any():
            parts.append((in_first, first.read(indices[in_first])))
        if not in_first.all():
            parts.append((~in_first, second.read(indices[~in_first] - len(first))))
        joined = {}
        for name, values in parts[0][1].items():
            joined[name] = np.empty((len(indices), *values.shape[1:]), values.dtype)
            for mask, examples in parts:
                joined[name][mask] = examples[name]
        return joined

    names = first.cache_name, second.cache_name
    return dataclasses.replace(
        first,
        split=f"{first.split}+{second.split}",
        num_examples=len(first) + len(second),
        read=read,
        cache_name=None if None in names else "+".join(map(str, names)),
    )


def fixed_binarization(source: Source, *, seed: int = 0) -> Source:
    """Draws every pixel once as 0 or 255, with its grey value as the chance of 255.

    An image is drawn from its index, its split and the seed alone, so the same set
    comes out however it is read. This is how the binarized MNIST of Salakhutdinov and
    Murray, 2008, was made, with other random numbers than theirs; a set that is drawn
    anew at every visit (`pipeline(..., binarize=True)`) is easier to model.

    Args:
        source: The grey set.
        seed: Of the draw.
    """
    salt = zlib.crc32(f"{source.name} {source.split}".encode())

    def read(indices: np.ndarray) -> dict[str, np.ndarray]:
        examples = source.read(indices)
        image = np.empty_like(examples["image"])
        for place, index in enumerate(indices):
            rng = np.random.default_rng((seed, salt, int(index)))
            grey = examples["image"][place]
            # 255 draws from 0 to 254: 0 is never a one, 255 always.
            drawn = rng.integers(0, 255, grey.shape, np.uint8) < grey
            image[place] = np.where(drawn, np.uint8(255), np.uint8(0))
        return examples | {"image": image}

    return dataclasses.replace(source, read=read, cache_name=None)

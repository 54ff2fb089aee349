"""Which feature network is used where none is asked for."""

from collections.abc import Callable
from typing import Any

import numpy as np

from jaxgen.metrics.features.base import FeatureNet, Images, read_images
from jaxgen.metrics.features.classifier import classifier_features
from jaxgen.metrics.features.random_convolutions import random_convolution_features


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
        progress: Told the number of training images done since the last call.

    Raises:
        InputError: The images cannot be used.
    """
    for images in (train, data):
        if getattr(images, "class_names", None) is not None:
            labelled: Any = images
            return [classifier_features(labelled, progress=progress)]
    shape = read_images(data, np.arange(1), name="reference").shape[1:]
    return [random_convolution_features((shape[0], shape[1], shape[2]))]

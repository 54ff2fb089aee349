"""Whether samples are copies of training images, with pictures to see for oneself."""

from typing import NamedTuple

import numpy as np

from jaxgen.metrics.evaluation import Measure
from jaxgen.metrics.judged import Chosen
from jaxgen.metrics.memorisation import memorisation, memorisation_replicates
from jaxgen.metrics.resampling import Halves, interval

__all__ = ["ROWS", "Copies", "beside_nearest", "copies_of"]

ROWS, _NEIGHBOURS = 8, 5
"""Samples shown, and nearest training images of each."""


class Copies(NamedTuple):
    """What is found of one set.

    Attributes:
        measure: P(a sample is closer to the training set than a test image is).
        nearest: Indices of the training images nearest to some samples, shape
            (rows, neighbours).
    """

    measure: Measure
    nearest: np.ndarray


def copies_of(
    train: np.ndarray,
    real: np.ndarray,
    generated: np.ndarray,
    halves: Halves,
    *,
    shown: np.ndarray,
    images: str,
    net: str,
    confidence: float,
) -> Copies:
    """Asks whether samples are nearer to the training set than test images are.

    Args:
        train: Features of all training images.
        real: Features of the reference images, which the model has not seen.
        generated: Features of the samples.
        halves: Of the latter two.
        shown: Which samples a figure shows.
        images: Name of the samples.
        net: Name of the feature network.
        confidence: Level of the interval.

    Raises:
        InputError: See `memorisation`.
    """
    number = min(_NEIGHBOURS, len(train))
    found = memorisation(train, real, generated, k=number)
    ends = interval(
        found.probability,
        memorisation_replicates(found, halves),
        confidence=confidence,
        bounds=(0.0, 1.0),
    )
    note = f"{found.exact} samples are training images" if found.exact else ""
    measure = Measure(f"copying({net})", images, *ends, 0.5, "near", note)
    return Copies(measure, found.generated.indices[shown])


def beside_nearest(samples: Chosen, train: Chosen, nearest: np.ndarray) -> np.ndarray:
    """Reads some samples and, beside each, its nearest training images.

    Args:
        samples: The samples.
        train: The training images.
        nearest: Shape (rows, k), see `Copies`.

    Returns:
        uint8, shape (rows, 1 + k, height, width, channels).
    """
    own = samples.read(samples.shown(len(nearest)))["image"]
    others = train.read(nearest.reshape(-1))["image"]
    beside = others.reshape(*nearest.shape, *own.shape[1:])
    return np.concatenate([own[:, None], beside], axis=1)

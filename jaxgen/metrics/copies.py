"""Whether samples are copies of training images, with pictures to see for oneself."""

from typing import NamedTuple

import numpy as np

from jaxgen.metrics.evaluation import Measure
from jaxgen.metrics.features.base import Activations, FeatureNet, Images, read_images
from jaxgen.metrics.generated import as_bytes
from jaxgen.metrics.judged import Chosen
from jaxgen.metrics.memorisation import memorisation_of_distances
from jaxgen.metrics.neighbours import nearest_neighbours

ROWS, NEIGHBOURS = 8, 5
"""Samples shown, and nearest training images of each."""


class Copies(NamedTuple):
    """What is found of one set.

    Attributes:
        measures: Shares and ranks, each with an interval.
        nearest: Indices of training images nearest to the first samples, shape (rows,
            neighbours).
    """

    measures: list[Measure]
    nearest: np.ndarray

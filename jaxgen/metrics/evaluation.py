"""What an evaluation found: numbers with intervals, floors and the protocol."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np


class Measure(NamedTuple):
    """One metric of one set of images.

    Attributes:
        metric: Its name, with the feature network: "FD(classifier of mnist)".
        images: Which set: "reconstructions", "samples" ...
        value: The number.
        low: Lower end of its interval.
        high: Upper end.
        floor: What a second set of real images of the same size gets, or None where
            there is no such number.
        better: Whether higher or lower is better, or "near" where the floor is best.
        note: What a reader must know of it, or "".
    """

    metric: str
    images: str
    value: float
    low: float
    high: float
    floor: float | None = None
    better: Literal["higher", "lower", "near"] = "lower"
    note: str = ""


class Evaluation(NamedTuple):
    """What `evaluate` found.

    Attributes:
        measures: One per metric and set of images.
        protocol: What the numbers depend on: examples, split, resize, networks ...
        curves: Precision and recall for distributions, shape (2, angles), by
            "NET: SET".
        pictures: Arrays of images for figures: of each set, a few images and their
            nearest training images.
    """

    measures: Sequence[Measure]
    protocol: Mapping[str, Any]
    curves: Mapping[str, np.ndarray]
    pictures: Mapping[str, np.ndarray]

"""Held-out images whose translation is known: a paler negative of the input."""

import numpy as np

from jaxgen.metrics import translation_reference
from jaxgen.metrics.features.base import Activations, FeatureNet

SIDE = 12
MEANS = FeatureNet(
    "means", 3, lambda images: Activations(images.mean(axis=(1, 2))), identity="0"
)


def pictures(seed, number=20, channels=3):
    # Smooth enough for every pair to have a sign, different enough to be told apart.
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, [number, 3, 3, channels], dtype=np.uint8)
    return coarse.repeat(SIDE // 3, axis=1).repeat(SIDE // 3, axis=2)


A = pictures(0)
B = 255 - A // 2
"""The truth is a paler negative of the input."""
TRAINING_B = 255 - pictures(1) // 2
REFERENCE = translation_reference(A, B, TRAINING_B, aligned=True, nets=[MEANS])

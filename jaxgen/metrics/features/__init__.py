"""Feature networks: what stands between images and the metrics that compare sets.

A metric of features is a number of the network as much as of the images. Each network
therefore says its name, what its weights are (a hash) and how images reach it.
"""

from jaxgen.metrics.features.base import (
    INCEPTION,
    Activations,
    FeatureNet,
    Images,
    ImageSet,
    extract,
)

__all__ = [
    "INCEPTION",
    "Activations",
    "FeatureNet",
    "ImageSet",
    "Images",
    "extract",
]

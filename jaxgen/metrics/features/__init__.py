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
from jaxgen.metrics.features.choice import (
    check_feature_names,
    default_features,
    named_features,
    random_features,
)
from jaxgen.metrics.features.classifier import classifier_features
from jaxgen.metrics.features.inception import inception_features
from jaxgen.metrics.features.perceptual import lpips, lpips_features
from jaxgen.metrics.features.random_convolutions import random_convolution_features
from jaxgen.metrics.features.weights import save_weights

__all__ = [
    "INCEPTION",
    "Activations",
    "FeatureNet",
    "ImageSet",
    "Images",
    "check_feature_names",
    "classifier_features",
    "default_features",
    "extract",
    "inception_features",
    "lpips",
    "lpips_features",
    "named_features",
    "random_convolution_features",
    "random_features",
    "save_weights",
]

"""Distances of images in features that need no download."""

import numpy as np

from jaxgen import metrics
from jaxgen.metrics import (
    Halves,
    frechet_distance_of_features,
    frechet_replicates,
    mmd_with_replicates,
)
from jaxgen.metrics.features import FeatureNet, random_convolution_features

SEEN = 32
"""Images that feature networks see at once."""

LARGEST = 64
"""Pixels a side of what random convolutions see: larger images are averaged first, for
they would take a CPU half a minute a look."""

SEEDS = (0, 1)
"""Of the random convolutions."""


def random_nets(images: np.ndarray) -> tuple[tuple[FeatureNet, ...], int]:
    """Returns random convolutions, and the cells of pixels that are averaged first.

    Args:
        images: Of the domain, bytes, shape (n, height, width, channels).
    """
    cell = -(-max(images.shape[1:3]) // LARGEST)
    seen = averaged(images[:1], cell).shape[1:]
    return random_convolution_features(seen, seeds=SEEDS), cell


def averaged(images: np.ndarray, cell: int) -> np.ndarray:
    """Averages square cells of pixels; a rest at the lower right is left out.

    Args:
        images: Bytes, shape (n, height, width, channels).
        cell: Pixels a side.
    """
    if cell == 1:
        return images
    number, height, width, channels = images.shape
    down, across = height // cell, width // cell
    cut = images[:, : down * cell, : across * cell]
    blocks = cut.reshape(number, down, cell, across, cell, channels)
    return blocks.mean(axis=(2, 4), dtype=np.float32).round().astype(np.uint8)


def distances(real: list[np.ndarray], made: list[np.ndarray]) -> dict[str, float]:
    """Returns FD and KID between features, averaged over networks.

    Args:
        real: Features of real images, one array (n, d) a network.
        made: Of translated images, (m, d).
    """
    pairs = list(zip(real, made, strict=True))
    fd = [frechet_distance_of_features(x, y) for x, y in pairs]
    # Over all pairs of images at once: the mean of KID over subsets without its noise.
    kid = [metrics.mmd(x, y).unbiased for x, y in pairs]
    return {"fd": float(np.mean(fd)), "kid": float(np.mean(kid))}


def replicates_of(
    real: list[np.ndarray], made: list[np.ndarray], both: Halves
) -> dict[str, np.ndarray]:
    """Returns FD and KID on half-samples, averaged over networks.

    Args:
        real: See `distances`.
        made: Likewise.
        both: The half-samples.
    """
    pairs = list(zip(real, made, strict=True))
    return {
        "fd": np.mean([frechet_replicates(x, y, both) for x, y in pairs], axis=0),
        "kid": np.mean(
            [mmd_with_replicates(x, y, both).replicates for x, y in pairs], axis=0
        ),
    }


def scale_of(features: np.ndarray) -> tuple[np.ndarray, float]:
    """Returns the mean, and a scale by which the mean variance becomes 1."""
    scale = float(np.sqrt(features.var(axis=0, dtype=np.float64).mean()))
    return features.mean(axis=0), scale or 1.0

"""Distances between sets of images in features that need no download."""

from collections.abc import Sequence

import numpy as np

from jaxgen.metrics.features import FeatureNet, random_convolution_features
from jaxgen.metrics.frechet import frechet_distance_of_features, frechet_replicates
from jaxgen.metrics.kernel import mmd, mmd_with_replicates
from jaxgen.metrics.resampling import Halves

__all__ = [
    "LARGEST_SIDE",
    "average_cells",
    "distance_replicates",
    "feature_distances",
    "feature_scale",
    "random_networks",
]

LARGEST_SIDE = 64
"""Pixels a side of what random convolutions take: larger images are averaged first,
because they would take a CPU half a minute at each evaluation."""

_SEEDS = (0, 1)


def random_networks(images: np.ndarray) -> tuple[tuple[FeatureNet, ...], int]:
    """Returns random convolutions, and the side of the cells that are averaged first.

    Args:
        images: Images of the domain, bytes, shape (n, height, width, channels).
    """
    cell = -(-max(images.shape[1:3]) // LARGEST_SIDE)
    shape = average_cells(images[:1], cell).shape[1:]
    return random_convolution_features(shape, seeds=_SEEDS), cell


def average_cells(images: np.ndarray, cell: int) -> np.ndarray:
    """Averages square cells of pixels; a remainder at the lower right is left out.

    Args:
        images: Bytes, shape (n, height, width, channels).
        cell: Pixels a side.

    Returns:
        Bytes, shape (n, height // cell, width // cell, channels).
    """
    if cell == 1:
        return images
    number, height, width, channels = images.shape
    down, across = height // cell, width // cell
    cut = images[:, : down * cell, : across * cell]
    blocks = cut.reshape(number, down, cell, across, cell, channels)
    return blocks.mean(axis=(2, 4), dtype=np.float32).round().astype(np.uint8)


def feature_distances(
    real: Sequence[np.ndarray], translated: Sequence[np.ndarray]
) -> dict[str, float]:
    """Calculates the Frechet and the kernel distance, averaged over networks.

    Args:
        real: Features of real images, one array of shape (n, d) per network.
        translated: Features of translated images, shape (m, d) each.

    Returns:
        "fd" and "kid". KID is the squared MMD over all pairs of images at once, the
        mean of KID over subsets without their noise.
    """
    pairs = list(zip(real, translated, strict=True))
    fd = [frechet_distance_of_features(x, y) for x, y in pairs]
    kid = [mmd(x, y).unbiased for x, y in pairs]
    return {"fd": float(np.mean(fd)), "kid": float(np.mean(kid))}


def distance_replicates(
    real: Sequence[np.ndarray], translated: Sequence[np.ndarray], both: Halves
) -> dict[str, np.ndarray]:
    """Calculates both distances on half-samples, averaged over networks.

    Args:
        real: Features of real images, as in `feature_distances`.
        translated: Features of translated images.
        both: The half-samples.

    Returns:
        "fd" and "kid", shape (half-samples,) each.
    """
    pairs = list(zip(real, translated, strict=True))
    return {
        "fd": np.mean([frechet_replicates(x, y, both) for x, y in pairs], axis=0),
        "kid": np.mean(
            [mmd_with_replicates(x, y, both).replicates for x, y in pairs], axis=0
        ),
    }


def feature_scale(features: np.ndarray) -> tuple[np.ndarray, float]:
    """Returns the mean, and the scale by which the mean variance becomes 1.

    Args:
        features: Shape (n, d).
    """
    scale = float(np.sqrt(features.var(axis=0, dtype=np.float64).mean()))
    return features.mean(axis=0), scale or 1.0

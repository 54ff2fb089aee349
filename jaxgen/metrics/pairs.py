"""Reconstructions image by image: mean squared error, PSNR and SSIM with intervals."""

import numpy as np

from jaxgen.metrics.evaluation import Better, Measure
from jaxgen.metrics.features.base import Images, read_images
from jaxgen.metrics.image_similarity import mean_squared_error, psnr, ssim
from jaxgen.metrics.resampling import mean_interval

_CHUNK = 1024

_CEILING = 99.0
"""Decibels of a perfect reconstruction, whose PSNR is infinite."""


def paired_measures(
    data: Images,
    reconstructions: Images,
    indices: np.ndarray,
    *,
    images: str,
    confidence: float = 0.95,
) -> list[Measure]:
    """Measures reconstructions beside the images they are of.

    Args:
        data: The originals.
        reconstructions: Image i is that of the original `indices[i]`.
        indices: Which originals.
        images: Name of the reconstructions, for the table.
        confidence: Level of the intervals, which are of the mean over images.

    Raises:
        InputError: Images cannot be used, or have other shapes than the originals.
    """
    found: dict[str, list[np.ndarray]] = {"MSE": [], "PSNR, dB": [], "SSIM": []}
    for first in range(0, len(indices), _CHUNK):
        rows = np.arange(first, min(first + _CHUNK, len(indices)))
        originals = read_images(data, indices[rows], name="reference")
        others = read_images(reconstructions, rows, name=images)
        found["MSE"].append(mean_squared_error(originals, others))
        found["PSNR, dB"].append(psnr(originals, others, ceiling=_CEILING))
        found["SSIM"].append(ssim(originals, others))
    better: dict[str, Better] = {"MSE": "lower"}
    return [
        Measure(
            metric,
            images,
            *mean_interval(np.concatenate(values), confidence=confidence),
            better=better.get(metric, "higher"),
        )
        for metric, values in found.items()
    ]

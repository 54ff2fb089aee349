"""Reconstructions image by image: mean squared error, PSNR and SSIM with intervals."""

import numpy as np

from jaxgen.checks import check_count, check_number
from jaxgen.metrics.evaluation import Better, Measure
from jaxgen.metrics.features.base import ImageSet
from jaxgen.metrics.image_similarity import mean_squared_error, psnr, ssim
from jaxgen.metrics.resampling import mean_interval

__all__ = ["paired_measures"]

_CEILING = 99.0
"""Decibels of a perfect reconstruction, whose PSNR is infinite."""


def paired_measures(
    reference: ImageSet,
    reconstructions: ImageSet,
    *,
    images: str,
    confidence: float = 0.95,
    batch_size: int = 256,
) -> list[Measure]:
    """Measures reconstructions beside the images they are of.

    Args:
        reference: The originals.
        reconstructions: Image i is that of original i.
        images: Name of the reconstructions, for the table.
        confidence: Level of the intervals, which are of the mean over images.
        batch_size: Images at once.

    Raises:
        InputError: Images cannot be used, or have other shapes than the originals.
    """
    check_number("confidence", confidence, above=0, below=1)
    check_count("batch_size", batch_size, 1)
    found: dict[str, list[np.ndarray]] = {"MSE": [], "PSNR, dB": [], "SSIM": []}
    for first in range(0, len(reference), batch_size):
        rows = np.arange(first, min(first + batch_size, len(reference)))
        pair = reference.read(rows)["image"], reconstructions.read(rows)["image"]
        found["MSE"].append(mean_squared_error(*pair))
        found["PSNR, dB"].append(psnr(*pair, ceiling=_CEILING))
        found["SSIM"].append(ssim(*pair))
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

"""Perceptual path length of a decoder as a measure of its own."""

from collections.abc import Callable

from jaxgen.metrics.evaluation import Measure
from jaxgen.metrics.features.base import FeatureNet
from jaxgen.metrics.path_length import path_length
from jaxgen.metrics.resampling import mean_interval
from jaxgen.typing import Array, PRNGKeyArray

__all__ = ["path_measure"]


def path_measure(
    key: PRNGKeyArray,
    decode: Callable[[Array], Array],
    net: FeatureNet,
    num_latents: int,
    *,
    images: str,
    num_samples: int = 1000,
    confidence: float = 0.95,
) -> Measure:
    """Measures the perceptual path length between latents of a normal prior.

    Args:
        key: It is consumed.
        decode: `latents -> images`, floats in [0, 1].
        net: Features to measure along the path.
        num_latents: Dimensions of the latents.
        images: Name of the set, for the table.
        num_samples: Paths.
        confidence: Level of the interval, which is of the mean over paths.

    Raises:
        InputError: See `path_length`.
    """
    found = path_length(
        key,
        decode,
        lambda images: net.apply(images).features,
        num_latents,
        num_samples=num_samples,
    )
    ends = mean_interval(
        found.values, confidence=confidence, bounds=(0.0, float("inf"))
    )
    return Measure(f"PPL({net.name})", images, *ends)

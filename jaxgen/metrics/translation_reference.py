"""What translations of held-out images are compared with.

Pairs, where they are known: each target is what an input should become. Always: the
real images of the other domain, by distances in the features of networks that need no
download.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import jax.numpy as jnp
import numpy as np

from jaxgen.errors import InputError
from jaxgen.images import every_nth, to_bytes
from jaxgen.metrics import translation_distances
from jaxgen.metrics.features import FeatureNet, extract
from jaxgen.metrics.image_similarity import ssim_window
from jaxgen.metrics.translation_distances import (
    average_cells,
    feature_distances,
    feature_scale,
)

__all__ = [
    "HeldOutImages",
    "TranslationReference",
    "reference_features",
    "translation_reference",
    "translation_references",
]

_LEAST = 8
"""Images of a domain that a distance needs."""

_BATCH = 32
"""Images that feature networks take at once."""


class HeldOutImages(Protocol):
    """Images of both domains as bytes, such as `data.PairImages`."""

    @property
    def a(self) -> np.ndarray:
        """Images of a, shape (n, height, width, channels)."""
        ...

    @property
    def b(self) -> np.ndarray:
        """Images of b, shape (m, height', width', channels')."""
        ...

    @property
    def aligned(self) -> bool:
        """Whether row i of both belongs together."""
        ...


class TranslationReference(NamedTuple):
    """Held-out images of one direction of translation, and what belongs to them.

    Attributes:
        inputs: Held-out images that are translated, bytes, shape (n, ...).
        targets: Held-out images of the other domain, bytes, shape (m, ...).
        aligned: Whether inputs and targets are pairs, row by row.
        mean_image: Mean of the training targets, bytes, shape (1, ...).
        nets: Feature networks, whose distances are averaged; empty for none.
        real: Features of the targets, one array per network.
        floor: "fd" and "kid" of as many training targets, which are real too.
        protocol: What the numbers depend on, in words.
        cell: Pixels a side that are averaged before the networks.
        scales: Mean and scale of the features of each network over training targets,
            so that networks have equal weight; empty where features are taken as they
            are.
    """

    inputs: np.ndarray
    targets: np.ndarray
    aligned: bool
    mean_image: np.ndarray
    nets: tuple[FeatureNet, ...]
    real: list[np.ndarray]
    floor: dict[str, float]
    protocol: dict[str, Any]
    cell: int = 1
    scales: tuple[tuple[np.ndarray, float], ...] = ()

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the scores of translations."""
        paired = ("l1", "psnr", "ssim") if self.aligned else ()
        return paired + (("fd", "kid") if self.nets else ())


def translation_reference(
    inputs: np.ndarray,
    targets: np.ndarray,
    training_targets: np.ndarray,
    *,
    aligned: bool,
    direction: str = "a to b",
    nets: Sequence[FeatureNet] | None = None,
) -> TranslationReference:
    """Prepares what translations in one direction are compared with.

    Distances need 8 images of each kind; with fewer there are none.

    Args:
        inputs: Held-out images that are translated, bytes, shape (n, height, width,
            channels).
        targets: Held-out images of the other domain, bytes, shape (m, ...).
        training_targets: Training images of the other domain, for the mean image and
            for the floor of the distances.
        aligned: Whether inputs and targets are pairs.
        direction: What the direction is called.
        nets: Feature networks; by default random convolutions, which need no download;
            an empty sequence for no distances.

    Raises:
        InputError: One of the sets is empty.
    """
    if not len(inputs) or not len(targets) or not len(training_targets):
        raise InputError(
            f"There are {len(inputs)} held-out inputs, {len(targets)} held-out and "
            f"{len(training_targets)} training targets: expected at least one of each."
        )
    mean = training_targets.mean(axis=0, dtype=np.float64) / 255
    if min(len(inputs), len(targets), len(training_targets)) < _LEAST:
        nets = ()
    chosen, cell = nets, 1
    if chosen is None:
        chosen, cell = translation_distances.random_networks(targets)
    reference = TranslationReference(
        inputs=inputs,
        targets=targets,
        aligned=aligned,
        mean_image=to_bytes(jnp.asarray(mean)[None]),
        nets=tuple(chosen),
        real=[],
        floor={},
        protocol={},
        cell=cell,
    )
    if nets is None:
        known = reference_features(reference, training_targets, "training target")
        reference = reference._replace(scales=tuple(map(feature_scale, known)))
    number = min(len(inputs), len(training_targets))
    if chosen:
        some = training_targets[every_nth(len(training_targets), number)]
        others = reference_features(reference, some, "target")
        real = reference_features(reference, targets, "target")
        floor = feature_distances(real, others)
        reference = reference._replace(real=real, floor=floor)
    height, width, channels = targets.shape[1:]
    protocol = {
        "direction": direction,
        "held-out inputs": len(inputs),
        "held-out targets": len(targets),
        "size": f"{height} x {width} x {channels}",
        "pixels": "8 bit, from 0 to 1",
    }
    if aligned and min(height, width) >= 3:
        protocol["SSIM window"] = ssim_window(height, width)
    if chosen:
        words = f"{chosen[0].name}, {len(chosen)} networks averaged"
        if cell > 1:
            words += f", which see means over {cell} x {cell} pixels"
        protocol |= {
            "features": words,
            "feature networks": [net.identity for net in chosen],
            "floor": f"{number} training targets",
        }
    return reference._replace(protocol=protocol)


def reference_features(
    reference: TranslationReference, images: np.ndarray, name: str
) -> list[np.ndarray]:
    """Returns the features of images, one array of shape (n, d) per network.

    Args:
        reference: The reference, whose networks are used.
        images: Bytes, shape (n, height, width, channels).
        name: What to call the images in an error.
    """
    images = average_cells(images, reference.cell)
    found = extract(reference.nets, images, name=name, batch_size=_BATCH)
    if not reference.scales:
        return [one.features for one in found]
    return [
        (one.features - mean[None]) / scale
        for one, (mean, scale) in zip(found, reference.scales, strict=True)
    ]


def translation_references(
    test: HeldOutImages,
    training: HeldOutImages,
    directions: Sequence[str] = ("a_to_b", "b_to_a"),
) -> dict[str, TranslationReference]:
    """Prepares what translations in several directions are compared with.

    Args:
        test: Held-out images.
        training: Training images, for mean images and floors.
        directions: "a_to_b", "b_to_a" or both.

    Returns:
        By direction a `translation_reference` with the usual networks.
    """
    sides = {
        "a_to_b": (test.a, test.b, training.b),
        "b_to_a": (test.b, test.a, training.a),
    }
    return {
        name: translation_reference(
            *sides[name], aligned=test.aligned, direction=name.replace("_", " ")
        )
        for name in directions
    }

"""The contract of a feature network, and features of a whole set."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.errors import InputError
from jaxgen.metrics.arrays import check_images
from jaxgen.typing import Array


class Activations(NamedTuple):
    """What a feature network makes of images.

    Attributes:
        features: Shape (n, d).
        log_probabilities: log p(y|x), shape (n, classes), of a network that classifies.
    """

    features: Any
    log_probabilities: Any = None


class FeatureNet(NamedTuple):
    """A feature network behind pure functions.

    Attributes:
        name: What it is: "Inception-2015 pool3", "classifier of mnist" ... A Frechet
            distance is called FID for the first alone, and FD(name) for any other.
        dimension: d.
        apply: `images -> Activations`, images float32 in [0, 1], shape (n, height,
            width, channels). Differentiable, and safe under `jit`.
        identity: Hash of weights and configuration.
        protocol: What else decides its numbers: resize mode, accuracy, layer ...
        class_names: One per class of a network that classifies.
    """

    name: str
    dimension: int
    apply: Callable[[Array], Activations]
    identity: str
    protocol: Mapping[str, Any] = {}
    class_names: tuple[str, ...] | None = None

    def label(self, metric: str) -> str:
        """Returns the name of a metric of these features, as a table shows it."""
        if self.name == INCEPTION:
            return {"FD": "FID"}.get(metric, metric)
        return f"{metric}({self.name})"


INCEPTION = "Inception-2015 pool3"
"""The one network whose Frechet distance may be called FID."""


class ImageSet(Protocol):
    """Images read by their indices, as `jaxgen.data.Source`."""

    @property
    def read(self) -> Callable[[np.ndarray], Mapping[str, np.ndarray]]:
        """`read(indices) -> {"image": (n, height, width, channels), ...}`."""
        ...

    def __len__(self) -> int:
        """Returns the number of images."""
        ...


def extract(
    net: FeatureNet,
    images: np.ndarray | ImageSet,
    *,
    name: str = "given",
    num_examples: int | None = None,
    batch_size: int = 256,
    progress: Callable[[int], None] | None = None,
) -> Activations:
    """Runs images through a feature network, batch by batch.

    Only a batch of images is on the device at a time, and the features are written
    straight into the array that is returned.

    Args:
        net: The network.
        images: An array, uint8 or floats in [0, 1], shape (n, height, width,
            channels); or a set to be read, as `jaxgen.data.Source`.
        name: What to call the images in an error.
        num_examples: The first so many; all by default.
        batch_size: Images at once.
        progress: It is called with the number of images done since the last call.

    Returns:
        The features, float32, on the host.

    Raises:
        InputError: The images cannot be used, or give features that are not finite.
    """
    total = len(images) if num_examples is None else min(num_examples, len(images))
    if not total:
        raise InputError(f"There are no {name} images: give at least one.")
    apply = jax.jit(net.apply)
    features: np.ndarray | None = None
    logits: np.ndarray | None = None
    for first in range(0, total, batch_size):
        indices = np.arange(first, min(first + batch_size, total))
        batch = (
            images[indices]
            if isinstance(images, np.ndarray)
            else images.read(indices)["image"]
        )
        found = jax.device_get(apply(_padded(check_images(name, batch), batch_size)))
        if features is None:
            features = np.empty((total, found.features.shape[1]), np.float32)
            if found.log_probabilities is not None:
                logits = np.empty((total, found.log_probabilities.shape[1]), np.float32)
        features[indices] = found.features[: len(indices)]
        if logits is not None:
            logits[indices] = found.log_probabilities[: len(indices)]
        if not np.isfinite(features[indices]).all():
            raise InputError(
                f"The features that {net.name} makes of the {name} images {first} to "
                f"{indices[-1]} are not finite: look at those images and at its "
                "weights."
            )
        if progress is not None:
            progress(len(indices))
    return Activations(features, logits)


def _padded(images: np.ndarray, batch_size: int) -> Array:
    # A short last batch would be compiled anew.
    missing = batch_size - len(images)
    if missing:
        images = np.concatenate([images, np.zeros_like(images[:1]).repeat(missing, 0)])
    if images.dtype == np.uint8:
        return jnp.asarray(images, jnp.float32) / 255
    return jnp.clip(jnp.asarray(images, jnp.float32), 0.0, 1.0)

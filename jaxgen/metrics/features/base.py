"""The contract of a feature network, and features of a whole set."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.checks import check_count
from jaxgen.errors import InputError
from jaxgen.metrics.arrays import check_images
from jaxgen.typing import Array

__all__ = [
    "INCEPTION",
    "Activations",
    "FeatureNet",
    "ImageSet",
    "Images",
    "as_floats",
    "extract",
    "read_images",
]


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


Images = np.ndarray | ImageSet
"""An array, uint8 or floats in [0, 1], shape (n, height, width, channels); or a set to
be read."""


def read_images(images: Images, indices: np.ndarray, *, name: str) -> np.ndarray:
    """Reads some images of an array or a set, and checks them.

    Args:
        images: The images.
        indices: Which.
        name: What to call them in an error.

    Raises:
        InputError: The images cannot be used.
    """
    array = hasattr(images, "__array__")
    found: Any = images
    return check_images(name, found[indices] if array else found.read(indices)["image"])


def extract(
    nets: Sequence[FeatureNet],
    images: Images,
    *,
    name: str = "given",
    indices: np.ndarray | None = None,
    batch_size: int = 256,
    progress: Callable[[int], None] | None = None,
) -> list[Activations]:
    """Runs images through feature networks, batch by batch.

    Only a batch of images is on the device at a time, each is read once for all
    networks, and the features are written straight into the arrays that are returned.

    Args:
        nets: The networks.
        images: The images.
        name: What to call them in an error.
        indices: Which of them; all by default.
        batch_size: Images at once.
        progress: It is called with the number of images done since the last call.

    Returns:
        The features of each network, float32, on the host.

    Raises:
        InputError: The images cannot be used, or give features that are not finite.
    """
    check_count("batch_size", batch_size, 1)
    if indices is None:
        indices = np.arange(len(images))
    if not len(indices):
        raise InputError(f"There are no {name} images: give at least one.")
    applies = [jax.jit(net.apply) for net in nets]
    kept: list[Activations] = []
    for first in range(0, len(indices), batch_size):
        some = indices[first : first + batch_size]
        rows = slice(first, first + len(some))
        batch = _padded(read_images(images, some, name=name), batch_size)
        found = [jax.device_get(apply(batch)) for apply in applies]
        if not kept:
            kept = [_room(one, len(indices)) for one in found]
        for net, room, one in zip(nets, kept, found, strict=True):
            _check_finite(one.features[: len(some)], net, name, some)
            for whole, part in zip(room, one, strict=True):
                if part is not None:
                    whole[rows] = part[: len(some)]
        if progress is not None:
            progress(len(some))
    return kept


def as_floats(images: np.ndarray) -> Array:
    """Brings checked images to float32 in [0, 1]."""
    if images.dtype == np.uint8:
        return jnp.asarray(images, jnp.float32) / 255
    return jnp.clip(jnp.asarray(images, jnp.float32), 0.0, 1.0)


def _room(found: Activations, total: int) -> Activations:
    return Activations(
        *(
            None if part is None else np.empty((total, *part.shape[1:]), np.float32)
            for part in found
        )
    )


def _check_finite(
    features: np.ndarray, net: FeatureNet, name: str, indices: np.ndarray
) -> None:
    finite = np.isfinite(features).all(axis=1)
    if not finite.all():
        raise InputError(
            f"The features that the network {net.name!r} makes of the {name} image "
            f"{indices[finite.argmin()]} are not finite: look at that image and at the "
            "weights of the network."
        )


def _padded(images: np.ndarray, batch_size: int) -> Array:
    # A short last batch would be compiled anew.
    missing = batch_size - len(images)
    if missing:
        images = np.concatenate([images, np.zeros_like(images[:1]).repeat(missing, 0)])
    return as_floats(images)

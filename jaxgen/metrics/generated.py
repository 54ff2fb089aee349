"""Images that a model makes, read like any other set: chunk by chunk, never all."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.checks import check_count
from jaxgen.errors import InputError
from jaxgen.metrics.arrays import check_images
from jaxgen.metrics.features.base import ImageSet, as_floats
from jaxgen.typing import Array, PRNGKeyArray

__all__ = ["Drawn", "Reconstructed", "Sampler", "as_bytes"]

Sampler = Callable[[PRNGKeyArray, int], Any]
"""`sample(key, n) -> n images`."""


class Drawn:
    """A set of samples: image i comes from chunk i // chunk_size, whose key is its own.

    Nothing is kept but the last chunk, so the images of 50,000 samples never stand in
    memory at once. They are rounded to 8 bits, as files would be.

    Args:
        key: It is consumed.
        sample: `(key, n) -> n images`, floats in [0, 1] or uint8.
        num_images: How many there are.
        chunk_size: Images drawn at once. Another size draws other images.
    """

    def __init__(
        self,
        key: PRNGKeyArray,
        sample: Sampler,
        num_images: int,
        *,
        chunk_size: int = 64,
    ):
        """Draws nothing yet."""
        check_count("num_images", num_images, 1)
        check_count("chunk_size", chunk_size, 1)
        self._key, self._sample, self._size = key, sample, chunk_size
        self._num_images = num_images
        self._last: tuple[int, np.ndarray] | None = None

    def __len__(self) -> int:
        """Returns the number of images."""
        return self._num_images

    def read(self, indices: np.ndarray) -> Mapping[str, np.ndarray]:
        """Returns images by their indices, drawn anew where need be."""
        chunks = indices // self._size
        parts = [
            self._chunk(int(chunk))[indices[chunks == chunk] % self._size]
            for chunk in dict.fromkeys(chunks.tolist())
        ]
        return {"image": np.concatenate(parts)}

    def _chunk(self, number: int) -> np.ndarray:
        if self._last is None or self._last[0] != number:
            # Always whole chunks: a shorter last one would be compiled anew.
            images = self._sample(jax.random.fold_in(self._key, number), self._size)
            self._last = number, as_bytes("generated", images)
            if len(self._last[1]) != self._size:
                raise InputError(
                    f"The sampler gave {len(self._last[1])} images when asked for "
                    f"{self._size}: expected sample(key, n) to give n."
                )
        return self._last[1]


class Reconstructed:
    """What a model makes of images, batch by batch as they are read.

    Args:
        reconstruct: `images -> images`, floats in [0, 1], of the same shape.
        images: The originals.
    """

    def __init__(self, reconstruct: Callable[[Array], Any], images: ImageSet):
        """Reconstructs nothing yet."""
        self._reconstruct, self._images = jax.jit(reconstruct), images

    def __len__(self) -> int:
        """Returns the number of images."""
        return len(self._images)

    def read(self, indices: np.ndarray) -> Mapping[str, np.ndarray]:
        """Returns the reconstructions of the images with these indices."""
        inputs = self._images.read(indices)["image"]
        outputs = as_bytes("reconstructed", self._reconstruct(as_floats(inputs)))
        if outputs.shape != inputs.shape:
            raise InputError(
                f"The reconstructions have shape {outputs.shape} for images of shape "
                f"{inputs.shape}: expected one image for each, of the same shape."
            )
        return {"image": outputs}


def as_bytes(name: str, images: Any) -> np.ndarray:
    """Rounds images to 8 bits.

    Args:
        name: What to call them in an error.
        images: uint8, or floats in [0, 1]; what lies a little outside is cut.

    Raises:
        InputError: See `jaxgen.metrics.arrays.check_images`.
    """
    images = check_images(name, jax.device_get(images))
    if images.dtype == np.uint8:
        return images
    return np.asarray(jnp.round(as_floats(images) * 255)).astype(np.uint8)

"""The two ways in which images are brought to the size of the Inception network.

Both interpolate between four pixels, with no filter before a reduction, and they
disagree about where pixels are: for 32x32 images by nearly half a pixel of these. So
numbers made in one way do not compare with numbers made in the other.
"""

from typing import Literal

import jax.numpy as jnp
import numpy as np

from jaxgen.errors import InputError
from jaxgen.typing import Images

__all__ = ["RESIZES", "Resize", "check_resize", "resize_bilinear"]

Resize = Literal["tensorflow1", "pytorch"]
RESIZES: tuple[Resize, ...] = ("tensorflow1", "pytorch")


def resize_bilinear(images: Images, size: int, *, resize: Resize) -> Images:
    """Interpolates images to `size` x `size` pixels.

    Pixel i of the result, of n made of m, is read at i m / n for "tensorflow1", the
    original graph's way, and at (i + 1/2) m / n - 1/2 for "pytorch"
    (`interpolate(..., mode="bilinear", align_corners=False)`).

    Args:
        images: Shape (batch, height, width, channels).
        size: Height and width of the result.
        resize: Which way.

    Examples:
        >>> row = jnp.array([0.0, 1.0]).reshape(1, 1, 2, 1)
        >>> resize_bilinear(row, 4, resize="tensorflow1")[0, 0, :, 0].tolist()
        [0.0, 0.5, 1.0, 1.0]
        >>> resize_bilinear(row, 4, resize="pytorch")[0, 0, :, 0].tolist()
        [0.0, 0.25, 0.75, 1.0]
    """
    rows = jnp.asarray(_weights(images.shape[1], size, resize))
    columns = jnp.asarray(_weights(images.shape[2], size, resize))
    images = jnp.einsum("ih,nhwc->niwc", rows, images, precision="highest")
    return jnp.einsum("jw,niwc->nijc", columns, images, precision="highest")


def check_resize(resize: str) -> None:
    """Raises an InputError unless it is one of `RESIZES`."""
    if resize not in RESIZES:
        raise InputError(
            f"resize={resize!r}: choose 'tensorflow1', as torch-fidelity, or 'pytorch',"
            " as pytorch-fid."
        )


def _weights(before: int, after: int, resize: Resize) -> np.ndarray:
    """Returns what each pixel of the result takes of each one there was."""
    place = np.arange(after) * (before / after)
    if resize == "pytorch":
        place = np.maximum(place + 0.5 * (before / after) - 0.5, 0)
    low = np.minimum(place.astype(int), before - 1)
    high = np.minimum(low + 1, before - 1)
    weights = np.zeros((after, before))
    np.add.at(weights, (np.arange(after), low), 1 - (place - low))
    np.add.at(weights, (np.arange(after), high), place - low)
    return weights.astype(np.float32)

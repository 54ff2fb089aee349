"""What translation between two kinds of images adds to an adversarial loss.

Images are in [-1, 1], as the papers' networks see them, and the weights of the papers
(100 for L1, 10 for the cycle, 5 for identity) hold in these units.
"""

import jax.numpy as jnp

from jaxgen.checks import check_shapes
from jaxgen.typing import Array, PerExample

__all__ = [
    "l1",
    "mse",
]


def l1(images: Array, others: Array) -> PerExample:
    """Calculates the mean absolute difference of two images, per example.

    Args:
        images: Shape (batch, height, width, channels).
        others: Likewise.

    Returns:
        In the units of the images, shape (batch,).

    Examples:
        >>> print(l1(jnp.zeros((1, 2, 2, 1)), jnp.full((1, 2, 2, 1), 0.5)))
        [0.5]

    References:
        Isola et al., 2017, equation 3; Zhu et al., 2017, equation 2.
    """
    check_shapes(("batch", "..."), images=images, others=others)
    return jnp.mean(jnp.abs(images - others), axis=tuple(range(1, images.ndim)))


def mse(images: Array, others: Array) -> PerExample:
    """Calculates the mean squared difference of two images, per example.

    Args:
        images: Shape (batch, height, width, channels).
        others: Likewise.

    Returns:
        In squared units of the images, shape (batch,).
    """
    check_shapes(("batch", "..."), images=images, others=others)
    return jnp.mean(jnp.square(images - others), axis=tuple(range(1, images.ndim)))

"""What translation between two kinds of images adds to an adversarial loss.

Images are in [-1, 1], as the papers' networks see them, and the weights of the papers
(100 for L1, 10 for the cycle, 5 for identity) hold in these units.

Two conventions of a critic's loss are about: the sum of its terms for data and for
samples, and half of that sum, which is what pix2pix and CycleGAN minimise. The losses
here and in `losses.gan` (but for its `least_squares()`, which has the half inside and
is refused) are sums; the models halve them and log both.
"""

import jax.numpy as jnp

from jaxgen.checks import check_shapes
from jaxgen.losses import gan
from jaxgen.losses.gan import AdversarialLoss
from jaxgen.typing import Array, PerExample

__all__ = [
    "cross_entropy",
    "l1",
    "least_squares",
    "mse",
]


def cross_entropy() -> AdversarialLoss:
    """Returns the game of pix2pix, an alias of `losses.gan.non_saturating`.

    References:
        Isola et al., Image-to-Image Translation with Conditional Adversarial Networks,
        2017, section 3.3.
    """
    return gan.non_saturating()


def least_squares() -> AdversarialLoss:
    """Returns the game of CycleGAN, an alias of `losses.gan.least_squares(half=False)`.

    The critic's loss is (D(x) - 1)^2 + D(G(z))^2, the generator's (D(G(z)) - 1)^2.

    References:
        Zhu et al., Unpaired Image-to-Image Translation using Cycle-Consistent
        Adversarial Networks, 2017, section 4.
    """
    return gan.least_squares(half=False)


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

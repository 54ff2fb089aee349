"""What translation between two kinds of images adds to an adversarial loss.

Images are in [-1, 1], as the papers' networks see them, and the weights of the papers
(100 for L1, 10 for the cycle, 5 for identity) hold in these units.

Isola et al., Image-to-Image Translation with Conditional Adversarial Networks, 2017;
Zhu et al., Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial
Networks, 2017.
"""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from jaxgen.checks import check_shapes
from jaxgen.typing import Array, PerExample

__all__ = [
    "cycle_consistency",
    "cyclegan_objective",
    "identity_mapping",
    "l1_reconstruction",
    "mean_absolute_error",
    "mean_squared_error",
    "pix2pix_objective",
]


def mean_absolute_error(images: Array, others: Array) -> PerExample:
    """Calculates the mean absolute difference of two images, per example.

    Args:
        images: Shape (batch, height, width, channels).
        others: Likewise.

    Returns:
        In the units of the images, shape (batch,).

    Examples:
        >>> images = jnp.zeros((1, 2, 2, 1))
        >>> print(mean_absolute_error(images, jnp.full((1, 2, 2, 1), 0.5)))
        [0.5]
    """
    check_shapes(("batch", "..."), images=images, others=others)
    return jnp.mean(jnp.abs(images - others), axis=tuple(range(1, images.ndim)))


def mean_squared_error(images: Array, others: Array) -> PerExample:
    """Calculates the mean squared difference of two images, per example.

    Args:
        images: Shape (batch, height, width, channels).
        others: Likewise.

    Returns:
        In squared units of the images, shape (batch,).
    """
    check_shapes(("batch", "..."), images=images, others=others)
    return jnp.mean(jnp.square(images - others), axis=tuple(range(1, images.ndim)))


def l1_reconstruction(translated: Array, targets: Array) -> PerExample:
    """Calculates |y - G(x)|, the L1 term of pix2pix, as a mean over pixels.

    Args:
        translated: G(x), shape (batch, height, width, channels).
        targets: y, the other images of the pairs.

    Returns:
        Shape (batch,).

    References:
        Isola et al., 2017, equation 3; the mean over pixels is that of their code.
    """
    check_shapes(("batch", "..."), translated=translated, targets=targets)
    return mean_absolute_error(translated, targets)


def pix2pix_objective(
    adversarial: Array,
    l1: Array,
    *,
    adversarial_weight: float | Array = 1.0,
    l1_weight: float | Array = 100.0,
) -> Array:
    """Calculates adversarial_weight L_cGAN(G) + l1_weight L_L1(G).

    Args:
        adversarial: Of the generator, one per example, or their mean.
        l1: `l1_reconstruction`, likewise.
        adversarial_weight: 1 in the paper, 0 in its ablation of L1 alone.
        l1_weight: 100 in the paper.

    Returns:
        What the generator minimises, of the shape of the terms.

    References:
        Isola et al., 2017, equation 4.
    """
    check_shapes(("...",), adversarial=adversarial, l1=l1)
    return adversarial_weight * adversarial + l1_weight * l1


def cycle_consistency(
    reconstructed: Array,
    images: Array,
    *,
    distance: Callable[[Array, Array], PerExample] = mean_absolute_error,
) -> PerExample:
    """Calculates |F(G(x)) - x| of one domain, by default as a mean over pixels.

    The cycle-consistency loss of the paper is the sum over both domains.

    Args:
        reconstructed: F(G(x)), shape (batch, height, width, channels).
        images: x.
        distance: Per example; `mean_absolute_error` in the paper.

    Returns:
        Shape (batch,).

    References:
        Zhu et al., 2017, equation 2; the mean over pixels is that of their code.
    """
    check_shapes(("batch", "..."), reconstructed=reconstructed, images=images)
    return distance(reconstructed, images)


def identity_mapping(translated: Array, images: Array) -> PerExample:
    """Calculates |G(y) - y|, the identity loss of one domain, as a mean over pixels.

    A translator into a domain leaves alone what is already of that domain.

    Args:
        translated: G(y), shape (batch, height, width, channels).
        images: y, of the domain that G makes images of.

    Returns:
        Shape (batch,).

    References:
        Zhu et al., 2017, section 5.2, L_identity.
    """
    check_shapes(("batch", "..."), translated=translated, images=images)
    return mean_absolute_error(translated, images)


def cyclegan_objective(
    adversarial_a_to_b: Array,
    adversarial_b_to_a: Array,
    cycle_a: Array,
    cycle_b: Array,
    identity_a: Array | None = None,
    identity_b: Array | None = None,
    *,
    cycle_weight: float | Array = 10.0,
    identity_weight: float | Array = 5.0,
) -> Array:
    """Calculates L_GAN(G) + L_GAN(F) + cycle_weight L_cyc + identity_weight L_identity.

    All terms have one shape: one per example, or their means.

    Args:
        adversarial_a_to_b: Of the generator G: a -> b.
        adversarial_b_to_a: Of the generator F: b -> a.
        cycle_a: `cycle_consistency` of images a.
        cycle_b: Likewise of images b.
        identity_a: `identity_mapping` of images a, or None without that loss.
        identity_b: Likewise of images b.
        cycle_weight: 10 in the paper.
        identity_weight: Half of `cycle_weight` in the paper, where it is used.

    Returns:
        What both generators minimise, of the shape of the terms.

    References:
        Zhu et al., 2017, equation 3 and section 5.2.
    """
    terms: dict[str, Any] = {
        "adversarial_a_to_b": adversarial_a_to_b,
        "adversarial_b_to_a": adversarial_b_to_a,
        "cycle_a": cycle_a,
        "cycle_b": cycle_b,
    }
    given = {"identity_a": identity_a, "identity_b": identity_b}
    identities = {name: term for name, term in given.items() if term is not None}
    terms |= identities
    check_shapes(("...",), **terms)
    total = adversarial_a_to_b + adversarial_b_to_a + cycle_weight * (cycle_a + cycle_b)
    if identities:
        total += identity_weight * sum(identities.values())
    return total

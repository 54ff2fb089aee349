"""Losses of VEEGAN: critic, reconstructor and generator.

The critic D compares pairs: (z, G(z)) of latents with what is generated from them, and
(F(x), x) of data with what the reconstructor F makes of them. Its logit estimates
log q(z, x) - log p(z, x), q the density of generated pairs: label 1 is theirs, so that
the signs are opposite to those of `losses.gan`.
"""

import jax.numpy as jnp

from jaxgen.checks import check_shapes
from jaxgen.numerics import softplus
from jaxgen.typing import Latents, PerExample

__all__ = ["critic_loss", "generator_loss", "reconstructor_loss"]


def critic_loss(real_logits: PerExample, fake_logits: PerExample) -> PerExample:
    """Calculates -log s(D(z, G(z))) - log(1 - s(D(F(x), x))), s the sigmoid.

    Args:
        real_logits: Of pairs (F(x), x) of data, shape (batch,).
        fake_logits: Of pairs (z, G(z)), shape (batch,).

    Returns:
        Nats per example.

    Examples:
        >>> print(critic_loss(jnp.zeros(1), jnp.zeros(1)))
        [1.3862944]

    References:
        Srivastava et al., VEEGAN, 2017, algorithm 1, the gradient of omega.
    """
    check_shapes(("batch",), real_logits=real_logits, fake_logits=fake_logits)
    return softplus(-fake_logits) + softplus(real_logits)


def reconstructor_loss(latents: Latents, reconstructions: Latents) -> PerExample:
    """Calculates |z - F(G(z))|^2, the squared distance in the latent space.

    Args:
        latents: z, shape (batch, latents).
        reconstructions: F(G(z)), shape (batch, latents).

    Examples:
        >>> print(reconstructor_loss(jnp.array([[1.0, 2.0]]), jnp.array([[0.0, 0.0]])))
        [5.]

    References:
        Srivastava et al., VEEGAN, 2017, algorithm 1, the gradient of theta.
    """
    check_shapes(("batch", "latents"), latents=latents, reconstructions=reconstructions)
    return jnp.sum((latents - reconstructions) ** 2, axis=-1)


def generator_loss(
    fake_logits: PerExample,
    latents: Latents,
    reconstructions: Latents,
    *,
    reconstruction_weight: float = 1.0,
) -> PerExample:
    """Calculates D(z, G(z)) + |z - F(G(z))|^2.

    Args:
        fake_logits: Of pairs (z, G(z)), shape (batch,).
        latents: z, shape (batch, latents).
        reconstructions: F(G(z)), shape (batch, latents).
        reconstruction_weight: Of the squared distance; 1 in the paper.

    Examples:
        >>> point = jnp.array([[1.0, 2.0]])
        >>> print(generator_loss(jnp.array([0.5]), point, 0.0 * point))
        [5.5]

    References:
        Srivastava et al., VEEGAN, 2017, equation 3 and algorithm 1, the gradient of
        gamma.
    """
    distance = reconstructor_loss(latents, reconstructions)
    check_shapes(("batch",), fake_logits=fake_logits, distance=distance)
    return fake_logits + reconstruction_weight * distance

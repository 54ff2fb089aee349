"""Normalizations of the translation networks."""

from typing import Literal

import jax.numpy as jnp
from jax import lax

from jaxgen.checks import check_number
from jaxgen.typing import Images

__all__ = ["Norm", "instance_norm"]

Norm = Literal["instance", "batch", "none"]


def instance_norm(images: Images, *, epsilon: float = 1e-5) -> Images:
    """Brings each channel of each image to mean 0 and variance 1.

    Without scale and offset, as CycleGAN uses it. The statistics are float32 whatever
    the type of the images, and a batch, a device or a mode of training does not change
    them.

    Args:
        images: Shape (batch, height, width, channels).
        epsilon: Added to the variance, the mean of squares.

    References:
        Ulyanov et al., Instance Normalization: The Missing Ingredient for Fast
        Stylization, 2016, equation 2.
    """
    check_number("epsilon", epsilon, above=0)
    exact = images.astype(jnp.promote_types(images.dtype, jnp.float32))
    centred = exact - jnp.mean(exact, axis=(1, 2), keepdims=True)
    variance = jnp.mean(centred**2, axis=(1, 2), keepdims=True)
    return (centred * lax.rsqrt(variance + epsilon)).astype(images.dtype)

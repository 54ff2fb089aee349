"""What ADA's further augmentations do: frequency bands, noise and cutouts.

Karras et al., Training Generative Adversarial Networks with Limited Data, 2020,
appendix B.2 and figure 17.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.data import wavelets
from jaxgen.typing import Array, PRNGKeyArray

__all__ = [
    "add_noise",
    "combine_gains",
    "cut_out",
    "draw_cut",
    "draw_gains",
    "draw_noise",
    "filter_bands",
]

_EXACT = jax.lax.Precision.HIGHEST  # GPUs would round the pixels to 10 bits

_POWER = np.array([10, 1, 1, 1]) / 13
"""Expected share of each band in the power of an image, whose spectrum falls as 1/f."""


def draw_gains(key: PRNGKeyArray, probability: Any) -> tuple[Array, Array]:
    """Draws by which factor each of four bands of frequencies is amplified.

    Each band with the probability, by 2^N(0, 1). After each the factors are divided so
    that the expected power of the image stays.

    Args:
        key: The key of the image; it is consumed.
        probability: Of each band, from 0 to 1.

    Returns:
        The gains, the lowest band first, shape (4,), and whether any was drawn.
    """
    gate_key, gain_key = jax.random.split(key)
    gates = jax.random.uniform(gate_key, (4,), jnp.float32) < probability
    drawn = jnp.exp2(jax.random.normal(gain_key, (4,), jnp.float32))
    return combine_gains(jnp.where(gates, drawn, 1.0)), gates.any()


def combine_gains(factors: Array) -> Array:
    """Calculates the gains of all bands, of one factor for each.

    Band i by factor t_i: g = (1, ..., t_i, ..., 1) / sqrt(sum_j power_j g_j^2), and the
    gains of the four bands are multiplied.

    Args:
        factors: Shape (4,).
    """
    gains = jnp.where(jnp.eye(4, dtype=bool), factors[:, None], 1.0)
    power = jnp.einsum("ij,j->i", gains**2, _POWER, precision=_EXACT)
    return jnp.prod(gains / jnp.sqrt(power)[:, None], axis=0)


def filter_bands(image: Array, gains: Array) -> Array:
    """Amplifies bands of frequencies along the rows, then along the columns.

    Args:
        image: Shape (height, width, channels).
        gains: Of `wavelets.band_matrices`, shape (4,).
    """
    rows, columns = (
        jnp.sum(gains[:, None, None] * wavelets.band_matrices(side), axis=0)
        for side in image.shape[:2]
    )
    found = jnp.einsum("ai,ijc,bj->abc", rows, image, columns, precision=_EXACT)
    return found.astype(image.dtype)


def draw_noise(key: PRNGKeyArray, probability: Any) -> Array:
    """Draws the standard deviation of the noise of an image: |N(0, 0.1^2)|, or 0.

    Args:
        key: The key of the image; it is consumed.
        probability: Of noise, from 0 to 1.
    """
    gate_key, deviation_key = jax.random.split(key)
    drawn = jax.random.uniform(gate_key, (), jnp.float32) < probability
    deviation = jnp.abs(0.1 * jax.random.normal(deviation_key, (), jnp.float32))
    return jnp.where(drawn, deviation, 0.0)


def add_noise(key: PRNGKeyArray, image: Array, deviation: Array) -> Array:
    """Adds Gaussian noise of a standard deviation; of 0 it changes nothing.

    Args:
        key: The key of the image; it is consumed.
        image: Shape (height, width, channels).
        deviation: In the units of the image.
    """
    noise = deviation * jax.random.normal(key, image.shape, jnp.float32)
    noisy = (image + noise).astype(image.dtype)
    return jnp.where(deviation > 0, noisy, image)


def draw_cut(key: PRNGKeyArray, probability: Any) -> tuple[Array, Array]:
    """Draws the middle of a cutout, anywhere in the image.

    Args:
        key: The key of the image; it is consumed.
        probability: Of a cutout, from 0 to 1.

    Returns:
        The middle in heights and widths, shape (2,), and whether there is a cutout.
    """
    gate_key, middle_key = jax.random.split(key)
    drawn = jax.random.uniform(gate_key, (), jnp.float32) < probability
    return jax.random.uniform(middle_key, (2,), jnp.float32), drawn


def cut_out(image: Array, middle: Array) -> Array:
    """Sets to 0 the pixels of a box of half the height and half the width.

    Args:
        image: Shape (height, width, channels).
        middle: Of the box, in heights and widths, shape (2,); may overlap the border.
    """
    rows, columns = (
        jnp.abs((np.arange(side) + 0.5) / side - center) < 0.25
        for side, center in zip(image.shape[:2], middle, strict=True)
    )
    keep = ~(rows[:, None] & columns[None, :])
    # A product keeps NaN.
    return image * keep[..., None].astype(image.dtype)

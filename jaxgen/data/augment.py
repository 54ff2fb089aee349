"""Random transformations of a batch, as pure functions for the compiled step."""

import jax
import jax.numpy as jnp

from jaxgen.checks import check_key
from jaxgen.numerics import keep_nan
from jaxgen.typing import Images, RandomKeys

__all__ = ["binarize"]


def binarize(key: RandomKeys, images: Images) -> Images:
    """Draws each pixel from a Bernoulli whose probability is its grey value.

    Drawn afresh at every visit, this is the dynamic binarization of MNIST of
    Salakhutdinov and Murray, "On the Quantitative Analysis of Deep Belief Networks"
    (2008), https://dl.acm.org/doi/10.1145/1390156.1390266. Values 0 and 1 stay.

    Args:
        key: One key, or one per image; the key is consumed.
        images: float32 (batch, height, width, channels) in [0, 1].

    Returns:
        float32 images of zeros and ones, and NaN where the image has NaN.
    """
    check_key(key)
    if key.ndim == 0:
        drawn = jax.random.bernoulli(key, images)
    else:
        drawn = jax.vmap(jax.random.bernoulli)(key, images)
    return keep_nan(images, drawn.astype(jnp.float32))

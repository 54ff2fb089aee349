"""The loss of a critic with one head for each transform (DAG)."""

import jax.numpy as jnp

from jaxgen.typing import Array

__all__ = ["weighted_heads"]


def weighted_heads(values: Array, weight: float | Array) -> Array:
    """Calculates L_1 + weight / (K - 1) (L_2 + ... + L_K).

    Args:
        values: Losses of the K heads, shape (K, ...); the first is that of the samples
            as they are.
        weight: lambda_u of the critic's losses, lambda_v of the generator's.

    Returns:
        Shape (...); L_1 itself where there is one head.

    References:
        Tran et al., On Data Augmentation for GAN Training, 2021, equations 8 and 9.

    Examples:
        >>> print(weighted_heads(jnp.array([1.0, 2.0, 4.0]), 0.5))
        2.5
    """
    others = values.shape[0] - 1
    if others == 0:
        return values[0]
    return values[0] + weight / others * jnp.sum(values[1:], axis=0)

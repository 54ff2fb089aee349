"""Logits of patches, (rows, ...), seen row by row. Where there are none: (rows,)."""

from collections.abc import Callable

import jax.numpy as jnp

from jaxgen.typing import Array, PerExample

__all__ = ["loss_per_row", "per_row"]


def per_row(logits: Array) -> PerExample:
    """Returns the mean logit over the patches of each row."""
    if logits.ndim == 1:
        return logits
    return jnp.mean(logits, axis=tuple(range(1, logits.ndim)))


def loss_per_row(
    loss: Callable[[PerExample, PerExample], PerExample],
    real_logits: Array,
    fake_logits: Array,
) -> PerExample:
    """Returns a loss of logits, as its mean over the patches of each row.

    Args:
        loss: Of one real and one generated logit, for many of them.
        real_logits: Of one head.
        fake_logits: Likewise, of the same shape.
    """
    values = loss(real_logits.ravel(), fake_logits.ravel())
    return per_row(values.reshape(real_logits.shape))

"""The loss of an auxiliary classifier of real and generated samples (AC-GAN)."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxgen.checks import check_shapes
from jaxgen.typing import PerExample

__all__ = ["auxiliary_classification"]


def auxiliary_classification(
    class_logits: Float[Array, "batch classes"],
    condition: Float[Array, "batch classes"],
) -> PerExample:
    """Calculates -log P(C = c | x), which critic and generator both minimise.

    Args:
        class_logits: Of the classifier, unnormalised, of data or generated samples.
        condition: One-hot labels: of data, or those that samples were generated for.

    Returns:
        Nats per example.

    References:
        Odena et al., Conditional Image Synthesis with Auxiliary Classifier GANs, 2017,
        equation 3, one of whose two terms this is.

    Examples:
        >>> print(auxiliary_classification(jnp.zeros((1, 2)), jnp.array([[1.0, 0.0]])))
        [0.6931472]
    """
    check_shapes(("batch", "classes"), class_logits=class_logits, condition=condition)
    return -jnp.sum(condition * jax.nn.log_softmax(class_logits), axis=-1)

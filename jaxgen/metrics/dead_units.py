"""Units that never switch on, and samples that get no gradient from a critic."""

import jax.numpy as jnp

from jaxgen import numerics
from jaxgen.typing import Array

__all__ = ["dead_unit_share", "zero_gradient_share"]


def dead_unit_share(inputs: Array) -> Array:
    """Calculates the share of a layer's units that are off for every example.

    A unit is off where what goes into its activation is not above 0. A rectified one
    then gives 0 and learns nothing; a leaky one still passes a fraction on.

    Args:
        inputs: What goes into the activations, shape (examples, ..., units); a channel
            of a convolution counts as one unit.

    Returns:
        From 0 to 1, a scalar.

    Examples:
        >>> import jax.numpy as jnp
        >>> print(dead_unit_share(jnp.array([[-1.0, 2.0], [-3.0, -1.0]])))
        0.5

    References:
        Lu et al., Dying ReLU and Initialization, 2020.
    """
    others = tuple(range(inputs.ndim - 1))
    off = numerics.keep_nan(inputs, inputs <= 0)
    return jnp.mean(jnp.min(off, axis=others))


def zero_gradient_share(gradients: Array) -> Array:
    """Calculates the share of examples whose gradient is exactly 0.

    Args:
        gradients: One per example, shape (examples, ...), of a critic's logit by its
            sample: what a generator could learn by.

    Returns:
        From 0 to 1, a scalar; 1 is a batch that teaches nothing.

    Examples:
        >>> import jax.numpy as jnp
        >>> print(zero_gradient_share(jnp.array([[0.0, 0.0], [0.0, 1e-30]])))
        0.5
    """
    axes = tuple(range(1, gradients.ndim))
    zero = numerics.keep_nan(gradients, gradients == 0)
    return jnp.mean(jnp.min(zero, axis=axes))

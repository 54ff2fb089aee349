"""Heads that make of patches of feature maps unit vectors to be compared."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgen.calls import factory
from jaxgen.checks import check_count
from jaxgen.networks.mlp import Initializer
from jaxgen.networks.pure import pure
from jaxgen.typing import Array, Network

__all__ = ["PatchHeads", "patch_heads"]

# Xavier's normal times 0.02, as the authors draw all their networks.
_small_xavier = nn.initializers.variance_scaling(0.02**2, "fan_avg", "normal")

# Under the root: its derivative at 0 would be infinite.
_SMALLEST = 1e-14


class PatchHeads(nn.Module):
    """For each layer two dense layers with a `relu` between them, then unit length.

    Attributes:
        width: Of both dense layers.
        kernel_init: Initializer of all kernels; biases start at 0.

    References:
        Park et al., Contrastive Learning for Unpaired Image-to-Image Translation, 2020,
        section 3 and appendix C.
    """

    width: int = 256
    kernel_init: Initializer = _small_xavier

    @nn.compact
    def __call__(self, *patches: Array) -> tuple[Array, ...]:
        """Returns a vector of length 1 per patch, shapes (batch, patches, width)."""
        made = []
        for layer, rows in enumerate(patches):
            for place, name in enumerate(("hidden", "output")):
                dense = nn.Dense(
                    self.width, kernel_init=self.kernel_init, name=f"{name}_{layer}"
                )
                rows = dense(nn.relu(rows) if place else rows)
            squares = jnp.sum(jnp.square(rows), axis=-1, keepdims=True)
            made.append(rows * jax.lax.rsqrt(squares + _SMALLEST))
        return tuple(made)


@factory
def patch_heads(width: int = 256, *, kernel_init: Initializer | None = None) -> Network:
    """Returns `PatchHeads` as pure functions: the network H of `models.cut`.

    It takes, for each layer, patches of shape (batch, patches, features), where the
    number of patches may differ from layer to layer and from call to call.

    Args:
        width: Of both dense layers, and so of the vectors.
        kernel_init: Initializer of all kernels; Xavier's normal times 0.02 by default,
            as in the authors' code. Biases start at 0.

    Raises:
        InputError: The width is no whole number above 0.

    Examples:
        >>> import jax
        >>> network = patch_heads(8)
        >>> patches = jax.numpy.ones((2, 5, 3)), jax.numpy.ones((2, 4, 6))
        >>> variables = jax.eval_shape(network.init, jax.random.key(0), *patches)
        >>> vectors, _ = jax.eval_shape(network.apply, *variables, *patches)
        >>> [one.shape for one in vectors]
        [(2, 5, 8), (2, 4, 8)]
    """
    check_count("width", width, 1)
    return pure(PatchHeads(width, kernel_init or _small_xavier))

"""What the generators and critics have in common."""

import math
from collections.abc import Callable
from functools import partial
from typing import Literal

import jax.numpy as jnp
from flax import linen as nn

from jaxgen.errors import InputError
from jaxgen.networks.convolution import ConvFormulation, ConvTransposeFormulation
from jaxgen.typing import Array, Images

__all__ = [
    "TRANSPOSED",
    "Activation",
    "Conditioning",
    "CriticHead",
    "Dense",
    "halvings",
    "leaky_relu",
    "split_condition",
    "with_condition_channels",
]

Activation = Callable[[Array], Array]
Conditioning = Literal["concat", "projection"] | None
"""How a critic sees a condition: beside the image; by a projection of its features
(Miyato and Koyama, 2018); not at all, as with an auxiliary classifier."""

leaky_relu = partial(nn.leaky_relu, negative_slope=0.2)
"""The activation of most critics."""

TRANSPOSED: dict[ConvFormulation, ConvTransposeFormulation] = {
    "auto": "auto",
    "plain": "plain",
    "im2col": "subpixel",
}
"""The formulation of a transposed convolution beside one of a convolution."""


class Dense(nn.Module):
    """A dense layer with bias; parameters as those of `flax.linen.Dense`.

    Attributes:
        features: Outputs.
        use_bias: Whether a bias is added.
        kernel_init: Initializer of the kernel.
        kernel_map: Makes of the parameter the kernel that is used, as `SpectralNorm`.
    """

    features: int
    use_bias: bool = True
    kernel_init: nn.initializers.Initializer = nn.initializers.glorot_uniform()
    kernel_map: Callable[[Array], Array] | None = None

    @nn.compact
    def __call__(self, inputs: Array) -> Array:
        """Returns shape (batch, features)."""
        shape = (inputs.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape)
        if self.kernel_map is not None:
            kernel = self.kernel_map(kernel)
        outputs = inputs @ kernel
        if not self.use_bias:
            return outputs
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        return outputs + jnp.broadcast_to(bias, outputs.shape)


class CriticHead(nn.Module):
    """Features phi, and a condition if there is one, to logits.

    Head k of it is w_k . phi + b_k, and + y V_k phi with a condition y: the
    projection of Miyato and Koyama.

    Attributes:
        heads: Logits an example.
        kernel_init: Initializer of all kernels.
        make_kernel_map: Makes the `kernel_map` of each layer; none by default.

    References:
        Miyato and Koyama, cGANs with Projection Discriminator, 2018, equation 4.
    """

    heads: int = 1
    kernel_init: nn.initializers.Initializer = nn.initializers.glorot_uniform()
    make_kernel_map: Callable[[], Callable[[Array], Array] | None] = lambda: None

    @nn.compact
    def __call__(self, features: Array, condition: Array | None = None) -> Array:
        """Returns logits, shape (batch,) of one head, (batch, heads) of several."""
        layer = partial(Dense, kernel_init=self.kernel_init)
        logits = layer(self.heads, kernel_map=self.make_kernel_map())(features)
        if condition is not None:
            directions = layer(
                self.heads * features.shape[-1],
                use_bias=False,
                kernel_map=self.make_kernel_map(),
                name="projection",
            )(condition)
            directions = directions.reshape(*logits.shape, features.shape[-1])
            logits += jnp.einsum("nhf,nf->nh", directions, features)
        return logits[:, 0] if self.heads == 1 else logits


def with_condition_channels(images: Images, condition: Array | None) -> Images:
    """Appends a condition to every pixel, if there is one."""
    if condition is None:
        return images
    shape = (*images.shape[:-1], condition.shape[-1])
    painted = jnp.broadcast_to(condition[:, None, None], shape)
    return jnp.concatenate([images, painted], axis=-1)


def split_condition(
    condition: Array | None, conditioning: Conditioning
) -> tuple[Array | None, Array | None]:
    """Returns what is put beside the input, and what is projected."""
    return (
        condition if conditioning == "concat" else None,
        condition if conditioning == "projection" else None,
    )


def halvings(height: int, width: int, *, above: int) -> int:
    """Counts how often the sides are halved until the smaller is `above` or less.

    Raises:
        InputError: A side cannot be halved as often, or at all.

    Examples:
        >>> halvings(28, 28, above=7), halvings(64, 64, above=7)
        (2, 4)
    """
    count = math.ceil(math.log2(min(height, width) / above))
    if count < 1 or height % 2**count or width % 2**count:
        raise InputError(
            f"Images of {height} x {width} pixels: give sides above {above} that "
            f"{2 ** max(count, 1)} divides, as 28, 32 and 64 pixels are."
        )
    return count

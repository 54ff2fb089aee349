"""Spectral normalization: kernels of the largest singular value 1.

Miyato et al., Spectral Normalization for Generative Adversarial Networks, 2018.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from jaxgen.typing import Array

__all__ = ["SpectralNorm"]

_FIRST_ITERATIONS = 15
"""Of the power iteration at the start, so that the first steps are not far off."""


class SpectralNorm(nn.Module):
    """Divides a kernel by its largest singular value, followed by a power iteration.

    A kernel (..., inputs, outputs) counts as the matrix of all but its last axis by the
    last, as in the paper. sigma = v' W u, where u is kept in "batch_stats" and v is W u
    of length 1; both are constants to the gradient, which flows through W alone
    (equation 12). sigma is never above the true one, so the norm of what comes out is
    never below 1 and approaches it from above.

    Attributes:
        train: Whether u takes one iteration, and is kept.

    References:
        Miyato et al., 2018, algorithm 1 and equations 8 to 12.
    """

    train: bool = False

    @nn.compact
    def __call__(self, kernel: Array) -> Array:
        """Returns the kernel divided by sigma."""
        matrix = kernel.reshape(-1, kernel.shape[-1])
        constant = lax.stop_gradient(matrix)

        def iterate(right: Array) -> Array:
            return _unit(_unit(constant @ right) @ constant)

        def start() -> Array:
            key = self.make_rng("params")
            right = _unit(jax.random.normal(key, (kernel.shape[-1],), kernel.dtype))
            return lax.fori_loop(
                0, _FIRST_ITERATIONS, lambda _, right: iterate(right), right
            )

        vector = self.variable("batch_stats", "right", start)
        right = vector.value
        if self.train:
            right = vector.value = iterate(right)
        # A statistic may come from where a gradient is taken (an unrolled critic).
        right = lax.stop_gradient(right)
        sigma = _unit(constant @ right) @ (matrix @ right)
        return kernel / jnp.maximum(sigma, jnp.finfo(kernel.dtype).tiny)


def _unit(vector: Array) -> Array:
    # A kernel of zeros must give zeros, not NaN.
    return vector * lax.rsqrt(jnp.sum(vector**2) + 1e-24)

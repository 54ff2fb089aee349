"""A decoder of means, with one learned scale for all pixels beside them."""

from typing import Any

import jax.numpy as jnp

from jaxgen.calls import factory
from jaxgen.checks import check_number
from jaxgen.typing import Network, Params, PRNGKeyArray, PyTree

__all__ = ["shared_scale"]


@factory
def shared_scale(decoder: Network, *, start: float = -1.0) -> Network:
    """Returns a decoder of pairs (mean, log_scale) out of one of means.

    The log-scale is one learned number, for `losses.vae.learned_gaussian()`: the
    variance is then fitted with the rest, and is that of the reconstruction error.

    Args:
        decoder: Gives the means, shape (batch, height, width, channels).
        start: The log-scale at the start.

    Returns:
        A network whose outputs have the shape (batch, height, width, 2 channels).

    References:
        Rybkin et al., Simple and Effective VAE Training with Calibrated Decoders, 2021,
        section 3.2.
    """
    check_number("start", start)

    def init(key: PRNGKeyArray, *inputs: Any) -> tuple[Params, PyTree]:
        params, stats = decoder.init(key, *inputs)
        return {"decoder": params, "log_scale": jnp.asarray(start)}, stats

    def apply(
        params: Params, stats: PyTree, *inputs: Any, **mode: Any
    ) -> tuple[Any, PyTree]:
        mean, stats = decoder.apply(params["decoder"], stats, *inputs, **mode)
        log_scale = jnp.broadcast_to(params["log_scale"], mean.shape)
        pairs = jnp.stack([mean, log_scale], axis=-1)
        return pairs.reshape(*mean.shape[:-1], -1), stats

    return Network(init, apply)

"""Divergences from samples and log-densities, where no closed form exists, in nats."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxgen import numerics

__all__ = ["sampled_cauchy_schwarz", "sampled_kl"]


def sampled_kl(
    log_q: Float[Array, "samples *batch"], log_p: Float[Array, "samples *batch"]
) -> Float[Array, "*batch"]:
    """Estimates KL(q || p) from samples of q: the mean of log q - log p.

    It is unbiased, and a single estimate can be negative. Its gradient by automatic
    differentiation is right if the samples are reparameterized and the log-densities
    were evaluated at them without `stop_gradient`.

    Args:
        log_q: Log-density of q at the samples of q, shape (samples, ...).
        log_p: Log-density of p at the same samples, same shape.

    Returns:
        Nats, shape (...).

    Examples:
        >>> import jax.numpy as jnp
        >>> sampled_kl(jnp.array([0.0, 1.0]), jnp.array([-1.0, -1.0]))
        Array(1.5, dtype=float32)
    """
    return jnp.mean(log_q - log_p, axis=0)


def sampled_cauchy_schwarz(
    log_q_at_q: Float[Array, "q_samples *batch"],
    log_p_at_q: Float[Array, "q_samples *batch"],
    log_q_at_p: Float[Array, "p_samples *batch"],
    log_p_at_p: Float[Array, "p_samples *batch"],
) -> Float[Array, "*batch"]:
    """Estimates the Cauchy-Schwarz divergence from samples of both distributions.

    `-log INT q p + 1/2 log INT q^2 + 1/2 log INT p^2`. Each integral is the mean of a
    density over samples: INT q^2 of q over those of q, INT p^2 of p over those of p.
    INT q p is estimated twice, as the mean of p over the samples of q and as that of q
    over the samples of p, and the two logarithms are averaged:

    `1/2 (log mean_q q - log mean_q p) + 1/2 (log mean_p p - log mean_p q)`.

    So the estimate is symmetric, and exactly 0 where the densities are equal, whatever
    the samples. The logarithm of a mean over n samples is biased by O(1/n); the
    estimate is consistent, not unbiased, and can be negative. In many dimensions the
    means rest on few samples: prefer the closed forms where there is one.

    Args:
        log_q_at_q: Log-density of q at samples of q, shape (q_samples, ...).
        log_p_at_q: Log-density of p at the same samples, same shape.
        log_q_at_p: Log-density of q at samples of p, shape (p_samples, ...).
        log_p_at_p: Log-density of p at the same samples, same shape.

    Returns:
        Nats, shape (...). Densities known up to a constant will do.

    Examples:
        >>> import jax.numpy as jnp
        >>> log_q, log_p = jnp.zeros(3), jnp.full(3, -1.0)
        >>> sampled_cauchy_schwarz(log_q, log_p, log_q - 2.0, log_p)
        Array(1., dtype=float32)
    """
    over_q = numerics.log_mean_exp(log_q_at_q) - numerics.log_mean_exp(log_p_at_q)
    over_p = numerics.log_mean_exp(log_p_at_p) - numerics.log_mean_exp(log_q_at_p)
    return 0.5 * (over_q + over_p)

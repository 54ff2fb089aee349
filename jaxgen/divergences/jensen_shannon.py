"""The Jensen-Shannon divergence, in nats: symmetric, between 0 and log 2.

`JS(q, p) = 1/2 KL(q || m) + 1/2 KL(p || m)` with the mixture `m = (q + p) / 2`. It is
what a sample of m tells of which of the two it came from, and what the discriminator of
a GAN at its best measures. Unlike KL it does not add up over independent dimensions, so
there are no sums over dimensions here: vectors need `sampled_js`.

References:
    Lin, Divergence measures based on the Shannon entropy, 1991.
    Goodfellow et al., Generative Adversarial Nets, 2014, section 4.1.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxgen import numerics

__all__ = ["bernoulli_js", "categorical_js", "gaussian_js", "sampled_js"]

# Panels a deviation wide around either mean, up to where a normal's density has no
# digits left beside 1, and a rule of Gauss for each.
_REACH = np.arange(-9.0, 10.0)
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)


def categorical_js(
    logits: Float[Array, "*batch classes"],
    other_logits: Float[Array, "..."] | None = None,
) -> Float[Array, "*batch"]:
    """Calculates the divergence of two categorical distributions.

    Args:
        logits: Logits of q, shape (..., classes); a class of logit -inf never occurs.
        other_logits: Logits of p, shape (..., classes), or fewer leading axes. None is
            the uniform distribution.

    Returns:
        Nats, shape (...).

    Examples:
        >>> import jax.numpy as jnp
        >>> sure = jnp.array([[0.0, -jnp.inf]])
        >>> categorical_js(sure, sure[:, ::-1])
        Array([0.6931472], dtype=float32)
    """
    if other_logits is None:
        other_logits = jnp.zeros_like(logits)
    # Where both never occur the ratio is that of equal numbers: it has no weight.
    log_q = numerics.finite(jax.nn.log_softmax(logits))
    log_p = jax.nn.log_softmax(jnp.broadcast_to(other_logits, logits.shape))
    log_p = numerics.finite(log_p)
    mixture = 0.5 * (jnp.exp(log_q) + jnp.exp(log_p))
    return jnp.sum(mixture * _excess(log_q - log_p), axis=-1)


def bernoulli_js(
    logits: Float[Array, "*batch"], other_logits: Float[Array, "..."]
) -> Float[Array, "*batch"]:
    """Calculates the divergence of two Bernoullis, one by one.

    Args:
        logits: Log-odds of q, shape (...); infinite ones count as the largest finite
            number.
        other_logits: Log-odds of p, shape (...), or fewer leading axes.

    Returns:
        Nats, shape (...).

    Examples:
        >>> import jax.numpy as jnp
        >>> print(f"{bernoulli_js(jnp.array(jnp.inf), jnp.array(0.0)):.4f}")
        0.2158
    """
    q = numerics.finite(logits)
    p = numerics.finite(jnp.broadcast_to(other_logits, logits.shape))
    divergence = jnp.zeros_like(q)
    for sign in (1.0, -1.0):
        log_q, log_p = -numerics.softplus(-sign * q), -numerics.softplus(-sign * p)
        mixture = 0.5 * (jax.nn.sigmoid(sign * q) + jax.nn.sigmoid(sign * p))
        divergence = divergence + mixture * _excess(log_q - log_p)
    return divergence


def gaussian_js(
    mean: Float[Array, "*batch"],
    log_variance: Float[Array, "*batch"],
    other_mean: Float[Array, "..."],
    other_log_variance: Float[Array, "..."],
) -> Float[Array, "*batch"]:
    """Calculates the divergence of two Gaussians on a line, by quadrature.

    There is no closed form. The rule has 592 nodes, on panels as narrow as the narrower
    of the two Gaussians wherever that one lies.

    Args:
        mean: Means of q, shape (...).
        log_variance: Logarithms of q's variances, shape (...).
        other_mean: Means of p, shape (...), or fewer leading axes.
        other_log_variance: Logarithms of p's variances, likewise.

    Returns:
        Nats, shape (...).

    Examples:
        >>> import jax.numpy as jnp
        >>> zero = jnp.zeros(())
        >>> print(f"{gaussian_js(zero + 2.0, zero, zero, zero):.4f}")
        0.3368
    """
    q = (mean, log_variance)
    p = tuple(jnp.broadcast_to(x, mean.shape) for x in (other_mean, other_log_variance))
    # The rule stands still under differentiation: its gradient is the integral of the
    # integrand's.
    nodes, weights = _rule(*jax.lax.stop_gradient((*q, *p)))
    log_q, log_p = (_log_density(nodes, *of) for of in (q, p))
    mixture = 0.5 * (jnp.exp(log_q) + jnp.exp(log_p))
    return jnp.sum(weights * mixture * _excess(log_q - log_p), axis=-1)


def sampled_js(
    log_q_at_q: Float[Array, "q_samples *batch"],
    log_p_at_q: Float[Array, "q_samples *batch"],
    log_q_at_p: Float[Array, "p_samples *batch"],
    log_p_at_p: Float[Array, "p_samples *batch"],
) -> Float[Array, "*batch"]:
    """Estimates the divergence from samples of both distributions.

    `log 2 - 1/2 mean_q softplus(log p - log q) - 1/2 mean_p softplus(log q - log p)`.
    It is unbiased, never above log 2, and 0 whatever the samples where q = p; a single
    estimate can be negative. With the logits of a trained discriminator in place of
    log p - log q it is the lower bound that a GAN maximizes.

    Args:
        log_q_at_q: Log-density of q at samples of q, shape (q_samples, ...).
        log_p_at_q: Log-density of p at the same samples, same shape.
        log_q_at_p: Log-density of q at samples of p, shape (p_samples, ...).
        log_p_at_p: Log-density of p at the same samples, same shape.

    Returns:
        Nats, shape (...).

    Examples:
        >>> import jax.numpy as jnp
        >>> log_q, log_p = jnp.zeros(3), jnp.full(3, -jnp.inf)
        >>> sampled_js(log_q, log_p, log_p, log_q)
        Array(0.6931472, dtype=float32)

    References:
        Goodfellow et al., Generative Adversarial Nets, 2014, equation 6.
    """
    over_q = jnp.mean(numerics.softplus(log_p_at_q - log_q_at_q), axis=0)
    over_p = jnp.mean(numerics.softplus(log_q_at_p - log_p_at_p), axis=0)
    return math.log(2.0) - 0.5 * (over_q + over_p)


@jax.custom_jvp
def _excess(log_ratio: Array) -> Array:
    """What the entropy of a coin of log-odds r lacks to log 2; r is finite.

    The entropy is what a sample leaves open of its origin. Near q = p, where a
    difference to log 2 would have no digits left, it is u tanh u - log cosh u, u = r/2.
    """
    size = jnp.abs(log_ratio)
    near = 0.5 * jnp.minimum(size, 2.0)
    near = near * jnp.tanh(near) - numerics.logcosh(near)
    entropy = size * jax.nn.sigmoid(-size) + numerics.softplus(-size)
    return jnp.where(size < 2.0, near, math.log(2.0) - entropy)


@_excess.defjvp
def _excess_jvp(primals, tangents):
    (r,), (tangent,) = primals, tangents
    return _excess(r), r * jax.nn.sigmoid(r) * jax.nn.sigmoid(-r) * tangent


def _rule(
    mean: Array, log_variance: Array, other_mean: Array, other_log_variance: Array
) -> tuple[Array, Array]:
    edges = [
        m[..., None] + jnp.multiply.outer(jnp.exp(0.5 * v), _REACH.astype(m.dtype))
        for m, v in ((mean, log_variance), (other_mean, other_log_variance))
    ]
    edges = jnp.sort(jnp.concatenate(edges, axis=-1), axis=-1)
    half = 0.5 * jnp.diff(edges, axis=-1)
    centre = (edges[..., :-1] + half)[..., None]
    nodes = centre + jnp.multiply.outer(half, _NODES.astype(half.dtype))
    weights = jnp.multiply.outer(half, _WEIGHTS.astype(half.dtype))
    flat = (*mean.shape, -1)
    return nodes.reshape(flat), weights.reshape(flat)


def _log_density(x: Array, mean: Array, log_variance: Array) -> Array:
    mean, log_variance = mean[..., None], log_variance[..., None]
    shift = (x - mean) * jnp.exp(-0.5 * log_variance)
    return -0.5 * (shift**2 + log_variance + math.log(2 * math.pi))

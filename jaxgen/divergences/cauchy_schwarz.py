"""The Cauchy-Schwarz divergence, in closed form, in nats.

`-log INT q p + 1/2 log INT q^2 + 1/2 log INT p^2`: symmetric, at least 0, and 0 only
for q = p, by the inequality of its name. It does not change when q or p is multiplied
by a constant, and adds up over independent dimensions. For a Gaussian against a
mixture of Gaussians it has a closed form, which KL has not. It is no bound on anything:
a model trained by it is judged by an importance-sampled likelihood.

References:
    Principe, Information Theoretic Learning, 2010; Kampa, Hasanbelliu and
    Principe, Closed-form Cauchy-Schwarz PDF divergence for mixture of Gaussians, 2011.
"""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxgen import numerics

__all__ = [
    "bernoulli_cauchy_schwarz",
    "bernoulli_cauchy_schwarz_per_dimension",
    "categorical_cauchy_schwarz",
    "categorical_cauchy_schwarz_per_variable",
    "gaussian_cauchy_schwarz",
    "gaussian_cauchy_schwarz_per_dimension",
    "gaussian_mixture_cauchy_schwarz",
]


def gaussian_cauchy_schwarz_per_dimension(
    mean: Float[Array, "*batch dim"],
    log_variance: Float[Array, "*batch dim"],
    other_mean: Float[Array, "..."],
    other_log_variance: Float[Array, "..."],
) -> Float[Array, "*batch dim"]:
    """Calculates the divergence of two Gaussians in every dimension.

    `1/2 (d^2 / (v + other_v) + log cosh((log v - log other_v) / 2))`, d the difference
    of the means. For equal variances this is half the KL; near q = p it is half the KL
    in the mean and a quarter of the KL in the log-variance.

    Args:
        mean: Means of q, shape (..., dim).
        log_variance: Logarithms of q's variances, shape (..., dim).
        other_mean: Means of p, shape (..., dim) or (dim,).
        other_log_variance: Logarithms of p's variances, shape (..., dim) or (dim,).

    Returns:
        Nats, shape (..., dim); never negative.
    """
    other_mean = jnp.broadcast_to(other_mean, mean.shape)
    other_log_variance = jnp.broadcast_to(other_log_variance, mean.shape)
    log_sum = jnp.logaddexp(log_variance, other_log_variance)
    shift = (mean - other_mean) * jnp.exp(-0.5 * log_sum)
    spread = numerics.logcosh(0.5 * (log_variance - other_log_variance))
    return 0.5 * (shift**2 + spread)


def gaussian_cauchy_schwarz(
    mean: Float[Array, "*batch dim"],
    log_variance: Float[Array, "*batch dim"],
    other_mean: Float[Array, "..."],
    other_log_variance: Float[Array, "..."],
) -> Float[Array, "*batch"]:
    """Calculates the divergence of two diagonal Gaussians per example.

    Args:
        mean: Means of q, shape (..., dim).
        log_variance: Logarithms of q's variances, shape (..., dim).
        other_mean: Means of p, shape (..., dim) or (dim,).
        other_log_variance: Logarithms of p's variances, shape (..., dim) or (dim,).

    Returns:
        Nats, shape (...).

    Examples:
        >>> import jax.numpy as jnp
        >>> zero = jnp.zeros((1, 2))
        >>> gaussian_cauchy_schwarz(zero + 3.0, zero, zero[0] + 1.0, zero[0]).round(4)
        Array([2.], dtype=float32)
    """
    return jnp.sum(
        gaussian_cauchy_schwarz_per_dimension(
            mean, log_variance, other_mean, other_log_variance
        ),
        axis=-1,
    )


def gaussian_mixture_cauchy_schwarz(
    mean: Float[Array, "*batch dim"],
    log_variance: Float[Array, "*batch dim"],
    mixture_log_weights: Float[Array, "components"],
    mixture_means: Float[Array, "components dim"],
    mixture_log_variances: Float[Array, "components dim"],
) -> Float[Array, "*batch"]:
    """Calculates the divergence of a diagonal Gaussian and one mixture, per example.

    With the mixture `sum_k w_k N(m_k, v_k)` and q = N(mean, v), all diagonal:
    `-LSE_k[log w_k + log N(mean; m_k, v + v_k)] - 1/4 sum log(4 pi v)
    + 1/2 LSE_ij[log w_i + log w_j + log N(m_i; m_j, v_i + v_j)]`.

    It does not split into dimensions: the mixture ties them together.

    Args:
        mean: Means of q, shape (..., dim).
        log_variance: Logarithms of q's variances, shape (..., dim).
        mixture_log_weights: Logarithms of the weights, shape (components,). Their sum
            does not matter; -inf leaves a component out.
        mixture_means: Means of the components, shape (components, dim).
        mixture_log_variances: Logarithms of their variances, shape (components, dim).

    Returns:
        Nats, shape (...). Rounding can bring it below 0 by about dim units in the last
        place of 1.

    Examples:
        >>> import jax.numpy as jnp
        >>> gaussian_mixture_cauchy_schwarz(
        ...     jnp.ones((1, 2)), jnp.zeros((1, 2)),
        ...     jnp.zeros(1), jnp.zeros((1, 2)), jnp.zeros((1, 2))).round(4)
        Array([0.5], dtype=float32)

    References:
        Kampa, Hasanbelliu and Principe, Closed-form Cauchy-Schwarz PDF divergence for
        mixture of Gaussians, 2011.
    """
    cross = _log_overlap(
        mean[..., None, :],
        log_variance[..., None, :],
        mixture_means,
        mixture_log_variances,
    )
    between = _log_overlap(
        mixture_means[:, None, :],
        mixture_log_variances[:, None, :],
        mixture_means,
        mixture_log_variances,
    )
    pairs = mixture_log_weights[:, None] + mixture_log_weights[None, :]
    log_weights = jnp.broadcast_to(mixture_log_weights, cross.shape)
    return (
        -jax.nn.logsumexp(log_weights + cross, axis=-1)
        - 0.25 * jnp.sum(math.log(4 * math.pi) + log_variance, axis=-1)
        + 0.5 * jax.nn.logsumexp(pairs + between)
    )


def bernoulli_cauchy_schwarz_per_dimension(
    logits: Float[Array, "*batch dim"], other_logits: Float[Array, "..."]
) -> Float[Array, "*batch dim"]:
    """Calculates the divergence of two Bernoullis in every dimension.

    Args:
        logits: Log-odds of q, shape (..., dim); infinite ones count as the largest
            finite number.
        other_logits: Log-odds of p, shape (..., dim) or (dim,).

    Returns:
        Nats, shape (..., dim).
    """
    q = numerics.finite(logits)
    p = numerics.finite(jnp.broadcast_to(other_logits, logits.shape))
    log_q = -numerics.softplus(-q), -numerics.softplus(q)
    log_p = -numerics.softplus(-p), -numerics.softplus(p)
    return (
        -jnp.logaddexp(log_q[0] + log_p[0], log_q[1] + log_p[1])
        + 0.5 * jnp.logaddexp(2 * log_q[0], 2 * log_q[1])
        + 0.5 * jnp.logaddexp(2 * log_p[0], 2 * log_p[1])
    )


def bernoulli_cauchy_schwarz(
    logits: Float[Array, "*batch dim"], other_logits: Float[Array, "..."]
) -> Float[Array, "*batch"]:
    """Calculates the divergence of two vectors of independent Bernoullis per example.

    Args:
        logits: Log-odds of q, shape (..., dim).
        other_logits: Log-odds of p, shape (..., dim) or (dim,).

    Returns:
        Nats, shape (...).
    """
    return jnp.sum(
        bernoulli_cauchy_schwarz_per_dimension(logits, other_logits), axis=-1
    )


def categorical_cauchy_schwarz_per_variable(
    logits: Float[Array, "*batch classes"],
    other_logits: Float[Array, "..."] | None = None,
) -> Float[Array, "*batch"]:
    """Calculates the divergence of two categorical distributions per variable.

    `-log sum q p + 1/2 log sum q^2 + 1/2 log sum p^2`. Against the uniform distribution
    over K classes this is `1/2 (log K - H_2(q))`, H_2 the Renyi entropy of order 2.

    Args:
        logits: Logits of q, shape (..., classes); a class of logit -inf never occurs.
        other_logits: Logits of p, shape (..., classes), or fewer leading axes. None is
            the uniform distribution.

    Returns:
        Nats, shape (...); infinite where q and p share no class.
    """
    log_q = jax.nn.log_softmax(logits)
    of_q = 0.5 * jax.nn.logsumexp(2 * log_q, axis=-1)
    if other_logits is None:
        return 0.5 * math.log(logits.shape[-1]) + of_q
    log_p = jax.nn.log_softmax(jnp.broadcast_to(other_logits, logits.shape))
    of_p = 0.5 * jax.nn.logsumexp(2 * log_p, axis=-1)
    return of_q + of_p - jax.nn.logsumexp(log_q + log_p, axis=-1)


def categorical_cauchy_schwarz(
    logits: Float[Array, "*batch variables classes"],
    other_logits: Float[Array, "..."] | None = None,
) -> Float[Array, "*batch"]:
    """Calculates the divergence of vectors of categorical variables per example.

    Args:
        logits: Logits of q, shape (..., variables, classes).
        other_logits: Logits of p, same shape, or fewer leading axes. None is the
            uniform distribution.

    Returns:
        Nats, shape (...).

    Examples:
        >>> import jax.numpy as jnp
        >>> sure = jnp.array([[[0.0, -jnp.inf], [0.0, -jnp.inf]]])
        >>> categorical_cauchy_schwarz(sure)
        Array([0.6931472], dtype=float32)
    """
    return jnp.sum(
        categorical_cauchy_schwarz_per_variable(logits, other_logits), axis=-1
    )


def _log_overlap(
    mean: Array, log_variance: Array, other_mean: Array, other_log_variance: Array
) -> Array:
    """Log of INT N(x; m, v) N(x; m', v') dx = N(m; m', v + v'), all components."""
    shape = jnp.broadcast_shapes(mean.shape, other_mean.shape)
    mean, log_variance, other_mean, other_log_variance = (
        jnp.broadcast_to(x, shape)
        for x in (mean, log_variance, other_mean, other_log_variance)
    )
    log_sum = jnp.logaddexp(log_variance, other_log_variance)
    shift = (mean - other_mean) * jnp.exp(-0.5 * log_sum)
    return -0.5 * jnp.sum(shift**2 + math.log(2 * math.pi) + log_sum, axis=-1)

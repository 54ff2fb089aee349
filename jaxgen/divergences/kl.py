"""The Kullback-Leibler divergence KL(q || p), in closed form, in nats.

Each comes per example and, as `..._per_dimension` or `..._per_variable`, before the
sum: free bits and the diagnosis of collapse need the parts. Parameters of p may leave
out leading axes of q's, as those of a prior do.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxgen import numerics

__all__ = [
    "bernoulli_kl",
    "bernoulli_kl_per_dimension",
    "categorical_kl",
    "categorical_kl_per_variable",
    "gaussian_kl",
    "gaussian_kl_between",
    "gaussian_kl_between_per_dimension",
    "gaussian_kl_per_dimension",
]


def gaussian_kl_per_dimension(
    mean: Float[Array, "*batch dim"], log_variance: Float[Array, "*batch dim"]
) -> Float[Array, "*batch dim"]:
    """Calculates KL(N(mean, exp(log_variance)) || N(0, 1)) in every dimension.

    `1/2 (mean^2 + expm1(log_variance) - log_variance)`.

    Args:
        mean: Means, shape (..., dim).
        log_variance: Logarithms of the variances, shape (..., dim).

    Returns:
        Nats, shape (..., dim); never negative.

    References:
        Kingma and Welling, Auto-Encoding Variational Bayes, 2014, appendix B.
    """
    # exp(v) - 1 - v cancels to zero where the posterior is nearly the prior.
    return 0.5 * (mean**2 + numerics.expm1_minus(log_variance))


def gaussian_kl(
    mean: Float[Array, "*batch dim"], log_variance: Float[Array, "*batch dim"]
) -> Float[Array, "*batch"]:
    """Calculates KL(N(mean, diag exp(log_variance)) || N(0, I)) per example.

    Args:
        mean: Means, shape (..., dim).
        log_variance: Logarithms of the variances, shape (..., dim).

    Returns:
        Nats, shape (...).

    Examples:
        >>> import jax.numpy as jnp
        >>> gaussian_kl(jnp.array([[1.0, 0.0]]), jnp.array([[0.0, 0.0]]))
        Array([0.5], dtype=float32)

    References:
        Kingma and Welling, Auto-Encoding Variational Bayes, 2014, appendix B.
    """
    return jnp.sum(gaussian_kl_per_dimension(mean, log_variance), axis=-1)


def gaussian_kl_between_per_dimension(
    mean: Float[Array, "*batch dim"],
    log_variance: Float[Array, "*batch dim"],
    other_mean: Float[Array, "..."],
    other_log_variance: Float[Array, "..."],
) -> Float[Array, "*batch dim"]:
    """Calculates KL(N(mean, v) || N(other_mean, other_v)) in every dimension.

    `1/2 ((mean - other_mean)^2 / other_v + v / other_v - 1 - log(v / other_v))`.

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
    # The difference goes into the square in units of p's deviation: no overflow.
    shift = (mean - other_mean) * jnp.exp(-0.5 * other_log_variance)
    return 0.5 * (shift**2 + numerics.expm1_minus(log_variance - other_log_variance))


def gaussian_kl_between(
    mean: Float[Array, "*batch dim"],
    log_variance: Float[Array, "*batch dim"],
    other_mean: Float[Array, "..."],
    other_log_variance: Float[Array, "..."],
) -> Float[Array, "*batch"]:
    """Calculates KL between two diagonal Gaussians per example.

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
        >>> gaussian_kl_between(zero + 3.0, zero, zero[0] + 1.0, zero[0])
        Array([4.], dtype=float32)
    """
    return jnp.sum(
        gaussian_kl_between_per_dimension(
            mean, log_variance, other_mean, other_log_variance
        ),
        axis=-1,
    )


def bernoulli_kl_per_dimension(
    logits: Float[Array, "*batch dim"], other_logits: Float[Array, "..."]
) -> Float[Array, "*batch dim"]:
    """Calculates KL(Bernoulli(logits) || Bernoulli(other_logits)) in every dimension.

    `s(a) (a - b) + softplus(b) - softplus(a)`, s the sigmoid, for logits a and b.
    Infinite logits count as the largest finite number.

    Args:
        logits: Log-odds of q, shape (..., dim).
        other_logits: Log-odds of p, shape (..., dim) or (dim,).

    Returns:
        Nats, shape (..., dim).
    """
    a, b = (
        numerics.finite(logits),
        numerics.finite(jnp.broadcast_to(other_logits, logits.shape)),
    )
    # Both outcomes by themselves: in the formula above a - b and the softplus cancel,
    # and at large logits take b's digits with them.
    one = jax.nn.sigmoid(a) * (numerics.softplus(-b) - numerics.softplus(-a))
    zero = jax.nn.sigmoid(-a) * (numerics.softplus(b) - numerics.softplus(a))
    return one + zero


def bernoulli_kl(
    logits: Float[Array, "*batch dim"], other_logits: Float[Array, "..."]
) -> Float[Array, "*batch"]:
    """Calculates KL between two vectors of independent Bernoullis per example.

    Args:
        logits: Log-odds of q, shape (..., dim).
        other_logits: Log-odds of p, shape (..., dim) or (dim,).

    Returns:
        Nats, shape (...).

    Examples:
        >>> import jax.numpy as jnp
        >>> bernoulli_kl(jnp.array([[jnp.inf, 0.0]]), jnp.zeros(2))
        Array([0.6931472], dtype=float32)
    """
    return jnp.sum(bernoulli_kl_per_dimension(logits, other_logits), axis=-1)


def categorical_kl_per_variable(
    logits: Float[Array, "*batch classes"], other_logits: Float[Array, "..."]
) -> Float[Array, "*batch"]:
    """Calculates KL(Categorical(logits) || Categorical(other_logits)) per variable.

    Args:
        logits: Logits of q, shape (..., classes); a class of logit -inf never occurs.
        other_logits: Logits of p, shape (..., classes), or fewer leading axes.

    Returns:
        Nats, shape (...); infinite where q has a class that p has not.
    """
    log_q = jax.nn.log_softmax(logits)
    log_p = jax.nn.log_softmax(jnp.broadcast_to(other_logits, logits.shape))
    q = jnp.exp(log_q)
    # 0 log 0 = 0; the inner choice keeps -inf out of the gradient.
    occurs = q > 0
    log_ratio = jnp.where(occurs, log_q, 0.0) - jnp.where(occurs, log_p, 0.0)
    return jnp.sum(q * log_ratio, axis=-1)


def categorical_kl(
    logits: Float[Array, "*batch variables classes"], other_logits: Float[Array, "..."]
) -> Float[Array, "*batch"]:
    """Calculates KL between vectors of independent categorical variables per example.

    Args:
        logits: Logits of q, shape (..., variables, classes).
        other_logits: Logits of p, same shape, or fewer leading axes.

    Returns:
        Nats, shape (...).

    Examples:
        >>> import jax.numpy as jnp
        >>> sure = jnp.array([[[0.0, -jnp.inf], [0.0, -jnp.inf]]])
        >>> categorical_kl(sure, jnp.zeros(2))
        Array([1.3862944], dtype=float32)
    """
    return jnp.sum(categorical_kl_per_variable(logits, other_logits), axis=-1)

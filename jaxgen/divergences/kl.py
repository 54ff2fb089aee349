"""The Kullback-Leibler divergence, in closed form, in nats."""

import jax.numpy as jnp
from jaxtyping import Array, Float


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
    # expm1 keeps the digits where the posterior is nearly the prior: exp(v) - 1 - v
    # cancels to zero there in float32.
    return 0.5 * (mean**2 + jnp.expm1(log_variance) - log_variance)


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

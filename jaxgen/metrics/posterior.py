"""What the aggregate posterior q(z) = 1/n sum_i q(z | x_i) says of a VAE.

Posteriors are diagonal Gaussians, given by their means and log-variances over a set.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.checks import check_count, check_key, check_number
from jaxgen.errors import InputError
from jaxgen.typing import Array, Latents, PRNGKeyArray

__all__ = ["ActiveUnits", "AggregateTerms", "active_units", "kl_decomposition"]


class ActiveUnits(NamedTuple):
    """Which latents react to the input.

    Attributes:
        activity: Variance over the set of the posterior mean, shape (latents,).
        mask: Whether the activity exceeds the threshold, bool (latents,).
        count: How many do, int32.
    """

    activity: Array
    mask: Array
    count: Array


def active_units(mean: Latents, *, threshold: float = 1e-2) -> ActiveUnits:
    """Counts the latents whose posterior mean varies over the set.

    The activity of a latent is `Var_x E[z | x]`. With the prior N(0, I) it is near 0
    for a collapsed latent and near 1 for one that tells much.

    Args:
        mean: Posterior means over a set, shape (n, latents).
        threshold: Activity above which a latent is active.

    Returns:
        `ActiveUnits(activity, mask, count)`.

    Examples:
        >>> mean = jnp.array([[1.0, 0.3], [-1.0, 0.3]])
        >>> int(active_units(mean).count)
        1

    References:
        Burda et al., Importance Weighted Autoencoders, 2016, section 5.2.
    """
    check_number("threshold", threshold, least=0)
    return _active_units(mean, threshold)


@jax.jit
def _active_units(mean: Latents, threshold: float) -> ActiveUnits:
    activity = jnp.var(mean, axis=0)
    mask = activity > threshold
    return ActiveUnits(activity, mask, jnp.sum(mask))


class AggregateTerms(NamedTuple):
    """The three parts of the mean KL to the prior, scalars in nats.

    Attributes:
        mutual_information: Of the latents with the index of the example.
        total_correlation: KL of q(z) to the product of its marginals.
        dimension_wise_kl: KL of the marginals of q(z) to the prior's, summed.
    """

    mutual_information: Array
    total_correlation: Array
    dimension_wise_kl: Array


def kl_decomposition(
    key: PRNGKeyArray, mean: Latents, log_variance: Latents, *, chunk_size: int = 16
) -> AggregateTerms:
    """Decomposes the mean KL(q(z | x) || N(0, I)) over a set.

    `KL = I(z; index) + KL(q(z) || prod_d q(z_d)) + sum_d KL(q(z_d) || N(0, 1))`, with
    one sample of z for each example and the whole set as the aggregate posterior:
    `log q(z) = LSE_j log q(z | x_j) - log n`. The sum of the terms is an estimate of
    the mean KL without bias.

    The terms are those of the n examples given. As estimates for the population they
    are biased, since each sample meets its own component, which makes q(z) too large
    there: the mutual information is too small and never above log n, and near log n it
    only says that n is too small. The total correlation and the dimension-wise KL are
    too large, the former the more so in many dimensions. Compare values of the same n
    alone.

    The cost is n^2 x latents; memory is `chunk_size` x n x latents.

    Args:
        key: One key; it is consumed.
        mean: Posterior means, shape (n, latents).
        log_variance: Logarithms of their variances, same shape.
        chunk_size: Samples at once.

    Returns:
        `AggregateTerms(mutual_information, total_correlation, dimension_wise_kl)`.

    Raises:
        InputError: If the shapes differ or are not (n, latents).

    Examples:
        Four posteriors far apart: the index of an example has log 4 = 1.39 nats.

        >>> mean = 100 * jnp.arange(4.0)[:, None]
        >>> terms = kl_decomposition(jax.random.key(0), mean, jnp.zeros((4, 1)))
        >>> print(f"{terms.mutual_information:.2f} {terms.total_correlation:.2f}")
        1.39 0.00

    References:
        Chen et al., Isolating Sources of Disentanglement in VAEs, 2018, equation 2.
        Hoffman and Johnson, ELBO surgery, 2016.
    """
    check_key(key)
    check_count("chunk_size", chunk_size, 1)
    if mean.ndim != 2 or mean.shape != log_variance.shape:
        raise InputError(
            f"The means have shape {mean.shape}, the log-variances "
            f"{log_variance.shape}: expected (n, latents) for both."
        )
    return _mean_log_ratios(key, mean, log_variance, chunk_size=chunk_size)


@partial(jax.jit, static_argnames="chunk_size")
def _mean_log_ratios(
    key: PRNGKeyArray, mean: Array, log_variance: Array, *, chunk_size: int
) -> AggregateTerms:
    noise = jax.random.normal(key, mean.shape, mean.dtype)
    samples = mean + jnp.exp(0.5 * log_variance) * noise
    count = len(mean)
    log_n = jnp.log(count)

    def log_ratios(index: Array) -> Array:
        sample = samples[index]
        own = _log_density(sample, mean[index], log_variance[index])
        others = _log_density(sample[None], mean, log_variance)
        joint = jax.nn.logsumexp(jnp.sum(others, axis=1)) - log_n
        marginals = jnp.sum(jax.nn.logsumexp(others, axis=0) - log_n)
        # The factor 1 / sqrt(2 pi) is left out of all densities alike.
        prior = -0.5 * jnp.sum(sample**2)
        return jnp.stack([jnp.sum(own) - joint, joint - marginals, marginals - prior])

    # The last chunk is filled up, or it would be compiled a second time.
    indices = jnp.arange(-(-count // chunk_size) * chunk_size) % count
    ratios = jax.lax.map(log_ratios, indices, batch_size=chunk_size)
    return AggregateTerms(*jnp.mean(ratios[:count], axis=0))


def _log_density(sample: Array, mean: Array, log_variance: Array) -> Array:
    """Calculates log N(sample; mean, exp(log_variance)) + 1/2 log 2 pi, elementwise."""
    squared = (sample - mean) ** 2 * jnp.exp(-log_variance)
    return -0.5 * (squared + log_variance)

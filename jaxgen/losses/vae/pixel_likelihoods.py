"""Likelihoods of 8-bit pixels: probabilities of the grid values k / (num_values - 1).

They are true probabilities of the file's bytes, so their bits per dimension compare
with any lossless compressor's.
"""

import jax
import jax.numpy as jnp

from jaxgen import numerics
from jaxgen.calls import factory
from jaxgen.checks import check_count, check_floats, check_number
from jaxgen.errors import InputError
from jaxgen.losses.vae.likelihoods import (
    Likelihood,
    Observations,
    flatten,
    split_channels,
    unpack,
)
from jaxgen.typing import Array, PerExample

__all__ = [
    "categorical",
    "categorical_log_likelihood",
    "discretized_logistic",
    "discretized_logistic_log_likelihood",
]


def categorical_log_likelihood(
    logits: Observations, observations: Observations
) -> PerExample:
    """Calculates log p(x) under pixels with one logit for each value.

    Args:
        logits: Shape (batch, ..., num_values), an axis more than the observations.
        observations: Values in [0, 1] on the grid k / (num_values - 1), shape
            (batch, ...); others count as the nearest of the grid.

    Returns:
        Nats, shape (batch,).

    Raises:
        InputError: The shapes do not agree, or an array is not of floating numbers.

    Examples:
        >>> import jax.numpy as jnp
        >>> categorical_log_likelihood(jnp.zeros((1, 2, 4)), jnp.ones((1, 2)))
        Array([-2.7725887], dtype=float32)

    References:
        van den Oord et al., Pixel recurrent neural networks, 2016, section 3.
    """
    check_floats(logits=logits, observations=observations)
    if logits.shape[:-1] != observations.shape:
        raise InputError(
            f"logits have shape {logits.shape}; for observations of shape "
            f"{observations.shape} they must have that shape and a last axis of values."
        )
    index = _index(observations, logits.shape[-1])
    chosen = jnp.take_along_axis(logits, index[..., None], axis=-1)[..., 0]
    log_probability = chosen - jax.nn.logsumexp(logits, axis=-1)
    log_probability = numerics.keep_nan(observations, log_probability)
    return jnp.sum(log_probability.reshape(len(logits), -1), axis=-1)


def discretized_logistic_log_likelihood(
    mean: Observations,
    log_scale: Observations,
    observations: Observations,
    *,
    num_values: int = 256,
    min_log_scale: float = -7.0,
) -> PerExample:
    """Calculates log p(x) under pixels that are a logistic variable, rounded.

    `s((x + h - m) / scale) - s((x - h - m) / scale)`, s the sigmoid and 2 h the
    distance of two values; the least and the greatest value take the tails.

    Args:
        mean: Means m in units of the observations, shape (batch, ...).
        log_scale: Logarithms of the scales before the soft floor, same shape.
        observations: Values in [0, 1] on the grid k / (num_values - 1), same shape;
            others count as the nearest of the grid.
        num_values: Values on the grid.
        min_log_scale: Soft floor of the logarithm of the scale; -7 is a quarter of a
            grey level of 256.

    Returns:
        Nats, shape (batch,).

    Raises:
        InputError: The shapes differ, or an array is not of floating numbers.

    References:
        Salimans et al., PixelCNN++, 2017, equation 2; Kingma et al., Improved
        variational inference with inverse autoregressive flow, 2016.
    """
    check_count("num_values", num_values, 2)
    check_number("min_log_scale", min_log_scale)
    _, log_scale = flatten("mean", mean, log_scale, "log_scale")
    mean, observations = flatten("mean", mean, observations)
    log_scale = numerics.soft_floor(log_scale, min_log_scale)
    index = _index(observations, num_values)
    width = 1.0 / (num_values - 1)
    centred = index * width - mean
    upper = (centred + 0.5 * width) * jnp.exp(-log_scale)
    lower = (centred - 0.5 * width) * jnp.exp(-log_scale)
    # s(a) - s(b) = s(a) s(-b) (1 - e^(b - a)); the last factor is d e^(-d/2) times
    # sinh(d/2) / (d/2) with d = a - b, whose logarithm is exact at tiny d and large.
    log_gap = jnp.log(width) - log_scale
    gap = jnp.exp(log_gap)
    log_last = log_gap - 0.5 * gap + numerics.log_sinhc(0.5 * gap)
    is_least, is_greatest = index == 0, index == num_values - 1
    # A tail reaches to infinity: its outer factor is 1, and so is the last one.
    log_probability = (
        jnp.where(is_greatest, 0.0, -numerics.softplus(-upper))
        + jnp.where(is_least, 0.0, -numerics.softplus(lower))
        + jnp.where(is_least | is_greatest, 0.0, log_last)
    )
    return jnp.sum(numerics.keep_nan(observations, log_probability), axis=-1)


@factory
def categorical(*, num_values: int = 256) -> Likelihood:
    """Returns the categorical likelihood; the decoder gives a logit for each value.

    Args:
        num_values: Values of a pixel, on the grid k / (num_values - 1).

    Raises:
        InputError: There are fewer than two values.
    """
    check_count("num_values", num_values, 2)

    def log_likelihood(outputs: Observations, observations: Observations) -> PerExample:
        return categorical_log_likelihood(
            split_channels(outputs, num_values), observations
        )

    def mean(outputs: Observations) -> Observations:
        probabilities = jax.nn.softmax(split_channels(outputs, num_values))
        return probabilities @ jnp.linspace(0.0, 1.0, num_values)

    return Likelihood(log_likelihood, mean, num_values, _zero)


@factory
def discretized_logistic(
    *, num_values: int = 256, min_log_scale: float = -7.0
) -> Likelihood:
    """Returns the discretized logistic likelihood.

    The decoder gives `(mean, log_scale)` for each channel. The mean reported is the
    logistic's, cut to [0, 1]; it neglects what the tails shift.

    Args:
        num_values: Values of a pixel, on the grid k / (num_values - 1).
        min_log_scale: Soft floor of the logarithm of the scale.

    Raises:
        InputError: There are fewer than two values.
    """
    check_count("num_values", num_values, 2)
    check_number("min_log_scale", min_log_scale)

    def log_likelihood(outputs: Observations, observations: Observations) -> PerExample:
        mean, log_scale = unpack(outputs, 2)
        return discretized_logistic_log_likelihood(
            mean,
            log_scale,
            observations,
            num_values=num_values,
            min_log_scale=min_log_scale,
        )

    def mean(outputs: Observations) -> Observations:
        return jnp.clip(unpack(outputs, 2)[0], 0.0, 1.0)

    return Likelihood(log_likelihood, mean, 2, _zero)


def _index(observations: Observations, num_values: int) -> Array:
    nearest = jnp.round(observations * (num_values - 1)).astype(jnp.int32)
    return jnp.clip(nearest, 0, num_values - 1)


def _zero(observations: Observations) -> PerExample:
    return jnp.zeros(len(observations), observations.dtype)

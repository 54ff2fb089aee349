"""Likelihoods behind squared and absolute errors: Gaussians and the Laplace."""

import math

import jax
import jax.numpy as jnp

from jaxgen import numerics
from jaxgen.calls import factory
from jaxgen.checks import check_number
from jaxgen.errors import InputError
from jaxgen.jax_internals import is_traced
from jaxgen.losses.vae.likelihoods import Likelihood, Observations, flatten, unpack
from jaxgen.typing import Array, PerExample

__all__ = [
    "gaussian",
    "gaussian_log_likelihood",
    "laplace",
    "laplace_log_likelihood",
    "learned_gaussian",
    "learned_gaussian_log_likelihood",
    "optimal_gaussian_log_likelihood",
]


def gaussian_log_likelihood(
    mean: Observations, observations: Observations, *, variance: float | Array = 1.0
) -> PerExample:
    """Calculates log N(x; mean, variance I) per example.

    `-|x - m|^2 / (2 s^2) - D/2 log(2 pi s^2)`. The mean squared error as a loss is this
    with a variance in hiding: half the squared error means s^2 = 1, the squared error
    s^2 = 1/2, the squared error averaged over D pixels s^2 = D/2 (see `equivalence`).

    Args:
        mean: Means, shape (batch, ...).
        observations: Values, same shape.
        variance: s^2, one for all pixels or an array that broadcasts against them.

    Returns:
        Nats, shape (batch,).

    Raises:
        InputError: The shapes differ, the variance's does not broadcast to them or it
            is not positive, or an array is not of floating numbers.

    Examples:
        >>> import jax.numpy as jnp
        >>> gaussian_log_likelihood(jnp.zeros((1, 1)), jnp.zeros((1, 1)))
        Array([-0.9189385], dtype=float32)

    References:
        Kingma and Welling, Auto-Encoding Variational Bayes, 2014, appendix C.2.
    """
    mean, pixels = flatten("mean", mean, observations)
    variance = _per_pixel("variance", variance, observations.shape, pixels.shape)
    return _log_density(mean, pixels, variance)


def learned_gaussian_log_likelihood(
    mean: Observations,
    log_scale: Observations,
    observations: Observations,
    *,
    min_log_scale: float = -6.0,
) -> PerExample:
    """Calculates log N(x; mean, scale^2) with a scale that the decoder gives.

    `log scale = min + softplus(log_scale - min)`, min = `min_log_scale`: a soft floor,
    without which the likelihood of a well-drawn pixel grows without bound.

    Args:
        mean: Means, shape (batch, ...).
        log_scale: Logarithms of the standard deviations before the floor, same shape.
        observations: Values, same shape.
        min_log_scale: The floor; -6 is 0.6 of a grey level of 256 in [0, 1].

    Returns:
        Nats, shape (batch,).

    Raises:
        InputError: The shapes differ, or an array is not of floating numbers.

    References:
        Rybkin, Daniilidis and Levine, Simple and effective VAE training with calibrated
        decoders, 2021, section 3.
    """
    check_number("min_log_scale", min_log_scale)
    _, log_scale = flatten("mean", mean, log_scale, "log_scale")
    mean, observations = flatten("mean", mean, observations)
    log_scale = numerics.soft_floor(log_scale, min_log_scale)
    standard = (observations - mean) * jnp.exp(-log_scale)
    return -jnp.sum(
        0.5 * standard**2 + log_scale + 0.5 * math.log(2 * math.pi), axis=-1
    )


def optimal_gaussian_log_likelihood(
    mean: Observations,
    observations: Observations,
    *,
    min_log_scale: float = -6.0,
    axis_name: str | None = None,
) -> PerExample:
    """Calculates log N(x; mean, s^2) with the best shared variance: the batch's MSE.

    The mean over the batch is `-D/2 (log(2 pi MSE) + 1)`, and its gradient is that of
    this profile likelihood: at the best s^2 the gradient through s^2 is zero, so it is
    stopped. As a score of a test set it flatters, since s^2 is fitted to that set, and
    an example's value depends on its batch. For a training loop of your own: a VAE of
    `jaxgen.models` sees one example at a time, and `learned_gaussian` with
    `networks.shared_scale` finds the same variance there.

    Args:
        mean: Means, shape (batch, ...).
        observations: Values, same shape.
        min_log_scale: Least log s, which keeps perfect reconstructions finite.
        axis_name: The mapped axis under `jax.pmap` or `jax.shard_map`: the MSE is then
            that of the whole batch.

    Returns:
        Nats, shape (batch,).

    Raises:
        InputError: The shapes differ, or an array is not of floating numbers.

    References:
        Rybkin, Daniilidis and Levine, Simple and effective VAE training with calibrated
        decoders, 2021, equation 6.
    """
    check_number("min_log_scale", min_log_scale)
    mean, observations = flatten("mean", mean, observations)
    variance = jnp.mean((observations - mean) ** 2)
    if axis_name is not None:
        variance = jax.lax.pmean(jax.lax.stop_gradient(variance), axis_name)
    variance = jnp.maximum(variance, math.exp(2 * min_log_scale))
    variance = jax.lax.stop_gradient(variance)
    return _log_density(mean, observations, variance)


def laplace_log_likelihood(
    mean: Observations, observations: Observations, *, scale: float | Array = 1.0
) -> PerExample:
    """Calculates log p(x) under Laplace pixels: the absolute error as a likelihood.

    `-|x - m| / b - log(2 b)` summed over pixels; the variance of a pixel is 2 b^2.

    Args:
        mean: Means, shape (batch, ...).
        observations: Values, same shape.
        scale: b, in units of the observations, one for all pixels or an array that
            broadcasts against them.

    Returns:
        Nats, shape (batch,).

    Raises:
        InputError: The shapes differ, the scale's does not broadcast to them or it is
            not positive, or an array is not of floating numbers.

    Examples:
        >>> import jax.numpy as jnp
        >>> laplace_log_likelihood(jnp.zeros((1, 2)), jnp.ones((1, 2)), scale=0.5)
        Array([-4.], dtype=float32)
    """
    mean, pixels = flatten("mean", mean, observations)
    scale = _per_pixel("scale", scale, observations.shape, pixels.shape)
    distance = jnp.abs(pixels - mean)
    return -jnp.sum(distance / scale + jnp.log(2.0 * scale), axis=-1)


@factory
def gaussian(*, variance: float | Array = 1.0) -> Likelihood:
    """Returns the Gaussian likelihood of fixed variance; the decoder gives means.

    Args:
        variance: Variance of a pixel, in squared units of the observations.

    Raises:
        InputError: The variance is not one positive number.
    """
    _check_positive("variance", variance)

    def log_likelihood(mean: Observations, observations: Observations) -> PerExample:
        return gaussian_log_likelihood(mean, observations, variance=variance)

    return Likelihood(log_likelihood, lambda mean: mean)


@factory
def learned_gaussian(*, min_log_scale: float = -6.0) -> Likelihood:
    """Returns the Gaussian likelihood whose scale the decoder gives too.

    The decoder gives `(mean, log_scale)` for each channel. One scale shared by all
    pixels is the same likelihood with a decoder that repeats one number.

    Args:
        min_log_scale: Soft floor of the logarithm of the standard deviation.
    """
    check_number("min_log_scale", min_log_scale)

    def log_likelihood(outputs: Observations, observations: Observations) -> PerExample:
        mean, log_scale = unpack(outputs, 2)
        return learned_gaussian_log_likelihood(
            mean, log_scale, observations, min_log_scale=min_log_scale
        )

    return Likelihood(log_likelihood, lambda outputs: unpack(outputs, 2)[0], 2)


@factory
def laplace(*, scale: float | Array = 1.0) -> Likelihood:
    """Returns the Laplace likelihood of fixed scale; the decoder gives means.

    Args:
        scale: b, in units of the observations; the variance of a pixel is 2 b^2.

    Raises:
        InputError: The scale is not one positive number.
    """
    _check_positive("scale", scale)

    def log_likelihood(mean: Observations, observations: Observations) -> PerExample:
        return laplace_log_likelihood(mean, observations, scale=scale)

    return Likelihood(log_likelihood, lambda mean: mean)


def _log_density(mean: Array, observations: Array, variance: float | Array) -> Array:
    squared = (observations - mean) ** 2
    return -0.5 * jnp.sum(squared / variance + jnp.log(2 * jnp.pi * variance), axis=-1)


def _per_pixel(
    name: str, value: float | Array, shape: tuple[int, ...], flat: tuple[int, ...]
) -> float | Array:
    """Returns one positive number, or one for each pixel in the flat shape."""
    if not jnp.ndim(value):
        check_number(name, value, above=0)
        return value
    if not is_traced(value):
        # Concrete even while something else is traced.
        with jax.ensure_compile_time_eval():
            low = float(jnp.min(value))
        if not low > 0:
            raise InputError(f"{name} has the value {low:g}: give numbers above 0.")
    try:
        return jnp.broadcast_to(value, shape).reshape(flat)
    except ValueError:
        raise InputError(
            f"{name} has shape {jnp.shape(value)} and does not broadcast to the "
            f"observations' {shape}. Give one number or one for each pixel."
        ) from None


def _check_positive(name: str, value: float | Array) -> None:
    if not is_traced(value) and jnp.ndim(value):
        raise InputError(
            f"The {name} must be one number, not an array of shape {jnp.shape(value)}. "
            "For one per pixel use learned_gaussian, or the function of the same name "
            "with _log_likelihood."
        )
    check_number(name, value, above=0)

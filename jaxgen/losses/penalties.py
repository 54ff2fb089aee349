"""Penalties on critics and generators, one value per example.

Every norm is that of one sample.

A critic is a function `samples (batch, ...) -> logits (batch,)`. Its gradient by a
sample is taken from the sum of all logits: right for each sample as long as the critic
looks at one sample at a time, as it should when it is penalised (no batch
normalization; a packed sample counts as one). A minibatch deviation couples neighbours:
the gradient is then that of their logits' sum, as in StyleGAN2.
"""

import math
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxgen.checks import check_floats, check_key, check_number, check_shapes
from jaxgen.random import normal
from jaxgen.typing import Params, PerExample, RandomKeys

__all__ = [
    "Critic",
    "Samples",
    "clip_weights",
    "dragan",
    "feature_matching",
    "gradient_penalty",
    "lecam",
    "mode_seeking",
    "path_length",
    "path_lengths",
    "r1",
    "r2",
]

Critic = Callable[[Array], Array]
Samples = Float[Array, "batch ..."]

# Under the root: its derivative at 0 would be infinite.
_SMALLEST = 1e-12


def gradient_penalty(
    key: RandomKeys,
    critic: Critic,
    real: Samples,
    fake: Samples,
    *,
    target: float = 1.0,
) -> PerExample:
    """Calculates (|grad D(x')| - target)^2, x' between a real and a generated sample.

    x' = e x + (1 - e) G(z), with e uniform in [0, 1], one per pair.

    Args:
        key: Of the draw of e; it is consumed. One key, or one per pair.
        critic: `samples -> logits`.
        real: Shape (batch, ...).
        fake: Generated samples, of the same shape.
        target: The norm that costs nothing.

    Returns:
        To be weighed: by 10 for images, by 0.1 for points in the plane.

    References:
        Gulrajani et al., Improved Training of Wasserstein GANs, 2017, equation 3.
    """
    check_key(key)
    check_shapes(("batch", "..."), real=real, fake=fake)
    check_number("target", target, least=0)
    weight = _uniform(key, real)
    gradients = _gradients(critic, weight * real + (1.0 - weight) * fake)
    return (_norms(gradients) - target) ** 2


def r1(critic: Critic, real: Samples) -> PerExample:
    """Calculates |grad D(x)|^2 / 2 at data: the penalty of gamma 1.

    Args:
        critic: `samples -> logits`.
        real: Shape (batch, ...).

    References:
        Mescheder et al., Which Training Methods for GANs do actually Converge?, 2018,
        equation 9.
    """
    check_floats(real=real)
    return 0.5 * _squares(_gradients(critic, real))


def r2(critic: Critic, fake: Samples) -> PerExample:
    """Calculates |grad D(G(z))|^2 / 2 at generated samples: see `r1`.

    References:
        Mescheder et al., 2018, equation 10.
    """
    check_floats(fake=fake)
    return 0.5 * _squares(_gradients(critic, fake))


def dragan(
    key: RandomKeys,
    critic: Critic,
    real: Samples,
    *,
    target: float = 1.0,
    spread: Float[Array, ""] | float | None = None,
) -> PerExample:
    """Calculates (|grad D(x')| - target)^2 near data, x' = x + e u s / 2.

    s is the standard deviation of all numbers of the batch, u uniform in [0, 1] for
    each number, e uniform in [0, 1] for each sample.

    Args:
        key: Of the draws; it is consumed. One key, or one per example.
        critic: `samples -> logits`.
        real: Shape (batch, ...).
        target: The norm that costs nothing.
        spread: s, where the batch is spread over devices; that of `real` by default.

    References:
        Kodali et al., On Convergence and Stability of GANs, 2017, section 2.4, as its
        authors' code has it.
    """
    check_key(key)
    check_floats(real=real)
    check_number("target", target, least=0)
    noise_key, weight_key = _two(key)
    spread = jnp.std(real) if spread is None else spread
    if noise_key.ndim == 0:
        noise = jax.random.uniform(noise_key, real.shape)
    else:
        noise = jax.vmap(lambda one: jax.random.uniform(one, real.shape[1:]))(noise_key)
    moved = real + _uniform(weight_key, real) * noise * (0.5 * spread)
    return (_norms(_gradients(critic, moved)) - target) ** 2


def lecam(
    real_logits: PerExample,
    fake_logits: PerExample,
    real_average: Float[Array, ""],
    fake_average: Float[Array, ""],
) -> PerExample:
    """Calculates (D(x) - fake average)^2 + (D(G(z)) - real average)^2.

    Args:
        real_logits: Of data, shape (batch,).
        fake_logits: Of generated samples, shape (batch,).
        real_average: Moving average of the logits of data in earlier steps, shape ().
        fake_average: The same for generated samples.

    References:
        Tseng et al., Regularizing Generative Adversarial Networks under Limited Data,
        2021, equation 3.
    """
    check_shapes(("batch",), real_logits=real_logits, fake_logits=fake_logits)
    check_shapes((), real_average=real_average, fake_average=fake_average)
    return (real_logits - fake_average) ** 2 + (fake_logits - real_average) ** 2


def path_lengths(
    key: RandomKeys, synthesize: Callable[[Array], Array], styles: Array
) -> PerExample:
    """Calculates |J^T y|, J the derivative of a sample by its styles.

    y is standard normal, divided by the root of the number of pixels; J^T y is the
    gradient of the sum of y times the sample. The norm is the root of the mean over
    layers of the sum of squares over features.

    Args:
        key: Of the draw of y; it is consumed. One key, or one per example.
        synthesize: `styles -> samples`, shape (batch, ..., channels).
        styles: Shape (batch, layers, features), or (batch, features) of one layer.

    References:
        Karras et al., Analyzing and Improving the Image Quality of StyleGAN, 2020,
        section 3.2; the division and the mean over layers are those of the authors'
        code.
    """
    check_key(key)
    check_floats(styles=styles)
    samples, transposed = jax.vjp(synthesize, styles)
    pixels = math.prod(samples.shape[1:-1])
    draw = normal(key, samples.shape) / math.sqrt(pixels)
    (gradients,) = transposed(draw.astype(samples.dtype))
    layers = math.prod(styles.shape[1:-1])
    return jnp.sqrt(_squares(gradients) / layers + _SMALLEST)


def path_length(lengths: PerExample, average: Float[Array, ""]) -> PerExample:
    """Calculates (|J^T y| - a)^2.

    Args:
        lengths: Those of `path_lengths`.
        average: a, their moving average.

    References:
        Karras et al., 2020, equation 4.
    """
    check_shapes(("batch",), lengths=lengths)
    check_shapes((), average=average)
    return (lengths - average) ** 2


def feature_matching(
    real_features: Float[Array, "batch ..."],
    fake_features: Float[Array, "samples ..."],
    *,
    mean: Callable[[Array], Array] | None = None,
) -> Float[Array, ""]:
    """Calculates |E f(x) - E f(G(z))|^2: one number, since it compares two means.

    Args:
        real_features: Of data, shape (batch, ...).
        fake_features: Of generated samples.
        mean: Over the leading axis, where the batch is spread over devices; that of
            the arrays by default.

    References:
        Salimans et al., Improved Techniques for Training GANs, 2016, section 3.1.
    """
    check_floats(real_features=real_features, fake_features=fake_features)
    mean = partial(jnp.mean, axis=0) if mean is None else mean
    return jnp.sum((mean(real_features) - mean(fake_features)) ** 2)


def mode_seeking(
    latents: Samples,
    other_latents: Samples,
    samples: Samples,
    other_samples: Samples,
    *,
    epsilon: float = 1e-5,
    mean: Callable[[Array], Array] | None = None,
) -> Float[Array, ""]:
    """Calculates 1 / (E d(G(z), G(z')) / E d(z, z') + epsilon), d the mean of |a - b|.

    One number, since it is a ratio of two means over the batch.

    Args:
        latents: z, shape (batch, latents).
        other_latents: z', of the same shape.
        samples: G(z), shape (batch, ...), with the same condition as G(z').
        other_samples: G(z'), of the same shape.
        epsilon: Bounds the value where all samples are the same.
        mean: As in `feature_matching`.

    References:
        Mao et al., Mode Seeking Generative Adversarial Networks for Diverse Image
        Synthesis, 2019, equation 2, whose ratio is maximised there; the inverse, the
        means over the batch and epsilon are those of the authors' code.
    """
    check_shapes(("batch", "..."), latents=latents, other_latents=other_latents)
    check_shapes(("batch", "..."), samples=samples, other_samples=other_samples)
    check_number("epsilon", epsilon, above=0)
    mean = partial(jnp.mean, axis=0) if mean is None else mean
    apart = mean(_distances(latents, other_latents))
    found = mean(_distances(samples, other_samples))
    return 1.0 / (found / jnp.maximum(apart, _SMALLEST) + epsilon)


def clip_weights(params: Params, bound: float | Array) -> Params:
    """Returns the parameters, each within [-bound, bound].

    References:
        Arjovsky et al., Wasserstein GAN, 2017, algorithm 1.
    """
    check_number("bound", bound, above=0)
    return jax.tree.map(lambda leaf: jnp.clip(leaf, -bound, bound), params)


def _gradients(critic: Critic, samples: Array) -> Array:
    return jax.grad(lambda samples: jnp.sum(critic(samples)))(samples)


def _distances(first: Array, second: Array) -> PerExample:
    return jnp.mean(jnp.abs(first - second), axis=tuple(range(1, first.ndim)))


def _squares(gradients: Array) -> PerExample:
    return jnp.sum(jnp.square(gradients), axis=tuple(range(1, gradients.ndim)))


def _norms(gradients: Array) -> PerExample:
    return jnp.sqrt(_squares(gradients) + _SMALLEST)


def _uniform(key: RandomKeys, like: Array) -> Array:
    """One number per example, in a shape that multiplies the examples."""
    shape = (like.shape[0],) + (1,) * (like.ndim - 1)
    if key.ndim == 0:
        return jax.random.uniform(key, shape, like.dtype)
    draw = jax.vmap(lambda one: jax.random.uniform(one, dtype=like.dtype))
    return draw(key).reshape(shape)


def _two(key: RandomKeys) -> tuple[RandomKeys, RandomKeys]:
    if key.ndim == 0:
        first, second = jax.random.split(key)
        return first, second
    pairs = jax.vmap(jax.random.split)(key)
    return pairs[:, 0], pairs[:, 1]

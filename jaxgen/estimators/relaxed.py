"""Biased estimators that pass a derivative through a relaxed or rounded sample."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp

from jaxgen.checks import check_count, check_number
from jaxgen.estimators import distributions, gumbel
from jaxgen.estimators.base import SIMPLEX, Distribution
from jaxgen.estimators.reparameterization import Reparameterization
from jaxgen.estimators.surrogates import differentiable_once, with_gradient_of
from jaxgen.typing import Array, PRNGKeyArray

__all__ = [
    "GumbelRao",
    "GumbelSoftmax",
    "ReinMax",
    "StraightThrough",
    "check_temperature",
]


@dataclasses.dataclass(frozen=True)
class _Relaxed(Reparameterization):
    """The mean of f at samples whose derivative in the logits is the estimator."""

    families: ClassVar[tuple[str, ...] | None] = SIMPLEX
    unbiased: ClassVar[bool] = False


@dataclasses.dataclass(frozen=True)
class GumbelSoftmax(_Relaxed):
    """The derivative through a softmax of perturbed logits, f(softmax((logits + G)/t)).

    A Bernoulli becomes sigmoid((logit + logistic noise)/t). The bias falls and the
    variance grows as the temperature goes to 0.

    Args:
        temperature: Of the softmax, positive; it may be traced.
        hard: Hands f the rounded sample and lets the derivative through as if it were
            the relaxed one (straight-through Gumbel-Softmax): f then never sees
            anything but true samples, and its value is unbiased.

    References:
        Jang et al., Categorical Reparameterization with Gumbel-Softmax, 2017; Maddison
        et al., The Concrete Distribution, 2017.
    """

    temperature: float | Array
    hard: bool = False

    def __post_init__(self) -> None:
        """Refuses settings that no call could use."""
        check_temperature(self.temperature)

    @property
    def relaxes(self) -> bool:  # type: ignore[override]
        return not self.hard

    def samples(self, key: PRNGKeyArray, dist: Distribution, num_samples: int) -> Array:
        standard = gumbel.noise(key, dist, num_samples)
        z = gumbel.free(standard, distributions.logits(dist)[None], dist)
        soft = gumbel.soften(z, self.temperature, dist)
        return with_gradient_of(gumbel.harden(z, dist), soft) if self.hard else soft


@dataclasses.dataclass(frozen=True)
class StraightThrough(_Relaxed):
    """The derivative of f at a true sample, as if the sample were its mean: J(p)^T f'.

    References:
        Bengio et al., Estimating or Propagating Gradients Through Stochastic Neurons,
        2013. Exact for linear f (the first-order reading of Liu et al., 2023).
    """

    def samples(self, key: PRNGKeyArray, dist: Distribution, num_samples: int) -> Array:
        drawn = distributions.draw(key, dist, num_samples)
        mean = gumbel.probabilities(distributions.logits(dist)[None], dist)
        return with_gradient_of(drawn, mean)


@dataclasses.dataclass(frozen=True)
class GumbelRao(_Relaxed):
    """Straight-through Gumbel-Softmax, averaged over the noise given its sample.

    It has the mean of `GumbelSoftmax(temperature, hard=True)` and no greater variance,
    for the same evaluations of f.

    Args:
        temperature: Of the softmax, positive; it may be traced.
        num_inner: Draws of the noise for each sample.

    References:
        Paulus et al., Rao-Blackwellizing the Straight-Through Gumbel-Softmax Gradient
        Estimator, 2021.
    """

    temperature: float | Array
    num_inner: int

    def __post_init__(self) -> None:
        """Refuses settings that no call could use."""
        check_temperature(self.temperature)
        check_count("num_inner", self.num_inner, 1)

    def samples(self, key: PRNGKeyArray, dist: Distribution, num_samples: int) -> Array:
        outer, inner = jax.random.split(key)
        logits = distributions.logits(dist)[None]
        drawn = gumbel.harden(
            gumbel.free(gumbel.noise(outer, dist, num_samples), logits, dist), dist
        )
        standard = gumbel.noise(inner, dist, self.num_inner * num_samples)
        standard = standard.reshape(self.num_inner, *drawn.shape)
        # The noise is a constant here: its own derivative given the sample, which
        # REBAR needs, would bias this estimator.
        z = with_gradient_of(
            gumbel.conditional(standard, logits[None], drawn[None], dist), logits[None]
        )
        soft = jnp.mean(gumbel.soften(z, self.temperature, dist), axis=0)
        return with_gradient_of(drawn, soft)


@dataclasses.dataclass(frozen=True)
class ReinMax(_Relaxed):
    """The second-order straight-through estimator: exact where f is quadratic.

    2 J((p_t + D)/2)^T f'(D) - J(p)^T f'(D)/2, which is Heun's rule along the segments
    between f's values at the vertices; J(p) = diag(p) - p p^T.

    Args:
        temperature: Of p_t = softmax(logits/t), positive; only 1 is exact for quadratic
            f, a greater one has less variance.

    References:
        Liu et al., Bridging Discrete and Backpropagation: Straight-Through and Beyond,
        2023, algorithm 2.
    """

    temperature: float | Array = 1.0

    def __post_init__(self) -> None:
        """Refuses settings that no call could use."""
        check_temperature(self.temperature)

    def samples(self, key: PRNGKeyArray, dist: Distribution, num_samples: int) -> Array:
        logits = distributions.logits(dist)[None]
        drawn = distributions.draw(key, dist, num_samples)
        # A Bernoulli is the first of two classes of logits (x, 0).
        binary = distributions.family(dist) == "Bernoulli"
        classes = (lambda x: jnp.stack([x, 1 - x], -1)) if binary else (lambda x: x)
        scores = jnp.stack([logits, jnp.zeros_like(logits)], -1) if binary else logits
        between = (jax.nn.softmax(scores / self.temperature) + classes(drawn)) / 2
        path = 2 * _softmax_path(between, scores)
        path = path - _softmax_path(jax.nn.softmax(scores), scores) / 2
        path = path[..., 0] if binary else path
        # The path has the first derivative alone of what it stands for.
        return with_gradient_of(drawn, differentiable_once(path))


def _softmax_path(at: Array, logits: Array) -> Array:
    """J(at) logits: what has the derivative of a softmax whose value is `at`.

    Written out, as log(at) would be infinite where a probability underflows.
    """
    at = jax.lax.stop_gradient(at)
    return at * (logits - jnp.sum(at * logits, axis=-1, keepdims=True))


def check_temperature(temperature: float | Array) -> None:
    """Raises InputError unless a temperature is above 0; a traced one passes.

    The smaller it is, the closer a relaxed sample is to the discrete one.
    """
    check_number("temperature", temperature, above=0)

"""Exact expectations: sums over a finite support, integrals by quadrature."""

import dataclasses
import math
from typing import ClassVar

import jax
import jax.numpy as jnp

from jaxgen.checks import check_count
from jaxgen.estimators import distributions, quadrature
from jaxgen.estimators.base import (
    Cost,
    Distribution,
    Estimate,
    Estimator,
    Integrand,
    Moving,
)
from jaxgen.estimators.quadrature import Rule
from jaxgen.typing import Array, PRNGKeyArray, PyTree

__all__ = ["MOST_POINTS", "Enumerate", "Quadrature", "exact_rule", "grid"]

MOST_POINTS = 1 << 22
_AT_ONCE = 1 << 14


@dataclasses.dataclass(frozen=True)
class Enumerate(Estimator):
    """The exact sum over a finite support, sum of p(x) f(x); the key is not used.

    A joint of D coordinates of K values has K^D terms, of which 4 million are the most.
    With `probs` f is evaluated twice at each: where a probability is exactly 0 the
    derivative needs f, and f may be infinite there.
    """

    families: ClassVar[tuple[str, ...] | None] = quadrature.FINITE
    every_value: ClassVar[bool] = True

    def cost(self, dist: Distribution, num_samples: int, moving: Moving = None) -> Cost:
        points = quadrature.discrete_points(dist) ** distributions.event_size(dist)
        return Cost(2 * points if distributions.by_probs(dist) else points)

    def refusal(self, dist: Distribution, num_samples: int) -> str | None:
        return _too_many(self, quadrature.discrete_points(dist), dist)

    def estimate(
        self,
        key: PRNGKeyArray,
        f: Integrand,
        dist: Distribution,
        num_samples: int,
        state: PyTree,
    ) -> Estimate:
        return Estimate(_sum_grid(f, dist, quadrature.support_rule(dist)), state)


@dataclasses.dataclass(frozen=True)
class Quadrature(Estimator):
    """The integral of p(x) f(x) by quadrature; the key is not used.

    The nodes follow the place and the width of each coordinate's density, without
    gradient; the gradient is that of the density at the nodes, so f may be any program.
    Counts (Poisson, geometric) are summed one by one, unless more than num_points
    matter; then one stands for several.

    Args:
        num_points: Nodes of one coordinate; D coordinates take num_points^D.

    References:
        Trefethen and Weideman, The exponentially convergent trapezoidal rule, 2014.
    """

    num_points: int = 256

    def __post_init__(self) -> None:
        """Raises InputError unless `num_points` is a count of at least 2."""
        check_count("num_points", self.num_points, 2)

    def cost(self, dist: Distribution, num_samples: int, moving: Moving = None) -> Cost:
        return Cost(self.num_points ** distributions.event_size(dist))

    def refusal(self, dist: Distribution, num_samples: int) -> str | None:
        if not quadrature.integrable(dist):
            return (
                f"{self} has no rule for {distributions.family(dist)}: it is for "
                "independent coordinates on the real line, a half line, (0, 1) or the "
                "counts."
            )
        return _too_many(self, self.num_points, dist)

    def estimate(
        self,
        key: PRNGKeyArray,
        f: Integrand,
        dist: Distribution,
        num_samples: int,
        state: PyTree,
    ) -> Estimate:
        rule = quadrature.integral_rule(dist, self.num_points)
        return Estimate(_sum_grid(f, dist, rule), state)


def exact_rule(dist: Distribution, most: int) -> Rule | None:
    """Returns a rule for `dist` whose grid has at most `most` points, if there is."""
    size = distributions.event_size(dist)
    if distributions.family(dist) in quadrature.FINITE:
        small = quadrature.discrete_points(dist) ** size <= most
        return quadrature.support_rule(dist) if small else None
    points = min(256, math.floor(most ** (1 / size)))
    if points < 64 or not quadrature.integrable(dist):
        return None
    return quadrature.integral_rule(dist, points)


def grid(dist: Distribution, rule: Rule, index: Array) -> tuple[Array, Array]:
    """Returns points of the product of a rule over the coordinates, by their number.

    Args:
        dist: The distribution the rule is of.
        rule: Nodes and weights of each coordinate.
        index: Numbers in [0, points^D), shape (n,).

    Returns:
        Samples, shape (n,) + batch + event, and the logarithms of their weights, shape
        (n,) + batch, to which log p is still to be added.
    """
    base, batch = distributions.coordinates(dist), len(dist.batch_shape)
    inner = base.batch_shape[batch:]
    points = rule.nodes.shape[0]
    place = points ** jnp.arange(math.prod(inner), dtype=index.dtype)
    digits = (index[:, None] // place[None]) % points
    digits = digits.reshape((-1,) + (1,) * batch + inner)
    shape = (index.shape[0], *base.batch_shape)
    digits = jnp.broadcast_to(digits, shape)
    log_weights = jnp.take_along_axis(rule.log_weights, digits, axis=0)
    extra = rule.nodes.ndim - rule.log_weights.ndim
    digits = digits.reshape(shape + (1,) * extra)
    nodes = jnp.take_along_axis(rule.nodes, digits, axis=0)
    return nodes, distributions.sum_event(log_weights, dist)


def _sum_grid(f: Integrand, dist: Distribution, rule: Rule) -> Array:
    count = rule.nodes.shape[0] ** distributions.event_size(dist)

    def part(first: Array) -> tuple[Array, Array]:
        index = first + jnp.arange(min(count, _AT_ONCE), dtype=jnp.uint32)
        samples, log_weights = grid(dist, rule, jnp.minimum(index, count - 1))
        if distributions.by_probs(dist):
            masses = distributions.prob(dist, samples)
        else:
            masses = jnp.exp(distributions.log_prob(dist, samples) + log_weights)
        inside = (index < count).reshape((-1,) + (1,) * len(dist.batch_shape))
        masses = jnp.where(inside, masses, 0.0)
        # f may be infinite where there is no mass: there it is evaluated elsewhere.
        empty = masses == 0
        best = jnp.argmax(masses, axis=0, keepdims=True)
        event = (1,) * len(dist.event_shape)
        best = jnp.take_along_axis(samples, best.reshape(best.shape + event), axis=0)
        safe = jnp.where(empty.reshape(empty.shape + event), best, samples)
        values = jnp.where(empty, 0.0, jax.vmap(f)(safe))
        if distributions.by_probs(dist):
            # A probability of exactly 0 still has a derivative, which f multiplies.
            known = jax.lax.stop_gradient(jax.vmap(f)(samples))
            values = jnp.where(empty & jnp.isfinite(known), known, values)
        return jnp.sum(masses * values, axis=0), jnp.sum(masses, axis=0)

    if count <= _AT_ONCE:
        total, mass = part(jnp.uint32(0))
    else:
        # Nothing of a block is kept for the way back: it is done again.
        firsts = jnp.arange(0, count, _AT_ONCE, dtype=jnp.uint32)
        parts = jax.lax.map(jax.checkpoint(part), firsts)
        total, mass = (jnp.sum(one, axis=0) for one in parts)
    # The sum of the masses moves with no parameter. Times E f it takes E f out of what
    # each mass is multiplied by in the gradient: a constant in f is not rounded there.
    constant = jax.lax.stop_gradient(total)
    return total - constant * (mass - jax.lax.stop_gradient(mass))


def _too_many(estimator: Estimator, points: int, dist: Distribution) -> str | None:
    size = distributions.event_size(dist)
    if size * math.log(points) <= math.log(MOST_POINTS) + 1e-9:
        return None
    return (
        f"{estimator} would evaluate f at {points}^{size} points, more than "
        f"{MOST_POINTS:,}; take a Monte Carlo estimator."
    )

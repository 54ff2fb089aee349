"""Nodes and weights for one coordinate: finite supports, counts and the real line."""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dists

from jaxgen.estimators import distributions
from jaxgen.estimators.distributions import Distribution
from jaxgen.typing import Array

FINITE = ("Bernoulli", "Categorical", "OneHotCategorical", "Binomial")
COUNTS = ("Poisson", "Geometric", "NegativeBinomial2", "ZeroInflatedPoisson")
UNIT = ("Beta", "Kumaraswamy")
HALF_LINE = (
    *("Gamma", "Exponential", "Weibull", "LogNormal", "HalfNormal", "HalfCauchy"),
    *("Chi2", "InverseGamma"),
)
KINKED = ("Laplace", "StudentT", "Cauchy", "Logistic", "Gumbel")

# Where the density falls below e^-50 of its peak, nothing is left to integrate.
_NEGLIGIBLE = 50.0


class Rule(NamedTuple):
    """The sum over i of exp(log_weights[i]) p(nodes[i]) f(nodes[i]), by coordinate.

    Attributes:
        nodes: Shape (points,) + coordinates (and K for one-hot nodes).
        log_weights: Shape (points,) + coordinates; 0 for a sum over a support.
    """

    nodes: Array
    log_weights: Array


def support_rule(dist: Distribution) -> Rule:
    """Returns the rule that is the sum over a finite support."""
    base = distributions.coordinates(dist)
    nodes = base.enumerate_support(expand=True)
    kind = distributions.float_type(dist)
    if distributions.family(dist) != "Categorical":
        nodes = nodes.astype(kind)
    return Rule(nodes, jnp.zeros(nodes.shape[: 1 + len(base.batch_shape)], kind))


def integral_rule(dist: Distribution, num_points: int) -> Rule:
    """Returns a rule for the real line, a half line, (0, 1) or the counts.

    A trapezoidal rule in a coordinate in which the density falls off at both ends; it
    then converges exponentially for analytic f. Gradients of the nodes are stopped.
    """
    base = distributions.coordinates(distributions.stop_gradient(dist))
    name, kind = distributions.family(base), distributions.float_type(base)
    shape = base.batch_shape
    if name in COUNTS:
        counts = jnp.arange(num_points, dtype=kind).reshape((-1,) + (1,) * len(shape))
        nodes = jnp.broadcast_to(counts, (num_points, *shape))
        return Rule(nodes, jnp.zeros_like(nodes))
    if name == "Normal":
        # In its own coordinate: the steps stay even where f oscillates.
        u = jnp.linspace(-10.0, 10.0, num_points, dtype=kind)
        u = u.reshape((-1,) + (1,) * len(shape))
        normal = distributions.parameters(base)
        nodes = normal["loc"][None] + normal["scale"][None] * u
        step = 20.0 / (num_points - 1)
        log_weights = jnp.log(normal["scale"][None] * step)
        return Rule(nodes, jnp.broadcast_to(log_weights, nodes.shape))
    widest = 0.9 * math.log(float(jnp.finfo(kind).max))
    if name in HALF_LINE:
        centre = jnp.ones(shape, kind) if name == "HalfCauchy" else _middle(base)
        return _spread(base, _exponential(centre), widest, num_points)
    if name in UNIT:
        return _spread(base, _logistic, widest / 2, num_points)
    # A kink or a heavy tail: each side of the centre for itself.
    scale, loc = (jnp.broadcast_to(p, shape) for p in (base.scale, base.loc))
    sides = [
        _spread(base, _exponential(one, loc[None]), widest, num_points // 2)
        for one in (scale, -scale)
    ]
    return Rule(*(jnp.concatenate(parts) for parts in zip(*sides, strict=True)))


def integrable(dist: Distribution) -> bool:
    """Tells whether `integral_rule` knows the family."""
    return distributions.family(dist) in (
        *("Normal", *COUNTS, *UNIT),
        *(*HALF_LINE, *KINKED),
    )


Substitution = Callable[[Array], tuple[Array, Array]]
"""From u, on the whole line, to x and log |dx/du|."""


def _exponential(scale: Array, origin: Array | float = 0.0) -> Substitution:
    def substitute(u: Array) -> tuple[Array, Array]:
        return origin + scale[None] * jnp.exp(u), u + jnp.log(jnp.abs(scale))[None]

    return substitute


def _logistic(u: Array) -> tuple[Array, Array]:
    return jax.nn.sigmoid(u), -jax.nn.softplus(u) - jax.nn.softplus(-u)


def _spread(
    base: Distribution, substitute: Substitution, widest: float, num_points: int
) -> Rule:
    """Spreads nodes evenly in u over the range where the density matters."""
    kind, ones = distributions.float_type(base), (1,) * len(base.batch_shape)
    coarse = jnp.linspace(-widest, widest, 1025, dtype=kind).reshape((-1, *ones))
    coarse = jnp.broadcast_to(coarse, (1025, *base.batch_shape))
    x, log_slope = substitute(coarse)
    density = jnp.nan_to_num(distributions.log_prob(base, x) + log_slope, nan=-jnp.inf)
    matters = density > jnp.max(density, axis=0, keepdims=True) - _NEGLIGIBLE
    step = 2 * widest / 1024
    low = jnp.min(jnp.where(matters, coarse, jnp.inf), axis=0) - step
    high = jnp.max(jnp.where(matters, coarse, -jnp.inf), axis=0) + step
    low, high = jnp.maximum(low, -widest), jnp.minimum(high, widest)
    share = jnp.linspace(0.0, 1.0, num_points, dtype=kind).reshape((-1, *ones))
    nodes, log_slope = substitute(low[None] + (high - low)[None] * share)
    return Rule(nodes, log_slope + jnp.log((high - low) / (num_points - 1))[None])


def _middle(base: Distribution) -> Array:
    """The mean, or 1 where there is none."""
    mean = jnp.broadcast_to(base.mean, base.batch_shape)
    return jnp.where(jnp.isfinite(mean) & (mean > 0), mean, jnp.ones_like(mean))


def discrete_points(dist: Distribution) -> int:
    """Returns how many values a coordinate of a finite support takes."""
    base = distributions.coordinates(dist)
    if isinstance(base, dists.BinomialProbs | dists.BinomialLogits):
        return int(np.max(base.total_count)) + 1
    if distributions.family(dist) == "Bernoulli":
        return 2
    return distributions.logits(dist).shape[-1]

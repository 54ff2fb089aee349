"""Nodes and weights for one coordinate: finite supports, counts and the real line."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dists

from jaxgen.estimators import distributions
from jaxgen.estimators.distributions import Distribution
from jaxgen.typing import Array

__all__ = [
    "COUNTS",
    "FINITE",
    "HALF_LINE",
    "KINKED",
    "UNIT",
    "Rule",
    "Substitution",
    "discrete_points",
    "integrable",
    "integral_rule",
    "support_rule",
]

FINITE = ("Bernoulli", "Categorical", "OneHotCategorical", "Binomial")
COUNTS = ("Poisson", "Geometric", "NegativeBinomial2", "ZeroInflatedPoisson")
UNIT = ("Beta", "Kumaraswamy")
HALF_LINE = (
    "Gamma",
    "Exponential",
    "Weibull",
    "LogNormal",
    "HalfNormal",
    "HalfCauchy",
    "Chi2",
    "InverseGamma",
)
KINKED = ("Laplace", "StudentT", "Cauchy", "Logistic", "Gumbel")

# Where the density falls below e^-50 of its peak, nothing is left to integrate unless f
# grows as fast. So 256 points end there, and more points later: two numbers of points
# that agree have also compared two ranges.
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
    name, kind = distributions.family(dist), distributions.float_type(dist)
    if name == "OneHotCategorical":  # numpyro's multinomial does not list its support
        size = discrete_points(dist)
        nodes = jnp.eye(size).reshape((size,) + (1,) * len(base.batch_shape) + (size,))
        nodes = jnp.broadcast_to(nodes, (size, *base.batch_shape, size))
    else:
        nodes = base.enumerate_support(expand=True)
    if name != "Categorical":
        nodes = nodes.astype(kind)
    return Rule(nodes, jnp.zeros(nodes.shape[: 1 + len(base.batch_shape)], kind))


def integral_rule(dist: Distribution, num_points: int) -> Rule:
    """Returns a rule for the real line, a half line, (0, 1) or the counts.

    A trapezoidal rule in a coordinate in which the density falls off at both ends; it
    then converges exponentially for analytic f. Gradients of the nodes are stopped.
    Counts are summed one by one where the points suffice for all that matter.
    """
    base = distributions.coordinates(distributions.stop_gradient(dist))
    name, kind = distributions.family(base), distributions.float_type(base)
    shape = base.batch_shape
    widest = 0.9 * math.log(float(jnp.finfo(kind).max))
    cut = min(_NEGLIGIBLE * (num_points / 256) ** (1 / 3), widest)
    if name in COUNTS:
        return _blocks(base, min(_NEGLIGIBLE, widest), num_points)
    if name == "Normal":
        # In its own coordinate: the steps stay even where f oscillates.
        u = jnp.linspace(-10.0, 10.0, num_points, dtype=kind)
        u = u.reshape((-1,) + (1,) * len(shape))
        normal = distributions.parameters(base)
        nodes = normal["loc"][None] + normal["scale"][None] * u
        step = 20.0 / (num_points - 1)
        log_weights = jnp.log(normal["scale"][None] * step)
        return Rule(nodes, jnp.broadcast_to(log_weights, nodes.shape))
    if name in HALF_LINE:
        centre = jnp.ones(shape, kind) if name == "HalfCauchy" else _middle(base)
        ends = (-widest, widest)
        return _spread(base, _exponential(centre), ends, cut, num_points)
    if name in UNIT:
        # Nearer to 1 than eps, 1 - x is rounding alone.
        ends = (-widest / 2, -math.log(float(jnp.finfo(kind).eps)))
        return _spread(base, _logistic, ends, cut, num_points)
    # A kink or a heavy tail: each side of the centre for itself.
    scale, loc = (jnp.broadcast_to(p, shape) for p in (base.scale, base.loc))
    ends = (-widest, widest)
    sides = [
        _spread(base, _exponential(one, loc[None]), ends, cut, num_points // 2)
        for one in (scale, -scale)
    ]
    return Rule(*(jnp.concatenate(parts) for parts in zip(*sides, strict=True)))


def integrable(dist: Distribution) -> bool:
    """Tells whether `integral_rule` knows the family."""
    return distributions.family(dist) in (
        "Normal",
        *COUNTS,
        *UNIT,
        *HALF_LINE,
        *KINKED,
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
    base: Distribution,
    substitute: Substitution,
    ends: tuple[float, float],
    cut: float,
    num_points: int,
) -> Rule:
    """Spreads nodes evenly in u over the range where the density matters."""
    kind, shape = distributions.float_type(base), base.batch_shape

    def density(u: Array) -> Array:
        x, log_slope = substitute(u)
        return distributions.log_prob(base, x) + log_slope

    first, last = (jnp.full(shape, end, kind) for end in ends)
    low, high = _range(density, first, last, cut)
    u = _between(low, high, num_points)
    nodes, log_slope = substitute(u)
    log_weights = log_slope + jnp.log((high - low) / (num_points - 1))[None]
    # Beyond the reach of the floats, a node stands where the density is largest and
    # counts for nothing: neither p nor f nor a derivative of them is nan there.
    found = _where_finite(density(u))
    peak = jnp.argmax(found, axis=0, keepdims=True)
    peak = jnp.take_along_axis(nodes, peak, axis=0)
    usable = found > -jnp.inf
    nodes = jnp.where(usable, nodes, peak)
    return Rule(nodes, jnp.where(usable, log_weights, -jnp.inf))


def _blocks(base: Any, cut: float, num_points: int) -> Rule:
    """Cuts the counts that matter into blocks of one odd length, 1 if that will do.

    The middle of a block stands for all of it. Zero stands for itself: it may be
    inflated.
    """
    counts = getattr(base, "base_dist", base)
    kind, shape = distributions.float_type(base), base.batch_shape
    mean, variance = (
        jnp.broadcast_to(moment, shape).astype(kind)
        for moment in (counts.mean, counts.variance)
    )
    # The tail falls off as that of a normal at first, then by e every variance / mean.
    reach = jnp.sqrt(2 * cut * variance) + cut * (variance / mean + 1)

    def density(count: Array) -> Array:
        return distributions.log_prob(counts, count)

    low, high = _range(density, jnp.maximum(mean - reach, 0.0), mean + reach, cut)
    first = jnp.maximum(jnp.floor(low), 1.0)
    needed = (jnp.ceil(high) - first + 1) / (num_points - 1)
    half = jnp.ceil(jnp.maximum(needed - 1, 0.0) / 2)
    number = jnp.arange(num_points - 1, dtype=kind)
    number = number.reshape((-1,) + (1,) * len(shape))
    middles = first + half + (2 * half + 1)[None] * number
    zero = jnp.zeros((1, *shape), kind)
    length = jnp.broadcast_to(jnp.log(2 * half + 1)[None], middles.shape)
    return Rule(jnp.concatenate([zero, middles]), jnp.concatenate([zero, length]))


def _range(
    log_density: Callable[[Array], Array], low: Array, high: Array, cut: float
) -> tuple[Array, Array]:
    """Returns the range within [low, high] where the density matters."""
    points = 1025
    for _ in range(3):  # each search a thousand times finer, if need be
        at = _between(low, high, points)
        found = _where_finite(log_density(at))
        matters = found >= jnp.max(found, axis=0, keepdims=True) - cut
        step = (high - low) / (points - 1)
        first = jnp.min(jnp.where(matters, at, jnp.inf), axis=0) - step
        last = jnp.max(jnp.where(matters, at, -jnp.inf), axis=0) + step
        low, high = jnp.maximum(low, first), jnp.minimum(high, last)
    return low, high


def _between(low: Array, high: Array, points: int) -> Array:
    share = jnp.linspace(0.0, 1.0, points, dtype=low.dtype)
    return low[None] + (high - low)[None] * share.reshape((-1,) + (1,) * low.ndim)


def _where_finite(log_density: Array) -> Array:
    return jnp.where(jnp.isfinite(log_density), log_density, -jnp.inf)


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

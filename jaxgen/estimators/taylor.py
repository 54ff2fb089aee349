"""Control variates from the Taylor expansion of f around the mean."""

import dataclasses
from collections.abc import Callable
from typing import ClassVar

import jax
import jax.numpy as jnp

from jaxgen.checks import check_count, check_number
from jaxgen.errors import InputError
from jaxgen.estimators import distributions
from jaxgen.estimators.base import (
    Cost,
    Distribution,
    Estimate,
    Estimator,
    Integrand,
    Moving,
)
from jaxgen.estimators.measure_valued import each_coordinate
from jaxgen.estimators.pilot import pilot_key
from jaxgen.estimators.score_function import magic_box, score_refusal
from jaxgen.estimators.surrogates import without_gradient
from jaxgen.typing import Array, PRNGKeyArray, PyTree

__all__ = [
    "GAUSSIAN",
    "DeltaMethod",
    "MuProp",
    "inner_product",
    "mean_of",
    "regression",
    "value_and_slope",
]

GAUSSIAN = ("Normal", "MultivariateNormal")


@dataclasses.dataclass(frozen=True)
class MuProp(Estimator):
    """The score function of what a first-order expansion of f leaves over.

    [f(x) - f(m) - f'(m) (x - m)] d log p(x) + f'(m) dm, with m the mean. For a linear f
    it has no variance. f must be defined and have a derivative at the mean, also where
    that is no value of x.

    References:
        Gu et al., MuProp: Unbiased Backpropagation for Stochastic Neural Networks,
        2016, equation 5.
    """

    families: ClassVar[tuple[str, ...] | None] = (
        "Bernoulli",
        "OneHotCategorical",
        "Binomial",
        "Poisson",
        "Normal",
        "MultivariateNormal",
        "Laplace",
        "LogNormal",
        "Gamma",
        "Exponential",
        "Weibull",
        "Beta",
        "Dirichlet",
    )
    differentiates: ClassVar[bool] = True
    relaxes: ClassVar[bool] = True

    def cost(self, dist: Distribution, num_samples: int, moving: Moving = None) -> Cost:
        return Cost(num_samples, 1)

    def refusal(self, dist: Distribution, num_samples: int) -> str | None:
        return score_refusal(self, dist)

    def estimate(
        self,
        key: PRNGKeyArray,
        f: Integrand,
        dist: Distribution,
        num_samples: int,
        state: PyTree,
    ) -> Estimate:
        samples = jax.lax.stop_gradient(distributions.draw(key, dist, num_samples))
        values = jax.vmap(f)(samples)
        mean = mean_of(dist)
        centre = jax.lax.stop_gradient(mean)
        at_centre, slope = value_and_slope(without_gradient(f, centre), centre)
        baseline = at_centre + inner_product(slope, samples - centre, dist)
        box = magic_box(distributions.log_prob(dist, samples))
        surrogate = jnp.mean(box * values + (1 - box) * baseline, axis=0)
        along_mean = inner_product(slope, mean - centre, dist)
        return Estimate(surrogate + along_mean, state)


@dataclasses.dataclass(frozen=True)
class DeltaMethod(Estimator):
    """Another estimator, of f less its second-order Taylor expansion at the mean.

    The expectation of the expansion h of f is added in closed form: the base is given
    f - c h, and c E h has the gradient of
    f(m) + f'(m) (mu - m) + 1/2 [(mu - m)^T H (mu - m) + tr(H Sigma)]. For a quadratic f
    and c = 1 nothing is left to estimate. f must have two derivatives.

    The Hessian is never formed: each evaluation of h is one of its products with a
    vector, and its trace takes one for each coordinate.

    Args:
        base: The estimator of f - c h. Its state, if it keeps one, is passed through.
        coefficient: c, or "pilot": the scalar of least total variance of the gradient,
            for each batch element.
        pilot: Estimates of a fixed key from which "pilot" is found, each of as few
            samples as the base can do with. c is a function of f and the distribution
            alone: under `vmap` over keys it is found once.

    References:
        Paisley, Blei and Jordan, Variational Bayesian Inference with Stochastic Search,
        2012, section 3; Mohamed et al., Monte Carlo Gradient Estimation in Machine
        Learning, 2020, section 7.4.2.
    """

    differentiates: ClassVar[bool] = True
    base: Estimator
    coefficient: str | float = "pilot"
    pilot: int = 64

    def __post_init__(self) -> None:
        """Refuses a coefficient of an unknown name."""
        if isinstance(self.coefficient, str) and self.coefficient != "pilot":
            raise InputError(
                f"coefficient={self.coefficient!r} is neither 'pilot' nor a number."
            )
        if not isinstance(self.coefficient, str):
            check_number("coefficient", self.coefficient)
        check_count("pilot", self.pilot, 2)

    @property
    def families(self) -> tuple[str, ...] | None:  # type: ignore[override]
        served = self.base.families
        return GAUSSIAN if served is None else tuple(set(GAUSSIAN) & set(served))

    @property
    def unbiased(self) -> bool:  # type: ignore[override]
        return self.base.unbiased

    @property
    def min_samples(self) -> int:  # type: ignore[override]
        return self.base.min_samples

    @property
    def stateful(self) -> bool:  # type: ignore[override]
        return self.base.stateful

    def init(self, key: PRNGKeyArray, dist: Distribution) -> PyTree:
        return self.base.init(key, dist)

    def cost(self, dist: Distribution, num_samples: int, moving: Moving = None) -> Cost:
        evaluations, gradients = _of_remainder(
            self.base.cost(dist, num_samples, moving)
        )
        size = dist.event_shape[0] if _is_joint(dist) else 0
        products = size or distributions.event_size(dist)
        return Cost(evaluations, gradients + 1 + products)

    def pilot_cost(
        self, dist: Distribution, num_samples: int, moving: Moving = None
    ) -> Cost:
        once = self.base.pilot_cost(dist, num_samples, moving)
        if self.coefficient != "pilot":
            return _of_remainder(once)
        # The base makes its own pilot for these draws, and again for the estimate.
        each = self.base.cost(dist, self.base.min_samples, moving)
        evaluations, gradients = (
            self.pilot * drawn + 2 * found
            for drawn, found in zip(each, once, strict=True)
        )
        return _of_remainder(Cost(evaluations, gradients))

    def refusal(self, dist: Distribution, num_samples: int) -> str | None:
        if not self.families:
            return f"{self} is for normal distributions, and {self.base} is not."
        if _is_joint(dist) and len(dist.event_shape) != 1:
            return (
                f"{self} takes one MultivariateNormal, not several in one event: make "
                "it one with a block-diagonal covariance."
            )
        return self.base.refusal(dist, num_samples)

    def estimate(
        self,
        key: PRNGKeyArray,
        f: Integrand,
        dist: Distribution,
        num_samples: int,
        state: PyTree,
    ) -> Estimate:
        plain = without_gradient(f, jax.lax.stop_gradient(mean_of(dist)))
        expand, expected = _expansion(plain, distributions.stop_gradient(dist))
        if self.coefficient == "pilot":
            share = self._least_variance(plain, expand, dist, state)
        else:
            share = jnp.asarray(self.coefficient, distributions.float_type(dist))

        def remainder(x: Array) -> Array:
            return f(x) - share * expand(x)

        done = self.base.estimate(key, remainder, dist, num_samples, state)
        return Estimate(done.value + share * expected(dist), done.state)

    def _least_variance(
        self, f: Integrand, expand: Integrand, dist: Distribution, state: PyTree
    ) -> Array:
        keys = jax.random.split(pilot_key(self), self.pilot)
        state, parts = jax.lax.stop_gradient((state, distributions.parameters(dist)))
        count = self.base.min_samples

        def gradient(key: PRNGKeyArray, g: Integrand) -> PyTree:
            def total(changed: dict[str, Array]) -> Array:
                changed_dist = distributions.rebuild(dist, changed)
                done = self.base.estimate(key, g, changed_dist, count, state)
                return jnp.sum(done.value)

            return jax.grad(total)(parts)

        def both(key: PRNGKeyArray) -> tuple[PyTree, PyTree]:
            # The same noise for both: the coefficient is that of their regression.
            return gradient(jax.random.clone(key), f), gradient(key, expand)

        return regression(*jax.vmap(both)(keys), dist)


def _of_remainder(cost: Cost) -> Cost:
    """Returns the work of f and of its expansion, given that of f.

    An evaluation of the expansion is a product with the Hessian, which counts as a
    gradient of f.
    """
    return Cost(cost.evaluations, cost.evaluations + 2 * cost.gradients)


def mean_of(dist: Distribution) -> Array:
    """Returns the mean at full shape, batch + event."""
    return jnp.broadcast_to(dist.mean, dist.batch_shape + dist.event_shape)


def value_and_slope(f: Integrand, x: Array) -> tuple[Array, Array]:
    """Returns f(x), shape batch, and its derivative in x, shape batch + event."""
    values, pull = jax.vjp(f, x)
    return values, pull(jnp.ones_like(values))[0]


def inner_product(a: Array, b: Array, dist: Distribution) -> Array:
    """Sums a b over the event axes; `b` may have sample axes in front."""
    product = a * b if a.ndim == b.ndim else a[None] * b
    count = len(dist.event_shape)
    return jnp.sum(product, axis=tuple(range(product.ndim - count, product.ndim)))


def regression(first: PyTree, second: PyTree, dist: Distribution) -> Array:
    """Calculates the c of least total variance of `first` - c `second`, shape batch.

    The sum of their covariances over that of the variances of `second`; 0 where those
    vanish. The leaves have the shape (draws,) + batch + any.
    """

    def product(a: Array, b: Array) -> Array:
        a, b = a - jnp.mean(a, axis=0), b - jnp.mean(b, axis=0)
        batch = 1 + len(dist.batch_shape)
        return jnp.sum(a * b, axis=(0, *range(batch, a.ndim)))

    above = sum(jax.tree.leaves(jax.tree.map(product, first, second)))
    below = sum(jax.tree.leaves(jax.tree.map(product, second, second)))
    known = below > 0
    share = jnp.where(known, above / jnp.where(known, below, 1.0), 0.0)
    return jax.lax.stop_gradient(share)


def _expansion(
    f: Integrand, dist: Distribution
) -> tuple[Integrand, Callable[[Distribution], Array]]:
    """Returns h, and E h as a function of the distribution, which may be another."""
    centre = mean_of(dist)
    at_centre, slope = value_and_slope(f, centre)

    def slope_of(x: Array) -> Array:
        return value_and_slope(f, x)[1]

    _, times_hessian = jax.linearize(slope_of, centre)

    def expand(x: Array) -> Array:
        apart = x - centre
        straight = inner_product(slope, apart, dist)
        return (
            at_centre + straight + inner_product(apart, times_hessian(apart), dist) / 2
        )

    def trace(other: Distribution) -> Array:
        if _is_joint(dist):
            # tr(H L L^T): the quadratic form at each column of L.
            columns = jnp.moveaxis(distributions.parameters(other)["scale_tril"], -1, 0)
            curved = jax.vmap(times_hessian)(columns)
            return jnp.sum(columns * curved, axis=(0, -1))
        batch, size = len(dist.batch_shape), distributions.event_size(dist)
        flat = centre.reshape((*dist.batch_shape, size))

        def curvature(number: Array) -> Array:
            unit = (jnp.arange(size) == number).astype(flat.dtype)
            unit = jnp.broadcast_to(unit.reshape((1,) * batch + (size,)), flat.shape)
            curved = times_hessian(unit.reshape(centre.shape)).reshape(flat.shape)
            return jnp.take(curved, number, axis=-1)

        diagonal = each_coordinate(curvature, size, flat.size)
        diagonal = jnp.moveaxis(diagonal, 0, -1).reshape(centre.shape)
        scale = distributions.parameters(other)["scale"]
        return inner_product(jax.lax.stop_gradient(diagonal), scale**2, dist)

    def expected(other: Distribution) -> Array:
        return expand(mean_of(other)) + trace(other) / 2

    return expand, expected


def _is_joint(dist: Distribution) -> bool:
    return distributions.family(dist) == "MultivariateNormal"

"""Double control variates: leave-one-out, of f and of its first-order expansion."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp

from jaxgen.checks import check_count, check_number
from jaxgen.errors import InputError
from jaxgen.estimators import distributions
from jaxgen.estimators.base import (
    SIMPLEX,
    Cost,
    Distribution,
    Estimate,
    Estimator,
    Integrand,
    Moving,
)
from jaxgen.estimators.pilot import pilot_key
from jaxgen.estimators.score_function import magic_box
from jaxgen.estimators.surrogates import gradient_only, without_gradient
from jaxgen.estimators.taylor import (
    inner_product,
    mean_of,
    regression,
    value_and_slope,
)
from jaxgen.numerics import centred_leave_one_out
from jaxgen.typing import Array, PRNGKeyArray, PyTree

__all__ = ["DoubleCV"]


@dataclasses.dataclass(frozen=True)
class DoubleCV(Estimator):
    """Leave-one-out with a second control variate, from the slopes of the others.

    Each f(x_k) becomes f(x_k) - alpha (x_k - m)^T g_k, with m the mean and g_k the mean
    slope of f over the other samples, both in its own term and where it is a baseline
    for another. In its own term it leaves alpha g_k^T dm, which is added; as a baseline
    it leaves nothing, for given the other samples its mean is zero. For a linear f and
    alpha = 1 the gradient has no variance. Second derivatives have the right mean.

    Args:
        alpha: A number, or "pilot": that of least total variance of the gradient, for
            each batch element. At 0 it is leave-one-out. The paper writes -alpha.
        pilot: Estimates of a fixed key, of two samples each, from which "pilot" is
            found; under `vmap` over keys it is found once.

    References:
        Titsias and Shi, Double Control Variates for Gradient Estimation in Discrete
        Latent Variable Models, 2022, section 3.
    """

    families: ClassVar[tuple[str, ...] | None] = SIMPLEX
    differentiates: ClassVar[bool] = True
    min_samples: ClassVar[int] = 2
    alpha: str | float = 1.0
    pilot: int = 64

    def __post_init__(self) -> None:
        """Refuses an alpha of an unknown name."""
        if isinstance(self.alpha, str) and self.alpha != "pilot":
            raise InputError(f"alpha={self.alpha!r} is neither 'pilot' nor a number.")
        if not isinstance(self.alpha, str):
            check_number("alpha", self.alpha)
        check_count("pilot", self.pilot, 2)

    def cost(self, dist: Distribution, num_samples: int, moving: Moving = None) -> Cost:
        return Cost(0, num_samples)

    def pilot_cost(
        self, dist: Distribution, num_samples: int, moving: Moving = None
    ) -> Cost:
        return Cost(0, 2 * self.pilot if self.alpha == "pilot" else 0)

    def estimate(
        self,
        key: PRNGKeyArray,
        f: Integrand,
        dist: Distribution,
        num_samples: int,
        state: PyTree,
    ) -> Estimate:
        samples = distributions.draw(key, dist, num_samples)
        values = jax.vmap(f)(samples)
        # What f depends on besides its argument has the derivatives of DiCE.
        box = magic_box(distributions.log_prob(dist, samples)) - 1
        crossed = box * (values - jax.lax.stop_gradient(values))
        value = jnp.mean(values + crossed, axis=0)
        plain = without_gradient(f, samples[0])
        if self.alpha == "pilot":
            alpha = self._least_variance(plain, dist)
        else:
            alpha = jnp.asarray(self.alpha, value.dtype)
        leave_one_out, second = _surrogates(plain, dist, samples)
        total = leave_one_out - alpha * second
        return Estimate(value + gradient_only(total), state)

    def _least_variance(self, f: Integrand, dist: Distribution) -> Array:
        parameters = jax.lax.stop_gradient(distributions.parameters(dist))

        def both(key: PRNGKeyArray) -> PyTree:
            samples = distributions.draw(key, dist, 2)

            def totals(changed: dict[str, Array]) -> Array:
                changed_dist = distributions.rebuild(dist, changed)
                pair = jnp.stack(_surrogates(f, changed_dist, samples))
                return jnp.sum(pair.reshape(2, -1), axis=1)

            return jax.jacrev(totals)(parameters)

        keys = jax.random.split(pilot_key(self), self.pilot)
        found = jax.vmap(both, out_axes=1)(keys)
        first, second = (jax.tree.map(lambda x, i=i: x[i], found) for i in (0, 1))
        return regression(first, second, dist)


def _surrogates(
    f: Integrand, dist: Distribution, samples: Array
) -> tuple[Array, Array]:
    """Those of leave-one-out and of the second control variate, each of shape batch."""
    mean, count = mean_of(dist), samples.shape[0]
    centre = jax.lax.stop_gradient(mean)
    values, slopes = jax.vmap(lambda x: value_and_slope(f, x))(samples)
    of_others = (jnp.sum(slopes, axis=0) - slopes) / (count - 1)
    variate = inner_product(of_others, samples - centre, dist)
    box = magic_box(distributions.log_prob(dist, samples))

    def scored(values: Array) -> Array:
        advantages = jax.lax.stop_gradient(centred_leave_one_out(values))
        return jnp.mean(advantages * box, axis=0)

    along_mean = inner_product(jnp.mean(slopes, axis=0), mean, dist)
    return scored(values), scored(variate) - along_mean

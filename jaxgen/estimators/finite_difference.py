"""Finite differences: for programs that nothing else can differentiate."""

import dataclasses
import math
from typing import ClassVar

import jax
import jax.numpy as jnp

from jaxgen.checks import check_number
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
from jaxgen.estimators.surrogates import linear, without_gradient
from jaxgen.typing import Array, PRNGKeyArray, PyTree

__all__ = ["SPSA", "FiniteDifference"]


@dataclasses.dataclass(frozen=True)
class FiniteDifference(Estimator):
    """Central differences in every entry of every parameter, with common randomness.

    Its bias falls with epsilon^2. The samples at both ends come of the same key: where
    they move smoothly and f is smooth, the variance is that of the pathwise gradient;
    where either jumps, the variance grows with 1/epsilon. The batch elements are moved
    at once. A parameter less than epsilon from its bound (a small scale, a probability
    near 1) leaves it: parameterise by what has no bound, or lower epsilon.

    Args:
        epsilon: Half the distance of the two ends, in the parameter's own units.

    References:
        Glasserman, Monte Carlo Methods in Financial Engineering, 2003, section 7.1.
    """

    unbiased: ClassVar[bool] = False
    epsilon: float = 1e-2

    def __post_init__(self) -> None:
        """Refuses a step that is none."""
        _check_step(self.epsilon)

    def cost(self, dist: Distribution, num_samples: int, moving: Moving = None) -> Cost:
        batch = max(math.prod(dist.batch_shape), 1)
        sizes = [
            x.size // batch
            for name, x in distributions.parameters(dist).items()
            if moving is None or name in moving
        ]
        return Cost(num_samples * 2 * sum(sizes))

    def refusal(self, dist: Distribution, num_samples: int) -> str | None:
        return _unlisted(self, dist)

    def estimate(
        self,
        key: PRNGKeyArray,
        f: Integrand,
        dist: Distribution,
        num_samples: int,
        state: PyTree,
    ) -> Estimate:
        # Its use again is meant: it is what makes the randomness common.
        samples = distributions.draw(jax.random.clone(key), dist, num_samples)
        samples = jax.lax.stop_gradient(samples)
        plain, still = _still(f, dist, samples[0])
        batch = len(dist.batch_shape)

        def mean_at(changed: dict[str, Array]) -> Array:
            moved = distributions.rebuild(dist, still | changed)
            drawn = distributions.draw(jax.random.clone(key), moved, num_samples)
            return jnp.mean(jax.vmap(plain)(drawn), axis=0)

        def gradient(name: str) -> Array:
            inner = still[name].shape[batch:]

            def slope(number: Array) -> Array:
                step = self.epsilon * (jnp.arange(math.prod(inner)) == number)
                step = step.reshape((1,) * batch + inner)
                up, down = (mean_at({name: still[name] + s}) for s in (step, -step))
                return (up - down) / (2 * self.epsilon)

            slopes = each_coordinate(slope, math.prod(inner), 2 * samples.size)
            return jnp.moveaxis(slopes, 0, -1).reshape(still[name].shape)

        values = jax.vmap(f)(samples)
        total = jnp.zeros(dist.batch_shape, distributions.float_type(dist))
        for name, live in distributions.parameters(dist).items():
            if name in still:
                total = total + linear(gradient(name), live, dist, values)
        return Estimate(jnp.mean(values, axis=0) + total, state)


@dataclasses.dataclass(frozen=True)
class SPSA(Estimator):
    """Simultaneous perturbation: all parameters are moved at once, by random signs.

    Two evaluations of f for each sample, however many parameters; each sample has signs
    of its own, and both ends have the same randomness. The gradient in one parameter
    has the slopes in all others as noise.

    Args:
        epsilon: Half the distance of the two ends, in each parameter's own units; see
            `FiniteDifference` on bias, jumps and bounds.

    References:
        Spall, Multivariate stochastic approximation using a simultaneous perturbation
        gradient approximation, 1992.
    """

    unbiased: ClassVar[bool] = False
    epsilon: float = 1e-2

    def __post_init__(self) -> None:
        """Refuses a step that is none."""
        _check_step(self.epsilon)

    def cost(self, dist: Distribution, num_samples: int, moving: Moving = None) -> Cost:
        return Cost(2 * num_samples)

    def refusal(self, dist: Distribution, num_samples: int) -> str | None:
        return _unlisted(self, dist)

    def estimate(
        self,
        key: PRNGKeyArray,
        f: Integrand,
        dist: Distribution,
        num_samples: int,
        state: PyTree,
    ) -> Estimate:
        value_key, key = jax.random.split(key)
        samples = distributions.draw(value_key, dist, num_samples)
        samples = jax.lax.stop_gradient(samples)
        plain, still = _still(f, dist, samples[0])

        def slope(key: PRNGKeyArray) -> dict[str, Array]:
            sample_key, *sign_keys = jax.random.split(key, 1 + len(still))
            signs = {
                name: jax.random.rademacher(sign_key, x.shape, x.dtype)
                for sign_key, (name, x) in zip(sign_keys, still.items(), strict=True)
            }

            def end(step: float) -> Array:
                changed = {name: still[name] + step * signs[name] for name in still}
                moved = distributions.rebuild(dist, changed)
                here = jax.random.clone(sample_key)
                return plain(distributions.draw(here, moved, 1)[0])

            apart = (end(self.epsilon) - end(-self.epsilon)) / (2 * self.epsilon)
            return {
                name: sign
                * apart.reshape(apart.shape + (1,) * (sign.ndim - apart.ndim))
                for name, sign in signs.items()
            }

        slopes = jax.vmap(slope)(jax.random.split(key, num_samples))
        values = jax.vmap(f)(samples)
        total = jnp.zeros(dist.batch_shape, distributions.float_type(dist))
        for name, live in distributions.parameters(dist).items():
            if name in still:
                total = total + linear(
                    jnp.mean(slopes[name], axis=0), live, dist, values
                )
        return Estimate(jnp.mean(values, axis=0) + total, state)


def _still(
    f: Integrand, dist: Distribution, sample: Array
) -> tuple[Integrand, dict[str, Array]]:
    parameters = distributions.parameters(distributions.stop_gradient(dist))
    sought = distributions.movable(dist)  # a plain number is nobody's parameter
    parameters = {name: parameters[name] for name in parameters if name in sought}
    return without_gradient(f, sample), parameters


def _check_step(epsilon: float) -> None:
    check_number("epsilon", epsilon, above=0)


def _unlisted(estimator: Estimator, dist: Distribution) -> str | None:
    try:
        distributions.parameters(dist)
    except InputError as error:
        return f"{estimator} moves one parameter after another, but {error}"
    return None

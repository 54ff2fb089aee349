"""The choice of an estimator by what it costs to reach a given variance."""

import dataclasses
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
    why_not,
)
from jaxgen.estimators.pilot import pilot_key
from jaxgen.estimators.surrogates import without_gradient
from jaxgen.random import example_keys
from jaxgen.typing import Array, PRNGKeyArray, PyTree

__all__ = ["Auto"]


@dataclasses.dataclass(frozen=True)
class Auto(Estimator):
    """The candidate of least variance x cost, as far as a pilot run can tell.

    Each candidate draws `pilot` gradients with respect to the distribution's parameters
    (those that are traced: a plain number is nobody's parameter) from a fixed key, the
    same for all. The one with the smallest upper confidence bound
    of total variance x evaluations is used. The choice is a function of f and of the
    distribution alone: where the candidates have no bias, neither has this. Under
    `vmap` over keys the pilot is run once. Candidates that cannot estimate here are
    passed over.

    Args:
        candidates: Stateless estimators.
        pilot: Gradients that each of them draws.
        confidence: Standard errors that the bound lies above the measured variance.
    """

    candidates: tuple[Estimator, ...]
    pilot: int = 64
    confidence: float = 2.0

    families: ClassVar[tuple[str, ...] | None] = None

    def __post_init__(self) -> None:
        """Refuses candidates that keep a state, and a pilot too short to judge."""
        object.__setattr__(self, "candidates", tuple(self.candidates))
        check_count("pilot", self.pilot, 4)
        check_number("confidence", self.confidence, least=0)
        if not self.candidates:
            raise InputError("candidates is empty: give Auto at least one estimator.")
        for candidate in self.candidates:
            if not isinstance(candidate, Estimator):
                raise InputError(f"{candidate!r} is no estimator, such as Pathwise().")
            if candidate.stateful:
                raise InputError(f"Auto cannot keep the state of {candidate}.")

    @property
    def unbiased(self) -> bool:  # type: ignore[override]
        return all(candidate.unbiased for candidate in self.candidates)

    @property
    def every_value(self) -> bool:  # type: ignore[override]
        return all(candidate.every_value for candidate in self.candidates)

    def cost(self, dist: Distribution, num_samples: int, moving: Moving = None) -> Cost:
        """Returns the work of the dearest candidate."""
        fitting = self._fitting(dist, num_samples)
        costs = [c.cost(dist, num_samples, moving) for c in fitting]
        return max(costs, key=lambda one: one.total)

    def pilot_cost(
        self, dist: Distribution, num_samples: int, moving: Moving = None
    ) -> Cost:
        """Returns the work of the pilots, with those of the candidates' own."""
        fitting = self._fitting(dist, num_samples)
        costs = [c.cost(dist, num_samples, moving) for c in fitting]
        own = [c.pilot_cost(dist, num_samples, moving) for c in fitting]
        # The candidate that is chosen makes its own pilot again.
        again = max(own, key=lambda one: one.total)
        return Cost(
            *(
                self.pilot * sum(drawn) + sum(found) + more
                for drawn, found, more in zip(
                    zip(*costs, strict=True), zip(*own, strict=True), again, strict=True
                )
            )
        )

    def estimate(
        self,
        key: PRNGKeyArray,
        f: Integrand,
        dist: Distribution,
        num_samples: int,
        state: PyTree,
    ) -> Estimate:
        able = self._able(f, dist, num_samples)
        chosen = self._cheapest(able, f, dist, num_samples)

        def run(candidate: Estimator, key: PRNGKeyArray) -> Array:
            return candidate.estimate(key, f, dist, num_samples, ()).value

        branches = [lambda key, c=candidate: run(c, key) for candidate in able]
        return Estimate(jax.lax.switch(chosen, branches, key), state)

    def choice(self, f: Integrand, dist: Distribution, num_samples: int = 1) -> str:
        """Returns the name of the candidate that would be used."""
        able = self._able(f, dist, num_samples)
        with distributions.broadcasting():
            return str(able[int(self._cheapest(able, f, dist, num_samples))])

    def _cheapest(
        self, able: list[Estimator], f: Integrand, dist: Distribution, num_samples: int
    ) -> Array:
        bounds = jnp.stack([self._bound(c, f, dist, num_samples) for c in able])
        return jnp.argmin(jnp.where(jnp.isfinite(bounds), bounds, jnp.inf))

    def _fitting(self, dist: Distribution, num_samples: int) -> list[Estimator]:
        return [
            c
            for c in self.candidates
            if (c.families is None or distributions.family(dist) in c.families)
            and num_samples >= c.min_samples
            and c.refusal(dist, num_samples) is None
        ]

    def refusal(self, dist: Distribution, num_samples: int) -> str | None:
        if self._fitting(dist, num_samples):
            return None
        reasons = [c.refusal(dist, num_samples) or "" for c in self.candidates]
        family = distributions.family(dist)
        return " ".join(
            [f"None of the candidates of {self} is for {family}.", *reasons]
        )

    def _able(
        self, f: Integrand, dist: Distribution, num_samples: int
    ) -> list[Estimator]:
        reasons = [why_not(c, f, dist, num_samples) for c in self.candidates]
        able = [c for c, no in zip(self.candidates, reasons, strict=True) if no is None]
        if not able:
            raise InputError(
                "None of the candidates can do this. "
                + " ".join(reason for reason in reasons if reason is not None)
            )
        return able

    def _bound(
        self, candidate: Estimator, f: Integrand, dist: Distribution, num_samples: int
    ) -> Array:
        """The upper confidence bound of total variance x evaluations."""
        sought = distributions.movable(dist)
        parameters = jax.lax.stop_gradient(distributions.parameters(dist))
        parameters = {name: parameters[name] for name in sorted(sought)}
        dist = distributions.stop_gradient(dist)
        f = without_gradient(f, distributions.draw(pilot_key(self), dist, 1)[0])

        def value(changed: dict[str, Array], key: PRNGKeyArray) -> Array:
            moved = distributions.rebuild(dist, changed)
            return jnp.sum(candidate.estimate(key, f, moved, num_samples, ()).value)

        keys = example_keys(pilot_key(self), self.pilot)
        drawn = jax.vmap(jax.grad(value), in_axes=(None, 0))(parameters, keys)
        apart = [
            jnp.sum(
                jnp.square(leaf - jnp.mean(leaf, axis=0)).reshape(self.pilot, -1), -1
            )
            for leaf in jax.tree.leaves(drawn)
        ]
        squares = sum(apart, jnp.zeros(self.pilot)) * self.pilot / (self.pilot - 1)
        error = jnp.std(squares) / jnp.sqrt(self.pilot)
        cost = candidate.cost(dist, num_samples, sought).total
        return (jnp.mean(squares) + self.confidence * error) * cost

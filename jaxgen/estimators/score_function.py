"""The score-function estimator and its baselines."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpyro.distributions as dists
from numpyro.distributions import constraints

from jaxgen.checks import check_count, check_number
from jaxgen.errors import InputError
from jaxgen.estimators import distributions, exact
from jaxgen.estimators.base import (
    Cost,
    Distribution,
    Estimate,
    Estimator,
    Integrand,
    Moving,
)
from jaxgen.estimators.pilot import pilot_key
from jaxgen.estimators.surrogates import gradient_only
from jaxgen.numerics import centred_leave_one_out, keep_nan
from jaxgen.typing import Array, PRNGKeyArray, PyTree

__all__ = [
    "NAMED",
    "MovingAverage",
    "ScoreFunction",
    "magic_box",
    "score_refusal",
    "scores_of",
]

NAMED = ("leave_one_out", "moving_average", "optimal")
_GRID = 4096


class MovingAverage(NamedTuple):
    """An exponential moving average of the values of f.

    Attributes:
        total: The decayed sum, shape () or batch.
        weight: The decayed count: their ratio has no bias towards the start.
    """

    total: Array
    weight: Array


@dataclasses.dataclass(frozen=True)
class ScoreFunction(Estimator):
    """The score-function gradient (f(x) - b) d log p(x), for any f.

    Its gradient may be differentiated again: the surrogate is DiCE.

    Args:
        baseline: What is subtracted from f, without looking at the sample it is
            subtracted for:

            - None: nothing;
            - a number, or an array of shape batch;
            - "leave_one_out": the mean of f over the other samples (RLOO);
            - "moving_average": the mean of f over earlier calls, kept in the state. One
              average for all batch elements; `init(key, dist, per_element=True)` keeps
              one for each;
            - "optimal": the constant of least variance, E[f s^2]/E[s^2], for each
              parameter of each coordinate. It is found exactly where a grid of 4096
              points can, otherwise from `pilot` draws of a fixed key; it is the
              yardstick for the others, at that price;
            - a function of the distribution, `baseline(dist) -> batch`: a learned
              baseline closes over what it is learned from. Its gradient is stopped.
        decay: Of the moving average.
        pilot: Draws that the optimal baseline is found from, if not exactly.

    References:
        Glynn, Likelihood ratio gradient estimation, 1990; Williams, 1992. Kool et al.,
        Buy 4 REINFORCE samples, get a baseline for free, 2019. Foerster et al., DiCE,
        2018. Greensmith et al., Variance reduction techniques, 2004 (the optimum).
    """

    baseline: str | float | Array | Callable[[Distribution], Array] | None = None
    decay: float = 0.99
    pilot: int = 256

    def __post_init__(self) -> None:
        """Refuses a baseline of an unknown name."""
        if isinstance(self.baseline, str) and self.baseline not in NAMED:
            raise InputError(
                f"baseline={self.baseline!r} is none of {', '.join(NAMED)}; it may "
                "also be None, a number or a function of the distribution."
            )
        if isinstance(self.baseline, int | float):
            check_number("baseline", self.baseline)
        check_number("decay", self.decay, least=0, below=1)
        check_count("pilot", self.pilot, 2)

    @property
    def min_samples(self) -> int:  # type: ignore[override]
        return 2 if self._is("leave_one_out") else 1

    @property
    def stateful(self) -> bool:  # type: ignore[override]
        return self._is("moving_average")

    def init(
        self, key: PRNGKeyArray, dist: Distribution, *, per_element: bool = False
    ) -> PyTree:
        if not self.stateful:
            return ()
        shape = dist.batch_shape if per_element else ()
        kind = jnp.promote_types(distributions.float_type(dist), jnp.float32)
        zero = jnp.zeros(shape, kind)
        return MovingAverage(zero, jnp.zeros((), zero.dtype))

    def pilot_cost(
        self, dist: Distribution, num_samples: int, moving: Moving = None
    ) -> Cost:
        if not self._is("optimal"):
            return Cost(0)
        rule = exact.exact_rule(dist, _GRID)
        if rule is None:
            return Cost(self.pilot)
        return Cost(rule.nodes.shape[0] ** distributions.event_size(dist))

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
        known = jax.lax.stop_gradient(values)
        variate = jnp.zeros(dist.batch_shape, values.dtype)
        if self._is("optimal"):
            advantages, variate = known, self._optimal(f, dist, samples)
        elif self._is("leave_one_out"):
            advantages = centred_leave_one_out(known)
        elif self._is("moving_average"):
            average = state.total / jnp.where(state.weight > 0, state.weight, 1.0)
            average = average.astype(known.dtype)
            advantages = known - jnp.broadcast_to(average, known.shape)
            state = self._updated(state, known)
        else:
            advantages = known - jnp.broadcast_to(self._chosen(dist), known.shape)
        box = magic_box(distributions.log_prob(dist, samples))
        # box f + (1 - box) b, with b = f - advantage: the derivatives of DiCE.
        surrogate = box * values + (1 - box) * (known - advantages)
        return Estimate(jnp.mean(surrogate, axis=0) - variate, state)

    def _is(self, name: str) -> bool:
        return isinstance(self.baseline, str) and self.baseline == name

    def _chosen(self, dist: Distribution) -> Array:
        given: Any = self.baseline
        given = given(dist) if callable(given) else given
        return jax.lax.stop_gradient(jnp.asarray(0.0 if given is None else given))

    def _updated(self, state: MovingAverage, values: Array) -> MovingAverage:
        fresh = jnp.mean(values, axis=0)
        fresh = fresh if state.total.ndim else jnp.mean(fresh)
        fresh = fresh.astype(state.total.dtype)
        total = self.decay * state.total + (1 - self.decay) * fresh
        return MovingAverage(total, self.decay * state.weight + (1 - self.decay))

    def _optimal(self, f: Integrand, dist: Distribution, samples: Array) -> Array:
        """The control variate b* s, of value 0: each parameter has a b* of its own."""
        rule = exact.exact_rule(dist, _GRID)
        if rule is None:
            nodes = distributions.draw(pilot_key(self), dist, self.pilot)
            nodes = jax.lax.stop_gradient(nodes)
            masses = jnp.ones((self.pilot,) + dist.batch_shape)
        else:
            count = rule.nodes.shape[0] ** distributions.event_size(dist)
            index = jnp.arange(count, dtype=jnp.uint32)
            nodes, log_weights = exact.grid(dist, rule, index)
            masses = jnp.exp(log_weights + distributions.log_prob(dist, nodes))
        at_nodes = jax.lax.stop_gradient(masses * jax.vmap(f)(nodes))
        masses = jax.lax.stop_gradient(masses)
        total = jnp.zeros(dist.batch_shape, at_nodes.dtype)
        node_scores, scores = (scores_of(dist, x) for x in (nodes, samples))
        for name, parameter in distributions.parameters(dist).items():
            squared = node_scores[name] ** 2
            extra = squared.ndim - masses.ndim
            wide = masses.shape + (1,) * extra
            above = jnp.sum(at_nodes.reshape(wide) * squared, axis=0)
            below = jnp.sum(masses.reshape(wide) * squared, axis=0)
            best = above / jnp.where(below > 0, below, 1.0)
            gradient = jax.lax.stop_gradient(best * jnp.mean(scores[name], axis=0))
            # Not `linear`: the second derivative, 0, has the right mean here.
            axes = tuple(range(len(dist.batch_shape), gradient.ndim))
            total = total + jnp.sum(gradient * parameter, axis=axes)
        return gradient_only(total)


@jax.custom_jvp
def magic_box(log_prob: Array) -> Array:
    """Calculates exp(l - stop(l)): 1, whose every derivative is that of a density.

    Multiplied with the values of f it gives a surrogate whose derivatives of any order
    have the right mean. Foerster et al., DiCE, 2018, equation 5.

    Examples:
        >>> jax.grad(lambda t: magic_box(jnp.sin(t)))(0.0)
        Array(1., dtype=float32, weak_type=True)
    """
    return keep_nan(log_prob, jnp.ones_like(log_prob))


@magic_box.defjvp
def _magic_box_jvp(
    primals: tuple[Array], tangents: tuple[Array]
) -> tuple[Array, Array]:
    box = magic_box(*primals)
    return box, box * tangents[0]


def scores_of(dist: Distribution, samples: Array) -> dict[str, Array]:
    """Returns d log p(x) / d parameter of each sample, by name.

    Shapes: (samples,) + the full shape of the parameter (`distributions.parameters`).
    """
    parameters = jax.lax.stop_gradient(distributions.parameters(dist))

    def total(changed: dict[str, Array], x: Array) -> Array:
        return jnp.sum(distributions.log_prob(distributions.rebuild(dist, changed), x))

    return jax.vmap(jax.grad(total), in_axes=(None, 0))(parameters, samples)


def score_refusal(estimator: Estimator, dist: Distribution) -> str | None:
    """Returns why a score function does not exist for `dist`, or None."""
    if not _support_moves(dist):
        return None
    return (
        f"{estimator} needs a support that stays where it is, and that of "
        f"{distributions.family(dist)} moves with its parameters: what enters or "
        "leaves it is missed. Use Pathwise."
    )


def _support_moves(dist: Distribution) -> bool:
    """Tells whether a continuous distribution's support depends on its parameters."""
    base = distributions.coordinates(dist)
    if isinstance(base, dists.ExpandedDistribution):
        base = distributions.innermost(base)
    if isinstance(base, dists.MixtureSameFamily):
        return _support_moves(base.component_distribution)
    if type(base) is dists.TransformedDistribution:
        # It calls the image of any affine map the real line.
        return not isinstance(
            base.base_dist.support, type(constraints.real) | type(constraints.boolean)
        )
    if base.support.is_discrete:
        return False
    if isinstance(base.support, type(constraints.real) | type(constraints.positive)):
        return False
    # A support that is a class attribute depends on nothing.
    return isinstance(getattr(type(base), "support", None), property)

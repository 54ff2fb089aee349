"""Control variates on a relaxation of the sample: REBAR, RELAX and LAX."""

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, Protocol

import jax
import jax.numpy as jnp

from jaxgen.checks import check_number
from jaxgen.errors import InputError
from jaxgen.estimators import distributions, gumbel
from jaxgen.estimators.base import (
    SIMPLEX,
    Cost,
    Distribution,
    Estimate,
    Estimator,
    Integrand,
    Moving,
)
from jaxgen.estimators.relaxed import check_temperature
from jaxgen.estimators.score_function import score_refusal
from jaxgen.estimators.surrogates import linear
from jaxgen.typing import Array, PRNGKeyArray, PyTree

__all__ = ["Control", "Optimizer", "Pull", "Rebar", "Relax", "RelaxState"]

Control = Callable[[Array], Array]
"""From z, shape (samples,) + batch + event, to values, shape (samples,) + batch."""


class Optimizer(Protocol):
    """What an optax `GradientTransformation` offers, and all that is asked of one."""

    @property
    def init(self) -> Callable[[PyTree], Any]:
        """`init(params) -> opt_state`."""
        ...

    @property
    def update(self) -> Callable[..., tuple[PyTree, Any]]:
        """`update(grads, opt_state, params) -> (updates, opt_state)`."""
        ...


class RelaxState(NamedTuple):
    """What `Relax` keeps.

    Attributes:
        params: Of the control variate.
        opt_state: Of its optimizer.
    """

    params: PyTree
    opt_state: Any


@dataclasses.dataclass(frozen=True)
class Rebar(Estimator):
    """The score function with f at a relaxed sample for a control variate.

    [f(b) - eta f(s(z'))] d log p(b) + eta d f(s(z)) - eta d f(s(z')), where b is the
    rounded z, z' is drawn anew given b, and s is a softmax of the temperature. Every
    temperature and every eta leave the mean alone, and so may be learned elsewhere;
    they get no gradient from here. f is evaluated at relaxed samples but its parameters
    learn from true ones.

    Args:
        temperature: Of the relaxation, positive; it may be traced.
        eta: How much of the control variate to take; it may be traced.

    References:
        Tucker et al., REBAR: Low-variance, unbiased gradient estimates for discrete
        latent variable models, 2017.
    """

    temperature: float | Array = 0.5
    eta: float | Array = 1.0

    families: ClassVar[tuple[str, ...] | None] = SIMPLEX
    differentiates: ClassVar[bool] = True
    relaxes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuses settings that no call could use."""
        check_temperature(self.temperature)
        check_number("eta", self.eta)

    def cost(self, dist: Distribution, num_samples: int, moving: Moving = None) -> Cost:
        return Cost(num_samples, 2 * num_samples)

    def estimate(
        self,
        key: PRNGKeyArray,
        f: Integrand,
        dist: Distribution,
        num_samples: int,
        state: PyTree,
    ) -> Estimate:
        def control(z: Array) -> Array:
            return self.eta * jax.vmap(f)(gumbel.soften(z, self.temperature, dist))

        path = _discrete_path(key, dist, num_samples)
        values = jax.vmap(f)(path.samples)
        gradients = _gradients(path, values, control)
        return Estimate(_value(values, gradients, dist), state)


@dataclasses.dataclass(frozen=True)
class Relax(Estimator):
    """The score function with a learned control variate, for any f.

    [f(b) - c(z')] d log p(b) + d c(z) - d c(z'), where b is the rounded z and z' is
    drawn anew given b. For a continuous distribution (LAX) it is
    [f(x) - c(x)] d log p(x) + d c(x). Each call takes one step of the optimizer down
    the sum of squares of the gradient in the logits (of a continuous distribution: in
    its parameters), whose mean differs from the variance by a constant. The estimate
    is made with the parameters from before that step, and stays without bias.

    Args:
        control_variate: `control_variate(params, z) -> values` of shape batch. z has
            the shape batch + event; for a discrete distribution it is the variable
            before rounding, on the whole line (log-probabilities plus Gumbel noise, or
            logit plus logistic noise), which a sigmoid or softmax of a temperature
            makes a relaxed sample.
        params: The first parameters; later ones are in the state.
        optimizer: An optax `GradientTransformation` or what looks like one; None is
            gradient descent with a step of 0.01.

    References:
        Grathwohl et al., Backpropagation through the Void: Optimizing control variates
        for black-box gradient estimation, 2018, algorithms 1 and 2.
    """

    control_variate: Callable[[PyTree, Array], Array]
    params: PyTree
    optimizer: Optimizer | None = None

    stateful: ClassVar[bool] = True

    def __str__(self) -> str:
        """Returns the call that makes it, without its parameters."""
        name = getattr(self.control_variate, "__name__", "control_variate")
        return f"Relax({name}, ...)"

    def init(self, key: PRNGKeyArray, dist: Distribution) -> PyTree:
        params = jax.tree.map(jnp.array, self.params)
        return RelaxState(params, self._optimizer.init(params))

    def refusal(self, dist: Distribution, num_samples: int) -> str | None:
        family = distributions.family(dist)
        if family in SIMPLEX:
            return None
        if not dist.has_rsample:
            cure = (
                "Use jaxgen.estimators.OneHotCategorical, whose samples can be relaxed."
                if family == "Categorical"
                else "Use ScoreFunction or MeasureValued."
            )
            return (
                f"{self} needs samples that move smoothly with the parameters, or that "
                f"can be relaxed, and those of {family} are neither. {cure}"
            )
        try:
            distributions.parameters(dist)
        except InputError as error:
            return f"{self} takes a gradient for each parameter: {error}"
        return score_refusal(self, dist)

    def estimate(
        self,
        key: PRNGKeyArray,
        f: Integrand,
        dist: Distribution,
        num_samples: int,
        state: RelaxState,
    ) -> Estimate:
        state = jax.lax.stop_gradient(state)
        discrete = distributions.family(dist) in SIMPLEX
        path_of = _discrete_path if discrete else _continuous_path
        path = path_of(key, dist, num_samples)
        values = jax.vmap(f)(path.samples)
        known = jax.lax.stop_gradient(values)

        def loss(params: PyTree) -> tuple[Array, dict[str, Array]]:
            def control(z: Array) -> Array:
                return jax.vmap(lambda one: self.control_variate(params, one))(z)

            gradients = _gradients(path, known, control)
            squares = [jnp.sum(jnp.square(leaf)) for leaf in gradients.values()]
            # Per sample and batch element, so that the step is that of one of them.
            return sum(squares, jnp.zeros(())) / max(known.size, 1), gradients

        slope, gradients = jax.grad(loss, has_aux=True)(state.params)
        slope = jax.lax.stop_gradient(slope)
        updates, opt_state = self._optimizer.update(
            slope, state.opt_state, state.params
        )
        params = jax.tree.map(lambda p, u: p + u, state.params, updates)
        following = RelaxState(params, opt_state)
        return Estimate(_value(values, gradients, dist), following)

    @property
    def _optimizer(self) -> Optimizer:
        return _Descent() if self.optimizer is None else self.optimizer


class _Descent:
    """Plain gradient descent, used when `optimizer` is None."""

    def init(self, params: PyTree) -> tuple[()]:
        return ()

    def update(
        self, grads: PyTree, opt_state: tuple[()], params: PyTree
    ) -> tuple[PyTree, tuple[()]]:
        return jax.tree.map(lambda slope: -0.01 * slope, grads), opt_state


Pull = Callable[[Array], dict[str, Array]]
"""From a cotangent of z to the cotangents of the parameters, sample by sample."""


class _Path(NamedTuple):
    """Samples with all that a control variate needs of them, free of gradient.

    `tied` is what c is subtracted at. In LAX it is the sample itself, whose path has
    nothing to be subtracted (`pull_tied` is None).
    """

    samples: Array
    free: Array
    tied: Array
    scores: dict[str, Array]
    pull_free: Pull
    pull_tied: Pull | None


def _discrete_path(key: PRNGKeyArray, dist: Distribution, num_samples: int) -> _Path:
    for_free, for_tied = jax.random.split(key)
    standard = gumbel.noise(for_free, dist, num_samples)
    fresh = gumbel.noise(for_tied, dist, num_samples)
    # One copy of the logits for each sample: its gradient is then that sample's.
    logits = jax.lax.stop_gradient(distributions.logits(dist))
    logits = jnp.broadcast_to(logits[None], standard.shape)
    free, pull_free = jax.vjp(lambda x: gumbel.free(standard, x, dist), logits)
    hard = gumbel.harden(free, dist)
    tied, pull_tied = jax.vjp(
        lambda x: gumbel.conditional(fresh, x, hard, dist), logits
    )
    return _Path(
        samples=hard,
        free=free,
        tied=tied,
        scores={"logits": hard - gumbel.probabilities(logits, dist)},
        pull_free=lambda slope: {"logits": pull_free(slope)[0]},
        pull_tied=lambda slope: {"logits": pull_tied(slope)[0]},
    )


def _continuous_path(key: PRNGKeyArray, dist: Distribution, num_samples: int) -> _Path:
    parameters = jax.lax.stop_gradient(distributions.parameters(dist))
    parameters = {
        name: jnp.broadcast_to(value[None], (num_samples, *value.shape))
        for name, value in parameters.items()
    }
    samples, pull = jax.vjp(
        lambda changed: distributions.draw(
            key, distributions.rebuild(dist, changed), 1
        )[0],
        parameters,
    )

    def total(changed: dict[str, Array]) -> Array:
        wide = distributions.rebuild(dist, changed)
        return jnp.sum(distributions.log_prob(wide, samples))

    return _Path(
        samples=samples,
        free=samples,
        tied=samples,
        scores=jax.grad(total)(parameters),
        pull_free=lambda slope: pull(slope)[0],
        pull_tied=None,
    )


def _gradients(path: _Path, values: Array, control: Control) -> dict[str, Array]:
    """The estimator's gradient of each sample in each parameter of each coordinate."""
    at_tied, slope_tied = _value_and_slope(control, path.tied)
    _, slope_free = _value_and_slope(control, path.free)
    gained = path.pull_free(slope_free)
    lost = None if path.pull_tied is None else path.pull_tied(slope_tied)
    advantages = values - at_tied
    found = {}
    for name, scores in path.scores.items():
        extra = (1,) * (scores.ndim - advantages.ndim)
        found[name] = advantages.reshape(advantages.shape + extra) * scores
        found[name] = found[name] + gained[name]
        if lost is not None:
            found[name] = found[name] - lost[name]
    return found


def _value_and_slope(control: Control, z: Array) -> tuple[Array, Array]:
    values, pull = jax.vjp(control, z)
    return values, pull(jnp.ones_like(values))[0]


def _value(values: Array, gradients: dict[str, Array], dist: Distribution) -> Array:
    """The mean of f at the samples, with the estimated gradient in the parameters."""
    discrete = distributions.family(dist) in SIMPLEX
    parameters = (
        {"logits": distributions.logits(dist)}
        if discrete
        else distributions.parameters(dist)
    )
    value = jnp.mean(values, axis=0)
    for name, gradient in gradients.items():
        value = value + linear(
            jnp.mean(gradient, axis=0), parameters[name], dist, values
        )
    return value

"""How the terms of a bound become a loss: weights, targets, multipliers.

An objective is pure functions; what it learns along the way (a multiplier, an average)
is its state, which goes in and comes out. `mean` averages over the whole batch, over
all devices.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from jaxgen.calls import factory
from jaxgen.checks import check_number
from jaxgen.losses.vae.bounds import ElboTerms, negative_elbo
from jaxgen.losses.vae.regularizers import Parts
from jaxgen.typing import Metrics, PerExample

__all__ = [
    "KKT",
    "Mean",
    "Multiplier",
    "Objective",
    "Schedule",
    "beta",
    "capacity",
    "constrained",
    "free_bits",
    "geco",
    "kkt_residuals",
]

Schedule = Callable[[Any], Any]
"""From the step to a number, as optax's schedules."""

Mean = Callable[[Array], Array]


class Objective(NamedTuple):
    """A loss made of the reconstruction and the divergence.

    Attributes:
        init: `init() -> state`.
        loss: `loss(state, step, log_likelihood, parts, mean) -> nats per example`;
            `parts` are the divergence in parts, shape (batch, parts).
        update: `update(state, log_likelihood, divergence) -> state`, from means over
            the batch, after the step.
        report: `report(state, step) -> numbers to log`.
    """

    init: Callable[[], Any]
    loss: Callable[[Any, Array, PerExample, Parts, Mean], PerExample]
    update: Callable[[Any, Array, Array], Any]
    report: Callable[[Any, Array], Metrics]


class Multiplier(NamedTuple):
    """The state of a constraint.

    Attributes:
        log_multiplier: Logarithm of the Lagrange multiplier.
        average: Decayed sum of what is constrained.
        weight: Decayed count; `average / weight` has no bias towards the start.
    """

    log_multiplier: Array
    average: Array
    weight: Array


class KKT(NamedTuple):
    """How far a point is from the Karush-Kuhn-Tucker conditions of `KL <= target`.

    Attributes:
        primal: max(KL - target, 0), nats.
        dual: max(-beta, 0).
        complementarity: |beta (KL - target)|, nats.
    """

    primal: Float[Array, ""]
    dual: Float[Array, ""]
    complementarity: Float[Array, ""]


@factory
def beta(weight: float | int | Array | Schedule = 1.0) -> Objective:
    """Returns `-log_likelihood + weight * divergence`: at 1, the negative bound.

    Args:
        weight: The weight, or a schedule of it: a warm-up is
            `optax.linear_schedule(0.0, 1.0, steps)`.

    References:
        Higgins et al., beta-VAE, 2017, equation 4; Bowman et al., Generating Sentences
        from a Continuous Space, 2016, section 3.1 (warm-up).
    """
    if not callable(weight):
        check_number("weight", weight, least=0)

    def at(step: Array) -> Any:
        return weight(step) if callable(weight) else weight

    def loss(
        state: Any, step: Array, log_likelihood: PerExample, parts: Parts, mean: Mean
    ) -> PerExample:
        return negative_elbo(ElboTerms(log_likelihood, parts), beta=at(step))

    return Objective(
        init=tuple,
        loss=loss,
        update=_unchanged,
        report=lambda state, step: {"beta": at(step)} if callable(weight) else {},
    )


@factory
def free_bits(nats: float, *, weight: float = 1.0) -> Objective:
    """Returns the bound in which each latent's divergence costs at least `nats`.

    `-log_likelihood + weight * sum_j max(nats, mean over the batch of KL_j)`: a latent
    below its allowance is not pushed further towards the prior.

    Args:
        nats: Allowance of a latent (of each part of the divergence).
        weight: Weight of the divergence.

    References:
        Kingma et al., Improved Variational Inference with Inverse Autoregressive Flow,
        2016, appendix C.8.
    """
    check_number("nats", nats, above=0)
    check_number("weight", weight, least=0)

    def loss(
        state: Any, step: Array, log_likelihood: PerExample, parts: Parts, mean: Mean
    ) -> PerExample:
        # A NaN is not below the allowance, and must not be replaced by it.
        below = mean(parts) <= nats
        cost = jnp.sum(jnp.where(below[None], nats, parts), axis=-1)
        return weight * cost - log_likelihood

    return Objective(tuple, loss, _unchanged, lambda state, step: {})


@factory
def capacity(gamma: float, target: float | Schedule) -> Objective:
    """Returns `-log_likelihood + gamma |divergence - target|`.

    The absolute value is that of the mean over the batch; values per example share its
    sign, so that their mean is the loss of the paper.

    Args:
        gamma: Weight.
        target: Nats, or a schedule of them, as
            `optax.linear_schedule(0.0, 25.0, steps)`.

    References:
        Burgess et al., Understanding disentangling in beta-VAE, 2018, equation 8.
    """
    check_number("gamma", gamma, above=0)
    if not callable(target):
        check_number("target", target, least=0)

    def at(step: Array) -> Any:
        return target(step) if callable(target) else target

    def loss(
        state: Any, step: Array, log_likelihood: PerExample, parts: Parts, mean: Mean
    ) -> PerExample:
        excess = jnp.sum(parts, axis=-1) - at(step)
        side = jnp.sign(jax.lax.stop_gradient(mean(excess)))
        return gamma * side * excess - log_likelihood

    return Objective(
        tuple, loss, _unchanged, lambda state, step: {"capacity": jnp.asarray(at(step))}
    )


@factory
def constrained(
    target: float | Array,
    *,
    rate: float | Array = 3e-3,
    damping: float | Array = 0.2,
    decay: float = 0.95,
    start: float | Array = 1.0,
) -> Objective:
    """Returns the beta-VAE as the problem it is: max E log p(x|z) s.t. KL <= target.

    The loss is the Lagrangian `-log_likelihood + beta (KL - target)`, and its
    multiplier climbs the dual: `multiplier <- multiplier exp(rate (KL - target))`. At a
    solution the Karush-Kuhn-Tucker conditions hold (`kkt_residuals`): beta is positive
    and KL the target, or KL is below it and beta vanishes.

    Networks follow beta with a delay, so the ascent alone swings around its goal.
    `beta = multiplier exp(damping (KL - target))` answers at once to what is missing,
    and is the multiplier where nothing is. KL stands for its average over steps.

    With `target=0`, `rate=0` and `damping=0` this is `beta(start)`, for an ensemble
    that has both: all numbers but `decay` may be traced.

    Args:
        target: Nats that the divergence may cost, a mean over the data.
        rate: Of the dual ascent, per step and nat.
        damping: Answer of the logarithm of beta, per nat.
        decay: Of the average of the KL over steps.
        start: The multiplier at the start.

    References:
        Higgins et al., beta-VAE, 2017, equations 2 to 4; Rezende and Viola, Taming
        VAEs, 2018, algorithm 1, for the update in the logarithm; Platt and Barr,
        Constrained Differential Optimization, 1987, for the damping; Shao et al.,
        ControlVAE, 2020, for its use in a VAE.
    """
    check_number("target", target, least=0)
    check_number("rate", rate, least=0)
    check_number("damping", damping, least=0)
    check_number("decay", decay, least=0, below=1)

    def excess(state: Multiplier) -> Array:
        average = state.average / jnp.maximum(state.weight, 1e-8)
        return jnp.where(state.weight > 0, average - target, 0.0)

    def weight(state: Multiplier) -> Array:
        return jnp.exp(state.log_multiplier + damping * excess(state))

    def loss(
        state: Multiplier,
        step: Array,
        log_likelihood: PerExample,
        parts: Parts,
        mean: Mean,
    ) -> PerExample:
        return weight(state) * (jnp.sum(parts, axis=-1) - target) - log_likelihood

    def update(
        state: Multiplier, log_likelihood: Array, divergence: Array
    ) -> Multiplier:
        return _ascend(state, divergence, target, rate, decay)

    def report(state: Multiplier, step: Array) -> Metrics:
        return {"beta": weight(state), "slack": -excess(state)}

    return Objective(_starter(start), loss, update, report)


@factory
def geco(
    target: float,
    *,
    rate: float = 1e-3,
    decay: float = 0.99,
    start: float = 1.0,
) -> Objective:
    """Returns min KL s.t. reconstruction <= target, by a learned multiplier.

    The loss is `KL + multiplier (-log_likelihood - target)`.

    Args:
        target: Nats that the reconstruction may cost, a mean over the data.
        rate: Of the ascent of the logarithm of the multiplier, per step and nat.
        decay: Of the average of the reconstruction over steps.
        start: The multiplier at the start.

    References:
        Rezende and Viola, Taming VAEs, 2018, equation 3 and algorithm 1.
    """
    # The negative log-likelihood of a density can be below 0.
    check_number("target", target)
    check_number("rate", rate, least=0)
    check_number("decay", decay, least=0, below=1)

    def loss(
        state: Multiplier,
        step: Array,
        log_likelihood: PerExample,
        parts: Parts,
        mean: Mean,
    ) -> PerExample:
        excess = -log_likelihood - target
        return jnp.sum(parts, axis=-1) + jnp.exp(state.log_multiplier) * excess

    def update(
        state: Multiplier, log_likelihood: Array, divergence: Array
    ) -> Multiplier:
        return _ascend(state, -log_likelihood, target, rate, decay)

    def report(state: Multiplier, step: Array) -> Metrics:
        slack = target - state.average / jnp.maximum(state.weight, 1e-8)
        return {
            "multiplier": jnp.exp(state.log_multiplier),
            "slack": jnp.where(state.weight > 0, slack, 0.0),
        }

    return Objective(_starter(start), loss, update, report)


def kkt_residuals(beta: ArrayLike, kl: ArrayLike, *, target: ArrayLike) -> KKT:
    """Calculates how far (beta, KL) is from the optimum of a problem `KL <= target`.

    The fourth condition, that the Lagrangian is stationary in the parameters, is its
    gradient norm, which every run logs.

    Args:
        beta: The multiplier.
        kl: Nats, a mean over the data.
        target: Nats.

    Examples:
        >>> kkt_residuals(2.0, 25.5, target=25.0)
        KKT(primal=Array(0.5, ...), dual=Array(0., ...), complementarity=Array(1., ...))
    """
    excess = jnp.asarray(kl, jnp.float32) - jnp.asarray(target, jnp.float32)
    multiplier = jnp.asarray(beta, jnp.float32)
    return KKT(
        primal=jnp.maximum(excess, 0.0),
        dual=jnp.maximum(-multiplier, 0.0),
        complementarity=jnp.abs(multiplier * excess),
    )


def _ascend(
    state: Multiplier,
    value: Array,
    target: float | Array,
    rate: float | Array,
    decay: float,
) -> Multiplier:
    total = decay * state.average + (1 - decay) * value
    weight = decay * state.weight + (1 - decay)
    logarithm = state.log_multiplier + rate * (total / weight - target)
    # Where a constraint never binds its multiplier goes to 0, but its logarithm must
    # be able to come back.
    return Multiplier(jnp.clip(logarithm, -12.0, 12.0), total, weight)


def _starter(start: float | Array) -> Callable[[], Multiplier]:
    check_number("start", start, above=0)
    zero = jnp.zeros(())
    return lambda: Multiplier(jnp.log(jnp.asarray(start, jnp.float32)), zero, zero)


def _unchanged(state: Any, log_likelihood: Array, divergence: Array) -> Any:
    return state

"""Multi-sample bounds of a log-likelihood, and the gradients made for them."""

import dataclasses
from collections.abc import Callable
from typing import ClassVar

import jax
import jax.numpy as jnp

from jaxgen.checks import check_count, check_key
from jaxgen.errors import InputError
from jaxgen.estimators import distributions
from jaxgen.estimators.base import Distribution, Estimator, Integrand, why_not
from jaxgen.estimators.pathwise import Pathwise
from jaxgen.estimators.score_function import ScoreFunction, magic_box
from jaxgen.estimators.surrogates import differentiable_once
from jaxgen.typing import Array, PRNGKeyArray

__all__ = [
    "VIMCO",
    "BoundEstimator",
    "DReG",
    "StickingTheLanding",
    "multi_sample_bound",
]


@dataclasses.dataclass(frozen=True)
class BoundEstimator(Estimator):
    """An estimator of the gradient of a bound, not of an expectation."""

    def refusal(self, dist: Distribution, num_samples: int) -> str | None:
        return f"{self} is for bounds: call multi_sample_bound, not expectation."


@dataclasses.dataclass(frozen=True)
class VIMCO(BoundEstimator):
    """The score function, each sample with the bound that the others predict.

    The sum over k of (L - L_{-k}) d log q(x_k) + w_k d log weight_k, w the normalised
    weights; L_{-k} is L with the k-th weight replaced by the geometric mean of the
    others. For any q with a score.

    References:
        Mnih and Rezende, Variational Inference for Monte Carlo Objectives, 2016,
        section 2.5.
    """

    min_samples: ClassVar[int] = 2


@dataclasses.dataclass(frozen=True)
class DReG(BoundEstimator):
    """The doubly reparameterized gradient, whose signal does not fade with samples.

    In the parameters of q the sum over k of w_k^2 (d log weight_k / dx_k) dx_k, w the
    normalised weights; in what `log_joint` closes over that of w_k d log_joint(x_k).
    Without bias in both; at the posterior it has no variance.

    References:
        Tucker et al., Doubly Reparameterized Gradient Estimators for Monte Carlo
        Objectives, 2019, equation 8.
    """

    differentiates: ClassVar[bool] = True


@dataclasses.dataclass(frozen=True)
class StickingTheLanding(BoundEstimator):
    """The pathwise gradient without the score term of log q.

    Without bias for one sample, where that term has mean zero. For more it is not: the
    weights and the score depend on each other. DReG is what remedies that.

    References:
        Roeder, Wu and Duvenaud, Sticking the Landing, 2017, equation 8; Tucker et al.,
        2019, section 3, on its bias.
    """

    differentiates: ClassVar[bool] = True
    unbiased: ClassVar[bool] = False


def multi_sample_bound(
    key: PRNGKeyArray,
    log_joint: Integrand,
    dist: Distribution,
    estimator: Estimator,
    num_samples: int,
) -> Array:
    """Calculates log 1/K sum_k p(x_k, y) / q(x_k), x_k ~ q, a lower bound of log p(y).

    Its mean rises with K (Burda et al., Importance Weighted Autoencoders, 2016, theorem
    1); for K = 1 it is the ELBO. `jax.grad` of it is the estimator's gradient, in the
    parameters of q and in what `log_joint` closes over. Its second derivatives have the
    right mean too, except with `DReG` and `StickingTheLanding`, which refuse them.

    Args:
        key: A typed key; it is consumed.
        log_joint: `log_joint(x) -> log p(x, y)`: of shape batch + event, to one value
            per batch element, in nats.
        dist: The proposal q(x | y), a `numpyro.distributions` object.
        estimator: `VIMCO()`, `DReG()`, `StickingTheLanding()`; `Pathwise()`, the plain
            IWAE gradient; `ScoreFunction()`, the plain score function, or
            `ScoreFunction("leave_one_out")`: each sample with the bound of the K - 1
            others (VIMCO with the arithmetic mean).
        num_samples: K.

    Returns:
        One sample of the bound per batch element, shape batch, in nats.

    Raises:
        InputError: The estimator cannot do this; the sentence says why.

    Examples:
        >>> import numpyro.distributions as dists
        >>> def loss(loc):
        ...     log_joint = lambda z: dists.Normal(1.0, 2.0).log_prob(z)
        ...     q = dists.Normal(loc, 1.0)
        ...     return -multi_sample_bound(jax.random.key(0), log_joint, q, DReG(), 8)
        >>> jax.grad(loss)(0.0).shape
        ()
    """
    check_key(key)
    _check(log_joint, dist, estimator, num_samples)
    samples = distributions.draw(key, dist, num_samples)
    if isinstance(estimator, VIMCO | ScoreFunction):
        samples = jax.lax.stop_gradient(samples)
        log_q = distributions.log_prob(dist, samples)
        log_weights = jax.vmap(log_joint)(samples) - log_q
        bound = _bound(log_weights)
        advantages = jax.lax.stop_gradient(_advantages(estimator, log_weights))
        return bound + _scored(log_q, bound, advantages)
    if isinstance(estimator, Pathwise):
        log_q = distributions.log_prob(dist, samples)
        return _bound(jax.vmap(log_joint)(samples) - log_q)
    frozen = distributions.stop_gradient(dist)

    def weigh(samples: Array) -> Array:
        log_q = distributions.log_prob(frozen, samples)
        return jax.vmap(log_joint)(samples) - log_q

    if isinstance(estimator, DReG):
        # The gradient that comes back to a sample carries its weight once; this adds
        # the second. The weights are those of the last line, on the same numbers, so
        # the compiler calculates them once.
        still = jax.lax.stop_gradient(samples)
        weights = jax.lax.stop_gradient(jax.nn.softmax(weigh(still), axis=0))
        extra = (1,) * (samples.ndim - weights.ndim)
        samples = still + weights.reshape(weights.shape + extra) * (samples - still)
    return differentiable_once(_bound(weigh(samples)))


def _scored(log_q: Array, bound: Array, advantages: Array) -> Array:
    """Zero, with the score-function derivatives of any order of the mean bound.

    DiCE is box bound, where the box is that of all samples. What is subtracted,
    box_k (bound - advantage_k) of each sample k, does not depend on it. The first
    derivative is the sum of advantage_k d log q(x_k), without rounding of the bound.
    """
    known = jax.lax.stop_gradient(bound)
    boxes = magic_box(log_q) - 1
    joint = magic_box(jnp.sum(log_q, axis=0)) - 1
    crossed = joint * bound - jnp.sum(boxes, axis=0) * known
    return crossed + jnp.sum(boxes * advantages, axis=0)


def _bound(log_weights: Array) -> Array:
    count = log_weights.shape[0]
    return jax.nn.logsumexp(log_weights, axis=0) - jnp.log(count)


def _advantages(estimator: Estimator, log_weights: Array) -> Array:
    """L less its baseline, shape (samples,) + batch."""
    bound, count = _bound(log_weights), log_weights.shape[0]
    if isinstance(estimator, ScoreFunction) and estimator.baseline is None:
        return jnp.broadcast_to(bound, log_weights.shape)
    # Around their bound the weights are of order one, wherever they lie.
    centred = log_weights - bound
    of_others = _of_others(centred, jax.lax.cumlogsumexp, jnp.logaddexp, -jnp.inf)
    if isinstance(estimator, ScoreFunction):
        return jnp.log(count - 1) - of_others
    total = _of_others(centred, jax.lax.cumsum, jnp.add, 0.0)
    return jnp.log(count) - jnp.logaddexp(of_others, total / (count - 1))


def _of_others(
    values: Array,
    running: Callable[..., Array],
    join: Callable[[Array, Array], Array],
    nothing: float,
) -> Array:
    """Joins for each value those before and those behind it: linear in their number.

    To join all and take one out again would cancel, where that one outweighs the rest.
    """
    edge = jnp.full_like(values[:1], nothing)
    before = jnp.concatenate([edge, running(values, axis=0)[:-1]])
    behind = jnp.concatenate([running(values, axis=0, reverse=True)[1:], edge])
    return join(before, behind)


def _check(
    log_joint: Integrand, dist: Distribution, estimator: Estimator, num_samples: int
) -> None:
    check_count("num_samples", num_samples, 1)
    name = str(estimator)
    if not isinstance(estimator, BoundEstimator | Pathwise | ScoreFunction):
        raise InputError(
            f"{name} is for expectations; a bound takes VIMCO, DReG, "
            "StickingTheLanding, Pathwise or ScoreFunction."
        )
    scored = isinstance(estimator, VIMCO | ScoreFunction)
    if isinstance(estimator, ScoreFunction) and not (
        estimator.baseline is None or str(estimator.baseline) == "leave_one_out"
    ):
        raise InputError(
            f"{name}: a bound takes ScoreFunction() or ScoreFunction('leave_one_out'), "
            "or VIMCO()."
        )
    if num_samples < estimator.min_samples:
        raise InputError(
            f"num_samples={num_samples}: {name} needs at least {estimator.min_samples} "
            "samples, to predict the bound of each from the others."
        )
    if not scored and not dist.has_rsample:
        raise InputError(
            f"{name} needs samples that move smoothly with the parameters, and those "
            f"of {distributions.family(dist)} do not: use VIMCO."
        )
    reason = why_not(ScoreFunction() if scored else Pathwise(), log_joint, dist)
    if reason is not None:
        raise InputError(reason)

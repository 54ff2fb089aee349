"""Second derivatives of an expectation have the right mean, or are refused."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dists
import pytest

from jaxgen.errors import InputError
from jaxgen.estimators import (
    VIMCO,
    DReG,
    Enumerate,
    Quadrature,
    ReinMax,
    ScoreFunction,
    StickingTheLanding,
    expectation,
    menu,
    multi_sample_bound,
    why_not,
)
from tests.estimators.moments import assert_mean

POINT = jnp.array([0.4, 0.7])
REFUSING = {"ARM", "ARMS", "DisARM", "MeasureValued", "Rebar"}
UNBIASED = [
    estimator
    for estimator in (*menu(), Enumerate(), Quadrature(64))
    if estimator.unbiased
]


def coin(x):
    return dists.Bernoulli(logits=x[0])


def normal(x):
    return dists.Normal(x[0], 1.0)


def f(sample, x):
    return jnp.exp(x[1] * sample) + 0.5 * sample**2


def exact(x):
    p = jax.nn.sigmoid(x[0])
    return p * f(1.0, x) + (1 - p) * f(0.0, x)


def exact_normal(x):
    return jnp.exp(x[1] * x[0] + x[1] ** 2 / 2) + 0.5 * (x[0] ** 2 + 1)


@functools.cache
def true_hessian(mean):
    return jax.jit(jax.hessian(mean))(POINT)


def hessians(estimate, keys):
    """Returns a second derivative for each key; a loop compiles sooner than a vmap."""
    each = jax.jit(
        lambda ks: jax.lax.map(lambda k: jax.hessian(estimate)(POINT, k), ks)
    )
    return np.asarray(each(keys), np.float64)


@pytest.mark.parametrize("estimator", UNBIASED, ids=str)
def test_a_second_derivative_is_unbiased_or_refused(key, estimator):
    make, truth, samples = coin, exact, max(2, estimator.min_samples)
    if why_not(estimator, lambda b: f(b, POINT), coin(POINT), samples):
        make, truth = normal, exact_normal
    state = estimator.init(key, make(POINT)) if estimator.stateful else None

    def estimate(x, key):
        done = expectation(key, lambda b: f(b, x), make(x), estimator, samples, state)
        return done if state is None else done[0]

    key = jax.random.clone(key)
    if type(estimator).__name__ in REFUSING:
        with pytest.raises(InputError, match="first derivatives"):
            jax.eval_shape(jax.hessian(estimate), POINT, key)
        return
    assert_mean(hessians(estimate, jax.random.split(key, 5000)), true_hessian(truth))


@pytest.mark.parametrize(
    "estimator",
    [e for e in UNBIASED if type(e).__name__ in REFUSING],
    ids=str,
)
def test_a_mixed_derivative_in_what_f_depends_on_is_refused(key, estimator):
    def estimate(logit, weight, key):
        g = lambda b: jnp.exp(weight * b)  # noqa: E731
        return expectation(key, g, dists.Bernoulli(logits=logit), estimator, 2)

    # In f's own parameter alone, the mean of f has its second derivative.
    jax.eval_shape(jax.grad(jax.grad(estimate, 1), 1), 0.4, 0.7, key)
    for order in [(0, 1), (1, 0)]:
        with pytest.raises(InputError, match="first derivatives"):
            jax.eval_shape(
                jax.grad(jax.grad(estimate, order[0]), order[1]), 0.4, 0.7, key
            )


def log_joint(b, x):
    return x[1] * b - 0.5 * b**2


def exact_bound(x):
    total = 0.0
    for first in (0.0, 1.0):
        for second in (0.0, 1.0):
            pair = jnp.array([first, second])
            log_q = pair * x[0] - jax.nn.softplus(x[0])
            bound = jax.nn.logsumexp(log_joint(pair, x) - log_q) - jnp.log(2)
            total = total + jnp.exp(jnp.sum(log_q)) * bound
    return total


@pytest.mark.parametrize(
    "estimator", [VIMCO(), ScoreFunction(), ScoreFunction("leave_one_out")], ids=str
)
def test_a_bound_of_the_score_function_has_second_derivatives(key, estimator):
    def bound(x, key):
        return multi_sample_bound(key, lambda b: log_joint(b, x), coin(x), estimator, 2)

    draws = hessians(bound, jax.random.split(key, 5000))
    assert_mean(draws, true_hessian(exact_bound))


@pytest.mark.parametrize("estimator", [DReG(), StickingTheLanding()], ids=str)
def test_a_bound_with_a_stopped_density_refuses_second_derivatives(key, estimator):
    def bound(x, key):
        return multi_sample_bound(
            key, lambda z: log_joint(z, x), normal(x), estimator, 2
        )

    jax.eval_shape(jax.grad(bound), POINT, key)
    with pytest.raises(InputError, match="first derivatives"):
        jax.eval_shape(jax.hessian(bound), POINT, key)


def test_the_derivative_of_reinmax_has_no_derivative(key):
    # It is exact for a quadratic f, and the path behind it is linear in the logits.
    def estimate(x):
        return expectation(key, lambda b: f(b, x), coin(x), ReinMax())

    jax.eval_shape(jax.grad(estimate), POINT)
    with pytest.raises(InputError, match="first derivatives"):
        jax.eval_shape(jax.hessian(estimate), POINT)

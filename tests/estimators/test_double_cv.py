import itertools

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dists
import pytest

from jaxgen.errors import InputError
from jaxgen.estimators.base import expectation
from jaxgen.estimators.double_cv import DoubleCV
from jaxgen.estimators.one_hot import OneHotCategorical
from jaxgen.estimators.score_function import ScoreFunction
from tests.estimators.moments import (
    assert_mean,
    assert_variance,
    exact_gradient,
    gradient_draws,
)

LOGITS = jnp.array([[0.0, -0.5, 1.2], [1.0, 0.3, -2.0]])


@pytest.fixture(autouse=True)
def numpyro_may_promote_ranks():
    with jax.numpy_rank_promotion("allow"):
        yield


def by_logits(params):
    return dists.Bernoulli(logits=params).to_event(1)


def by_probs(params):
    return dists.Bernoulli(probs=jax.nn.sigmoid(params)).to_event(1)


def one_hot(params):
    return OneHotCategorical(logits=params)


def smooth(params, x):
    weight = np.array([0.9, -0.4, 0.7], np.float32)
    return jnp.exp(x @ weight) * (1 + jnp.sum(params**2))


@pytest.mark.parametrize("make", [by_logits, by_probs, one_hot])
@pytest.mark.parametrize("alpha", [1.0, "pilot"])
def test_the_mean_is_the_gradient(key, make, alpha):
    estimator = DoubleCV(alpha=alpha)
    draws = gradient_draws(
        key, estimator, smooth, make, LOGITS, num_samples=3, repeats=10_000
    )
    assert_mean(draws, exact_gradient(smooth, make, LOGITS))


@pytest.mark.parametrize("make", [by_logits, one_hot])
def test_a_linear_f_has_no_variance(key, make):
    slope = np.array([1.0, -2.0, 0.5], np.float32)

    def f(_, x):
        return x @ slope

    for alpha, one in zip((1.0, "pilot"), jax.random.split(key), strict=True):
        draws = gradient_draws(
            one, DoubleCV(alpha=alpha), f, make, LOGITS, num_samples=2, repeats=50
        )
        truth = np.broadcast_to(exact_gradient(f, make, LOGITS), draws.shape)
        np.testing.assert_allclose(draws, truth, atol=1e-5)


def test_at_alpha_0_it_is_leave_one_out(key):
    draws = [
        gradient_draws(
            jax.random.clone(key),
            estimator,
            smooth,
            by_logits,
            LOGITS,
            num_samples=3,
            repeats=10,
        )
        for estimator in (DoubleCV(alpha=0.0), ScoreFunction("leave_one_out"))
    ]
    np.testing.assert_allclose(*draws, rtol=1e-4, atol=1e-5)


def test_the_variance_is_that_of_the_formula_enumerated(key):
    # All pairs of two samples of two latents, by the paper's sums, in float64.
    probs, alpha = np.array([0.4, 0.7]), 0.8
    weight = np.array([0.9, -0.4])
    first = second = 0.0
    points = [np.array(x, float) for x in itertools.product((0, 1), repeat=2)]
    for one, two in itertools.product(points, repeat=2):
        mass = np.prod([np.where(x == 1, probs, 1 - probs) for x in (one, two)])
        f = [np.exp(x @ weight) for x in (one, two)]
        slopes = [value * weight for value in f]
        helped = [
            f[0] - alpha * (one - probs) @ slopes[1],
            f[1] - alpha * (two - probs) @ slopes[0],
        ]
        gradient = (helped[0] - helped[1]) * ((one - probs) - (two - probs)) / 2
        gradient += alpha * probs * (1 - probs) * (slopes[0] + slopes[1]) / 2
        first, second = first + mass * gradient, second + mass * gradient**2
    logits = jnp.asarray(np.log(probs / (1 - probs)), jnp.float32)
    draws = gradient_draws(
        key,
        DoubleCV(alpha=alpha),
        lambda _, x: jnp.exp(x @ weight),
        by_logits,
        logits,
        num_samples=2,
        repeats=50_000,
    )
    assert_mean(draws, first)
    assert_variance(draws, second - first**2)


def test_pilot_has_less_variance_than_leave_one_out_for_each_batch_element(key):
    def f(params, x):
        # Where f curves back, the full step is too long; "pilot" finds a shorter one.
        return jnp.stack([jnp.exp(jnp.sum(x[0])), jnp.sum((x[1] - 0.5) ** 4)])

    one, two = jax.random.split(key)
    helped = gradient_draws(
        one, DoubleCV("pilot"), f, by_logits, LOGITS, num_samples=4, repeats=5_000
    )
    plain = gradient_draws(
        two,
        ScoreFunction("leave_one_out"),
        f,
        by_logits,
        LOGITS,
        num_samples=4,
        repeats=5_000,
    )
    # (b - 1/2)^4 is a constant: there both are exact.
    after, before = helped.var(axis=0).sum(-1), plain.var(axis=0).sum(-1)
    assert after[0] < 0.6 * before[0]
    assert after[1] < 1e-10


def test_what_it_cannot_do_it_says(key):
    f = lambda x: jnp.sum(x, axis=-1)  # noqa: E731
    with pytest.raises(InputError, match="at least 2"):
        expectation(key, f, by_logits(LOGITS), DoubleCV(), 1)
    with pytest.raises(InputError, match="not for Poisson"):
        expectation(jax.random.key(1), jnp.cos, dists.Poisson(1.0), DoubleCV(), 2)
    with pytest.raises(InputError, match="alpha"):
        DoubleCV(alpha="best")

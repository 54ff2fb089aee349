"""The score function against its exact moments, and every baseline."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dists
import pytest

from jaxgen.estimators import (
    Enumerate,
    Pathwise,
    Quadrature,
    ScoreFunction,
    check_unbiased,
    distributions,
    expectation,
    grad_samples,
    magic_box,
    moments,
)
from jaxgen.estimators.problem import Gradient
from jaxgen.numerics import centred_leave_one_out

MU, M = 0.8, 1.3


def normal(mu):
    return dists.Normal(mu, 1.0)


def standard(params):
    return dists.Normal(params[0], params[1])


def moments_of(key, f, dist_fn, params, estimator, num_samples=1, count=50_000):
    return moments(key, Gradient(f, dist_fn, estimator, num_samples), count, params, ())


def assert_moments(found, mean, variance):
    """Compares within five standard errors, and the rounding of float32."""
    error = found.standard_error + 1e-6
    assert np.all(np.abs(found.mean - mean) < 5 * error), (found.mean, mean)
    error = found.variance_standard_error + 1e-6 * np.abs(variance) + 1e-12
    assert np.all(np.abs(found.variance - variance) < 5 * error), (
        found.variance,
        variance,
    )


def linear_rows(k=4):
    mean = M
    yield Pathwise(), 1, mean, 0.0
    yield ScoreFunction(), 1, mean, M**2 * (MU**2 + 2)
    yield ScoreFunction(M * MU), 1, mean, 2 * M**2
    yield ScoreFunction("optimal"), 1, mean, 2 * M**2
    yield ScoreFunction("leave_one_out"), k, mean, 2 * M**2 / (k - 1)


def square_rows(k=4):
    mean, m4 = 2 * M**2 * MU, M**4
    yield Pathwise(), 1, mean, 4 * m4
    yield ScoreFunction(), 1, mean, m4 * (MU**4 + 14 * MU**2 + 15)
    yield ScoreFunction(M**2 * (MU**2 + 1)), 1, mean, m4 * (8 * MU**2 + 10)
    yield ScoreFunction("optimal"), 1, mean, m4 * (8 * MU**2 + 6)
    spread = 8 * MU**2 / (k - 1) + (10 * k - 8) / (k * (k - 1))
    yield ScoreFunction("leave_one_out"), k, mean, m4 * spread


@pytest.mark.parametrize("row", list(linear_rows()), ids=lambda row: str(row[0]))
def test_moments_for_a_line(key, row):
    estimator, samples, mean, variance = row
    found = moments_of(
        key, lambda z: M * z, normal, jnp.float32(MU), estimator, samples
    )
    assert_moments(found, mean, variance)


@pytest.mark.parametrize("row", list(square_rows()), ids=lambda row: str(row[0]))
def test_moments_for_a_parabola(key, row):
    estimator, samples, mean, variance = row
    found = moments_of(
        key, lambda z: (M * z) ** 2, normal, jnp.float32(MU), estimator, samples
    )
    assert_moments(found, mean, variance)


# f, then the variances in mean | standard deviation at mu = sigma = 1, for the score
# function, with the optimal baseline, and for pathwise.
TABLE = {
    "parabola, k=-3": (lambda x: (x + 3) ** 2, [495, 1546], [134, 664], [4, 72]),
    "parabola, k=0": (jnp.square, [30, 136], [14, 64], [4, 12]),
    "bell, k=.1": (
        lambda x: jnp.exp(-0.1 * x**2),
        [0.56353, 0.93538],
        [0.040468, 0.14099],
        [0.016290, 0.027770],
    ),
    "cosine, k=.5": (
        lambda x: jnp.cos(0.5 * x),
        [0.45525, 0.79866],
        [0.11786, 0.46010],
        [0.039285, 0.087513],
    ),
    "cosine, k=5": (
        lambda x: jnp.cos(5 * x),
        [0.5, 1.0],
        [0.5, 1.0],
        [12.5, 12.5],
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_moments_in_the_setting_of_mohamed_et_al(key, name):
    f, *variances = TABLE[name]
    params = jnp.ones(2)
    truth = jax.grad(
        lambda p: expectation(jax.random.key(0), f, standard(p), Quadrature())
    )(params)
    estimators = (ScoreFunction(), ScoreFunction("optimal"), Pathwise())
    for estimator, variance in zip(estimators, variances, strict=True):
        found = moments_of(jax.random.clone(key), f, standard, params, estimator)
        # The table has five digits.
        assert_moments(found, truth, np.array(variance) * (1 + 1e-5))


@pytest.mark.parametrize("theta", [0.5, 0.2])
@pytest.mark.parametrize("t", [0.45, 0.499])
def test_moments_for_one_bernoulli(key, theta, t):
    v, f1, f0 = theta * (1 - theta), (1 - t) ** 2, t**2
    gap = f1 - f0
    logit = jnp.float32(np.log(theta / (1 - theta)))
    f = lambda b: (b - t) ** 2  # noqa: E731
    dist_fn = lambda x: dists.Bernoulli(logits=x)  # noqa: E731
    score = v * ((1 - theta) * f1 + theta * f0) ** 2
    keys = jax.random.split(key, 3)
    found = moments_of(keys[0], f, dist_fn, logit, ScoreFunction())
    assert_moments(found, gap * v, score)
    for k, one in ((2, keys[1]), (4, keys[2])):
        exact = gap**2 / k * (v * (1 - 3 * v) - (k - 3) / (k - 1) * v**2)
        found = moments_of(one, f, dist_fn, logit, ScoreFunction("leave_one_out"), k)
        assert_moments(found, gap * v, exact)


def test_a_bernoulli_at_logit_zero_has_the_right_score(key):
    # numpyro 0.22 gives b there in place of b - 1/2.
    f = lambda b: jnp.sum(b * jnp.array([1.0, -2.0, 0.5]), -1)  # noqa: E731
    dist_fn = lambda x: dists.Bernoulli(logits=x).to_event(1)  # noqa: E731
    check_unbiased(key, f, dist_fn, jnp.zeros(3), ScoreFunction())


POINTS = {
    "Bernoulli logits": (lambda p: dists.Bernoulli(logits=p), 0.0, [0.0, 1.0]),
    "Bernoulli probs": (lambda p: dists.Bernoulli(probs=p), 0.5, [0.0, 1.0]),
    "Binomial logits": (lambda p: dists.Binomial(4, logits=p), 0.0, [0, 2, 4]),
    "Binomial probs": (lambda p: dists.Binomial(4, probs=p), 0.5, [0, 2, 4]),
    "Categorical": (lambda p: dists.Categorical(logits=p), [0.0, 0.0, 0.0], [0, 1, 2]),
    "Geometric": (lambda p: dists.Geometric(logits=p), 0.0, [0.0, 3.0]),
    "Normal": (lambda p: dists.Normal(p, 1.0), 0.0, [0.0, -1.0, 1.0]),
    "Normal scale": (lambda p: dists.Normal(0.0, p), 1.0, [0.0, 1.0]),
    "Laplace scale": (lambda p: dists.Laplace(0.0, p), 1.0, [0.0, 1.0]),
    "Poisson": (lambda p: dists.Poisson(p), 1.0, [0.0, 1.0, 5.0]),
    "Gamma": (lambda p: dists.Gamma(p, p), 1.0, [0.5, 1.0, 2.0]),
    "Exponential": (lambda p: dists.Exponential(p), 1.0, [0.5, 1.0]),
    "Weibull": (lambda p: dists.Weibull(p, 1.0), 1.0, [0.5, 1.0]),
    "Beta": (lambda p: dists.Beta(p, p), 1.0, [0.5, 0.25]),
    "StudentT": (lambda p: dists.StudentT(3.0, 0.0, p), 1.0, [0.0, 1.0]),
    "VonMises": (lambda p: dists.VonMises(p, 1.0), 0.0, [0.0, 1.0]),
    "Gumbel": (lambda p: dists.Gumbel(p, 1.0), 0.0, [0.0, 1.0]),
    "NegativeBinomial": (
        lambda p: dists.NegativeBinomial2(p, 1.0),
        1.0,
        [0, 1, 3],
    ),
}


@pytest.mark.parametrize("name", POINTS)
def test_scores_agree_with_finite_differences_at_symmetric_points(name):
    dist_fn, point, values = POINTS[name]
    with jax.enable_x64(True):
        params, step = np.asarray(point, float), 1e-6
        for value in values:

            def log_prob(p, value=value):
                return distributions.log_prob(dist_fn(p), jnp.asarray(value))

            score = np.asarray(jax.grad(log_prob)(jnp.asarray(params)))
            for i in np.ndindex(params.shape):
                up, down = params.copy(), params.copy()
                up[i] += step
                down[i] -= step
                difference = (log_prob(up) - log_prob(down)) / (2 * step)
                np.testing.assert_allclose(score[i], difference, rtol=1e-6, atol=1e-7)


def test_leave_one_out_is_the_sample_covariance(key):
    k = 5
    gradient = jax.grad(
        lambda mu: expectation(
            jax.random.clone(key),
            jnp.exp,
            normal(mu),
            ScoreFunction("leave_one_out"),
            k,
        )
    )(0.3)
    samples = dists.Normal(0.3, 1.0).sample(key, (k,))
    covariance = np.cov(np.exp(samples), samples - 0.3)[0, 1]
    np.testing.assert_allclose(gradient, covariance, rtol=1e-6)


@pytest.mark.parametrize("reward", [0.1, 1e8, -3.3e-7])
def test_leave_one_out_of_equal_rewards_is_exactly_zero(key, reward):
    assert not centred_leave_one_out(jnp.full(7, reward)).any()
    gradients = grad_samples(
        key,
        lambda b: jnp.full(b.shape[:-1], reward, jnp.float32),
        lambda x: dists.Bernoulli(logits=x).to_event(1),
        jnp.zeros(3),
        ScoreFunction("leave_one_out"),
        8,
        num_samples=7,
    )
    assert not gradients.any()


def test_a_moving_average_never_sees_the_sample_it_is_used_on(key):
    estimator = ScoreFunction("moving_average", decay=0.5)
    first = estimator.init(key, normal(0.0))
    keys = list(jax.random.split(jax.random.clone(key), 3))

    def value(mu, key, state):
        value, state = expectation(
            key, lambda z: z + 10.0, normal(mu), estimator, 1, state=state
        )
        return value, state

    gradient, state = jax.grad(value, has_aux=True)(0.0, keys[0], first)
    # The first call has no average yet: it is the plain score function.
    plain = jax.grad(
        lambda mu: expectation(
            jax.random.clone(keys[0]), lambda z: z + 10.0, normal(mu), ScoreFunction()
        )
    )(0.0)
    assert gradient == plain
    z = normal(0.0).sample(jax.random.clone(keys[0]), (1,))[0]
    np.testing.assert_allclose(state.total / state.weight, z + 10.0, rtol=1e-6)
    # The second subtracts what the first has seen.
    gradient, _ = jax.grad(value, has_aux=True)(0.0, keys[1], state)
    second = normal(0.0).sample(jax.random.clone(keys[1]), (1,))[0]
    np.testing.assert_allclose(gradient, (second - z) * second, rtol=1e-5)


def test_a_moving_average_can_be_kept_for_each_batch_element(key):
    estimator, dist = ScoreFunction("moving_average"), normal(jnp.array([0.0, 5.0]))
    state = estimator.init(jax.random.clone(key), dist, per_element=True)
    _, state = expectation(key, lambda z: z, dist, estimator, 2000, state=state)
    np.testing.assert_allclose(state.total / state.weight, [0.0, 5.0], atol=0.2)


def test_a_function_of_the_distribution_is_a_baseline_without_gradient(key):
    estimator = ScoreFunction(lambda dist: dist.mean**2 + 1.0)
    found = moments_of(key, jnp.square, normal, jnp.float32(1.0), estimator)
    assert_moments(found, 2.0, 18.0)


def test_the_optimal_baseline_from_pilot_draws_stays_unbiased(key):
    dist_fn = lambda m: dists.Normal(m, 1.0).to_event(1)  # noqa: E731
    f = lambda x: jnp.sum(x**2, -1)  # noqa: E731
    params = jnp.linspace(0.5, 1.0, 4)
    found = moments_of(key, f, dist_fn, params, ScoreFunction("optimal"), 1, 20_000)
    plain = moments_of(
        jax.random.clone(key), f, dist_fn, params, ScoreFunction(), 1, 20_000
    )
    assert np.all(np.abs(found.mean - 2 * params) < 5 * found.standard_error)
    assert np.all(found.variance < plain.variance)


def test_derivatives_of_higher_order_have_the_right_mean(key):
    # E x^2 = mu^2 + 1 for the first, theta for E b: second derivatives 2 and 0.
    def hessian(key, mu):
        return jax.hessian(
            lambda m: expectation(
                key, lambda z: m * z**2, normal(m), ScoreFunction("leave_one_out"), 4
            )
        )(mu)

    # E m z^2 = m^3 + m: its second derivative is 6 m.
    found = moments(key, hessian, 30_000, jnp.float32(0.7))
    assert abs(found.mean - 4.2) < 5 * found.standard_error


def test_the_magic_box_is_one():
    assert magic_box(jnp.float32(-50.0)) == 1.0


def test_logits_of_fifty_stay_finite(key):
    logits = jnp.array([50.0, -50.0, 0.0])
    for estimator in (
        ScoreFunction(),
        ScoreFunction("leave_one_out"),
        ScoreFunction("optimal"),
        Enumerate(),
    ):
        gradients = grad_samples(
            jax.random.clone(key),
            lambda b: jnp.sum(b, -1),
            lambda x: dists.Bernoulli(logits=x).to_event(1),
            logits,
            estimator,
            64,
            num_samples=2,
        )
        assert np.isfinite(gradients).all()

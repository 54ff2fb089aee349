import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dists
import pytest

from jaxgen.errors import InputError
from jaxgen.estimators import antithetic
from jaxgen.estimators.antithetic import ARM, ARMS, DisARM
from jaxgen.estimators.base import expectation
from jaxgen.estimators.one_hot import OneHotCategorical
from jaxgen.estimators.score_function import ScoreFunction
from tests.estimators.moments import (
    assert_mean,
    assert_variance,
    exact_gradient,
    gradient_draws,
)

BINARY = [(ARM(), 1), (DisARM(), 1), (ARMS(), 2), (ARMS(), 4)]
LOGITS = jnp.array([-2.5, -0.4, 0.0, 0.7, 3.0])
AT_ZERO, AT_ONE = 0.7, 2.0


@pytest.fixture(autouse=True)
def numpyro_may_promote_ranks():
    with jax.numpy_rank_promotion("allow"):
        yield


def bernoulli(params):
    return dists.Bernoulli(logits=params)


def two_values(params, b):
    return AT_ZERO + (AT_ONE - AT_ZERO) * b


def arm_variance(m):
    v = m * (1 - m)
    return 2 / 3 * (1 / 8 - (1 / 2 - m) ** 3) - v**2


def disarm_variance(m):
    return ((1 - m) / 2) ** 2 * 2 * m * (1 - 2 * m)


def arms_moments(m, n):
    """Mean and variance by counting the samples that take the rarer value.

    P(j given samples all take it) is max(0, 1 - j(1 - q))^(n-1), q = m^(1/(n-1)), as
    the shares of a stick broken at random are all above 1 - q at once.
    """
    q = m ** (1 / (n - 1))
    joint = [max(0.0, 1 - j * (1 - q)) ** (n - 1) for j in range(n + 1)]
    chance = [
        math.comb(n, k)
        * sum((-1) ** i * math.comb(n - k, i) * joint[k + i] for i in range(n - k + 1))
        for k in range(n + 1)
    ]
    scale = m * (1 - m) / (m - joint[2])
    gradient = [scale * k * (n - k) / (n * (n - 1)) for k in range(n + 1)]
    mean = sum(p * g for p, g in zip(chance, gradient, strict=True))
    square = sum(p * g**2 for p, g in zip(chance, gradient, strict=True))
    return mean, square - mean**2


@pytest.mark.parametrize(
    ("estimator", "n", "variance"),
    [
        (ARM(), 1, arm_variance),
        (DisARM(), 1, disarm_variance),
        (ARMS(), 2, disarm_variance),
        (ARMS(), 3, lambda m: arms_moments(m, 3)[1]),
        (ARMS(), 6, lambda m: arms_moments(m, 6)[1]),
    ],
)
def test_one_binary_latent_has_the_exact_mean_and_variance(key, estimator, n, variance):
    draws = gradient_draws(
        key, estimator, two_values, bernoulli, LOGITS, num_samples=n, repeats=100_000
    )
    p = 1 / (1 + np.exp(-np.asarray(LOGITS, np.float64)))
    apart = AT_ONE - AT_ZERO
    assert_mean(draws, apart * p * (1 - p))
    rarer = np.minimum(p, 1 - p)
    assert_variance(draws, apart**2 * np.array([variance(m) for m in rarer]))


@pytest.mark.parametrize("n", [2, 3, 6])
def test_counting_of_arms_agrees_with_the_truth(n):
    for m in (0.05, 0.3, 0.5):
        assert arms_moments(m, n)[0] == pytest.approx(m * (1 - m))


def test_variances_of_many_latents_are_as_d_to_d_minus_1_to_4d_over_3_minus_1(key):
    size, t = 5, 0.3

    def f(params, b):
        return jnp.mean((b - t) ** 2, axis=-1)

    def make(params):
        return dists.Bernoulli(logits=params).to_event(1)

    unit = ((1 - 2 * t) / size) ** 2 / 16
    rloo = ScoreFunction(baseline="leave_one_out")
    expected = [(rloo, 2, size), (DisARM(), 1, size - 1), (ARM(), 1, 4 * size / 3 - 1)]
    for one, (estimator, n, ratio) in zip(
        jax.random.split(key, 3), expected, strict=True
    ):
        draws = gradient_draws(
            one,
            estimator,
            f,
            make,
            jnp.zeros(size),
            num_samples=n,
            repeats=30_000,
        )
        assert_variance(draws, np.full(size, unit * ratio))


def joint(params, x):
    """Values that no sum over coordinates makes, and that depend on a parameter."""
    codes = (x @ jnp.array([1.0, 2.0, -3.0]), x @ params["w"])
    return jnp.sin(2 * codes[0]) * codes[1] + codes[1] ** 2


def joint_bernoulli(params):
    return dists.Bernoulli(logits=params["logits"]).to_event(1)


@pytest.mark.parametrize(("estimator", "n"), BINARY)
def test_joint_of_bernoullis_is_unbiased_in_its_logits_and_in_f(key, estimator, n):
    params = {
        "logits": jnp.array([[0.0, 1.0, -2.0], [0.5, -0.3, 1.5]]),
        "w": jnp.array([1.0, -0.5, 0.8]),
    }
    draws = gradient_draws(
        key, estimator, joint, joint_bernoulli, params, num_samples=n, repeats=30_000
    )
    assert_mean(draws, exact_gradient(joint, joint_bernoulli, params))


TABLES = np.random.default_rng(0).normal(size=(2, 4, 4)).astype(np.float32)


def of_categories(params, x):
    first, second = x[..., 0], x[..., 1]
    row = jnp.arange(2)
    return jnp.asarray(TABLES)[row, first, second] * params["w"] + first * second


def categorical(params):
    return dists.Categorical(logits=params["logits"]).to_event(1)


CATEGORICAL = {
    "logits": jnp.asarray(np.random.default_rng(1).normal(size=(2, 2, 4)), jnp.float32),
    "w": jnp.array(0.7),
}


def test_joint_of_categories_is_unbiased_in_its_logits_and_in_f(key):
    draws = gradient_draws(
        key,
        DisARM(),
        of_categories,
        categorical,
        CATEGORICAL,
        num_samples=2,
        repeats=40_000,
    )
    assert_mean(draws, exact_gradient(of_categories, categorical, CATEGORICAL))


def test_category_and_its_one_hot_vector_have_the_same_estimate():
    @functools.partial(jax.jit, static_argnums=(1, 2))
    def value(logits, make, f):
        dist = make(logits=logits).to_event(1)
        return expectation(jax.random.key(3), f, dist, DisARM(), 3).sum()

    def of_index(x):
        return of_categories(CATEGORICAL, x)

    def of_one_hot(x):
        return of_index(jnp.argmax(x, axis=-1))

    both = jax.value_and_grad(value)
    index = both(CATEGORICAL["logits"], dists.Categorical, of_index)
    one_hot = both(CATEGORICAL["logits"], OneHotCategorical, of_one_hot)
    multinomial = both(
        CATEGORICAL["logits"],
        lambda logits: dists.Multinomial(total_count=1, logits=logits),
        of_one_hot,
    )
    for other in (one_hot, multinomial):
        jax.tree.map(np.testing.assert_array_equal, index, other)


def test_two_categories_are_a_bernoulli():
    def of_category(logit):
        logits = jnp.stack([logit, jnp.zeros_like(logit)], axis=-1)
        dist = dists.Categorical(logits=logits).to_event(1)
        return expectation(
            jax.random.key(5),
            lambda z: jnp.sin(3.0 * (z == 0).sum(-1)),
            dist,
            DisARM(),
            3,
        )

    def of_bernoulli(logit):
        dist = dists.Bernoulli(logits=logit).to_event(1)
        return expectation(
            jax.random.key(5), lambda b: jnp.sin(3.0 * b.sum(-1)), dist, DisARM(), 3
        )

    logit = jnp.array([0.3, -1.0, 2.0])
    of_both = jax.jit(
        lambda x: [jax.value_and_grad(of)(x) for of in (of_category, of_bernoulli)]
    )
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6),
        *of_both(logit),
    )


def test_stick_logits_are_the_conditional_chances_of_the_categories():
    logits = jnp.array([[1.0, -2.0, 0.5, 3.0], [60.0, -60.0, 0.0, 1.0]])
    with jax.enable_x64(True):
        p = np.exp(np.asarray(logits, np.float64))
        left = np.cumsum(p[:, ::-1], axis=1)[:, ::-1]
        expected = np.log(p[:, :-1]) - np.log(left[:, 1:])
    np.testing.assert_allclose(antithetic.stick_logits(logits), expected, rtol=1e-5)


def test_stick_behind_both_ends_gets_no_gradient():
    # Only the first two categories come: the third stick is behind both of a pair.
    def value(logits):
        dist = dists.Categorical(logits=logits)
        return expectation(
            jax.random.key(0), lambda z: 1.0 * z * z, dist, DisARM(), 100
        )

    gradient = jax.jit(jax.grad(value))(jnp.array([80.0, 80.0, 0.0, 0.0]))
    np.testing.assert_allclose(gradient, [-0.25, 0.25, 0.0, 0.0], atol=1e-12)


def test_value_is_the_mean_of_f_over_both_of_each_pair():
    # At a probability of one half the second of a pair is the other value.
    for estimator in (ARM(), DisARM()):
        value = expectation(
            jax.random.key(0), lambda b: b, bernoulli(jnp.zeros(7)), estimator, 1
        )
        np.testing.assert_array_equal(value, jnp.full(7, 0.5))


@pytest.mark.parametrize(("estimator", "n"), [*BINARY, (ARMS(), 64)])
def test_far_logits_give_finite_gradients(estimator, n):
    logits = jnp.array([-1e4, -200.0, -50.0, -20.0, 20.0, 50.0, 200.0, 1e4])

    def value(logits):
        return expectation(
            jax.random.key(1), lambda b: 3.0 * b, bernoulli(logits), estimator, n
        ).sum()

    assert jnp.isfinite(jax.jit(jax.grad(value))(logits)).all()


def test_far_logits_of_categories_give_finite_gradients():
    logits = jnp.array([[50.0, -50.0, 50.0], [-1e4, 0.0, 1e4], [0.0, 0.0, 100.0]])

    def value(logits):
        dist = dists.Categorical(logits=logits)
        return expectation(
            jax.random.key(1), lambda z: 1.0 * z, dist, DisARM(), 4
        ).sum()

    assert jnp.isfinite(jax.jit(jax.grad(value))(logits)).all()


@pytest.mark.parametrize("n", [2, 3, 10, 1000])
def test_factor_of_arms_keeps_its_digits(n):
    logits = np.array([-50.0, -12.0, -3.0, -1e-3, 0.0, 1e-3, 3.0, 12.0, 50.0])
    m = 1 / (1 + np.exp(np.abs(logits)))
    ratio = np.maximum(0, 2 - m ** (-1 / (n - 1))) ** (n - 1)
    computed = antithetic._decorrelation(jnp.asarray(logits, jnp.float32), n - 1)
    np.testing.assert_allclose(computed, (1 - m) / (1 - ratio), rtol=2e-5)


@pytest.mark.parametrize(("estimator", "n"), BINARY)
def test_double_precision_stays_double(estimator, n):
    with jax.enable_x64(True):
        logits = jnp.zeros(3, jnp.float64)
        gradient = jax.eval_shape(
            jax.grad(
                lambda x: expectation(
                    jax.random.key(2), lambda b: b, bernoulli(x), estimator, n
                ).sum()
            ),
            logits,
        )
    assert gradient.dtype == jnp.float64


def test_cost_counts_both_of_a_pair():
    dist = bernoulli(jnp.zeros(()))
    assert ARM().cost(dist, 3).evaluations == DisARM().cost(dist, 3).evaluations == 6
    assert ARMS().cost(dist, 3).evaluations == 3


@pytest.mark.parametrize(
    ("estimator", "dist", "n", "sentence"),
    [
        (ARM(), dists.Normal(), 1, r"ARM\(\) is for Bernoulli, not for Normal"),
        (ARM(), dists.Categorical(logits=jnp.zeros(3)), 1, "not for Categorical"),
        (DisARM(), dists.Poisson(1.0), 1, "not for Poisson"),
        (ARMS(), dists.Bernoulli(0.5), 1, "needs at least 2 samples"),
    ],
)
def test_refusals_are_sentences(estimator, dist, n, sentence):
    with pytest.raises(InputError, match=sentence):
        expectation(jax.random.key(0), lambda x: 1.0 * x, dist, estimator, n)

"""Values of probability exactly 0: masked classes, and probs of 0 and 1."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dists
import pytest

from jaxgen.estimators import (
    SPSA,
    Auto,
    DoubleCV,
    Enumerate,
    MeasureValued,
    OneHotCategorical,
    Quadrature,
    Relax,
    expectation,
    menu,
    why_not,
)
from tests.estimators.moments import assert_mean


def learned(params, z):
    return jnp.sum(params * jax.nn.sigmoid(z), axis=-1)


# The estimators that the menu leaves out.
EVERY = (
    *menu(),
    Enumerate(),
    Quadrature(),
    DoubleCV(alpha="pilot"),
    Auto((MeasureValued(coupling=True),)),
    Relax(learned, jnp.ones(3)),
)
WEIGHTS = jnp.array([1.0, -2.0, 0.5])


def of_vector(x):
    return (jnp.sum(x * WEIGHTS, axis=-1) + 0.2) ** 2


def of_index(x):
    return (WEIGHTS[x] + 0.2) ** 2


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def category(make, f):
    # Two classes are possible, with the values 1.44 and .49 of f.
    slope = sigmoid(0.5) * sigmoid(-0.5) * (1.44 - 0.49)
    value = 0.49 + sigmoid(0.5) * (1.44 - 0.49)
    return make, f, [0.3, -np.inf, -0.2], value, [slope, 0.0, -slope], [1]


CASES = {
    "Bernoulli": (
        lambda x: dists.Bernoulli(logits=x, validate_args=False).to_event(1),
        of_vector,
        [0.3, -np.inf, np.inf],
        0.49 + sigmoid(0.3) * (2.89 - 0.49),
        [sigmoid(0.3) * sigmoid(-0.3) * (2.89 - 0.49), 0.0, 0.0],
        [1, 2],
    ),
    "Categorical": category(
        lambda x: dists.Categorical(logits=x, validate_args=False), of_index
    ),
    "OneHotCategorical": category(OneHotCategorical, of_vector),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("estimator", EVERY, ids=str)
def test_an_impossible_value_changes_neither_value_nor_gradient(key, estimator, case):
    make, f, logits, value, gradient, masked = CASES[case]
    logits = jnp.array(logits)
    samples = max(2, estimator.min_samples)
    if why_not(estimator, f, make(logits), samples):
        pytest.skip("It is for other distributions.")
    if case == "OneHotCategorical" and "Categorical" in (
        estimator.families or ["Categorical"]
    ):
        pytest.skip("It handles both in one way, and is tested with the other.")
    state = None
    if estimator.stateful:
        state = estimator.init(jax.random.key(1), make(logits))

    def estimate(x, key):
        done = expectation(key, f, make(x), estimator, samples, state)
        return done if state is None else done[0]

    draw = jax.value_and_grad(estimate)
    # A loop compiles sooner than a vmap.
    draws = jax.jit(lambda keys: jax.lax.map(lambda key: draw(logits, key), keys))
    values, slopes = draws(jax.random.split(key, 2000))
    values, slopes = (np.asarray(x, np.float64) for x in (values, slopes))
    assert np.isfinite(values).all()
    assert np.isfinite(slopes).all()
    if not isinstance(estimator, SPSA):  # it moves all parameters at once: mean 0
        np.testing.assert_array_equal(slopes[:, masked], 0)
    if estimator.unbiased:
        assert_mean(values, value)
        assert_mean(slopes, np.array(gradient))


@pytest.mark.parametrize("estimator", EVERY, ids=str)
def test_which_estimators_are_right_at_a_probability_of_exactly_0_and_1(key, estimator):
    def f(b):
        return (b + 1.0) ** 3  # f(1) - f(0) = 7

    if not estimator.unbiased:
        pytest.skip("It is biased at other probabilities too.")
    samples = max(2, estimator.min_samples)
    if why_not(estimator, f, dists.Bernoulli(probs=0.5), samples):
        pytest.skip("It is for other distributions.")
    state = None
    if estimator.stateful:
        state = estimator.init(jax.random.key(1), dists.Bernoulli(probs=0.5))

    def estimate(p):
        dist, one = dists.Bernoulli(probs=p), jax.random.clone(key)
        done = expectation(one, f, dist, estimator, samples, state)
        return done if state is None else done[0]

    each = jax.jit(lambda probs: jax.lax.map(jax.grad(estimate), probs))
    gradients = each(jnp.array([0.0, 1.0]))
    right = np.abs(np.asarray(gradients) - 7) < 1e-5
    assert right.tolist() == [estimator.every_value] * 2


@pytest.mark.parametrize("estimator", [Enumerate(), MeasureValued()], ids=str)
def test_the_gradient_in_a_category_of_probability_0(key, estimator):
    def estimate(p):
        return expectation(key, of_index, dists.Categorical(probs=p), estimator)

    values = np.array([1.44, 3.24, 0.49])
    found = jax.jit(jax.grad(estimate))(jnp.array([0.4, 0.0, 0.6]))
    np.testing.assert_allclose(found, values - (0.4 * 1.44 + 0.6 * 0.49), rtol=1e-5)


def test_enumeration_in_probs_takes_every_factor_of_a_joint():
    probs = jnp.array([0.0, 1.0, 0.3])

    def estimate(p):
        dist = dists.Bernoulli(probs=p).to_event(1)
        return expectation(jax.random.key(0), of_vector, dist, Enumerate())

    def summed(p):
        total = 0.0
        for bits in np.ndindex(2, 2, 2):
            mass = jnp.prod(jnp.where(jnp.array(bits) == 1, p, 1 - p))
            total = total + mass * of_vector(jnp.array(bits, jnp.float32))
        return total

    found, right = (jax.jit(jax.grad(g))(probs) for g in (estimate, summed))
    np.testing.assert_allclose(found, right, rtol=1e-5)

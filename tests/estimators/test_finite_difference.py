import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dists
import pytest

from jaxgen.errors import InputError
from jaxgen.estimators.base import expectation
from jaxgen.estimators.exact import Enumerate, Quadrature
from jaxgen.estimators.finite_difference import SPSA, FiniteDifference
from tests.estimators.moments import assert_mean, assert_variance, gradient_draws

BOTH = (FiniteDifference(), SPSA())


@pytest.fixture(autouse=True)
def numpyro_may_promote_ranks():
    with jax.numpy_rank_promotion("allow"):
        yield


def diagonal(params):
    return dists.Normal(params["loc"], jnp.exp(params["log_scale"])).to_event(1)


PARAMS = {
    "loc": jnp.array([[0.3, -0.5], [1.0, 0.0]]),
    "log_scale": jnp.array([0.1, -0.2]),
}


def wavy(params, x):
    return jnp.sin(x @ np.array([0.5, -0.3], np.float32)) * jnp.sum(params["loc"] ** 2)


def exact(f, make, params, rule):
    def value(params):
        unused = jax.random.key(0)
        return expectation(unused, lambda x: f(params, x), make(params), rule).sum()

    return jax.jit(jax.grad(value))(params)


@pytest.mark.parametrize("estimator", BOTH, ids=str)
def test_the_mean_is_the_gradient_where_the_step_is_small(key, estimator):
    draws = gradient_draws(
        key, estimator, wavy, diagonal, PARAMS, num_samples=4, repeats=10_000
    )
    assert_mean(draws, exact(wavy, diagonal, PARAMS, Quadrature(64)))


def test_for_a_quadratic_it_is_the_pathwise_gradient(key):
    # ((mu + e + s u)^2 - (mu - e + s u)^2) / 2e = 2 (mu + s u): of variance 4 s^2.
    draws = gradient_draws(
        key,
        FiniteDifference(epsilon=0.5),
        lambda _, x: x**2,
        lambda p: dists.Normal(p, 0.7),
        jnp.float32(1.3),
        num_samples=2,
        repeats=20_000,
    )
    assert_mean(draws, 2.6)
    assert_variance(draws, 4 * 0.49 / 2)


def test_spsa_has_the_slopes_in_the_others_as_noise(key):
    # f = sum a_i x_i, moved by signs D: D_i a.D has the variance sum of the other a^2.
    slope = np.array([1.0, -2.0, 3.0])
    draws = gradient_draws(
        key,
        SPSA(epsilon=0.1),
        lambda _, x: x @ slope,
        lambda p: dists.Normal(p, 1.0).to_event(1),
        jnp.zeros(3),
        num_samples=2,
        repeats=20_000,
    )
    # The scale is a plain number: nobody's parameter, it is not moved with them.
    total = np.sum(slope**2)
    assert_mean(draws, slope)
    assert_variance(draws, (total - slope**2) / 2)


@pytest.mark.parametrize("estimator", BOTH, ids=str)
def test_a_step_function_behind_a_callback_is_no_trouble(key, estimator):
    def f(_, x):
        shape = jax.ShapeDtypeStruct(x.shape, jnp.float32)
        return jax.pure_callback(
            lambda x: (x > 0).astype(np.float32), shape, x, vmap_method="expand_dims"
        )

    draws = gradient_draws(
        key,
        estimator,
        f,
        lambda p: dists.Normal(p, 1.0),
        jnp.float32(0.5),
        num_samples=100,
        repeats=300,
    )
    assert_mean(draws, np.exp(-0.125) / np.sqrt(2 * np.pi))
    if estimator == FiniteDifference():
        # A sample counts 1 / 2e where it lies within e of the step: variance ~ 1 / 2e.
        epsilon = estimator.epsilon
        inside = 2 * epsilon * np.exp(-0.125) / np.sqrt(2 * np.pi)
        variance = inside * (1 - inside) / (2 * epsilon) ** 2 / 100
        assert_variance(draws, variance)


@pytest.mark.parametrize(
    "estimator", [FiniteDifference(epsilon=0.1), SPSA(epsilon=0.1)], ids=str
)
def test_discrete_distributions_are_moved_too(key, estimator):
    def make(params):
        return dists.Categorical(logits=params)

    def f(_, i):
        return jnp.cos(2.0 * i)

    logits = jnp.array([[0.0, 0.5, -1.0], [1.0, 0.0, 0.2]])
    draws = gradient_draws(
        key,
        estimator,
        f,
        make,
        logits,
        num_samples=20,
        repeats=2_000,
    )
    # The bias, e^2 / 6 of the third derivative, is far below the noise.
    assert_mean(draws, exact(f, make, logits, Enumerate()))


def test_the_bias_falls_with_the_square_of_the_step(key):
    # E x^3 = mu^3 + 3 mu s^2: the difference adds e^2 to the derivative, whatever x.
    def f(x):
        return x**3

    def gradient(epsilon):
        def value(loc):
            dist = dists.Normal(loc, 0.7)
            one = jax.random.clone(key)
            return expectation(one, f, dist, FiniteDifference(epsilon=epsilon), 64)

        return float(jax.jit(jax.grad(value))(0.4))

    with jax.enable_x64(True):
        small, one, two = (gradient(epsilon) for epsilon in (1e-3, 0.1, 0.2))
    np.testing.assert_allclose(one - small, 0.01, rtol=1e-3)
    np.testing.assert_allclose(two - small, 0.04, rtol=1e-3)


def test_cost_and_refusals(key):
    dist = dists.Normal(jnp.zeros((4, 3)), 1.0).to_event(1)
    assert FiniteDifference().cost(dist, 5).total == 5 * 2 * 6
    assert SPSA().cost(dist, 5).total == 5 * 2
    with pytest.raises(InputError, match="LogNormal"):
        expectation(key, jnp.cos, dists.LogNormal(0.0, 1.0), SPSA())
    with pytest.raises(InputError, match="epsilon"):
        FiniteDifference(epsilon=0.0)

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dists
import pytest

from jaxgen.errors import InputError
from jaxgen.estimators.base import expectation
from jaxgen.estimators.exact import Enumerate, Quadrature
from jaxgen.estimators.measure_valued import MeasureValued
from jaxgen.estimators.one_hot import OneHotCategorical
from jaxgen.estimators.pathwise import Pathwise
from jaxgen.estimators.score_function import ScoreFunction
from jaxgen.estimators.taylor import DeltaMethod, MuProp
from tests.estimators.moments import assert_mean, assert_variance, gradient_draws


@pytest.fixture(autouse=True)
def numpyro_may_promote_ranks():
    with jax.numpy_rank_promotion("allow"):
        yield


def exact(f, make, params, rule):
    def value(params):
        unused = jax.random.key(0)
        return expectation(unused, lambda x: f(params, x), make(params), rule).sum()

    return jax.tree.map(np.asarray, jax.jit(jax.grad(value))(params))


def wavy(params, x):
    return jnp.sin(x @ np.array([0.5, -0.3], np.float32)) * (1 + jnp.sum(params**2))


RATES = jnp.array([[1.5, 0.4], [0.8, 2.0]])


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (lambda p: dists.Bernoulli(probs=p / 3).to_event(1), Enumerate()),
        (lambda p: dists.Poisson(p).to_event(1), Quadrature(64)),
        (lambda p: dists.Exponential(p).to_event(1), Quadrature(128)),
        (lambda p: dists.Normal(p, 0.8).to_event(1), Quadrature(64)),
        (lambda p: OneHotCategorical(logits=p), Enumerate()),
    ],
)
def test_muprop_has_the_mean_of_the_gradient(key, make, rule):
    draws = gradient_draws(
        key, MuProp(), wavy, make, RATES, num_samples=2, repeats=5_000
    )
    assert_mean(draws, exact(wavy, make, RATES, rule))


@pytest.mark.parametrize(
    ("make", "truth"),
    [
        # f = a x: a dE[x], whatever is drawn.
        (lambda p: dists.Gamma(2.5, p).to_event(1), -2.5 / RATES**2),
        (lambda p: dists.Bernoulli(probs=p / 3).to_event(1), 1 / 3),
        (lambda p: dists.LogNormal(p, 0.3).to_event(1), jnp.exp(RATES + 0.045)),
    ],
)
def test_muprop_has_no_variance_for_a_linear_f(key, make, truth):
    def f(_, x):
        return jnp.sum(3 * x, axis=-1)

    draws = gradient_draws(key, MuProp(), f, make, RATES, num_samples=1, repeats=20)
    expected = np.broadcast_to(3 * truth, draws.shape)
    np.testing.assert_allclose(draws, expected, rtol=1e-4)


def test_muprop_has_the_variance_of_what_the_expansion_leaves_over(key):
    # (z - mu)^2 of N(mu, 1) is left over of z^2, times the score z - mu: E u^6 = 15.
    draws = gradient_draws(
        key,
        MuProp(),
        lambda _, z: z**2,
        lambda p: dists.Normal(p, 1.0),
        jnp.float32(1.7),
        num_samples=1,
        repeats=50_000,
    )
    assert_mean(draws, 3.4)
    assert_variance(draws, 15.0)


def test_muprop_refuses_what_has_no_derivative(key):
    with pytest.raises(InputError, match="jumps"):
        expectation(key, jnp.floor, dists.Normal(0.0, 1.0), MuProp())
    index = dists.Categorical(logits=jnp.zeros(3))
    with pytest.raises(InputError, match="OneHotCategorical"):
        expectation(jax.random.key(1), lambda i: i * 1.0, index, MuProp())


BASES = (
    ScoreFunction("leave_one_out"),
    Pathwise(),
    MeasureValued(coupling=True),
)


def diagonal(params):
    return dists.Normal(params[0], params[1]).to_event(1)


LOC_SCALE = jnp.array([[[0.3, -0.5], [1.0, 0.0]], [[0.7, 1.0], [0.5, 1.2]]])


def quadratic(_, x):
    first, second = x[..., 0], x[..., 1]
    return first**2 - 2 * first * second + 3 * second + 0.5 * second**2


@pytest.mark.parametrize("base", BASES, ids=str)
def test_delta_method_has_the_mean_of_the_gradient_and_less_variance(key, base):
    keys = jax.random.split(key)
    plain, helped = (
        gradient_draws(
            k, estimator, wavy, diagonal, LOC_SCALE, num_samples=2, repeats=2_000
        )
        for k, estimator in zip(keys, (base, DeltaMethod(base)), strict=True)
    )
    assert_mean(helped, exact(wavy, diagonal, LOC_SCALE, Quadrature(64)))
    # In total over the parameters, for each batch element.
    before, after = (draws.var(axis=0).sum(axis=(0, 2)) for draws in (plain, helped))
    assert (after < 0.5 * before).all()


@pytest.mark.parametrize("coefficient", [1.0, "pilot"])
def test_delta_method_is_exact_for_a_quadratic_f(key, coefficient):
    estimator = DeltaMethod(ScoreFunction(), coefficient=coefficient)
    draws = gradient_draws(
        key, estimator, quadratic, diagonal, LOC_SCALE, num_samples=1, repeats=20
    )
    first, second = LOC_SCALE[0, :, 0], LOC_SCALE[0, :, 1]
    of_loc = jnp.stack([2 * first - 2 * second, 3 - 2 * first + second], axis=-1)
    of_scale = LOC_SCALE[1] * np.array([2, 1])
    truth = np.broadcast_to(jnp.stack([of_loc, of_scale]), draws.shape)
    np.testing.assert_allclose(draws, truth, atol=1e-4)


def test_delta_method_takes_a_joint_normal(key):
    root = jnp.array([[1.0, 0.0], [0.5, 0.8]])

    def make(params):
        loc, root = params
        return dists.MultivariateNormal(loc, covariance_matrix=root @ root.T)

    params = (jnp.array([[0.3, -0.5], [1.0, 0.0]]), root)
    estimator = DeltaMethod(ScoreFunction())
    draws = gradient_draws(
        key, estimator, quadratic, make, params, num_samples=1, repeats=20
    )

    def closed_form(params):
        # E f is f at the mean and half the trace of the Hessian and the covariance.
        loc, root = params
        hessian = jnp.array([[2.0, -2.0], [-2.0, 1.0]])
        trace = jnp.trace(hessian @ root @ root.T)
        return jnp.sum(quadratic(None, loc) + trace / 2)

    truth = jax.jit(jax.grad(closed_form))(params)
    for got, expected in zip(draws, truth, strict=True):
        expected = np.broadcast_to(expected, got.shape)
        np.testing.assert_allclose(got, expected, atol=1e-4)


def test_delta_method_keeps_the_second_derivative(key):
    # DiCE below and an expectation of h that is exact: no variance at any order.
    def value(loc):
        estimator = DeltaMethod(ScoreFunction(), coefficient=1.0)
        dist = dists.Normal(loc, 0.7)
        return expectation(key, lambda x: 2 * x**2, dist, estimator)

    curvature = jax.jit(jax.grad(jax.grad(value)))(0.4)
    np.testing.assert_allclose(curvature, 4.0, rtol=1e-5)


def test_delta_method_is_what_its_base_is():
    estimator = DeltaMethod(MeasureValued())
    assert estimator.families == ("Normal",)
    assert DeltaMethod(ScoreFunction("leave_one_out")).min_samples == 2
    assert str(DeltaMethod(Pathwise())) == "DeltaMethod(base=Pathwise())"
    dist, estimator = dists.Poisson(1.0), DeltaMethod(ScoreFunction())
    with pytest.raises(InputError, match="Poisson"):
        expectation(jax.random.key(0), jnp.cos, dist, estimator)


def test_delta_method_passes_the_state_of_its_base_through(key):
    estimator = DeltaMethod(ScoreFunction("moving_average"))
    dist, unused = dists.Normal(0.3, 1.0), jax.random.key(1)
    state = estimator.init(unused, dist)
    value, state = jax.jit(
        lambda key, state: expectation(key, jnp.exp, dist, estimator, 4, state)
    )(key, state)
    assert value.shape == ()
    assert state.weight > 0

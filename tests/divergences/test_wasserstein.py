import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxgen import divergences
from jaxgen.errors import InputError


def test_gaussian_w1_is_the_mean_difference_of_quantiles():
    settings = np.array([[0, 1, 2, 1], [0, 1, 0.3, 4], [1, 9, 1, 1], [5, 1, 0, 1.1]])
    levels = (np.arange(200_000) + 0.5) / 200_000
    expected = [
        np.mean(
            np.abs(
                stats.norm.ppf(levels, m, v**0.5) - stats.norm.ppf(levels, n, w**0.5)
            )
        )
        for m, v, n, w in settings
    ]
    m, v, n, w = jnp.asarray(settings, jnp.float32).T
    found = divergences.gaussian_wasserstein_1(m, jnp.log(v), n, jnp.log(w))
    np.testing.assert_allclose(found, expected, rtol=2e-4)


def test_gaussian_w1_has_the_gradient_of_finite_differences():
    with jax.enable_x64(True):
        at = jnp.array([0.4, 0.3, -0.2, -0.5])

        def value(at):
            return divergences.gaussian_wasserstein_1(*at)

        gradient, step = jax.grad(value)(at), 1e-6
        for i in range(4):
            ends = [value(at.at[i].add(sign * step)) for sign in (1, -1)]
            expected = (ends[0] - ends[1]) / (2 * step)
            np.testing.assert_allclose(gradient[i], expected, rtol=1e-7)


def test_gaussian_w1_of_equal_variances_has_the_gradient_of_the_distance():
    zero = jnp.zeros(3)
    gradient = jax.grad(
        lambda m, v: divergences.gaussian_wasserstein_1(m, v, zero, zero).sum(),
        argnums=(0, 1),
    )(jnp.array([2.0, 0.0, -1e-20]), zero)
    np.testing.assert_array_equal(gradient[0], [1.0, 0.0, -1.0])
    assert jnp.isfinite(gradient[1]).all()


def test_gaussian_w2_is_that_of_covariances_and_at_least_w1(key):
    m, v, n, w = jax.random.normal(key, (4, 5, 3))
    found = divergences.gaussian_wasserstein_2(m, v, n, w)
    # |m - n|^2 + tr(A + B - 2 (A B)^(1/2)), A and B diagonal.
    a, b = (np.exp(np.asarray(x, np.float64)) for x in (v, w))
    square = (np.asarray(m - n, np.float64) ** 2 + a + b - 2 * np.sqrt(a * b)).sum(-1)
    np.testing.assert_allclose(found, np.sqrt(square), rtol=1e-5)
    line = divergences.gaussian_wasserstein_2(*(x[:, :1] for x in (m, v, n, w)))
    first = divergences.gaussian_wasserstein_1(*(x[:, 0] for x in (m, v, n, w)))
    assert (line >= first).all()


def test_gaussian_w2_at_equality_is_0_with_gradient_0():
    zero = jnp.zeros(2)
    value, gradient = jax.value_and_grad(
        lambda m: divergences.gaussian_wasserstein_2(m, zero, zero, zero)
    )(zero)
    assert value == 0
    np.testing.assert_array_equal(gradient, 0.0)


def histograms():
    rng = np.random.default_rng(3)
    positions = np.sort(rng.normal(size=7))
    return rng.random((2, 7)), positions


def test_w1_of_histograms_agrees_with_scipy_and_with_the_linear_program():
    (q, p), positions = histograms()
    expected = stats.wasserstein_distance(positions, positions, q, p)
    arrays = (jnp.asarray(x, jnp.float32) for x in (q, p, positions))
    found = divergences.histogram_wasserstein_1(*arrays)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    cost = np.abs(positions[:, None] - positions)
    moved = divergences.transport(q, p, cost)
    np.testing.assert_allclose(moved.cost, expected, rtol=1e-12)
    np.testing.assert_allclose(moved.plan.sum(axis=1), q / q.sum(), atol=1e-12)
    np.testing.assert_allclose(moved.plan.sum(axis=0), p / p.sum(), atol=1e-12)
    assert (moved.plan >= 0).all()


def test_potentials_prove_the_plan_cheapest():
    (q, p), positions = histograms()
    cost = np.abs(positions[:, None] - positions[:5]) ** 2
    found = divergences.transport(q, p[:5], cost)
    both = found.potential[:, None] + found.other_potential
    assert (both <= cost + 1e-12).all()
    np.testing.assert_allclose(both[found.plan > 0], cost[found.plan > 0], atol=1e-12)
    saved = q @ found.potential / q.sum() + p[:5] @ found.other_potential / p[:5].sum()
    np.testing.assert_allclose(saved, found.cost, rtol=1e-12)


@pytest.mark.parametrize(
    "weights", [[1.0, -1.0], [0.0, 0.0], [[1.0, 1.0]], [np.nan, 1]]
)
def test_weights_that_are_no_histogram_are_refused(weights):
    with pytest.raises(InputError, match="The weights are"):
        divergences.transport(weights, [1.0], [[1.0], [1.0]])


def test_costs_of_another_shape_are_refused():
    with pytest.raises(InputError, match=r"shape \(2, 1\): expected .* \(2, 3\)"):
        divergences.transport([1.0, 1.0], [1.0, 1.0, 1.0], [[1.0], [1.0]])

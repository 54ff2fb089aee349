import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro import distributions as dist

from jaxgen import divergences


def test_gaussian_kl_agrees_with_quadrature():
    mean, log_variance = 0.7, float(np.log(0.3))
    x = np.linspace(-12, 12, 200_001)
    q = np.exp(-((x - mean) ** 2) / 0.6) / np.sqrt(0.6 * np.pi)
    log_ratio = -((x - mean) ** 2) / 0.6 - 0.5 * log_variance + x**2 / 2
    expected = np.trapezoid(q * log_ratio, x)
    actual = divergences.gaussian_kl(jnp.array([mean]), jnp.array([log_variance]))
    np.testing.assert_allclose(actual, expected, rtol=1e-6)


def test_gaussian_kl_agrees_with_numpyro(key):
    mean, log_variance = jax.random.normal(key, (2, 5, 3))
    q = dist.Normal(mean, jnp.exp(log_variance / 2))
    expected = dist.kl_divergence(q, dist.Normal(0, 1)).sum(-1)
    actual = divergences.gaussian_kl(mean, log_variance)
    np.testing.assert_allclose(actual, expected, rtol=1e-5)


def test_gaussian_kl_keeps_its_digits_near_the_prior():
    # 1/2 (e^v - 1 - v) = v^2 / 4 + ...: written with exp it would be 0 in float32.
    kl = divergences.gaussian_kl(jnp.zeros(1), jnp.array([1e-3]))
    np.testing.assert_allclose(kl, 1e-6 / 4, rtol=1e-3)


@pytest.mark.parametrize("log_variance", [-80.0, 0.0, 80.0])
def test_gaussian_kl_has_finite_gradients_at_extremes(log_variance):
    gradient = jax.grad(
        lambda m, v: divergences.gaussian_kl(m, v).sum(), argnums=(0, 1)
    )(jnp.array([30.0]), jnp.array([log_variance]))
    assert all(jnp.isfinite(g).all() for g in gradient)


@pytest.mark.parametrize("log_variance", [-1e-9, 1e-9, 1e-4])
def test_gaussian_kl_and_its_gradient_keep_digits_at_tiny_log_variances(log_variance):
    value, slope = jax.value_and_grad(
        lambda v: divergences.gaussian_kl(jnp.zeros(1), v[None])
    )(log_variance)
    v = np.float64(np.float32(log_variance))
    np.testing.assert_allclose(value, v**2 / 4 + v**3 / 12, rtol=1e-5)
    np.testing.assert_allclose(slope, 0.5 * np.expm1(v), rtol=1e-5)


def test_kl_between_gaussians_agrees_with_numpyro_and_with_the_standard_form(key):
    mean, log_variance, other_mean, other_log_variance = jax.random.normal(key, (4, 3))
    mean, log_variance = jnp.tile(mean, (2, 1)), jnp.tile(log_variance, (2, 1))
    q = dist.Normal(mean, jnp.exp(log_variance / 2))
    p = dist.Normal(other_mean[None], jnp.exp(other_log_variance / 2)[None])
    between = divergences.gaussian_kl_between
    actual = between(mean, log_variance, other_mean, other_log_variance)
    np.testing.assert_allclose(actual, dist.kl_divergence(q, p).sum(-1), rtol=1e-5)
    standard = between(mean, log_variance, jnp.zeros(3), jnp.zeros(3))
    expected = divergences.gaussian_kl(mean, log_variance)
    np.testing.assert_allclose(standard, expected, rtol=1e-6)


def test_bernoulli_kl_is_the_sum_over_both_outcomes(key):
    a, b = 3 * jax.random.normal(key, (2, 4, 3))
    p, r = (np.float64(1) / (1 + np.exp(-np.float64(x))) for x in (a, b))
    expected = (p * np.log(p / r) + (1 - p) * np.log((1 - p) / (1 - r))).sum(-1)
    np.testing.assert_allclose(divergences.bernoulli_kl(a, b), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (np.inf, 0.0, np.log(2)),
        (-np.inf, 0.0, np.log(2)),
        (-np.inf, -np.inf, 0.0),
        (1e9, 1.0, np.log1p(np.exp(-1))),
        (1e9, -1e9, 1e9),
        (0.3, 1e9, 1e9 / (1 + np.exp(0.3))),
    ],
)
def test_bernoulli_kl_is_right_and_its_gradient_finite_at_extremes(a, b, expected):
    value, gradient = jax.value_and_grad(
        lambda a, b: divergences.bernoulli_kl(a[None], b[None]), argnums=(0, 1)
    )(a, b)
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    assert np.isfinite(gradient).all()


def test_gradients_of_the_bernoulli_kl_are_the_known_ones(key):
    a, b = jax.random.normal(key, (2, 5))
    slope_a, slope_b = jax.grad(divergences.bernoulli_kl, argnums=(0, 1))(a, b)
    p, r = jax.nn.sigmoid(a), jax.nn.sigmoid(b)
    np.testing.assert_allclose(slope_a, p * (1 - p) * (a - b), atol=1e-6)
    np.testing.assert_allclose(slope_b, r - p, atol=1e-6)


def test_categorical_kl_is_the_sum_over_classes_and_variables(key):
    a, b = jax.random.normal(key, (2, 4, 3, 5))
    q, p = jax.nn.softmax(a), jax.nn.softmax(b)
    expected = (q * (jnp.log(q) - jnp.log(p))).sum(-1)
    parts = divergences.categorical_kl_per_variable(a, b)
    np.testing.assert_allclose(parts, expected, rtol=1e-4)
    actual = divergences.categorical_kl(a, b)
    np.testing.assert_allclose(actual, expected.sum(-1), rtol=1e-5)
    shared = divergences.categorical_kl(a, b[0])
    np.testing.assert_allclose(shared[0], actual[0], rtol=1e-6)


@pytest.mark.parametrize("low", [-np.inf, -1e30, -1e4])
def test_categorical_kl_is_finite_where_a_class_never_occurs(low):
    a, b = jnp.array([[low, 0.0, 1.0]]), jnp.array([[low, 1.0, 0.0]])
    for other in (b, jnp.zeros((1, 3))):
        value, gradient = jax.value_and_grad(divergences.categorical_kl, (0, 1))(
            a, other
        )
        assert np.isfinite(value)
        assert np.isfinite(gradient).all()
    two = jnp.array([[0.0, 1.0]]), jnp.array([[1.0, 0.0]])
    np.testing.assert_allclose(
        divergences.categorical_kl(a, b), divergences.categorical_kl(*two), rtol=1e-6
    )

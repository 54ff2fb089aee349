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

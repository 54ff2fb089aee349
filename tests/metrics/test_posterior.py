import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import metrics
from jaxgen.errors import InputError


def test_active_units_are_those_whose_mean_varies(key):
    mean = jax.random.normal(key, (50, 3)) * jnp.array([[1.0, 0.05, 0.2]]) + 4.0
    units = metrics.active_units(mean)
    np.testing.assert_allclose(
        units.activity, np.var(np.asarray(mean, np.float64), axis=0), rtol=1e-4
    )
    np.testing.assert_array_equal(units.mask, [True, False, True])
    assert units.count == 2
    assert metrics.active_units(mean, threshold=0.1).count == 1


def test_identical_posteriors_tell_nothing_of_the_example(key):
    mean = jnp.full((30, 2), 0.7)
    terms = metrics.kl_decomposition(key, mean, jnp.full((30, 2), -1.0))
    np.testing.assert_allclose(terms.mutual_information, 0, atol=1e-5)
    np.testing.assert_allclose(terms.total_correlation, 0, atol=1e-5)
    assert terms.dimension_wise_kl > 0.1


def test_separate_posteriors_tell_the_example(key):
    mean = 100.0 * jnp.stack([jnp.arange(25.0), jnp.arange(25.0)], axis=1)
    terms = metrics.kl_decomposition(key, mean, jnp.zeros((25, 2)), chunk_size=7)
    # Either latent determines the other: the total correlation is log 25 as well.
    np.testing.assert_allclose(terms.mutual_information, np.log(25), rtol=1e-4)
    np.testing.assert_allclose(terms.total_correlation, np.log(25), rtol=1e-4)


def test_the_terms_sum_to_the_mean_kl(key):
    keys = jax.random.split(key, 3)
    mean = jax.random.normal(keys[0], (200, 3))
    log_variance = jax.random.normal(keys[1], (200, 3)) - 1
    # 20 sets of samples in one call of the function, for the standard error.
    totals = jax.vmap(
        lambda one: sum(metrics.kl_decomposition(one, mean, log_variance))
    )(jax.random.split(keys[2], 20))
    wide_mean, wide = np.asarray(mean, float), np.asarray(log_variance, float)
    kl = 0.5 * np.sum(wide_mean**2 + np.exp(wide) - wide - 1, axis=1).mean()
    error = np.std(totals, ddof=1) / np.sqrt(20)
    assert error < 0.05
    assert abs(np.mean(totals) - kl) < 5 * error


def test_a_gaussian_aggregate_has_its_closed_form(key):
    # Means ~ N(0, S) and posteriors of variance v: q(z) = N(0, S + v I).
    count, variance = 1500, 0.5
    covariance = np.array([[1.6, 1.4], [1.4, 1.5]])
    factor = jnp.asarray(np.linalg.cholesky(covariance), jnp.float32)
    for_mean, for_terms = jax.random.split(key)
    mean = jax.random.normal(for_mean, (count, 2)) @ factor.T
    log_variance = jnp.full((count, 2), np.log(variance), jnp.float32)
    terms = metrics.kl_decomposition(for_terms, mean, log_variance, chunk_size=64)

    total = covariance + variance * np.eye(2)
    marginal = np.diag(total)
    log_det = np.linalg.slogdet(total)[1]
    information = 0.5 * (log_det - 2 * np.log(variance))
    correlation = 0.5 * (np.log(marginal).sum() - log_det)
    dimension_wise = 0.5 * np.sum(marginal - np.log(marginal) - 1)
    # Over keys the terms have standard deviations of 0.02 and less.
    np.testing.assert_allclose(terms.mutual_information, information, atol=0.1)
    np.testing.assert_allclose(terms.total_correlation, correlation, atol=0.1)
    np.testing.assert_allclose(terms.dimension_wise_kl, dimension_wise, atol=0.1)
    assert correlation > 0.3


def test_shapes_that_differ_are_refused(key):
    with pytest.raises(InputError, match=r"\(n, latents\)"):
        metrics.kl_decomposition(key, jnp.zeros((3, 2)), jnp.zeros((3, 1)))

"""Exact expectations where the density is narrow, far away, steep or heavy-tailed."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dists
import pytest

from jaxgen.errors import InputError
from jaxgen.estimators import (
    Enumerate,
    Quadrature,
    exact_grad,
    expectation,
    grad_samples,
)


def identity(x):
    return x


def value(f, dist, estimator):
    return expectation(jax.random.key(0), f, dist, estimator)


@pytest.mark.parametrize(
    ("dist_fn", "param", "truth"),
    [
        (dists.Poisson, 0.01, 1.0),
        (dists.Poisson, 400.0, 1.0),
        (dists.Poisson, 1000.0, 1.0),
        (lambda m: dists.NegativeBinomial2(m, 100.0), 1000.0, 1.0),
        (lambda r: dists.ZeroInflatedPoisson(0.5, r), 1000.0, 0.5),
        (lambda m: dists.LogNormal(m, 3e-4), 0.0, np.exp(4.5e-8)),
        (lambda m: dists.LogNormal(m, 1e-4), 0.0, np.exp(5e-9)),
        # The logarithm of its density is 1e9, of which float64 keeps 1e-7.
        (lambda r: dists.Gamma(1e8, r), 1e8, -1e-8),
    ],
)
def test_a_narrow_or_distant_density_is_found(dist_fn, param, truth):
    np.testing.assert_allclose(exact_grad(identity, dist_fn, param), truth, rtol=1e-7)


def test_a_density_that_is_infinite_at_the_ends():
    found = exact_grad(identity, lambda a: dists.Beta(a, 0.5), 0.5, tolerance=1e-6)
    np.testing.assert_allclose(found, 0.5, rtol=3e-6)


def test_a_density_that_overflows():
    # E x = scale Gamma(1 + 1 / 10^4).
    found = exact_grad(identity, lambda s: dists.Weibull(s, 1e4), 1.0)
    np.testing.assert_allclose(found, 0.9999422883, rtol=1e-9)
    found = exact_grad(
        lambda x: jnp.sin(x) + 0.3 * jnp.cos(2 * x),
        lambda a: dists.InverseGamma(a, 0.8),
        2.3,
        tolerance=1e-4,
    )
    assert np.isfinite(found)


def test_a_growing_f_on_a_heavy_tail():
    found = exact_grad(jnp.square, lambda s: dists.StudentT(2.5, 0.0, s), 1.0)
    np.testing.assert_allclose(found, 10.0, rtol=1e-8)


def test_masses_out_of_reach_are_refused(monkeypatch):
    # One part in a hundred lies nearer to 1 than a float can.
    monkeypatch.setattr("jaxgen.estimators.problem._MOST_NODES", 256)
    with pytest.raises(InputError, match=r"differ from 1 by 0\.01 in their sum"):
        exact_grad(identity, lambda a: dists.Beta(a, 0.1), 0.1)


def test_nan_is_refused_at_once():
    with pytest.raises(InputError, match=r"nan with Quadrature\(num_points=128\)"):
        exact_grad(jnp.sqrt, lambda m: dists.Normal(m, 1.0), 0.0)


def test_float32_quadrature_is_near():
    found = value(identity, dists.Poisson(1000.0), Quadrature())
    np.testing.assert_allclose(found, 1000.0, rtol=1e-3)
    found = value(identity, dists.Beta(0.5, 0.5), Quadrature())
    np.testing.assert_allclose(found, 0.5, rtol=1e-3)
    # More counts matter than there are points: one stands for several.
    found = value(identity, dists.Poisson(1e4), Quadrature(64))
    np.testing.assert_allclose(found, 1e4, rtol=1e-2)


def test_a_constant_in_f_is_not_rounded_in_the_gradient():
    def gradient(constant):
        def total(logits):
            dist = dists.Bernoulli(logits=logits).to_event(1)
            # Every value of f is a float32.
            f = lambda b: constant + (jnp.sum(b, -1) - 0.75) ** 2  # noqa: E731
            return value(f, dist, Enumerate())

        at = jnp.array([0.3, -0.8])
        return jax.grad(total)(at), jax.hessian(total)(at)

    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6),
        gradient(0.0),
        gradient(1e4),
    )


def test_an_infinite_f_where_there_is_no_mass():
    found = value(jnp.log, dists.Bernoulli(logits=200.0), Enumerate())
    assert found == 0.0


def test_a_multinomial_of_one_draw_is_summed():
    found = jax.grad(
        lambda p: value(
            lambda x: x @ jnp.arange(3.0), dists.Multinomial(1, logits=p), Enumerate()
        )
    )(jnp.zeros(3))
    np.testing.assert_allclose(found, [-1 / 3, 0.0, 1 / 3], atol=1e-6)


def test_float64_after_float32_in_one_process_has_all_its_digits(key):
    # The same functions both times: nothing traced with float32 may serve again.
    def coin(logit):
        return dists.Bernoulli(logits=logit)

    @jax.jit
    def f(b):
        return (b - 0.499) ** 2

    def estimate(logit):
        return expectation(key, f, coin(logit), Enumerate())

    compiled = jax.jit(jax.value_and_grad(estimate))

    def calculate():
        drawn = grad_samples(jax.random.clone(key), f, coin, 0.7, Enumerate(), 1)
        return *compiled(jnp.asarray(0.7, float)), drawn[0], exact_grad(f, coin, 0.7)

    p = 1 / (1 + math.exp(-0.7))
    value = p * 0.501**2 + (1 - p) * 0.499**2
    gradient = p * (1 - p) * (0.501**2 - 0.499**2)
    expected = (value, gradient, gradient, gradient)
    np.testing.assert_allclose(calculate(), expected, rtol=1e-5)
    with jax.enable_x64(True):
        found = [float(x) for x in calculate()]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_a_binomial_in_probs_is_exact_at_both_ends_too(p):
    # d/dp E f = 3 E[f(Y + 1) - f(Y)], Y ~ Binomial(2, p).
    def f(count):
        return jnp.sin(count) + count**2

    def value(p):
        dist = dists.Binomial(3, probs=p)
        return expectation(jax.random.key(0), f, dist, Enumerate())

    fewer = jnp.arange(3.0)
    masses = jnp.array([(1 - p) ** 2, 2 * p * (1 - p), p**2])
    slope = 3 * jnp.sum(masses * (f(fewer + 1) - f(fewer)))
    np.testing.assert_allclose(jax.grad(value)(p), slope, rtol=1e-5)

"""Densities inside f: those of numpyro, and the safe ones of this package."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dists
import pytest

from jaxgen.errors import InputError
from jaxgen.estimators import (
    DisARM,
    Enumerate,
    GumbelSoftmax,
    MuProp,
    OneHotCategorical,
    Rebar,
    check_unbiased,
    compare,
    expectation,
    log_prob,
)
from tests.estimators.moments import assert_mean

BITS = jnp.full(3, 0.7)


def bits(x):
    return dists.Bernoulli(logits=x).to_event(1)


@pytest.mark.parametrize(
    ("dist", "between", "expected"),
    [
        (dists.Bernoulli(logits=0.7), 0.5, 0.35 - np.log1p(np.exp(0.7))),
        (dists.Bernoulli(probs=0.3), 0.5, 0.5 * np.log(0.3) + 0.5 * np.log(0.7)),
        (dists.Binomial(2, logits=0.0), 1.0, np.log(0.5)),
        (
            OneHotCategorical(jnp.log(jnp.array([0.3, 0.7]))),
            [0.5, 0.5],
            np.log(0.21) / 2,
        ),
        (dists.Multinomial(1, jnp.array([0.3, 0.7])), [0.5, 0.5], np.log(0.21) / 2),
        (dists.Poisson(2.0), 2.5, 2.5 * np.log(2) - 2 - 1.2009736),
        (dists.Poisson(jnp.full(1, 2.0)).to_event(1), [3.0], np.log(8 / 6) - 2),
    ],
    ids=lambda x: type(x).__name__ if isinstance(x, dists.Distribution) else "",
)
def test_a_density_between_the_values_is_its_formula(dist, between, expected):
    for calculate in (log_prob, jax.jit(log_prob)):
        found = calculate(dist, jnp.array(between))
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_density_off_the_support_of_a_continuous_distribution_stays_zero():
    found = jax.jit(lambda x: log_prob(dists.Exponential(1.0), x))(-1.0)
    assert found == -jnp.inf


@pytest.mark.parametrize("binary", [True, False])
def test_the_score_at_a_logit_of_0_is_b_less_its_mean(binary):
    def score(x):
        return (
            log_prob(dists.Bernoulli(logits=x), jnp.array(1.0))
            if binary
            else (log_prob(dists.Binomial(3, logits=x), jnp.array(1.0)))
        )

    assert jax.grad(score)(0.0) == (0.5 if binary else -0.5)


@pytest.mark.parametrize("estimator", [Rebar(), MuProp(), GumbelSoftmax(0.5)], ids=str)
def test_a_density_of_numpyro_inside_f_is_refused(key, estimator):
    with pytest.raises(InputError, match=r"estimators\.log_prob"):
        expectation(key, bits(BITS).log_prob, bits(BITS), estimator)
    with pytest.raises(InputError, match=r"estimators\.log_prob"):
        check_unbiased(key, lambda b, x: bits(x).log_prob(b), bits, BITS, estimator)


def test_compare_names_the_density_inside_f(key):
    report = compare(
        key,
        lambda b, x: bits(x).log_prob(b),
        bits,
        BITS,
        estimators=[Rebar(), GumbelSoftmax(0.5, hard=True), DisARM()],
        repeats=10,
    )
    rebar, hard, disarm = (row.skipped for row in report.rows)
    assert "estimators.log_prob" in rebar
    assert hard is None
    assert disarm is None


@pytest.mark.parametrize("estimator", [Rebar(), MuProp()], ids=str)
def test_the_entropy_by_safe_densities_has_the_right_gradient(key, estimator):
    def entropy(x, key, estimator=estimator):
        return expectation(key, lambda b: log_prob(bits(x), b), bits(x), estimator)

    draws = jax.jit(jax.vmap(jax.grad(entropy), (None, 0)))(
        BITS, jax.random.split(key, 4000)
    )
    exact = jax.grad(entropy)(BITS, jax.random.clone(key), Enumerate())
    p = jax.nn.sigmoid(0.7)
    np.testing.assert_allclose(exact, 0.7 * p * (1 - p), rtol=1e-5)
    assert_mean(np.asarray(draws, np.float64), exact)

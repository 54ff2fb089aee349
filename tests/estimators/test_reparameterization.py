"""The differentiable sample is that of `expectation`, in value and gradient."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dists
import pytest

from jaxgen.errors import InputError
from jaxgen.estimators import (
    GumbelRao,
    GumbelSoftmax,
    OneHotCategorical,
    Pathwise,
    ReinMax,
    ScoreFunction,
    StraightThrough,
    differentiable_sample,
    expectation,
)


def normal(params):
    return dists.Normal(params, jnp.exp(params)).to_event(1)


def bits(params):
    return dists.Bernoulli(logits=params).to_event(1)


def category(params):
    return OneHotCategorical(params)


@pytest.mark.parametrize(
    ("make", "estimator"),
    [
        (normal, Pathwise()),
        (bits, GumbelSoftmax(0.5)),
        (bits, StraightThrough()),
        (bits, ReinMax()),
        (category, GumbelSoftmax(0.5, hard=True)),
        (category, GumbelRao(0.5, 3)),
    ],
    ids=lambda one: getattr(one, "__name__", None) or str(one),
)
def test_f_at_the_sample_is_the_expectation_of_one_sample(key, make, estimator):
    params = jnp.array([0.3, -0.8, 0.1])

    def f(x):
        return jnp.sum(jnp.sin(3 * x) + x**2 * jnp.arange(1.0, 4.0))

    def estimated(params):
        return expectation(jax.random.clone(key), f, make(params), estimator)

    def at_the_sample(params):
        own = jax.random.clone(key)
        return f(differentiable_sample(own, make(params), estimator))

    found, wanted = (
        jax.jit(jax.value_and_grad(one))(params) for one in (at_the_sample, estimated)
    )
    np.testing.assert_allclose(found[0], wanted[0], rtol=1e-6)
    np.testing.assert_allclose(found[1], wanted[1], rtol=1e-5, atol=1e-6)
    assert (found[1] != 0).any()


def test_estimators_without_differentiable_samples_are_refused(key):
    with pytest.raises(InputError, match=r"ScoreFunction\(\) has no differentiable"):
        differentiable_sample(key, bits(jnp.zeros(2)), ScoreFunction())
    with pytest.raises(InputError, match="samples that move smoothly"):
        differentiable_sample(key, bits(jnp.zeros(2)), Pathwise())

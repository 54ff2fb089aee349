"""The hash written out gives the bits of `jax.random`."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dists
import pytest

from jaxgen.estimators import ScoreFunction, distributions, expectation
from jaxgen.estimators.threefry import BY_BITS, fold_in_each, unrolled


def twins(key):
    return jax.random.clone(key), unrolled(jax.random.clone(key))


def test_the_key_is_of_another_kind(key):
    usual, fast = twins(key)
    assert fast.dtype != usual.dtype


@pytest.mark.parametrize("shape", [(), (1,), (7,), (3, 5)])
@pytest.mark.parametrize("dtype", [jnp.uint8, jnp.uint16, jnp.uint32, jnp.uint64])
def test_bits_are_those_of_jax(key, shape, dtype):
    with jax.enable_x64(dtype == jnp.uint64):
        usual, fast = (jax.random.bits(k, shape, dtype) for k in twins(key))
    np.testing.assert_array_equal(usual, fast)
    assert usual.dtype == fast.dtype


def test_split_and_fold_in_are_those_of_jax(key):
    for derive in (
        lambda k: jax.random.split(k, (2, 3)),
        lambda k: jax.random.fold_in(k, 9),
    ):
        usual, fast = (jax.random.key_data(derive(k)) for k in twins(key))
        np.testing.assert_array_equal(usual, fast)


def test_folding_in_many_numbers_is_folding_in_each(key):
    numbers = jnp.array([0, 1, 77, 2**32 - 1], jnp.uint32)
    each = [
        jax.random.key_data(jax.random.fold_in(jax.random.clone(key), n))
        for n in numbers
    ]
    keys = fold_in_each(key, numbers)
    assert keys.dtype == key.dtype
    np.testing.assert_array_equal(jax.random.key_data(keys), np.stack(each))


def test_under_vmap_every_key_draws_its_own(key):
    def draws(key):
        keys = jax.random.split(key, 4)
        return jax.vmap(lambda one: jax.random.normal(one, (3,)))(keys)

    usual, fast = (draws(k) for k in twins(key))
    np.testing.assert_array_equal(usual, fast)


def test_a_key_of_another_kind_is_left_alone():
    other = jax.random.key(0, impl="rbg")
    assert unrolled(other).dtype == other.dtype


def test_a_key_used_again_is_still_seen(key):
    unrolled(key)
    with pytest.raises(jax.errors.KeyReuseError):
        jax.random.normal(key)


@pytest.mark.parametrize(
    "dist",
    [
        dists.Bernoulli(logits=jnp.zeros(3)),
        dists.Categorical(logits=jnp.zeros((2, 3))),
        dists.Cauchy(0.0, 1.0),
        dists.Exponential(2.0),
        dists.Gumbel(0.0, 1.0),
        dists.Laplace(0.0, 1.0),
        dists.Logistic(0.0, 1.0),
        dists.Normal(jnp.zeros(3), 1.0),
        dists.Multinomial(probs=jnp.ones(3) / 3),
        dists.Weibull(1.0, 2.0),
    ],
    ids=BY_BITS,
)
def test_families_drawn_by_bits_are_drawn_alike(dist, key):
    with distributions.broadcasting():
        usual, fast = (dist.sample(k, (5,)) for k in twins(key))
    np.testing.assert_array_equal(usual, fast)


def test_an_estimate_is_of_the_samples_of_the_key_itself(key):
    dist = dists.Normal(jnp.zeros(3), jnp.ones(3)).to_event(1)
    value = expectation(jax.random.clone(key), jnp.sum, dist, ScoreFunction())
    sample = distributions.draw(key, dist, 1)
    np.testing.assert_allclose(value, jnp.sum(sample), rtol=1e-5)

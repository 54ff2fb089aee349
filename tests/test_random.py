import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import random
from jaxgen.errors import InputError


def test_streams_of_two_names_differ_and_are_constants_of_the_name(key):
    first, second = (random.stream(key, name) for name in ("latent", "dropout"))
    assert first != second
    assert first == random.stream(key, "latent")
    # Pinned: another hash would silently change every saved run.
    assert first == jax.random.fold_in(key, 0x6CF1FD73)


def test_a_shard_draws_what_one_device_would_have_drawn(key):
    whole = random.normal(random.example_keys(key, 8), (8, 3))

    def shard(key, _):
        return random.normal(random.example_keys(key, 2, axis_name="d"), (2, 3))

    # One device cannot give a sharded answer away: vmap binds the same named axis.
    mapped = jax.vmap(shard, axis_name="d", in_axes=(None, 0))
    parts = mapped(key, np.zeros(4))
    np.testing.assert_array_equal(parts.reshape(8, 3), whole)


def test_draws_per_example_are_standard_normal(key):
    draws = np.asarray(random.normal(random.example_keys(key, 20_000), (20_000, 2)))
    error = 1 / np.sqrt(draws.size)
    assert abs(draws.mean()) < 5 * error
    assert abs(draws.var() - 1) < 5 * np.sqrt(2) * error


def test_a_numpy_generator_is_decided_by_its_key(key):
    one, other = jax.random.split(key)
    first, again, second = (
        random.numpy_generator(k).uniform(size=20_000) for k in (one, one, other)
    )
    np.testing.assert_array_equal(first, again)
    error = np.sqrt(1 / 12 / len(first))
    assert abs(first.mean() - 0.5) < 5 * error
    # Independent streams: a correlation of size 1 / sqrt(n).
    assert abs(np.corrcoef(first, second)[0, 1]) < 5 / np.sqrt(len(first))
    # Pinned: metrics drawn by it should be the same in every version.
    assert random.numpy_generator(jax.random.key(0)).integers(100) == 85


def test_systematic_resampling_draws_each_example_as_often_as_it_weighs(key):
    weights = jnp.array([0.4, 0.0, 0.25, 0.35])
    draw = jax.jit(random.systematic_resampling, static_argnums=2)
    split_key, even_key = jax.random.split(key)
    rows = jax.vmap(draw, in_axes=(0, None, None))
    drawn = np.asarray(rows(jax.random.split(split_key, 200), weights, 10))
    counts = (drawn[..., None] == np.arange(4)).sum(axis=1)
    weights = np.asarray(weights)
    assert (counts >= np.floor(10 * weights + 1e-5)).all()
    assert (counts <= np.ceil(10 * weights - 1e-5)).all()
    # A count is off by less than one, so its variance is at most 1/4.
    error = 0.5 / np.sqrt(len(counts))
    assert (abs(counts.mean(axis=0) - 10 * weights) <= 5 * error).all()
    even = draw(even_key, jnp.full(8, 0.125), 8)
    assert sorted(even.tolist()) == list(range(8))
    assert even.tolist() != list(range(8))


@pytest.mark.parametrize("weights", [[0.5, -0.5], [0.0, 0.0], [float("nan"), 1.0]])
def test_weights_that_cannot_be_drawn_by_are_refused(key, weights):
    with pytest.raises(InputError, match="weights cannot be drawn by"):
        random.systematic_resampling(key, jnp.array(weights), 2)

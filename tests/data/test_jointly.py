"""All images of a pair are augmented by the same numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.data import differentiable
from jaxgen.errors import InputError


def images(channels, *, rows=3, side=8, seed=0):
    drawn = np.random.default_rng(seed).uniform(-1, 1, (rows, side, side, channels))
    return jnp.asarray(drawn, jnp.float32)


MOVES = differentiable.diff_augment(("translation", "cutout"))


@pytest.fixture(scope="module")
def pairs_of_three():
    return jax.jit(differentiable.jointly(MOVES, (3, 3)))


def test_a_pair_of_equal_parts_stays_equal(key, pairs_of_three):
    one = images(3)
    a, b = jnp.split(pairs_of_three(key, jnp.concatenate([one, one], -1)), 2, axis=-1)
    np.testing.assert_array_equal(a, b)
    assert not np.allclose(a, one)


def test_each_part_is_what_the_function_makes_of_it_alone(key, pairs_of_three):
    parts = images(3), images(3, seed=1)
    made = pairs_of_three(key, jnp.concatenate(parts, -1))
    alone = jax.jit(MOVES)
    for found, part in zip(jnp.split(made, 2, axis=-1), parts, strict=True):
        expected = alone(jax.random.clone(key), part)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_parts_of_other_channels_are_moved_to_the_same_place(key):
    function = jax.jit(differentiable.jointly(MOVES, (3, 1, 2)))
    made = np.asarray(function(key, jnp.ones((3, 8, 8, 6))))
    assert 0 < made.mean() < 1
    np.testing.assert_array_equal(made, np.broadcast_to(made[..., :1], made.shape))


def test_one_key_per_image_draws_what_devices_would(key):
    colours = differentiable.diff_augment(("color",))
    function = jax.jit(differentiable.jointly(colours, (2, 2)))
    pairs, keys = images(4), jax.random.split(key, 3)
    whole = function(jax.random.clone(keys), pairs)
    # The rows of another batch, in another order.
    turned = function(jax.random.clone(keys)[::-1], pairs[::-1])
    np.testing.assert_allclose(whole, turned[::-1], rtol=1e-6)
    assert not np.allclose(whole[0] - pairs[0], whole[1] - pairs[1])


def test_a_gradient_passes_to_each_part(key):
    function = differentiable.jointly(differentiable.diff_augment(("cutout",)), (1, 1))
    pairs = images(2)
    slopes = jax.jit(jax.grad(lambda pairs: jnp.sum(function(key, pairs))))(pairs)
    np.testing.assert_array_equal(slopes[..., 0], slopes[..., 1])
    assert 0 < slopes.mean() < 1


def test_another_number_of_channels_is_refused(key):
    function = differentiable.jointly(differentiable.diff_augment(), (3, 1))
    with pytest.raises(InputError, match=r"6 channels.*\(3, 1\)"):
        function(key, images(6))

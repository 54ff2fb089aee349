"""Modules of several libraries, and plain functions, as one kind of network."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from flax import nnx

from jaxgen.errors import InputError
from jaxgen.networks import pure, pure_functions

ROWS = jnp.array([[1.0, 2.0], [3.0, 6.0], [5.0, 4.0], [7.0, 8.0]])


class Normalized(nn.Module):
    """What a user writes: Flax's own layers, and `train`."""

    @nn.compact
    def __call__(self, inputs, train=False):
        hidden = nn.BatchNorm(use_running_average=not train, momentum=0.5)(inputs)
        return nn.Dropout(0.5, deterministic=not train)(hidden)


class NNXNormalized(nnx.Module):
    def __init__(self, rngs):
        self.norm = nnx.BatchNorm(2, momentum=0.5, rngs=rngs)
        self.drop = nnx.Dropout(0.5, rngs=rngs)

    def __call__(self, inputs):
        return self.drop(self.norm(inputs))


class PerExample(nn.Module):
    """Draws for each example from its own key."""

    @nn.compact
    def __call__(self, inputs, *, keys=None):
        scale = self.param("scale", nn.initializers.ones, ())
        if keys is None:
            return scale * inputs
        draw = jax.vmap(lambda key: jax.random.normal(key, inputs.shape[1:]))
        return scale * inputs + draw(keys)


MADE = {"linen": Normalized(), "nnx": lambda rngs: NNXNormalized(rngs)}


@pytest.mark.parametrize("library", MADE)
def test_layers_of_the_library_normalize_drop_and_move_their_statistics(library, key):
    network = pure(MADE[library])
    init_key, drop_key = jax.random.split(key)
    params, stats = network.init(init_key, ROWS)
    assert sorted(map(jnp.shape, jax.tree.leaves(params))) == [(2,), (2,)]
    apply = jax.jit(network.apply, static_argnames="train")
    quiet, kept = apply(params, stats, ROWS)
    np.testing.assert_allclose(quiet, ROWS / np.sqrt(1 + 1e-5), rtol=1e-6)
    jax.tree.map(np.testing.assert_array_equal, kept, stats)

    keys = jax.random.split(drop_key, len(ROWS))
    trained, moved = apply(params, stats, ROWS, keys=keys, train=True)
    normal = (ROWS - ROWS.mean(0, keepdims=True)) / np.sqrt(5.0 + 1e-5)
    dropped = np.asarray(trained) == 0
    assert 0 < dropped.sum() < dropped.size
    np.testing.assert_allclose(trained, np.where(dropped, 0, 2 * normal), rtol=1e-5)
    # Momentum 1/2 from mean 0 and variance 1.
    found = sorted(np.asarray(leaf).tolist() for leaf in jax.tree.leaves(moved))
    np.testing.assert_allclose(found, [[2.0, 2.5], [3.0, 3.0]], rtol=1e-5)
    again, _ = apply(params, stats, ROWS, keys=jax.random.clone(keys), train=True)
    np.testing.assert_array_equal(again, trained)
    others = jax.random.split(jax.random.key(9), len(ROWS))
    other, _ = apply(params, stats, ROWS, keys=others, train=True)
    assert not np.array_equal(other, trained)
    whole, _ = apply(params, stats, ROWS, train=True)
    np.testing.assert_allclose(whole, normal, rtol=1e-5)


def test_a_module_that_takes_keys_draws_for_an_example_whatever_the_batch(key):
    network = pure(PerExample())
    params, stats = network.init(key, ROWS)
    assert stats == ()
    keys = jax.random.split(jax.random.key(1), len(ROWS))
    whole, _ = network.apply(params, stats, ROWS, keys=keys)
    part, _ = network.apply(params, stats, ROWS[2:3], keys=jax.random.clone(keys)[2:3])
    np.testing.assert_array_equal(part, whole[2:3])
    assert not np.array_equal(whole, ROWS)


def test_one_method_of_a_module_is_a_network_of_the_same_parameters(key):
    class Half(nn.Module):
        def setup(self):
            self.first, self.second = nn.Dense(3), nn.Dense(1)

        def __call__(self, inputs):
            return self.second(self.features(inputs))

        def features(self, inputs):
            return jnp.tanh(self.first(inputs))

    params, _ = pure(Half()).init(key, ROWS)
    features, _ = pure(Half(), method="features").apply(params, (), ROWS)
    kernel, bias = params["first"]["kernel"], params["first"]["bias"]
    np.testing.assert_allclose(features, jnp.tanh(ROWS @ kernel + bias[None]))


def test_plain_functions_are_given_the_modes_that_they_name(key):
    seen = []

    def apply(params, inputs, *, train):
        seen.append(train)
        return params[None] * inputs

    network = pure_functions(lambda key, inputs: jnp.ones(2), apply)
    params, stats = network.init(key, ROWS)
    outputs, stats = network.apply(params, stats, ROWS, keys=None, train=True)
    np.testing.assert_array_equal(outputs, ROWS)
    assert (seen, stats) == ([True], ())


def test_what_is_no_module_and_a_third_collection_are_refused(key):
    class Cached(nn.Module):
        @nn.compact
        def __call__(self, inputs):
            self.variable("cache", "last", jnp.zeros, ())
            return inputs

    with pytest.raises(InputError, match=r"keeps the collections \['cache'\]"):
        pure(Cached()).init(key, ROWS)
    for wrong in (Normalized, NNXNormalized(nnx.Rngs(0)), 3):
        with pytest.raises(InputError, match="Linen module, or a function from"):
            pure(wrong)


def test_statistics_that_training_could_not_move_are_refused(key):
    class Training(nn.Module):
        @nn.compact
        def __call__(self, inputs, training=False):
            return nn.BatchNorm(use_running_average=not training)(inputs)

    for module in (Training(), nn.BatchNorm(use_running_average=False)):
        with pytest.raises(InputError, match="its __call__ takes no `train`"):
            pure(module).init(key, ROWS)


@pytest.mark.parametrize("library", MADE)
def test_statistics_of_one_device_alone_are_refused(library, key):
    network = pure(MADE[library])
    params, stats = network.init(key, ROWS)
    apply = partial(network.apply, params, stats, train=True, axis_name="data")
    with pytest.raises(InputError, match="the axis 'data', and its __call__ takes no"):
        jax.vmap(apply, axis_name="data")(ROWS[:, None])


def test_each_random_stream_of_a_module_draws_its_own_numbers(key):
    class Twice(nnx.Module):
        def __init__(self, rngs):
            self.drops = nnx.List(
                [nnx.Dropout(0.5, rngs=nnx.Rngs(dropout=rngs())) for _ in "ab"]
            )

        def __call__(self, inputs):
            return [drop(inputs) for drop in self.drops]

    network = pure(Twice)
    params, stats = network.init(key)
    keys = jax.random.split(jax.random.key(1), 1)
    apply = partial(network.apply, params, stats, train=True)
    first, second = apply(jnp.ones((1, 64)), keys=keys)[0]
    assert not np.array_equal(first, second)
    again, _ = apply(jnp.ones((1, 64)), keys=jax.random.clone(keys))[0]
    np.testing.assert_array_equal(first, again)


def test_a_module_may_take_keys_beside_a_dropout_of_the_library(key):
    class Both(nn.Module):
        @nn.compact
        def __call__(self, inputs, *, keys=None, train=False):
            noise = 0.0
            if keys is not None:
                noise = jax.vmap(jax.random.normal)(keys)[:, None]
            return nn.Dropout(0.5, deterministic=not train)(inputs + noise)

    keys = jax.random.split(key, len(ROWS))
    outputs, _ = pure(Both()).apply({}, (), ROWS, keys=keys, train=True)
    assert 0 < (np.asarray(outputs) == 0).sum() < outputs.size

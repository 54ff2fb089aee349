import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import random
from jaxgen.data.augment import binarize


@pytest.mark.parametrize("per_example", [False, True])
def test_the_mean_of_the_draws_is_the_grey_value(key, per_example):
    count = 20_000
    grey = jnp.linspace(0, 1, 6).reshape(1, 2, 3, 1)
    images = jnp.tile(grey, (count, 1, 1, 1))
    keys = random.example_keys(key, count) if per_example else key
    drawn = binarize(keys, images)
    assert drawn.dtype == jnp.float32
    assert set(np.unique(drawn)) == {0.0, 1.0}
    standard_error = np.sqrt(grey * (1 - grey) / count)[0]
    error = np.abs(np.mean(drawn, axis=0) - grey[0])
    # 0 and 1 have no spread: they stay as they are.
    assert (error <= 5 * standard_error + 1e-7).all()


def test_examples_draw_alike_on_one_device_and_on_four(key):
    images = jax.random.uniform(random.stream(key, "images"), (8, 3, 3, 1))
    whole = binarize(random.example_keys(key, 8), images)

    def shard(part):
        return binarize(random.example_keys(key, 2, axis_name="data"), part)

    parts = jax.vmap(shard, axis_name="data")(images.reshape(4, 2, 3, 3, 1))
    np.testing.assert_array_equal(parts.reshape(whole.shape), whole)

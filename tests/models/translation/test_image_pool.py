import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec

from jaxgen import training
from jaxgen.models.translation.image_pool import empty_pool, exchange


def numbered(first, count):
    return jnp.arange(first, first + count, dtype=jnp.float32).reshape(-1, 1, 1, 1)


def run(pool_size, batches, batch_size, key):
    """Shows images 1, 2, ... to a pool; returns what it gives back, and the pool."""
    pool = empty_pool(pool_size, numbered(1, batch_size))

    def step(pool, item):
        number, key = item
        images = numbered(1, batch_size) + number * batch_size
        return exchange(key, pool, images)

    items = (jnp.arange(batches, dtype=jnp.float32), jax.random.split(key, batches))
    pool, taken = jax.jit(lambda: jax.lax.scan(step, pool, items))()
    return np.asarray(taken).ravel(), np.asarray(pool.images).ravel(), pool


def test_a_pool_gives_images_back_while_it_fills(key):
    taken, kept, pool = run(10, 3, 3, key)
    np.testing.assert_array_equal(taken, np.arange(1, 10))
    np.testing.assert_array_equal(kept[:9], np.arange(1, 10))
    assert pool.count == 9


def test_nothing_is_lost_and_half_are_exchanged(key):
    taken, kept, _ = run(50, 1000, 4, key)
    # Each image is either given back at once, or kept and given back later, once: but
    # for the 50 that filled the pool, which were given back and kept.
    given = np.sort(np.concatenate([taken, kept]))
    extra = np.arange(1, 51)
    np.testing.assert_array_equal(
        given, np.sort(np.concatenate([np.arange(1, 4001), extra]))
    )
    fresh = taken[50:] == np.arange(51, 4001)
    # Standard error of a share of 3,950 draws.
    assert abs(fresh.mean() - 0.5) < 5 * 0.5 / np.sqrt(3950)


def test_the_age_of_what_comes_back_is_geometric(key):
    taken, _, _ = run(20, 6000, 1, key)
    places = np.arange(1, 6001)
    old = taken != places
    ages = (places - taken)[old][500:]
    # A place is exchanged with probability 1 / 40 a step: mean age 40, and as much
    # for its standard deviation.
    assert abs(ages.mean() - 40) < 5 * 40 / np.sqrt(len(ages) / 2)


def test_a_pool_of_none_passes_images_on(key):
    images = numbered(1, 3)
    pool, taken = exchange(key, empty_pool(0, images), images)
    assert pool.images.size == 0
    np.testing.assert_array_equal(taken, images)


def test_devices_share_one_pool(key):
    images = numbered(1, 4)
    pool = empty_pool(3, images)
    expected = jax.jit(exchange)(jax.random.clone(key), pool, images)
    mesh = training.placement(2, "shard_map").mesh
    name = mesh.axis_names[0]
    whole, split = PartitionSpec(), PartitionSpec(name)
    found = jax.jit(
        jax.shard_map(
            lambda key, pool, images: exchange(key, pool, images, axis_name=name),
            mesh=mesh,
            in_specs=(whole, whole, split),
            out_specs=(whole, split),
        )
    )(key, pool, images)
    jax.tree.map(np.testing.assert_array_equal, found, expected)

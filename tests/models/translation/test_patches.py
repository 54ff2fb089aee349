import jax
import jax.numpy as jnp
import numpy as np

from jaxgen import random
from jaxgen.models.translation import patches

MAPS = (jnp.zeros((4, 3, 5, 2)), jnp.zeros((4, 2, 2, 3)))


def drawn(key, maps=MAPS, count=6):
    keys = random.example_keys(key, maps[0].shape[0])
    return patches.draw_places(keys, maps, patches=count)


def test_places_are_distinct_and_all_of_them_where_a_map_has_fewer(key):
    first, second = drawn(key)
    assert first.shape == (4, 6)
    for row in np.asarray(first):
        assert len(set(row)) == 6
        assert set(row) <= set(range(15))
    np.testing.assert_array_equal(np.sort(second, axis=1), [[0, 1, 2, 3]] * 4)


def test_each_image_and_each_layer_draws_its_own_places(key):
    first, second = drawn(key, (MAPS[0], MAPS[0]))
    rows = {tuple(row) for row in np.concatenate([first, second])}
    assert len(rows) == 8
    # What an image draws does not depend on the others of the batch.
    again = random.example_keys(jax.random.clone(key), 4)[2:]
    alone = patches.draw_places(again, [MAPS[0][2:]], patches=6)
    np.testing.assert_array_equal(alone[0], first[2:])


def test_every_place_is_as_likely_as_any_other(key):
    images, count = 3000, 6
    (places,) = drawn(key, [jnp.zeros((images, 3, 5, 1))], count)
    share = np.bincount(np.ravel(places), minlength=15) / images
    error = np.sqrt(count / 15 * (1 - count / 15) / images)
    assert np.abs(share - count / 15).max() < 5 * error


def test_features_are_those_of_the_places():
    maps = jnp.arange(2 * 3 * 4 * 2).reshape(2, 3, 4, 2)
    (found,) = patches.at_places([maps], [jnp.array([[0, 7], [11, 4]])])
    wanted = [[maps[0, 0, 0], maps[0, 1, 3]], [maps[1, 2, 3], maps[1, 1, 0]]]
    np.testing.assert_array_equal(found, wanted)


def test_only_images_that_are_drawn_are_mirrored():
    images = jnp.arange(2 * 1 * 3 * 1).reshape(2, 1, 3, 1)
    found = patches.mirrored(images, jnp.array([False, True]))
    np.testing.assert_array_equal(found[:, 0, :, 0], [[0, 1, 2], [5, 4, 3]])

"""ADA's augmentations as a whole: what the pieces make together."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import random
from jaxgen.data.differentiable import ADA_POLICIES, ada

IMAGES = np.random.default_rng(0).uniform(-1, 1, (6, 8, 8, 3)).astype(np.float32)


# Compilation is most of the time: tests of the same policies share it.
@cache
def compiled(*policies):
    return jax.jit(ada(policies or ADA_POLICIES))


def blits(image, probability):
    """Yields each image that a blit of an 8x8 image makes, with its probability."""
    for flip in (False, True):
        for quarters in range(4):
            turned = np.rot90(image[:, ::-1] if flip else image, quarters)
            padded = np.pad(turned, ((1, 1), (1, 1), (0, 0)), mode="reflect")
            for down in (-1, 0, 1):
                for right in (-1, 0, 1):
                    moved = padded[1 - down : 9 - down, 1 - right : 9 - right]
                    chance = probability / 2 if flip else 1 - probability / 2
                    chance *= probability / 4 + (1 - probability) * (quarters == 0)
                    # A shift of up to 1 pixel is rounded: half of them are 0.
                    shift = probability / (4 if down else 2) / (4 if right else 2)
                    shift += (1 - probability) * (down == right == 0)
                    yield moved, chance * shift


def test_the_mean_of_the_blits_is_that_of_all_of_them_by_their_probabilities(key):
    count = 4000
    images = np.tile(IMAGES[0], (count, 1, 1, 1))
    found = np.asarray(compiled("blit")(key, images, 0.7))
    assert sum(chance for _, chance in blits(IMAGES[0], 0.7)) == pytest.approx(1)
    wanted = sum(chance * image for image, chance in blits(IMAGES[0], 0.7))
    # Pixels in the middle of a side may have few values.
    error = found.std(axis=0) / np.sqrt(count) + 1e-6
    assert (np.abs(found.mean(axis=0) - wanted) < 5 * error).all()


def test_a_blit_alone_moves_pixels_bit_by_bit(key):
    known = {image.tobytes() for one in IMAGES for image, _ in blits(one, 0.5)}
    found = np.asarray(compiled("blit")(key, IMAGES, 1.0))
    assert {image.tobytes() for image in found} <= known


def test_an_image_without_a_draw_stays_bit_by_bit(key):
    count = 400
    images = np.tile(IMAGES[0], (count, 1, 1, 1))
    for policies, draws in (
        (("geometry",), 0.9**4),
        (("color",), 0.9**4 * 0.95),
        (("filter", "noise", "cutout"), 0.9**6),
    ):
        own = random.stream(key, policies[0])
        found = np.asarray(compiled(*policies)(own, images, 0.1))
        stayed = (found == images).all(axis=(1, 2, 3)).mean()
        assert abs(stayed - draws) < 5 * np.sqrt(draws * (1 - draws) / count)


def test_a_blit_and_a_map_are_done_one_after_the_other(key):
    # The same draws as of both alone: the map comes last, of the image moved before.
    keys = random.example_keys(key, 6)
    smooth = jnp.asarray(jax.image.resize(IMAGES[:, :3, :3], IMAGES.shape, "cubic"))
    moved = compiled("blit")(jax.random.clone(keys), smooth, 1.0)
    wanted = compiled("geometry")(jax.random.clone(keys), moved, 1.0)
    found = compiled("blit", "geometry")(keys, smooth, 1.0)
    # Near the border, the shift and the mirror change places.
    difference = np.abs(np.asarray(found - wanted))
    assert np.quantile(difference, 0.25) < 2e-3
    assert not np.allclose(found, moved, atol=0.1)


def test_an_image_gets_the_same_in_any_batch_and_on_any_devices(key):
    function = compiled()
    keys = random.example_keys(key, 4)
    whole = np.asarray(function(keys, IMAGES[:4], 0.8))
    again = random.example_keys(jax.random.clone(key), 4)
    part = function(again[1:3], IMAGES[1:3], 0.8)
    np.testing.assert_allclose(part, whole[1:3], atol=1e-6)
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:4]), ("data",))
    rows = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("data"))
    spread = [jax.device_put(one, rows) for one in (jax.random.clone(keys), IMAGES[:4])]
    found = function(*spread, 0.8)
    np.testing.assert_allclose(found, whole, atol=1e-6)
    assert not np.allclose(whole, IMAGES[:4], atol=0.1)


@jax.jit
def slope_and_curvature(keys, images, direction, probability):
    """Differentiates sum sin(augmented) once and twice along a direction."""

    def slope(images):
        def score(images):
            return jnp.sum(jnp.sin(ada(ADA_POLICIES)(keys, images, probability)))

        return jnp.vdot(jax.grad(score)(images), direction)

    return jax.value_and_grad(slope)(images)


@pytest.mark.slow
@pytest.mark.parametrize("probability", [0.0, 0.8])
def test_gradients_by_the_images_are_right_twice(key, probability):
    # The augmentation is affine, so that its differences are its derivative.
    keys = random.example_keys(key, 6)

    def augmented(images):
        return compiled()(jax.random.clone(keys), images, probability)

    first, second = np.random.default_rng(1).normal(size=(2, *IMAGES.shape))
    first, second = first.astype(np.float32), second.astype(np.float32)
    value = augmented(IMAGES)
    along, across = (augmented(IMAGES + step) - value for step in (first, second))
    slope, curvature = slope_and_curvature(keys, IMAGES, first, probability)
    np.testing.assert_allclose(slope, jnp.sum(jnp.cos(value) * along), rtol=1e-3)
    wanted = -jnp.sum(jnp.sin(value) * along * across)
    scale = float(jnp.sum(jnp.abs(along * across)))
    np.testing.assert_allclose(
        jnp.vdot(curvature, second), wanted, rtol=1e-3, atol=1e-5 * scale
    )


def test_grey_images_pass_through_all_policies(key):
    found = compiled()(key, IMAGES[..., :1], 0.9)
    assert found.shape == (*IMAGES.shape[:3], 1)
    assert np.isfinite(found).all()


def test_nan_of_an_image_or_the_probability_is_kept(key):
    keys = random.example_keys(key, 6)
    poisoned = IMAGES.copy()
    poisoned[1] = np.nan
    found = np.isnan(compiled()(jax.random.clone(keys), poisoned, 0.9))
    np.testing.assert_array_equal(found.all(axis=(1, 2, 3)), np.arange(6) == 1)
    assert not found[[0, 2, 3, 4, 5]].any()
    assert np.isnan(compiled()(keys, IMAGES, np.nan)).all()

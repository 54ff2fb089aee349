from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import random
from jaxgen.data import differentiable
from jaxgen.errors import InputError

COUNT, SIDE = 400, 8
IMAGE = np.random.default_rng(0).uniform(-1, 1, (SIDE, SIDE, 3)).astype(np.float32)
IMAGES = jnp.tile(IMAGE, (COUNT, 1, 1, 1))


# Compilation is most of the time: tests of the same policies share it.
@cache
def diff_augment(*policies):
    return jax.jit(differentiable.diff_augment(*policies))


@cache
def ada(*policies):
    return jax.jit(differentiable.ada(*policies))


def test_translations_are_whole_pixels_up_to_an_eighth_and_zeros_move_in(key):
    found = np.asarray(diff_augment(("translation",))(key, IMAGES))
    padded = np.pad(IMAGE, ((1, 1), (1, 1), (0, 0)))
    shifts = {
        padded[1 - y : 9 - y, 1 - x : 9 - x].tobytes(): (y, x)
        for y in (-1, 0, 1)
        for x in (-1, 0, 1)
    }
    counts = np.array([shifts[image.tobytes()] for image in found])
    _, counts = np.unique(counts, axis=0, return_counts=True)
    assert len(counts) == 9
    assert np.abs(counts - COUNT / 9).max() < 5 * np.sqrt(COUNT / 9)


def test_cutouts_are_squares_of_half_the_side_around_any_pixel(key):
    found = np.asarray(diff_augment(("cutout",))(key, IMAGES))
    gone = (found == 0).all(axis=-1)
    np.testing.assert_array_equal(found[~gone], np.asarray(IMAGES)[~gone])
    rows, columns = gone.any(axis=2).sum(axis=1), gone.any(axis=1).sum(axis=1)
    assert set(rows) == set(columns) == {2, 3, 4}
    np.testing.assert_array_equal(gone.sum(axis=(1, 2)), rows * columns)


def test_colours_change_within_their_ranges_and_keep_the_structure(key):
    found = np.asarray(diff_augment(("color",))(key, IMAGES))
    brightness = (found - IMAGE).mean(axis=(1, 2, 3))
    grey = IMAGE.mean(axis=-1)
    slope = np.array(
        [np.polyfit(grey.ravel(), x.mean(-1).ravel(), 1)[0] for x in found]
    )
    colour, own = IMAGE - grey[..., None], found - found.mean(axis=-1, keepdims=True)
    saturation = (own * colour).sum(axis=(1, 2, 3)) / (colour**2).sum() / slope
    for values, low, high in (
        (brightness, -0.5, 0.5),
        (slope, 0.5, 1.5),
        (saturation, 0, 2),
    ):
        assert low <= values.min() + 1e-4
        assert values.max() <= high + 1e-4
        error = (high - low) / np.sqrt(12 * COUNT)
        assert abs(values.mean() - (low + high) / 2) < 5 * error
    assert abs(np.corrcoef(slope, saturation)[0, 1]) < 5 / np.sqrt(COUNT)


def test_a_grey_image_has_no_saturation_to_change(key):
    grey = IMAGES[..., :1]
    both = diff_augment(("color",))(key, jnp.tile(grey, (1, 1, 1, 3)))
    found = diff_augment(("color",))(key, grey)
    np.testing.assert_allclose(both, jnp.tile(found, (1, 1, 1, 3)), atol=1e-5)


@pytest.mark.parametrize("make", [diff_augment, ada])
def test_an_image_draws_from_its_own_key_alone_and_stays_at_probability_0(key, make):
    images = IMAGES[:4, :4, :4, :1]
    if make is diff_augment:
        function, given = make(), ()
    else:
        function, given = make(differentiable.ADA_POLICIES), (0.7,)
        never = random.example_keys(random.stream(key, "never"), 4)
        np.testing.assert_array_equal(function(never, images, 0.0), images)
    keys, order = random.example_keys(key, 4), np.array([2, 0, 3, 1])
    whole = function(jax.random.clone(keys), images, *given)
    assert not np.array_equal(whole, images)
    np.testing.assert_array_equal(function(keys[order], images, *given), whole[order])


def test_blits_are_flips_turns_and_shifts_of_whole_pixels(key):
    found = np.asarray(ada(("blit",))(key, IMAGES, 1.0))
    padded = np.pad(IMAGE, ((1, 1), (1, 1), (0, 0)), mode="reflect")
    wanted = {}
    for flip in (False, True):
        for quarters in range(4):
            for y in range(3):
                for x in range(3):
                    # The shift comes last: of the image, or of the turned one.
                    moved = padded[y : y + SIDE, x : x + SIDE]
                    moved = np.rot90(moved[:, ::-1] if flip else moved, quarters)
                    wanted[moved.round(4).tobytes()] = (flip, quarters, y, x)
    seen = np.array([wanted[image.round(4).tobytes()] for image in found])
    for column, kinds in zip(seen.T, (2, 4, 3, 3), strict=True):
        _, counts = np.unique(column, return_counts=True)
        # A shift of up to 1 pixel is rounded: half of them are 0.
        expected = [1 / 4, 1 / 2, 1 / 4] if kinds == 3 else [1 / kinds] * kinds
        expected = COUNT * np.array(expected)
        assert np.abs(counts - expected).max() < 5 * np.sqrt(expected.max())


def test_the_probability_is_that_of_a_change(key):
    function = ada(("color",))
    np.testing.assert_array_equal(function(key, IMAGES, 0.0), IMAGES)
    found = np.asarray(function(jax.random.key(1), IMAGES, 0.3))
    changed = (found != IMAGE).any(axis=(1, 2, 3)).mean()
    # Brightness, contrast, hue, saturation, or a flip of the luma, one of two.
    share = 1 - 0.7**4 * (1 - 0.3 / 2)
    assert abs(changed - share) < 5 * np.sqrt(share * (1 - share) / COUNT)


def test_geometry_turns_a_disc_into_a_disc(key):
    # Scaled and moved, but never torn: its mass moves with the square of its radius.
    side = 24
    rows, columns = np.meshgrid(*[np.arange(side) - (side - 1) / 2] * 2)
    disc = np.exp(-(rows**2 + columns**2) / 8)[None, ..., None]
    discs = jnp.tile(disc.astype(np.float32), (200, 1, 1, 1))
    found = np.asarray(ada(("geometry",))(key, discs, 1.0))[..., 0]
    scale = np.log2(found.sum(axis=(1, 2)) / disc.sum()) / 2
    assert abs(np.median(scale)) < 5 * 0.2 * 1.2533 / np.sqrt(200)
    assert 0.1 < scale.std() < 0.4


@pytest.mark.parametrize("make", [diff_augment, ada])
def test_gradients_are_those_of_a_linear_map_where_only_pixels_move(key, make):
    policies = ("translation", "cutout") if make is diff_augment else ("blit",)
    function = make(policies)
    given = () if make is diff_augment else (0.8,)
    images = np.asarray(IMAGES[:2, :4, :4, :1])
    weights = np.random.default_rng(1).normal(size=images.shape).astype(np.float32)

    @jax.jit
    @jax.value_and_grad
    def total(images):
        return jnp.sum(weights * function(key, images, *given))

    value, gradient = total(images)
    np.testing.assert_allclose(np.vdot(gradient, images), value, rtol=1e-4)


def test_unknown_policies_and_turned_rectangles_are_refused(key):
    for make in (diff_augment, ada):
        with pytest.raises(InputError, match="policies .*colour"):
            make(("colour",))
    with pytest.raises(InputError, match="square"):
        ada(("blit",))(key, IMAGES[:2, :, :4], 0.5)

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxgen.data import ada_geometry as geometry
from jaxgen.data import wavelets

COUNT = 4000
IMAGE = np.random.default_rng(0).uniform(-1, 1, (16, 16, 2)).astype(np.float32)
SIZE = (16, 32)

resample = jax.jit(geometry.resample)


def turn(angle):
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def smooth(side):
    rows, columns = np.meshgrid(*[np.arange(side) - (side - 1) / 2] * 2, indexing="ij")
    waves = np.sin(0.4 * rows + 0.2) + np.cos(0.3 * columns - 0.1 * rows)
    return waves[..., None].astype(np.float32)


def by_hand(image, matrix, shift):
    """Does the steps of the paper one by one, in float64."""
    height, width, _ = image.shape
    taps = wavelets.SYM6 / np.sqrt(2)
    wide = [(height - 1, height - 1), (width - 1, width - 1), (0, 0)]
    fine = np.pad(image.astype(np.float64), wide, mode="reflect")
    for axis in range(2):
        spread = np.zeros(
            np.array(fine.shape) * np.eye(3, dtype=int)[axis] + fine.shape
        )
        spread[tuple(slice(None, None, 1 + (axis == a)) for a in range(3))] = fine
        length = spread.shape[axis]
        fine = 2 * np.apply_along_axis(
            lambda row, n=length: np.convolve(row, taps)[5 : 5 + n], axis, spread
        )
    start = -2 * np.array([height - 1, width - 1])
    middle = np.array([height - 1, width - 1])

    def pixel(row, column):
        row, column = row - start[0], column - start[1]
        if 0 <= row < fine.shape[0] and 0 <= column < fine.shape[1]:
            return fine[row, column]
        return np.zeros(image.shape[2])

    sampled = np.zeros((2 * height + 10, 2 * width + 10, image.shape[2]))
    for place in np.ndindex(sampled.shape[:2]):
        source = matrix @ (np.array(place) - 5 - middle) + 2 * shift + middle
        corner = np.floor(source).astype(int)
        y, x = source - corner
        (a, b), (c, d) = [
            [pixel(corner[0] + i, corner[1] + j) for j in range(2)] for i in range(2)
        ]
        sampled[place] = (1 - y) * ((1 - x) * a + x * b) + y * ((1 - x) * c + x * d)
    for axis in range(2):
        sampled = np.apply_along_axis(
            lambda row: np.correlate(row, taps)[::2], axis, sampled
        )
    return sampled


def test_the_filters_of_both_sides_make_a_map_of_the_identity_exact():
    found = resample(IMAGE, jnp.eye(2), jnp.zeros(2))
    np.testing.assert_allclose(found, IMAGE, atol=2e-6)


@pytest.mark.parametrize("reach", [1.0, 6.0], ids=["inside", "past_the_mirror_image"])
def test_sampling_is_that_of_the_paper_step_by_step(reach):
    image = IMAGE[:8, :10]
    matrix = reach * turn(0.7) @ np.diag([1.2, 0.9])
    shift = np.array([1.3, -2.1])
    found = jax.jit(geometry.resample)(
        image, jnp.asarray(matrix, jnp.float32), jnp.asarray(shift, jnp.float32)
    )
    wanted = by_hand(image, matrix, shift)
    assert np.abs(wanted).max() > 0.3
    np.testing.assert_allclose(found, wanted, atol=2e-5)


@pytest.mark.parametrize("shift", [(2, 0), (-1, 1)])
def test_a_shift_of_whole_pixels_is_a_roll_inside(shift):
    exact = np.asarray(geometry.shift_pixels(jnp.asarray(IMAGE), jnp.array(shift)))
    wanted = np.roll(IMAGE, shift, axis=(0, 1))
    inside = slice(2, -2)
    np.testing.assert_array_equal(exact[inside, inside], wanted[inside, inside])
    # What moves in is the mirror image, and the map of all other changes agrees.
    mirrored = np.pad(IMAGE, ((2, 2), (2, 2), (0, 0)), mode="reflect")
    (down, right), side = 2 - np.array(shift), len(IMAGE)
    np.testing.assert_array_equal(
        exact, mirrored[down : down + side, right : right + side]
    )
    sampled = resample(IMAGE, jnp.eye(2), -jnp.array(shift, jnp.float32))
    np.testing.assert_allclose(sampled, exact, atol=2e-6)


def test_turns_of_quarters_and_flips_are_exact_and_flips_come_first():
    for flip in (False, True):
        for quarters in range(4):
            blit = geometry.Blit(jnp.array(flip), jnp.array(quarters), jnp.zeros(2))
            found = geometry.turn_and_flip(jnp.asarray(IMAGE), blit)
            image = IMAGE[:, ::-1] if flip else IMAGE
            np.testing.assert_array_equal(found, np.rot90(image, quarters))


def test_a_turn_of_90_degrees_is_that_of_quarters_to_the_precision_of_the_filter():
    image = smooth(16)
    found = resample(image, jnp.asarray(turn(-np.pi / 2), jnp.float32), jnp.zeros(2))
    np.testing.assert_allclose(found, np.rot90(image), atol=0.1)


def test_scaling_by_2_and_back_is_the_identity_inside():
    image = smooth(24)
    larger = resample(image, jnp.eye(2) / 2, jnp.zeros(2))
    back = resample(larger, 2 * jnp.eye(2), jnp.zeros(2))
    inside = slice(8, -8)
    np.testing.assert_allclose(back[inside, inside], image[inside, inside], atol=0.04)
    # The larger image holds the middle of the image at half the distance.
    whole = np.asarray(larger)[1::2, 1::2] + np.asarray(larger)[:-1:2, :-1:2]
    middle = image[6:18, 6:18]
    np.testing.assert_allclose((whole / 2)[2:-2, 2:-2], middle[2:-2, 2:-2], atol=0.1)


def test_the_map_undoes_the_steps_in_their_order():
    drawn = geometry.Geometry(
        *jnp.array([1.3, 0.4, 0.8, -1.1]), jnp.array([2.0, -3.0]), True
    )
    place = np.array([1.7, -0.6])
    moved = 1.3 * place
    moved = turn(-1.1) @ np.diag([1 / 0.8, 0.8]) @ turn(0.4) @ moved
    moved += np.array([2.0, -3.0])
    matrix, shift = geometry.inverse_map(drawn)
    np.testing.assert_allclose(np.asarray(matrix) @ moved + shift, place, rtol=1e-5)


def test_sampling_is_differentiable_twice():
    matrix, shift = jnp.asarray(turn(0.7), jnp.float32), jnp.array([0.3, -0.6])

    @jax.jit
    def score(image):
        return jnp.sum(jnp.sin(geometry.resample(image, matrix, shift)))

    check_grads(score, (IMAGE[:6, :6, :1],), order=2, modes=["rev"], eps=1e-2)


def share(values, expected):
    """Asserts that a share of booleans is as expected, within 5 standard errors."""
    error = np.sqrt(expected * (1 - expected) / len(values))
    assert abs(np.mean(values) - expected) <= 5 * error


def normal(values, deviation):
    """Asserts mean 0 and the deviation, each within 5 standard errors."""
    assert abs(values.mean()) < 5 * deviation / np.sqrt(len(values))
    assert abs(values.std() / deviation - 1) < 5 / np.sqrt(2 * len(values))


def draw_blit(key, probability):
    return geometry.draw_blit(jax.random.uniform(key, (7,)), SIZE, probability)


def draw_geometry(key, probability):
    first, second = jax.random.split(key)
    uniforms, normals = jax.random.uniform(first, (7,)), jax.random.normal(second, (4,))
    return geometry.draw_geometry(uniforms, normals, SIZE, probability)


@pytest.mark.parametrize("probability", [0.3, 1.0])
def test_draws_of_the_geometry_have_the_distributions_of_the_paper(key, probability):
    keys = jax.random.split(key, COUNT)
    draw = jax.jit(jax.vmap(lambda key: draw_geometry(key, probability)))
    drawn = jax.tree.map(np.asarray, draw(keys))
    turns = 1 - np.sqrt(1 - probability)
    for values, rest, expected in (
        (drawn.scale, 1, probability),
        (drawn.stretch, 1, probability),
        (drawn.turn_before, 0, turns),
        (drawn.turn_after, 0, turns),
        (drawn.shift[:, 0], 0, probability),
        (drawn.shift[:, 1], 0, probability),
    ):
        share(values != rest, expected)
    turned = (drawn.turn_before != 0) | (drawn.turn_after != 0)
    share(turned, probability)
    share(drawn.drawn, 1 - (1 - probability) ** 4)
    moved = drawn.shift[:, 0] != 0
    np.testing.assert_array_equal(moved, drawn.shift[:, 1] != 0)
    normal(drawn.shift[moved, 0], SIZE[0] / 8)
    normal(drawn.shift[moved, 1], SIZE[1] / 8)
    normal(np.log2(drawn.scale[drawn.scale != 1]), 0.2)
    normal(np.log2(drawn.stretch[drawn.stretch != 1]), 0.2)
    angles = np.concatenate([drawn.turn_before, drawn.turn_after])
    normal(angles[angles != 0] * np.sqrt(3) / np.pi, 1.0)
    assert np.abs(angles).max() <= np.pi
    # A draw says nothing about another.
    both = drawn.scale != 1
    rows = np.stack([both, drawn.stretch != 1, drawn.turn_before != 0, moved])
    if probability < 1:
        related = np.corrcoef(rows) - np.eye(4)
        assert np.abs(related).max() < 5 / np.sqrt(COUNT)


def test_draws_of_the_blits_have_the_distributions_of_the_paper(key):
    keys = jax.random.split(key, COUNT)
    draw = jax.jit(jax.vmap(lambda key: draw_blit(key, 0.6)))
    drawn = jax.tree.map(np.asarray, draw(keys))
    share(drawn.flip, 0.6 / 2)
    for quarters in range(4):
        share(drawn.quarters == quarters, 0.6 / 4 + 0.4 * (quarters == 0))
    for axis, most in enumerate((2, 4)):
        for pixels in range(-most, most + 1):
            # A uniform number up to `most`, rounded: the ends are half as likely.
            width = 0.5 if abs(pixels) == most else 1.0
            expected = 0.6 * width / (2 * most) + 0.4 * (pixels == 0)
            share(drawn.shift[:, axis] == pixels, expected)


@pytest.mark.parametrize("probability", [0.0, 1.5, np.nan])
def test_impossible_probabilities_draw_no_nan(key, probability):
    drawn = draw_geometry(key, jnp.array(probability))
    assert not any(np.isnan(one).any() for one in jax.tree.leaves(drawn))
    assert bool(drawn.drawn) == (probability > 1)

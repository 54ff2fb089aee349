import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.data.ada_colour import Colour, change_colour, draw_colour
from jaxgen.errors import InputError

COUNT = 4000
IMAGE = np.random.default_rng(0).uniform(-1, 1, (4, 5, 3)).astype(np.float32)
AXIS = np.ones(3) / np.sqrt(3)


def colour(brightness=0.0, contrast=1.0, luma_flip=False, hue=0.0, saturation=1.0):
    return Colour(
        *map(jnp.asarray, (brightness, contrast, luma_flip, hue, saturation)),
        drawn=jnp.array(True),
    )


def rotation(angle):
    """Returns the turn about the luma axis, by the series of the exponential."""
    x, y, z = AXIS * angle
    skew = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    term = total = np.eye(3)
    for order in range(1, 40):
        term = term @ skew / order
        total = total + term
    return total


def test_all_changes_are_the_product_of_the_five_matrices():
    # Each as a 4x4 matrix of homogeneous colours, the first one rightmost.
    along = np.outer(AXIS, AXIS)

    def homogeneous(matrix, shift=0.0):
        found = np.eye(4)
        found[:3, :3], found[:3, 3] = matrix, shift
        return found

    total = np.eye(4)
    for step in (
        homogeneous(np.eye(3), 0.3),
        homogeneous(1.7 * np.eye(3)),
        homogeneous(np.eye(3) - 2 * along),
        homogeneous(rotation(0.9)),
        homogeneous(along + 0.4 * (np.eye(3) - along)),
    ):
        total = step @ total
    wanted = IMAGE @ total[:3, :3].T + total[:3, 3]
    found = change_colour(jnp.asarray(IMAGE), colour(0.3, 1.7, True, 0.9, 0.4))
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_a_grey_image_changes_as_the_same_image_in_three_channels():
    # The paper's code takes the mean of the rows of the matrix, and sums the columns.
    grey = jnp.asarray(IMAGE[..., :1])
    for change in (colour(0.3, 1.7, True, 0.9, 0.4), colour(-0.2, 0.5)):
        found = change_colour(grey, change)
        assert found.shape == grey.shape
        tiled = change_colour(jnp.tile(grey, (1, 1, 3)), change)
        np.testing.assert_allclose(tiled, jnp.tile(found, (1, 1, 3)), atol=1e-6)


@pytest.mark.parametrize(
    ("change", "times"),
    [
        (colour(hue=2 * np.pi), 1),
        (colour(hue=2 * np.pi / 5), 5),
        (colour(luma_flip=True), 2),
        (colour(luma_flip=True, hue=np.pi), 2),
    ],
    ids=["hue_360", "hue_72_five_times", "luma_twice", "negative_twice"],
)
def test_full_turns_and_double_flips_give_the_image_back(change, times):
    image = jnp.asarray(IMAGE)
    for turned in range(times):
        assert turned == 0 or not np.allclose(image, IMAGE, atol=0.1)
        image = change_colour(image, change)
    np.testing.assert_allclose(image, IMAGE, atol=1e-6)


def test_a_third_of_a_turn_of_the_hue_exchanges_the_channels():
    found = change_colour(jnp.asarray(IMAGE), colour(hue=2 * np.pi / 3))
    np.testing.assert_allclose(found, np.roll(IMAGE, 1, axis=-1), atol=1e-6)


def test_saturation_leaves_the_luma_and_grey_colours():
    found = np.asarray(change_colour(jnp.asarray(IMAGE), colour(saturation=3.0)))
    np.testing.assert_allclose(found.mean(axis=-1), IMAGE.mean(axis=-1), atol=1e-6)
    grey = jnp.tile(IMAGE[..., :1], (1, 1, 3))
    np.testing.assert_allclose(
        change_colour(grey, colour(saturation=3.0)), grey, atol=1e-6
    )
    none = np.asarray(change_colour(jnp.asarray(IMAGE), colour(saturation=0.0)))
    np.testing.assert_allclose(none.std(axis=-1), 0, atol=1e-6)


def test_two_or_four_channels_are_refused():
    for channels in (2, 4):
        with pytest.raises(InputError, match=f"{channels} channels: give .* 1 or 3"):
            change_colour(jnp.zeros((2, 2, channels)), colour())


@pytest.fixture
def drawn(key):
    first, second = jax.random.split(key)
    uniforms = jax.random.uniform(first, (COUNT, 7))
    normals = jax.random.normal(second, (COUNT, 3))
    draw = jax.jit(jax.vmap(lambda *numbers: draw_colour(*numbers, 0.4)))
    return jax.tree.map(np.asarray, draw(uniforms, normals))


def test_draws_have_the_distributions_of_the_paper(drawn):
    changed = [
        drawn.brightness != 0,
        drawn.contrast != 1,
        drawn.luma_flip,
        drawn.hue != 0,
        drawn.saturation != 1,
    ]
    for values, expected in zip(changed, [0.4, 0.4, 0.2, 0.4, 0.4], strict=True):
        error = np.sqrt(expected * (1 - expected) / COUNT)
        assert abs(values.mean() - expected) < 5 * error
    np.testing.assert_array_equal(drawn.drawn, np.any(changed, axis=0))
    related = np.corrcoef(np.stack(changed).astype(float)) - np.eye(5)
    assert np.abs(related).max() < 5 / np.sqrt(COUNT)
    for values, deviation in (
        (drawn.brightness[changed[0]], 0.2),
        (np.log2(drawn.contrast[changed[1]]), 0.5),
        (drawn.hue[changed[3]], np.pi / np.sqrt(3)),
        (np.log2(drawn.saturation[changed[4]]), 1.0),
    ):
        count = len(values)
        assert abs(values.mean()) < 5 * deviation / np.sqrt(count)
        assert abs(values.std() / deviation - 1) < 5 / np.sqrt(2 * count)


def test_the_mean_of_the_draws_is_that_of_the_formulas(drawn):
    # E 2^(s N) = exp((s ln 2)^2 / 2); a flip takes the luma's sign from half of them.
    pixel = jnp.array([[[0.5, -0.3, 0.4]]])
    found = np.asarray(
        jax.vmap(lambda one: change_colour(pixel, one))(
            jax.tree.map(jnp.asarray, drawn)
        )
    )[:, 0, 0]
    contrast, saturation = (
        0.6 + 0.4 * np.exp((deviation * np.log(2)) ** 2 / 2) for deviation in (0.5, 1.0)
    )
    luma = 0.2
    chroma = np.array([0.3, -0.5, 0.2])
    wanted = contrast * (0.6 * luma + 0.6 * saturation * chroma)
    error = found.std(axis=0) / np.sqrt(COUNT)
    assert (np.abs(found.mean(axis=0) - wanted) < 5 * error).all()

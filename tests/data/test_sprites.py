import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.data import sprites
from jaxgen.errors import InputError
from jaxgen.typing import Data

SIZES = np.array(list(sprites.FACTORS.values()))


def batch_of(data, step):
    item = jax.tree.map(lambda leaf: leaf[0], data.feed(step, 1))
    return jax.jit(data.batch)(data.resident, item, step)


def test_factors_are_those_of_the_number():
    index = jnp.arange(0, sprites.NUM_SPRITES, 997)
    factors = sprites.factors_of(index)
    expected = np.stack(np.unravel_index(np.asarray(index), SIZES), axis=-1)
    np.testing.assert_array_equal(factors, expected)
    assert np.prod(SIZES) == sprites.NUM_SPRITES


def test_every_sprite_is_whole():
    # All shapes, scales and rotations at the corners: none touches the border.
    grid = np.stack(
        np.meshgrid(range(3), [0, 5], range(40), [0, 31], [0, 31], indexing="ij"), -1
    ).reshape(-1, 5)
    image = np.asarray(sprites.render(jnp.asarray(grid), image_size=32))[..., 0]
    assert image.min() == 0
    assert image.max() == 1
    for border in (image[:, 0], image[:, -1], image[:, :, 0], image[:, :, -1]):
        assert border.max() == 0


def test_shapes_of_one_scale_have_one_area():
    factors = [[s, c, r, 9, 21] for s in range(3) for c in range(6) for r in (1, 13)]
    image = sprites.render(jnp.array(factors), image_size=64)
    scale = 0.5 + 0.1 * np.array(factors)[:, 1]
    np.testing.assert_allclose(image.mean((1, 2, 3)), (0.3125 * scale) ** 2, rtol=0.015)


@pytest.mark.parametrize("shape", [0, 1, 2])
def test_a_fine_drawing_agrees_with_the_shape_by_its_inequalities(shape):
    # Independent of distances: membership of the center of each pixel.
    size = 256
    image = np.asarray(
        sprites.render(jnp.array([[shape, 5, 0, 16, 16]]), image_size=size)
    )
    u, v = np.meshgrid(*[(np.arange(size) + 0.5) / size - 0.5 - 0.5 / 64] * 2)
    v = -v
    if shape == 0:
        inside = np.maximum(abs(u), abs(v)) < 0.3125 / 2
    elif shape == 1:
        inside = 1.6 * v**2 + u**2 / 1.6 < 0.3125**2 / np.pi
    else:
        side = 0.3125 / np.sqrt(1 + np.pi / 4)
        v = v + side * 0.184699
        disc = np.hypot(abs(u) - side / 8**0.5, v - side / 8**0.5) < side / 2
        inside = disc | (abs(u) + abs(v) < side / 2**0.5)
    drawn = image[0, ..., 0]
    np.testing.assert_array_equal(drawn[inside] >= 0.499, True)
    np.testing.assert_array_equal(drawn[~inside] <= 0.501, True)
    # The edge is one pixel wide: few pixels are grey.
    assert ((drawn > 0) & (drawn < 1)).sum() < 2 * size


def test_a_step_of_x_and_y_is_one_pixel_of_64():
    image = sprites.render(
        jnp.array([[2, 4, 7, 9, 9], [2, 4, 7, 12, 14]]), image_size=64
    )
    moved = np.roll(image[0], (5, 3), axis=(0, 1))
    np.testing.assert_allclose(image[1], moved, atol=1e-4)


def test_rotations_are_counter_clockwise_and_know_their_symmetry():
    factors = [[s, 5, r, 16, 16] for s in range(3) for r in (0, 10, 20, 30)]
    image = np.asarray(sprites.render(jnp.array(factors), image_size=64))[..., 0]
    # The center is that of pixel (32, 32): without the first row and column, a quarter
    # turn of the sprite is one of the array.
    square, ellipse, heart = image.reshape(3, 4, 64, 64)
    np.testing.assert_allclose(square[0], square[1], atol=1e-4)
    np.testing.assert_allclose(ellipse[0], ellipse[2], atol=1e-4)
    assert np.abs(ellipse[0] - ellipse[1]).max() == 1
    turned = np.rot90(heart[0][1:, 1:])
    np.testing.assert_allclose(heart[1][1:, 1:], turned, atol=1e-4)
    assert np.abs(heart[0] - heart[2]).max() == 1
    # Upright, it is wider above its middle than below.
    width = heart[0].sum(axis=1)
    assert width[32 - 8] > 1.5 * width[32 + 8]


def test_batches_keep_the_contract(key):
    data = sprites.batches(
        batch_size=4, key=key, train=True, image_size=16, num_examples=10, factors=True
    )
    assert isinstance(data, Data)
    assert data.steps_per_epoch == 2
    batch = batch_of(data, 0)
    assert batch.keys() == {"image", "factors"}
    assert (batch["image"].shape, batch["image"].dtype) == ((4, 16, 16, 1), jnp.float32)
    expected = sprites.render(batch["factors"], image_size=16)
    np.testing.assert_array_equal(batch["image"], expected)


def test_an_epoch_visits_a_subset_that_is_always_the_same(key):
    seen = []
    for root in (key, jax.random.key(1)):
        data = sprites.batches(batch_size=5, key=root, train=True, num_examples=10)
        for epoch in (0, 1):
            index = data.feed(2 * epoch, 2)["index"]
            assert len(np.unique(index)) == 10
            seen.append(index.ravel())
    assert len({tuple(order) for order in map(np.ndarray.tolist, seen)}) == 4
    assert len({frozenset(order.tolist()) for order in seen}) == 1


def test_evaluation_is_held_out_and_padded_at_weight_zero(key):
    train = sprites.batches(batch_size=1, key=key, train=True)
    test = sprites.batches(
        batch_size=3000, key=key, train=False, num_examples=sprites.NUM_HELD_OUT
    )
    items = test.feed(0, test.steps_per_epoch)
    held_out = items["index"][items["weight"] == 1]
    assert len(np.unique(held_out)) == len(held_out) == sprites.NUM_HELD_OUT
    assert items["weight"].shape == (4, 3000)
    # All sprites are in exactly one of both.
    everything = np.concatenate([held_out, train._numbers])
    np.testing.assert_array_equal(np.sort(everything), np.arange(sprites.NUM_SPRITES))


def test_rows_are_a_share_of_the_batch(key):
    data = sprites.batches(batch_size=6, key=key, train=False, num_examples=8)
    whole, part = data.feed(0, 2), data.feed(0, 2, slice(2, 4))
    for name in ("index", "weight"):
        np.testing.assert_array_equal(part[name], whole[name][:, 2:4])
    assert batch_of(data, 1)["weight"].sum() == 2


def test_sizes_out_of_range_are_refused(key):
    with pytest.raises(InputError, match="num_examples=0"):
        sprites.batches(batch_size=1, key=key, train=True, num_examples=0)
    with pytest.raises(InputError, match="num_examples=10001: .* from 1 to 10000"):
        sprites.batches(batch_size=1, key=key, train=False, num_examples=10_001)
    with pytest.raises(InputError, match="image_size=8"):
        sprites.batches(batch_size=1, key=key, train=True, image_size=8)

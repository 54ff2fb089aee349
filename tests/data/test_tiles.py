import numpy as np
import pytest

from jaxgen.data import tiles
from jaxgen.errors import InputError

PLANS = [
    # height, width, tile, overlap, align
    (1, 1, 1, 0, 1),
    (5, 7, 8, 3, 1),
    (64, 64, 64, 16, 4),
    (65, 130, 64, 16, 4),
    (100, 301, 32, 31, 1),  # every pixel in up to 32 tiles
    (50, 96, 16, 0, 1),
    (257, 513, 64, 24, 8),
    (33, 90, 32, 16, 16),
]


@pytest.mark.parametrize("plan", PLANS)
def test_windows_are_a_partition_of_unity_exactly(plan):
    height, width, tile, overlap, align = plan
    made = tiles.tiling(height, width, tile=tile, overlap=overlap, align=align)
    assert min(made.windows_down.min(), made.windows_across.min()) >= 0
    ones = np.ones((height, width, 1), np.float32)
    whole = tiles.blend(tiles.cut(ones, made, batch_size=3), made)
    np.testing.assert_array_equal(whole, ones)


@pytest.mark.parametrize("plan", PLANS)
def test_tiles_start_on_the_grid_and_share_at_least_the_overlap(plan):
    height, width, tile, overlap, align = plan
    made = tiles.tiling(height, width, tile=tile, overlap=overlap, align=align)
    for starts, length in ((made.rows, height), (made.columns, width)):
        assert starts[0] == 0
        assert not (starts % align).any()
        assert length <= starts[-1] + tile < max(length + align, tile + 1)
        assert (np.diff(starts) <= tile - overlap).all()
        assert (np.diff(starts) > 0).all()


def test_a_function_of_single_pixels_does_not_see_the_tiles():
    image = np.random.default_rng(0).random((45, 70, 3), np.float32)
    plan = tiles.tiling(45, 70, tile=16, overlap=6, align=4)
    batches = tiles.cut(image, plan, batch_size=5)
    made = tiles.blend(((1 - batch[..., :1]) ** 2 for batch in batches), plan)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, (1 - image[..., :1]) ** 2, atol=1e-6)


def test_a_seam_between_tiles_of_other_brightness_is_smooth():
    plan = tiles.tiling(8, 56, tile=32, overlap=8)
    assert plan.columns.tolist() == [0, 24]
    made = tiles.blend([np.stack([np.full((32, 32, 1), v) for v in (0, 1)])], plan)
    line = made[0, :, 0]
    np.testing.assert_array_equal(line[:24], 0)
    np.testing.assert_array_equal(line[32:], 1)
    assert np.diff(line).min() >= 0
    assert np.diff(line).max() < 0.2
    np.testing.assert_array_equal(line[24:32] + line[24:32][::-1], 1)


def test_what_is_near_the_border_of_a_tile_does_not_count():
    plan = tiles.tiling(8, 40, tile=32, overlap=8)  # they share 24
    second = np.flatnonzero(plan.windows_across[1])
    assert (plan.columns.tolist(), second[0]) == ([0, 8], 8)


def test_batches_have_one_shape_and_the_filling_is_not_seen():
    image = np.arange(20 * 20, dtype=np.float32).reshape(20, 20, 1)
    plan = tiles.tiling(20, 20, tile=8, overlap=2)
    batches = list(tiles.cut(image, plan, batch_size=4))
    assert [batch.shape for batch in batches] == [(4, 8, 8, 1)] * 3
    assert len(plan) == 9
    batches[-1][1:] = np.nan
    np.testing.assert_array_equal(tiles.blend(batches, plan), image)


def test_a_small_image_goes_on_reflected():
    image = np.arange(3, dtype=np.float32).reshape(1, 3, 1)
    plan = tiles.tiling(1, 3, tile=8, overlap=2)
    (batch,) = tiles.cut(image, plan, batch_size=1)
    np.testing.assert_array_equal(batch[0, :, :, 0], [[0, 1, 2, 1, 0, 1, 2, 1]] * 8)
    np.testing.assert_array_equal(tiles.blend([batch], plan), image)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tile": 0}, "tile=0: give a whole number"),
        ({"tile": 10, "align": 4}, "multiple of 4"),
        ({"overlap": -1}, "overlap=-1: .* from 0 to 7"),
        ({"overlap": 8}, "overlap=8: .* from 0 to 7"),
        ({"align": 4, "overlap": 5}, "overlap=5: .* from 0 to 4"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(options, words):
    with pytest.raises(InputError, match=words):
        tiles.tiling(20, 20, **({"tile": 8, "overlap": 2} | options))


def test_tiles_of_another_plan_are_refused():
    plan = tiles.tiling(20, 20, tile=8, overlap=2)
    with pytest.raises(InputError, match="20x21 pixels: the plan is for 20x20"):
        next(tiles.cut(np.zeros((21, 20, 1)), plan, batch_size=1))
    with pytest.raises(InputError, match="fewer tiles than the 9"):
        tiles.blend([np.zeros((4, 8, 8, 1))], plan)
    with pytest.raises(InputError, match="become 4x4 pixels: expected 8x8"):
        tiles.blend([np.zeros((9, 4, 4, 1))], plan)
    with pytest.raises(InputError, match="width=0: give a whole number"):
        tiles.tiling(5, 0, tile=8, overlap=2)

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import data
from jaxgen.errors import InputError
from jaxgen.typing import Data

KINDS = pytest.mark.parametrize("resident", [True, False], ids=["device", "stream"])


def located(count, height=9, width=11, scale=1):
    """Makes images whose pixels say which image, row and column they are."""
    shape = (count, height, width)
    grid = np.stack(np.broadcast_arrays(*np.ogrid[tuple(map(slice, shape))]), -1)
    return np.kron(grid, np.ones((1, scale, scale, 1))).astype(np.uint8)


def aligned_pairs(count=7, scale=1):
    a = located(count)
    b = located(count, scale=scale)
    return data.from_pairs(a, b, aligned=True)


def unaligned_pairs(a=4, b=7):
    return data.from_pairs(located(a), located(b), aligned=False)


def make(key, pairs=None, *, train=True, batch_size=4, **options):
    pairs = aligned_pairs() if pairs is None else pairs
    return data.pair_pipeline(
        pairs, batch_size=batch_size, key=key, train=train, **options
    )


def batch_of(pipeline, step, compiled=None):
    item = jax.tree.map(lambda leaf: leaf[0], pipeline.feed(step, 1))
    batch = (compiled or pipeline.batch)(pipeline.resident, item, step)
    return {name: np.asarray(value) for name, value in batch.items()}


def places(images):
    """Returns image, top, first and second column of each crop: four columns."""
    whole = np.rint(images * 255).astype(int)
    return np.stack([*whole[:, 0, 0].T, whole[:, 0, 1, 2]], -1)


@pytest.fixture(scope="module")
def cropped():
    """The first 40 batches of aligned pairs, cropped and flipped."""
    pipeline = make(jax.random.key(5), crop_size=6, flip=True)
    compiled = jax.jit(pipeline.batch)
    return [batch_of(pipeline, step, compiled) for step in range(40)]


def test_a_batch_keeps_the_contract(key):
    pipeline = make(key, crop_size=6, flip=True)
    assert isinstance(pipeline, Data)
    assert (pipeline.num_examples, pipeline.steps_per_epoch) == (7, 1)
    batch = jax.eval_shape(
        pipeline.batch,
        pipeline.resident,
        jax.tree.map(lambda leaf: leaf[0], pipeline.feed(0, 1)),
        0,
    )
    assert batch.keys() == {"a", "b"}
    for image in batch.values():
        assert (image.shape, image.dtype) == ((4, 6, 6, 3), jnp.float32)


def test_both_images_of_a_pair_are_cropped_and_flipped_alike(cropped):
    for batch in cropped:
        np.testing.assert_array_equal(batch["a"], batch["b"])


def test_crops_lie_everywhere_and_half_are_flipped(cropped):
    seen = np.concatenate([places(batch["a"]) for batch in cropped])
    flipped = seen[:, 2] > seen[:, 3]
    left = np.where(flipped, seen[:, 2] - 5, seen[:, 2])
    assert set(seen[:, 1]) == set(range(9 - 6 + 1))
    assert set(left) == set(range(11 - 6 + 1))
    # Five standard errors of 160 fair draws.
    assert abs(flipped.mean() - 0.5) < 5 * 0.5 / np.sqrt(len(seen))
    whole = np.rint(cropped[0]["a"] * 255)
    np.testing.assert_array_equal(whole[:, -1, 0, 1] - whole[:, 0, 0, 1], 5)


def test_every_visit_has_its_own_crop(cropped):
    first = np.concatenate([places(batch["a"])[:, 1:] for batch in cropped[:20]])
    second = np.concatenate([places(batch["a"])[:, 1:] for batch in cropped[20:]])
    assert (first != second).any(-1).mean() > 0.8
    for batch in cropped[:5]:
        assert len({tuple(row[1:]) for row in places(batch["a"])}) > 1


def test_a_smaller_image_is_cropped_at_the_place_of_the_larger(key):
    pipeline = make(key, aligned_pairs(scale=2), crop_size=8, flip=True)
    compiled = jax.jit(pipeline.batch)
    for step in range(4):
        batch = batch_of(pipeline, step, compiled)
        assert (batch["a"].shape, batch["b"].shape) == ((4, 4, 4, 3), (4, 8, 8, 3))
        np.testing.assert_array_equal(batch["a"], batch["b"][:, ::2, ::2])


def test_unaligned_sides_have_independent_orders_crops_and_flips(key):
    pipeline = make(key, unaligned_pairs(8, 8), batch_size=8, crop_size=6, flip=True)
    compiled = jax.jit(pipeline.batch)
    same, flips = [], []
    for step in range(12):
        batch = batch_of(pipeline, step, compiled)
        a, b = places(batch["a"]), places(batch["b"])
        for side in (a, b):
            assert sorted(side[:, 0]) == list(range(8))
        same.append(a == b)
        flips.append((a[:, 2] > a[:, 3]) == (b[:, 2] > b[:, 3]))
    share = np.concatenate(same).mean(0)
    # By chance 1/8 of the images, 1/4 of the rows; 96 draws, five standard errors.
    for seen, chance in zip(share[:2], (1 / 8, 1 / 4), strict=True):
        assert abs(seen - chance) < 5 * np.sqrt(chance * (1 - chance) / 96)
    assert abs(np.mean(flips) - 0.5) < 5 * 0.5 / np.sqrt(96)


def test_a_pass_of_unaligned_sides_is_one_of_the_larger(key):
    pipeline = make(key, unaligned_pairs(4, 7), batch_size=2)
    assert (pipeline.num_examples, pipeline.steps_per_epoch) == (7, 3)
    batches = [batch_of(pipeline, step) for step in range(6)]
    seen = np.concatenate([places(batch["a"])[:, 0] for batch in batches])
    for first in (0, 4, 8):
        assert sorted(seen[first : first + 4]) == list(range(4))
    larger = np.concatenate([places(batch["b"])[:, 0] for batch in batches[:3]])
    assert len(set(larger)) == 6


def test_known_pairs_can_be_trained_on_as_if_they_were_none(key):
    pairs = aligned_pairs(count=40)
    pipeline = make(key, pairs, batch_size=40, aligned=False)
    batch = batch_of(pipeline, 0)
    assert (batch["a"] != batch["b"]).any()
    held = make(key, pairs, batch_size=40, aligned=False, train=False)
    batch = batch_of(held, 0)
    np.testing.assert_array_equal(batch["a"], batch["b"])


@pytest.mark.parametrize(
    ("aligned", "train"),
    [(False, True), (False, False), (True, False)],
    ids=["unaligned-train", "unaligned-evaluation", "aligned-evaluation"],
)
def test_resident_and_streamed_batches_are_equal_bit_for_bit(key, aligned, train):
    pairs = aligned_pairs() if aligned else unaligned_pairs()
    options = {"load_size": 12, "crop_size": 6, "flip": True, "train": train}
    device, stream = (
        make(key, pairs, resident=resident, **options) for resident in (True, False)
    )
    compiled = [jax.jit(pipeline.batch) for pipeline in (device, stream)]
    # Forwards, back, and on.
    for step in (0, 1, 2, 1, 5):
        one = batch_of(device, step, compiled[0])
        other = batch_of(stream, step, compiled[1])
        assert one.keys() == other.keys()
        for name in one:
            np.testing.assert_array_equal(one[name], other[name])


@pytest.mark.parametrize("aligned", [True, False], ids=["aligned", "unaligned"])
def test_devices_draw_what_one_device_draws(key, aligned):
    pairs = aligned_pairs() if aligned else unaligned_pairs()
    pipeline = make(key, pairs, crop_size=6, flip=True)
    item = jax.tree.map(lambda leaf: leaf[0], pipeline.feed(3, 1))
    parts = jax.tree.map(lambda leaf: leaf.reshape(4, 1, *leaf.shape[1:]), item)

    def on_device(part):
        return pipeline.batch(pipeline.resident, part, 3, axis_name="data")

    made = jax.jit(jax.vmap(on_device, axis_name="data"))(parts)
    expected = jax.jit(pipeline.batch)(pipeline.resident, item, 3)
    for name in expected:
        np.testing.assert_array_equal(made[name].reshape(4, 6, 6, 3), expected[name])


@KINDS
def test_evaluation_shows_centres_in_order_and_pads_at_weight_zero(key, resident):
    options = {"crop_size": 5, "flip": True, "resident": resident}
    pipeline = make(key, train=False, **options)
    batches = [batch_of(pipeline, step) for step in range(2)]
    seen = np.concatenate([places(batch["a"]) for batch in batches])
    np.testing.assert_array_equal(seen[:, 0], [*range(7), 0])
    np.testing.assert_array_equal(seen[:, 1:], np.tile([2, 3, 4], (8, 1)))
    weight = np.concatenate([batch["weight"] for batch in batches])
    np.testing.assert_array_equal(weight, [1] * 7 + [0])
    assert weight.dtype == np.float32


def test_the_smaller_side_begins_anew_in_evaluation(key):
    pipeline = make(key, unaligned_pairs(2, 7), batch_size=3, train=False)
    batches = [batch_of(pipeline, step) for step in range(pipeline.steps_per_epoch)]
    a, b = (
        np.concatenate([places(batch[name])[:, 0] for batch in batches]).tolist()
        for name in "ab"
    )
    assert a == [0, 1, 0, 1, 0, 1, 0, 0, 0]
    assert b == [0, 1, 2, 3, 4, 5, 6, 0, 0]
    weight = np.concatenate([batch["weight"] for batch in batches])
    np.testing.assert_array_equal(weight, [1] * 7 + [0] * 2)


def test_sixteen_bits_are_scaled_by_their_largest(key):
    words = np.array([0, 1, 40_000, 65_535], np.uint16).reshape(4, 1, 1, 1)
    pairs = data.from_pairs(words, (words // 257).astype(np.uint8), aligned=True)
    batch = batch_of(make(key, pairs, train=False), 0)
    expected = words.astype(np.float64) / 65_535
    np.testing.assert_allclose(batch["a"], expected, rtol=1e-6)
    assert batch["b"][3, 0, 0, 0] == batch["a"][3, 0, 0, 0] == 1


def test_load_size_resizes_the_short_side_and_the_smaller_image_in_proportion(key):
    pairs = aligned_pairs(scale=2)
    batch = batch_of(make(key, pairs, train=False, load_size=32), 0)
    assert (batch["a"].shape, batch["b"].shape) == ((4, 16, 16, 3), (4, 32, 32, 3))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"crop_size": 10}, r"crop of 10x10.*larger.*11x9.*load_size of at least 10"),
        ({"load_size": 8, "crop_size": 9}, "crop of 9x9.*larger than.*8x8"),
        ({"crop_size": 0}, "crop_size=0: give a whole number"),
        ({"batch_size": 8}, "batch size 8 exceeds the 7"),
    ],
)
def test_what_cannot_be_cut_is_refused(key, options, words):
    with pytest.raises(InputError, match=words):
        make(key, **options)


def test_a_crop_is_a_multiple_of_the_factor_between_the_images(key):
    with pytest.raises(InputError, match="crop_size=7: expected a multiple of 2"):
        make(key, aligned_pairs(scale=2), crop_size=7)


def test_unpaired_images_are_not_taken_for_pairs(key):
    with pytest.raises(InputError, match="not aligned, and aligned=True"):
        make(key, unaligned_pairs(), aligned=True)

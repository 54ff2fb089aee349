import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import data
from jaxgen.errors import InputError
from jaxgen.typing import Data

KINDS = pytest.mark.parametrize("resident", [True, False], ids=["device", "stream"])


def make_source(count=23, labelled=True, size=3):
    """Makes a set whose every example is known by its label and its first pixel."""
    image = np.random.default_rng(0).integers(0, 256, (count, size, size, 1), np.uint8)
    image[:, 0, 0, 0] = np.arange(count)
    return data.from_arrays(image, np.arange(count) if labelled else None)


def make(key, *, resident=True, train=True, count=23, batch_size=5, **options):
    return data.pipeline(
        make_source(count),
        batch_size=batch_size,
        key=key,
        train=train,
        resident=resident,
        **options,
    )


def batch_of(pipeline, step, compiled=None):
    item = jax.tree.map(lambda leaf: leaf[0], pipeline.feed(step, 1))
    return (compiled or pipeline.batch)(pipeline.resident, item, step)


def visits(pipeline, steps):
    return [np.asarray(batch_of(pipeline, step)["label"]) for step in steps]


@KINDS
def test_a_batch_keeps_the_contract(key, resident):
    pipeline = make(key, resident=resident)
    assert isinstance(pipeline, Data)
    batch = batch_of(pipeline, 0, jax.jit(pipeline.batch))
    assert batch.keys() == {"image", "label"}
    assert (batch["image"].shape, batch["image"].dtype) == ((5, 3, 3, 1), jnp.float32)
    assert (batch["label"].shape, batch["label"].dtype) == ((5,), jnp.int32)
    source = make_source()
    for image, label in zip(batch["image"], batch["label"], strict=True):
        expected = source[int(label)]["image"] * np.float32(1 / 255)
        np.testing.assert_array_equal(image, expected)


def test_an_epoch_visits_all_but_the_remainder_once(key):
    pipeline = make(key)
    assert pipeline.steps_per_epoch == 4
    left_out = []
    for epoch in range(3):
        seen = np.concatenate(visits(pipeline, range(4 * epoch, 4 * epoch + 4)))
        assert len(set(seen.tolist())) == len(seen) == 20
        left_out.append(frozenset(range(23)) - set(seen.tolist()))
    assert len(set(left_out)) == 3


def test_epochs_and_seeds_have_their_own_order(key):
    first, again = make(key), make(key)
    other = make(jax.random.key(7))
    orders = [
        tuple(np.concatenate(visits(pipeline, range(start, start + 4))).tolist())
        for pipeline, start in ((first, 0), (first, 4), (other, 0), (again, 0))
    ]
    assert orders[0] == orders[3]
    assert len(set(orders)) == 3


def test_every_order_is_equally_likely(key):
    order = data.Order(3, batch_size=3, key=key, train=True)
    epochs = 1200
    orders = [tuple(order.indices(epoch).tolist()) for epoch in range(epochs)]
    _, counts = np.unique(orders, axis=0, return_counts=True)
    assert len(counts) == 6
    standard_error = np.sqrt(epochs * (1 / 6) * (5 / 6))
    assert (np.abs(counts - epochs / 6) < 5 * standard_error).all()


@pytest.mark.parametrize("train", [True, False], ids=["train", "evaluation"])
@pytest.mark.parametrize("binarize", [False, True], ids=["grey", "binary"])
def test_resident_and_streamed_batches_are_equal_bit_for_bit(key, train, binarize):
    pipelines = [
        make(key, resident=resident, train=train, binarize=binarize)
        for resident in (True, False)
    ]
    compiled = [jax.jit(pipeline.batch) for pipeline in pipelines]
    for step in range(9):
        device, stream = (
            batch_of(pipeline, step, jitted)
            for pipeline, jitted in zip(pipelines, compiled, strict=True)
        )
        assert device.keys() == stream.keys()
        for name in device:
            np.testing.assert_array_equal(device[name], stream[name])
            assert device[name].dtype == stream[name].dtype


@KINDS
def test_any_step_may_be_asked_for(key, resident):
    in_order = make(key, resident=resident)
    expected = visits(in_order, range(12))
    resumed = make(key, resident=resident)
    for step in (11, 3, 4, 0, 7, 7):
        np.testing.assert_array_equal(visits(resumed, [step])[0], expected[step])


@KINDS
def test_several_steps_are_fed_at_once_and_by_rows(key, resident):
    pipeline = make(key, resident=resident, train=False)
    whole = pipeline.feed(2, 3)
    again = pipeline.feed(5, 1)
    for name, leaf in whole.items():
        assert leaf.shape[:2] == (3, 5)
        assert again[name].shape[:2] == (1, 5)
    for rows in (slice(0, 2), slice(2, 5)):
        part = pipeline.feed(2, 3, rows)
        for name in whole:
            np.testing.assert_array_equal(part[name], whole[name][:, rows])


@KINDS
def test_evaluation_goes_in_order_and_pads_at_weight_zero(key, resident):
    pipeline = make(key, resident=resident, train=False)
    assert pipeline.steps_per_epoch == 5
    batches = [batch_of(pipeline, step) for step in range(5)]
    label = np.concatenate([batch["label"] for batch in batches])
    weight = np.concatenate([batch["weight"] for batch in batches])
    assert weight.dtype == np.float32
    np.testing.assert_array_equal(weight, [1] * 23 + [0] * 2)
    np.testing.assert_array_equal(label, [*range(23), 0, 0])


def test_evaluation_may_use_a_batch_larger_than_the_set(key):
    pipeline = make(key, train=False, count=3, batch_size=5)
    assert pipeline.steps_per_epoch == 1
    np.testing.assert_array_equal(batch_of(pipeline, 0)["weight"], [1, 1, 1, 0, 0])


@pytest.mark.parametrize("train", [True, False], ids=["train", "evaluation"])
def test_one_compilation_serves_all_steps_and_seeds(key, train):
    traces = []
    template = make(key, train=train, binarize=True)

    @jax.jit
    def compiled(resident, item, step):
        traces.append(step)
        return template.batch(resident, item, step)

    for seed in range(2):
        pipeline = make(jax.random.key(seed), train=train, binarize=True)
        for step in range(pipeline.steps_per_epoch + 1):
            batch_of(pipeline, step, compiled)
    assert len(traces) == 1


def test_binarization_is_fresh_in_training_and_fixed_in_evaluation(key):
    train = make(key, count=5, binarize=True)
    images = []
    for step in range(2):
        batch = batch_of(train, step)
        images.append(np.asarray(batch["image"])[np.argsort(batch["label"])])
    assert set(np.unique(images)) == {0.0, 1.0}
    assert (images[0] != images[1]).any()
    evaluation = make(key, train=False, binarize=True)
    for step in range(5):
        np.testing.assert_array_equal(
            batch_of(evaluation, step)["image"],
            batch_of(evaluation, step + evaluation.steps_per_epoch)["image"],
        )


def test_the_mean_binary_image_is_the_grey_image(key):
    pipeline = make(key, count=5, binarize=True)
    steps = 2000

    @jax.jit
    def total(resident, items):
        def add(carry, step_item):
            step, item = step_item
            batch = pipeline.batch(resident, item, step)
            return carry.at[batch["label"]].add(batch["image"]), None

        zeros = jnp.zeros((5, 3, 3, 1))
        return jax.lax.scan(add, zeros, (jnp.arange(steps), items))[0]

    mean = total(pipeline.resident, pipeline.feed(0, steps)) / steps
    grey = make_source(5).in_memory()["image"] / 255
    standard_error = np.sqrt(grey * (1 - grey) / steps)
    assert (np.abs(mean - grey) <= 5 * standard_error + 1e-6).all()


def test_devices_draw_what_one_device_draws(key):
    pipeline = make(key, count=16, batch_size=8, binarize=True)
    item = jax.tree.map(lambda leaf: leaf[0], pipeline.feed(3, 1))
    whole = pipeline.batch(pipeline.resident, item, 3)
    shards = jax.tree.map(lambda leaf: leaf.reshape(4, 2), item)
    parts = jax.vmap(
        lambda shard: pipeline.batch(pipeline.resident, shard, 3, axis_name="data"),
        axis_name="data",
    )(shards)
    np.testing.assert_array_equal(
        parts["image"].reshape(whole["image"].shape), whole["image"]
    )


def test_auto_keeps_small_sets_on_the_device_and_streams_large_ones(key):
    def refuse(indices):
        raise AssertionError("a large set must not be read before it is asked for")

    large = data.Source("large", "train", 10_000, (512, 512, 3), None, refuse)
    options = dict(batch_size=5, key=key, train=True)
    assert isinstance(data.pipeline(make_source(), **options), data.DeviceData)
    assert isinstance(data.pipeline(large, **options), data.StreamData)


def test_unlabelled_sets_have_no_label(key):
    pipeline = data.pipeline(
        make_source(labelled=False), batch_size=5, key=key, train=True
    )
    assert batch_of(pipeline, 0).keys() == {"image"}


def test_a_set_smaller_than_a_batch_is_refused_in_training(key):
    with pytest.raises(InputError, match="batch size 24 exceeds the 23.*batch_size"):
        make(key, batch_size=24)


def test_an_empty_batch_is_refused(key):
    with pytest.raises(InputError, match="batch_size=0: .* at least 1"):
        make(key, batch_size=0)

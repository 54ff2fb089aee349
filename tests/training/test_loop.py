import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgen import data, losses, models, networks, random, training
from jaxgen.errors import InputError
from tests import tiny


class Recorder:
    """A writer that keeps what it is given."""

    def __init__(self):
        self.records = []

    def write(self, record):
        self.records.append(record)

    def close(self):
        pass

    def curve(self, split, term):
        return [r[term] for r in self.records if r["split"] == split]


def test_training_lowers_the_loss_and_writes_a_record_an_epoch(key):
    recorder = Recorder()
    training.fit(
        tiny.vae(),
        tiny.batches(),
        key=key,
        steps=100,
        test_data=tiny.batches(train=False),
        steps_per_call=5,
        writers=[recorder],
    )
    for split in ("train", "test"):
        losses = recorder.curve(split, "loss")
        assert len(losses) == 20
        assert losses[-1] < losses[0]
    assert recorder.curve("test", "step") == list(range(5, 101, 5))
    assert recorder.records[-1]["epoch"] == 20
    assert {"reconstruction", "kl", "gradient_norm"} <= recorder.records[0].keys()


def test_a_record_is_the_mean_of_every_step_since_the_last(key):
    fine, coarse = Recorder(), Recorder()
    for recorder, every in ((fine, 1), (coarse, 5)):
        training.fit(
            tiny.vae(),
            tiny.batches(),
            key=key,
            steps=10,
            evaluate_every=every,
            steps_per_call=5,
            writers=[recorder],
        )
    expected = np.reshape(fine.curve("train", "loss"), (2, 5)).mean(1)
    np.testing.assert_allclose(coarse.curve("train", "loss"), expected, rtol=1e-5)


def test_evaluation_weighs_every_example_once_in_a_short_last_batch(key):
    recorder = Recorder()
    state = training.fit(
        tiny.vae(),
        tiny.batches(),
        key=key,
        steps=5,
        test_data=tiny.batches(train=False, examples=21),
        writers=[recorder],
    )
    # The KL does not depend on the draw: the plain mean over 21 images is the truth.
    images = jnp.asarray(tiny.source(21).in_memory()["image"]) / 255.0
    mean, log_variance = tiny.vae().encode(state, images)
    kl = 0.5 * (mean**2 + jnp.exp(log_variance) - 1 - log_variance).sum(-1).mean()
    np.testing.assert_allclose(recorder.curve("test", "kl"), [kl], rtol=1e-5)


def test_steps_per_call_changes_nothing_but_speed(key):
    losses = []
    for steps_per_call in (1, 2, 5):
        recorder = Recorder()
        training.fit(
            tiny.vae(optax.sgd(1e-2)),
            tiny.batches(),
            key=key,
            steps=20,
            steps_per_call=steps_per_call,
            writers=[recorder],
        )
        losses.append(recorder.curve("train", "loss"))
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-6)
    np.testing.assert_allclose(losses[2], losses[0], rtol=1e-6)


def test_a_step_replayed_alone_equals_that_step_of_the_run(key):
    model, data = tiny.vae(), tiny.batches()
    before = training.fit(model, data, key=key, steps=7)
    after = training.fit(model, data, key=key, steps=8)
    item = jax.tree.map(lambda leaf: leaf[0], data.feed(7, 1))
    batch = jax.jit(data.batch)(data.resident, item, before.step)
    replayed, _ = jax.jit(model.update)(before, batch)
    assert replayed.step == 8
    tiny.assert_equal_bits(replayed.key, after.key)
    for a, b in zip(
        jax.tree.leaves(replayed.net), jax.tree.leaves(after.net), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("epochs", [1, 10])
def test_a_longer_run_traces_no_more_than_one_epoch(key, epochs):
    model, traces = tiny.vae(), itertools.count()

    def update(*arguments):
        next(traces)
        return model.update(*arguments)

    training.fit(
        model._replace(update=update),
        tiny.batches(examples=56),
        key=key,
        steps=7 * epochs,
        test_data=tiny.batches(train=False, examples=13),
        steps_per_call=4,
    )
    # Seven steps an epoch are calls of 4 and 3; each has a scan and a last step.
    assert next(traces) == 4


def test_a_learning_rate_too_large_stops_with_step_term_and_parameter(key, tmp_path):
    checkpoints = training.Checkpoints(tmp_path)
    calm = tiny.vae()
    training.fit(calm, tiny.batches(), key=key, steps=10, checkpoints=checkpoints)
    kept = checkpoints.latest()
    wild = tiny.vae(optax.adam(1e30))
    with pytest.raises(training.NonFiniteError) as error:
        training.fit(
            wild,
            tiny.batches(),
            key=key,
            steps=50,
            steps_per_call=5,
            checkpoints=checkpoints,
        )
    message = str(error.value)
    assert "Step 1" in message
    assert "is not finite" in message
    assert "/kernel" in message or "/bias" in message
    assert f"step {kept}, is kept" in message
    assert checkpoints.latest() == kept
    checkpoints.close()


def test_an_input_that_is_not_finite_is_named(key):
    data = tiny.batches()

    class Poisoned:
        batch_size, num_examples = data.batch_size, data.num_examples
        steps_per_epoch, resident, feed = data.steps_per_epoch, data.resident, data.feed

        def batch(self, resident, item, step, *, axis_name=None):
            batch = data.batch(resident, item, step, axis_name=axis_name)
            image = jnp.where(step == 13, jnp.nan, batch["image"])
            return batch | {"image": image}

    with pytest.raises(training.NonFiniteError, match="Step 13.*input is 'image'"):
        training.fit(tiny.vae(), Poisoned(), key=key, steps=50, steps_per_call=5)


def test_seeds_train_side_by_side_under_vmap(key):
    model, data = tiny.vae(), tiny.batches()
    item = jax.tree.map(lambda leaf: leaf[0], data.feed(0, 1))
    batch = data.batch(data.resident, item, 0)
    keys = jax.random.split(random.stream(key, "seeds"), 3)
    states = jax.jit(jax.vmap(model.init, in_axes=(0, None)))(keys, batch)
    update = jax.jit(jax.vmap(model.update, in_axes=(0, None)))
    _, metrics = update(states, batch)
    keys = jax.random.split(random.stream(key, "seeds"), 3)
    for seed in range(3):
        _, alone = jax.jit(model.update)(jax.jit(model.init)(keys[seed], batch), batch)
        np.testing.assert_allclose(metrics["loss"][seed], alone["loss"], rtol=1e-5)


def test_labels_outside_the_classes_are_refused_before_a_step(key):
    model = models.vae(
        networks.mlp_encoder(2, features=(5,)),
        networks.mlp_decoder((2, 2, 1), features=(5,)),
        optax.sgd(0.1),
        likelihood=losses.vae.bernoulli(),
        prior=losses.vae.priors.standard_normal(2),
        num_classes=3,
    )
    images = np.zeros((4, 2, 2, 1), np.uint8)
    source = data.from_arrays(images, label=np.array([0, 1, 5, 2]))
    batches = data.pipeline(source, batch_size=4, key=key, train=True)
    with pytest.raises(InputError, match="label has the value 5, and there are 3"):
        training.fit(model, batches, key=key, steps=1)


def test_what_is_no_pipeline_is_refused_by_name(key):
    source = data.from_arrays(np.zeros((4, 2, 2, 1), np.uint8))
    with pytest.raises(InputError, match=r"data is a \w+: give batches, as data\.pipe"):
        training.fit(tiny.vae(), source, key=key, steps=1)
    with pytest.raises(InputError, match=r"source is a ndarray: .*data\.from_arrays"):
        data.pipeline(np.zeros((4, 2, 2, 1)), batch_size=2, key=key, train=True)

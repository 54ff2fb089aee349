from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import metrics, training
from jaxgen.errors import InputError
from jaxgen.metrics import sample_quality
from jaxgen.metrics.features import Activations, FeatureNet

RNG = np.random.default_rng(0)
NUM_CLASSES = 3


def brightness(images):
    """Features of two halves of an image, and classes by the brightness of the left."""
    halves = images.reshape(len(images), 2, -1).mean(axis=2)
    places = jnp.arange(NUM_CLASSES) / (NUM_CLASSES - 1)
    logits = -100 * (halves[:, :1] - places[None]) ** 2
    return Activations(halves, jax.nn.log_softmax(logits))


NET = FeatureNet("brightness", 2, brightness, "0", {"accuracy": 0.75})
REAL = RNG.integers(0, 256, (120, 2, 2, 1)).astype(np.uint8)
REFERENCE = metrics.quality_reference(REAL[::2], REAL[1::2], nets=NET, most=40)


def model(*, num_classes=NUM_CLASSES, wrong=0):
    """A model whose images show the class they are asked for, but for a few."""

    def generate(state, latents, condition=None):
        if condition is None:
            return jnp.clip(0.5 + latents.reshape(-1, 2, 2, 1) * state, 0, 1)
        asked = condition @ jnp.arange(NUM_CLASSES) / (NUM_CLASSES - 1)
        shown = jnp.where(jnp.arange(len(asked)) < wrong, 1 - asked, asked)
        return jnp.broadcast_to(shown[:, None, None, None], (len(asked), 2, 2, 1))

    return SimpleNamespace(
        generate=generate,
        draw_latents=jax.random.normal,
        latents=4,
        num_classes=num_classes,
    )


def test_samples_are_asked_for_labels_in_turn_and_blocks_do_not_matter(monkeypatch):
    key = jax.random.key(1)
    (images, labels) = metrics.draw_images(key, model(), 1.0, 25)
    monkeypatch.setattr(sample_quality, "_BLOCK", 10)
    again, _ = metrics.draw_images(jax.random.clone(key), model(), 1.0, 25)
    assert labels.tolist() == [*[0, 1, 2] * 8, 0]
    assert images.dtype == np.uint8
    assert images[:3, 0, 0, 0].tolist() == [0, 128, 255]
    np.testing.assert_array_equal(images, again)
    plain, labels = metrics.draw_images(
        jax.random.key(2), model(num_classes=None), 1.0, 25
    )
    assert plain.shape == (25, 2, 2, 1)
    assert len(np.unique(plain)) > 25
    assert not labels.any()


def test_the_distance_is_that_of_the_features_and_the_floor_is_that_of_real_images():
    real, others = (
        np.asarray(brightness(jnp.asarray(images[rows], jnp.float32) / 255).features)
        for images in (REAL[::2], REAL[1::2])
        for rows in [np.linspace(0, 59, 40).astype(int)]
    )
    floor = metrics.frechet_distance_of_features(real, others)
    assert REFERENCE.floor == pytest.approx(floor, rel=1e-5)
    assert REFERENCE.num_images == 40
    assert REFERENCE.accuracy == 0.75
    plain = model(num_classes=None)
    near, far = (
        metrics.measure_quality(jax.random.key(0), plain, state, REFERENCE)
        for state in (0.3, 0.01)
    )
    assert near.label_agreement is None
    assert near.fd.low < near.fd.value < near.fd.high < far.fd.low


def test_label_agreement_is_the_share_of_samples_of_the_class_asked_for():
    # Of the first 6 samples, those of classes 0 and 2 show each other.
    found = metrics.measure_quality(
        jax.random.key(0), model(wrong=6), 1.0, REFERENCE, num_labelled=30
    )
    assert found.label_agreement == metrics.wilson_interval(26, 30)


def test_the_monitor_records_what_is_measured_from_the_same_samples(tmp_path):
    path = tmp_path / "quality.jsonl"
    monitor = metrics.QualityMonitor(
        path, model(wrong=6), REFERENCE, jax.random.key(0), steps_per_epoch=2
    )
    for step in (1, 2, 3, 2):
        monitor(1.0, step)
    records = training.read_records(path)
    assert [(one["step"], one["epoch"]) for one in records] == [(1, 0.5), (2, 1.0)]
    assert {one["label_agreement"] for one in records} == {36 / 40}
    assert len({one["fd"] for one in records}) == 1
    plain = metrics.QualityMonitor(
        tmp_path / "plain.jsonl", model(num_classes=None), REFERENCE, jax.random.key(0)
    )
    plain(0.3, 1)
    assert set(training.read_records(tmp_path / "plain.jsonl")[0]) == {
        "step",
        "epoch",
        "split",
        "fd",
    }


def test_the_monitor_records_intervals_that_are_asked_for(tmp_path):
    path = tmp_path / "quality.jsonl"
    monitor = metrics.QualityMonitor(
        path, model(num_classes=None), REFERENCE, jax.random.key(0), intervals=True
    )
    for step, state in enumerate((0.3, 0.01)):
        monitor(state, step)
    near, far = training.read_records(path)
    assert near["fd_low"] < near["fd"] < near["fd_high"] < far["fd_low"] < far["fd"]
    # Of the same samples as without.
    plain = metrics.QualityMonitor(
        tmp_path / "p.jsonl", model(num_classes=None), REFERENCE, jax.random.key(0)
    )
    plain(0.3, 0)
    (record,) = training.read_records(tmp_path / "p.jsonl")
    assert record["fd"] == near["fd"]


def test_samples_that_are_not_finite_are_refused_and_left_to_the_loop(tmp_path):
    path = tmp_path / "quality.jsonl"
    metrics.QualityMonitor(path, model(num_classes=None), REFERENCE, jax.random.key(0))(
        np.nan, 1
    )
    assert not path.exists()
    with pytest.raises(InputError, match="generated"):
        metrics.measure_quality(
            jax.random.key(0), model(num_classes=None), np.nan, REFERENCE
        )

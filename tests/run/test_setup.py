import dataclasses
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from jaxgen import run, training
from jaxgen.errors import InputError
from tests import tiny


@dataclasses.dataclass(frozen=True)
class Config(run.RunOptions, run.DataOptions):
    epochs: int = 3
    words: tuple[str, ...] = ("a", "b")


SOURCE = tiny.source()
SETUP = run.Setup(
    train=SOURCE,
    test=SOURCE,
    batches=tiny.batches(),
    test_batches=tiny.batches(train=False),
    place=training.placement(1),
    key=jax.random.key(0),
    steps=15,
)


def test_only_the_training_batches_get_another_size():
    assert run.with_batch_size(Config(), SETUP, 8) is SETUP
    found = run.with_batch_size(Config(), SETUP, 2 * 8)
    kept = ("train", "test", "test_batches", "place", "key")
    assert all(getattr(found, name) is getattr(SETUP, name) for name in kept)
    assert found.batches.batch_size == 16
    assert found.batches.steps_per_epoch == 40 // 16
    assert found.steps == 3 * found.batches.steps_per_epoch
    assert run.with_batch_size(Config(steps=7), SETUP, 16).steps == 7


def test_images_without_labels_have_no_class_names():
    assert run.class_names(SETUP) == SOURCE.class_names
    bare = dataclasses.replace(SOURCE, class_names=None)
    with pytest.raises(InputError, match="images of tiny have no labels"):
        run.class_names(SETUP._replace(train=bare))


def test_callbacks_are_called_at_the_epochs_of_the_training():
    steps = []
    looks = run.every_epochs(SETUP, [lambda state, step: steps.append(step)], 2)
    per_epoch = SETUP.batches.steps_per_epoch
    for epoch in (1, 2, 3):
        looks(None, epoch * per_epoch)
    assert steps == [2 * per_epoch, 3 * per_epoch]


def test_samples_of_the_same_latents_are_kept_by_epoch(tmp_path):
    path = tmp_path / "epochs.npz"

    def sample(state, key, n):
        return state * jax.random.uniform(key, (n, 4, 4, 1))

    model = SimpleNamespace(sample=sample)
    keep = run.snapshots(path, SETUP, model, number=5, most=2)
    for epoch in (1, 2, 3):
        keep(epoch / 3, epoch * SETUP.batches.steps_per_epoch)
    taken = training.read_snapshots(path)
    assert list(taken) == [1, 3]
    assert {images.shape for images in taken.values()} == {(5, 4, 4, 1)}
    np.testing.assert_allclose(taken[3], 3.0 * taken[1], atol=2)
    path.write_bytes(b"no arrays")
    with pytest.raises(InputError, match=r"epochs\.npz cannot be read"):
        training.read_snapshots(path)


@pytest.mark.parametrize(
    ("words", "seen"), [((), "--words is empty"), (("a", "a"), "--words is a a: name")]
)
def test_words_that_are_none_or_come_twice_are_refused(words, seen):
    with pytest.raises(InputError, match=seen):
        run.check_distinct(Config(words=words), "words")
    run.check_distinct(Config(), "words")

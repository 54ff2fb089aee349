"""The monitor of a translation, on models whose outputs are known."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import metrics, training
from jaxgen.metrics import (
    TranslationDirection,
    TranslationMonitor,
    translate_images,
    translation_reference,
)
from jaxgen.metrics.translation_directions import logit_boundary
from jaxgen.metrics.translation_pictures import MOST_STEPS, add_translations
from jaxgen.models import Cycle
from tests.metrics.translated import REFERENCE, SIDE, TRAINING_B, A, B

WELL = {"scale": jnp.float32(-0.5), "shift": jnp.float32(1.0), "sure": jnp.float32(0.6)}


def translate(state, key, images):
    return jnp.clip(state["scale"] * images + state["shift"], 0, 1)


def critique(state, inputs, images):
    return jnp.where(images.mean(axis=(1, 2)) > 0.7, state["sure"], 1 - state["sure"])


def direction(**more):
    return TranslationDirection("a_to_b", translate, REFERENCE, critique, **more)


@pytest.fixture
def watch(tmp_path):
    """A monitor, and what it says."""

    def make(*directions, **more):
        heard = []
        one = TranslationMonitor(
            tmp_path,
            directions or [direction(boundary=0.5)],
            jax.random.key(1),
            steps_per_epoch=10,
            shown=4,
            warn=heard.append,
            **more,
        )
        return one, heard

    return make


def test_a_short_block_is_filled_up_and_cut_again():
    seen = []

    def count(state, key, images):
        seen.append((images.shape[0], tuple(jax.random.key_data(key).tolist())))
        return images

    key = jax.random.key(3)
    out = translate_images(count, None, A, key, size=8)
    np.testing.assert_array_equal(out, A)
    assert [number for number, _ in seen] == [8, 8, 8]
    assert len({key for _, key in seen}) == 3


def test_a_look_is_recorded_with_scores_and_pictures(watch, tmp_path):
    monitor, heard = watch()
    monitor(WELL, 20)
    (row,) = training.read_records(tmp_path / "translation.jsonl")
    assert (row["step"], row["epoch"], row["split"]) == (20, 2.0, "a_to_b")
    assert row["inversion"] == pytest.approx(-1, abs=1e-3)
    assert row["inversion_expected"] == pytest.approx(-1, abs=1e-3)
    assert row["collapse"] == pytest.approx(1, abs=0.02)
    assert row["idle"] == pytest.approx(1, abs=0.02)
    assert 0.4 < row["critic"] < 0.6
    assert row["warnings"] == heard == []
    assert row["l1"] < 0.005
    assert monitor.scores(20) == row
    assert monitor.scores(30) == {}
    with np.load(tmp_path / "arrays" / "translation_looks_a_to_b.npz") as file:
        assert file["outputs"].shape == (1, 4, SIDE, SIDE, 3)
        np.testing.assert_array_equal(file["truth"], B[[0, 6, 12, 19]])
        assert np.abs(file["outputs"][0].astype(int) - file["truth"]).max() <= 1


def test_what_stays_amiss_is_said_once_also_by_a_run_that_goes_on(watch, tmp_path):
    same = WELL | {"scale": jnp.float32(-0.01), "shift": jnp.float32(0.5)}
    monitor, heard = watch()
    for step in (10, 20):
        monitor(same, step)
        assert not heard
    # The run is cut off after step 30 and goes on from step 20.
    monitor(same, 30)
    assert len(heard) == 1
    assert heard[0].startswith("a to b: Outputs are 2% as far from each other")
    again, heard = watch()
    again(same, 30)
    assert len(heard) == 1  # its first part was never told at this step
    for step in (40, 50, 60):
        again(WELL if step == 50 else same, step)
    for step in (70, 80, 90):
        again(same, step)
    assert len(heard) == 1
    rows = training.read_records(tmp_path / "translation.jsonl")
    assert [row["step"] for row in rows] == list(range(10, 100, 10))
    assert [("collapse" in row["warnings"]) for row in rows] == [
        True,
        True,
        True,
        True,
        False,
        True,
        True,
        True,
        True,
    ]


def test_what_is_not_finite_is_left_to_the_loop(watch, tmp_path):
    monitor, heard = watch()
    monitor(WELL | {"shift": jnp.float32(jnp.nan)}, 10)
    monitor(WELL | {"sure": jnp.float32(jnp.inf)}, 10)
    assert not heard
    assert not (tmp_path / "translation.jsonl").exists()


def test_images_that_cannot_be_looked_at_are_shown_by_a_function(watch, tmp_path):
    def show(inputs, images):
        return np.concatenate([inputs[..., :1], images[..., :2]], axis=-1)

    monitor, _ = watch(direction(show=show))
    monitor(WELL, 10)
    with np.load(tmp_path / "arrays" / "translation_looks_a_to_b.npz") as file:
        np.testing.assert_array_equal(file["truth"][..., 0], file["inputs"][..., 0])
        np.testing.assert_array_equal(file["truth"][..., 2], B[[0, 6, 12, 19], ..., 1])


def test_both_directions_of_a_cyclegan_are_watched_with_their_cycles(watch, tmp_path):
    def there(state, key, images, direction):
        forth = translate(state, key, images)
        return forth if direction == "a_to_b" else jnp.clip(2 - 2 * images, 0, 1)

    model = SimpleNamespace(
        translate=there,
        cycle=lambda state, key, images, direction: Cycle(images, 0.9 * images),
        critique=lambda state, images, domain: jnp.full(
            (images.shape[0], 2, 2), 1.0 if domain == "a" else 0.0
        ),
    )
    pairs = {"a_to_b": (A, B, TRAINING_B), "b_to_a": (B, A, A)}
    references = {
        name: translation_reference(*images, aligned=True, nets=())
        for name, images in pairs.items()
    }
    both = metrics.cyclegan_directions(model, references, loss="least_squares")
    assert [one.boundary for one in both] == [0.5, 0.5]
    monitor, _ = watch(*both)
    monitor(WELL, 10)
    rows = training.read_records(tmp_path / "translation.jsonl")
    assert [row["split"] for row in rows] == ["a_to_b", "b_to_a"]
    assert rows[0]["cycle"] == pytest.approx(0.1 * A.mean() / 255, abs=2e-3)
    assert rows[1]["cycle"] == pytest.approx(0.1 * B.mean() / 255, abs=2e-3)
    # To be right of one side alone is a guess.
    assert [row["critic"] for row in rows] == [0.5, 0.5]
    assert rows[1]["l1"] < 0.01
    assert both[1].metrics == ("l1", "psnr", "ssim", "cycle")
    assert direction().metrics == REFERENCE.metrics
    with np.load(tmp_path / "arrays" / "translation_looks_b_to_a.npz") as file:
        assert file["outputs"].shape == (1, 4, SIDE, SIDE, 3)


def test_the_boundary_is_that_of_the_loss():
    assert logit_boundary("non_saturating") == logit_boundary("hinge") == 0.0
    assert logit_boundary("wasserstein") is None
    model = SimpleNamespace(
        translate=translate, critique=lambda state, images: images.mean(axis=(1, 2, 3))
    )
    one = metrics.cut_direction(model, REFERENCE, loss="least_squares")
    assert one.critique(None, A, jnp.ones((2, 3, 3, 1))).tolist() == [1, 1]
    model = SimpleNamespace(translate=translate, critique=critique)
    one = metrics.pix2pix_direction(model, REFERENCE, loss="non_saturating")
    assert (one.name, one.boundary) == ("a_to_b", 0.0)


def test_steps_are_thinned_and_end_with_the_last(tmp_path):
    path = tmp_path / "arrays" / "looks.npz"
    for step in range(1, 41):
        outputs = np.full((3, 8, 8, 1), step, np.uint8)
        add_translations(
            path, step=step, epoch=step / 4, inputs=A[:3], outputs=outputs, truth=B[:3]
        )
    with np.load(path) as file:
        steps, outputs = file["step"], file["outputs"]
    assert len(steps) == MOST_STEPS
    assert steps[[0, 1, -1]].tolist() == [1, 2, 40]
    assert (outputs[:, 0, 0, 0, 0] == steps).all()
    assert (steps[1:] / steps[:-1])[2:].max() < 1.5
    # A run that is resumed takes its steps again.
    add_translations(
        path, step=2, epoch=0.5, inputs=A[:3], outputs=np.zeros((3, 8, 8, 1), np.uint8)
    )
    with np.load(path) as file:
        assert file["step"].tolist() == [1, 2]
        assert "truth" not in file.files

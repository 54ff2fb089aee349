"""Judge, monitor and best checkpoint of a translation, on models that do as told."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from experiments.translation_studies import best_checkpoint, distances, findings
from experiments.translation_studies import judge as translation_judge
from experiments.translation_studies import monitor as monitors
from experiments.translation_studies.best_checkpoint import BestCheckpoint
from experiments.translation_studies.judge import (
    HeldOut,
    judge_of,
    quick_scores,
    scores,
)
from jaxgen import losses, metrics, training
from jaxgen.errors import InputError
from jaxgen.metrics.features.base import Activations, FeatureNet
from jaxgen.models import Cycle

SIDE = 12
MEANS = FeatureNet(
    "means", 3, lambda images: Activations(images.mean(axis=(1, 2))), identity="0"
)


def pictures(seed, number=20, channels=3):
    # Smooth enough for every pair to have a sign, different enough to be told apart.
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, [number, 3, 3, channels], dtype=np.uint8)
    return coarse.repeat(SIDE // 3, axis=1).repeat(SIDE // 3, axis=2)


A = pictures(0)
B = 255 - A // 2
"""The truth is a paler negative of the input."""
TEST, TRAIN = HeldOut(A, B, True), HeldOut(pictures(1), 255 - pictures(1) // 2, True)
JUDGE = judge_of(TEST, TRAIN, nets=[MEANS])
WELL = {"scale": jnp.float32(-0.5), "shift": jnp.float32(1.0), "sure": jnp.float32(0.6)}


def translate(state, key, images):
    return jnp.clip(state["scale"] * images + state["shift"], 0, 1)


def critique(state, inputs, images):
    return jnp.where(images.mean(axis=(1, 2)) > 0.7, state["sure"], 1 - state["sure"])


def direction(judge=JUDGE, **more):
    return monitors.Direction("a_to_b", translate, judge, critique, **more)


@pytest.fixture
def watch(tmp_path):
    """A monitor, and what it says."""

    def make(*directions, **more):
        heard = []
        one = monitors.TranslationMonitor(
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


def test_scores_are_those_of_pairs_with_margins_over_doing_nothing():
    outputs = np.uint8(B * 0.9)
    found = scores(jax.random.key(0), JUDGE, outputs)
    away = np.abs(outputs.astype(float) - B).mean(axis=(1, 2, 3)) / 255
    copied = np.abs(A.astype(float) - B).mean(axis=(1, 2, 3)) / 255
    mean = np.abs(TRAIN.b.mean(axis=0).round() - B).mean(axis=(1, 2, 3)) / 255
    l1 = found["l1"]
    assert l1.model.value == pytest.approx(away.mean(), abs=1e-6)
    assert l1.identity.value == pytest.approx(copied.mean(), abs=1e-6)
    assert l1.mean_image.value == pytest.approx(mean.mean(), abs=1e-5)
    # The interval is that of a paired t test.
    expected = stats.ttest_rel(copied, away).confidence_interval(0.95)
    np.testing.assert_allclose(l1.over_identity[1:], expected, rtol=1e-6)
    # More is better of the others: margins are positive where the model is better.
    for metric in ("psnr", "ssim"):
        margin = found[metric].over_mean_image.value
        better = found[metric].model.value - found[metric].mean_image.value
        assert margin == pytest.approx(better)
        assert margin > 0
    assert found["psnr"].model.value == pytest.approx(
        metrics.psnr(outputs, B).mean(), rel=1e-6
    )
    quick = quick_scores(JUDGE, outputs)
    assert list(quick) == list(found) == list(JUDGE.metrics)
    for metric, value in quick.items():
        assert value == pytest.approx(found[metric].model.value, rel=1e-6)


def test_distances_are_of_features_with_a_floor_of_real_images():
    found = scores(jax.random.key(0), JUDGE, np.uint8(B * 0.6))
    assert found["fd"].mean_image is None
    assert found["fd"].model.low > found["fd"].floor > 0
    features = [images.mean(axis=(1, 2)) / 255 for images in (B, np.uint8(B * 0.6))]
    expected = metrics.frechet_distance_of_features(*features)
    assert found["fd"].model.value == pytest.approx(expected, rel=1e-3)
    assert JUDGE.protocol["features"] == "means, 1 networks averaged"
    # Few images have none, nor have they without networks.
    few = HeldOut(A[:5], B[:5], True)
    assert judge_of(few, TRAIN).metrics == ("l1", "psnr", "ssim")
    unpaired = judge_of(HeldOut(A, B[:9], False), TRAIN, nets=[MEANS], reverse=True)
    assert unpaired.metrics == ("fd", "kid")
    assert (len(unpaired.inputs), len(unpaired.targets)) == (9, 20)


def test_random_features_need_no_download():
    judge = judge_of(HeldOut(A[:8], B[:8], False), TRAIN)
    assert judge.protocol["features"] == "random convolutions, 2 networks averaged"
    assert quick_scores(judge, B[:8])["fd"] < judge.floor["fd"]
    # Both networks weigh alike, and large images are averaged first.
    for found in translation_judge.features(judge, TRAIN.b, "training"):
        assert found.var(axis=0).mean() == pytest.approx(1, rel=1e-4)
    large = B.repeat(3, axis=1).repeat(3, axis=2)[:, :-1, :-2]
    assert distances.averaged(large, 3).shape == (20, 11, 11, 3)
    np.testing.assert_array_equal(distances.averaged(large, 3), B[:, :-1, :-1])


def test_outputs_of_another_shape_are_refused():
    with pytest.raises(InputError, match=r"expected \(20, 12, 12, 3\), a translation"):
        scores(jax.random.key(0), JUDGE, B[:5])


def test_the_table_shows_what_there_is_to_compare_with():
    found = scores(jax.random.key(0), JUDGE, B)
    table = findings.scores_table(found, JUDGE)
    assert [row[0] for row in table["rows"]] == ["L1", "PSNR, dB", "SSIM", "FD", "KID"]
    assert {len(row) for row in table["rows"]} == {len(table["columns"])} == {7}
    assert table["rows"][0][1] == "0.0000"
    l1 = found["l1"].over_identity
    assert table["rows"][0][4] == f"{l1.value:.4f} ± {l1.high - l1.value:.4f}"
    assert table["rows"][3][2:6] == [f"{found['fd'].identity.value:.2f}", *"–––"]
    # With two spaces between columns it fits a terminal.
    lines = np.char.str_len([table["columns"], *table["rows"]])
    widths = lines.max(axis=0).tolist()
    assert sum(widths) + 2 * len(widths) <= 80
    assert "20 held-out images of 12 x 12 x 3" in table["note"]
    head = findings.results(found, where=", a to b")
    margin = found["l1"].over_mean_image.value
    assert head["L1 below that of the mean image, a to b"] == (
        pytest.approx(100 * margin),
        "% of the range",
    )
    grey = judge_of(TEST._replace(a=A[..., :1]), TRAIN, nets=())
    found = scores(jax.random.key(0), grey, B)
    assert found["l1"].identity is None
    table = findings.scores_table(found, grey)
    assert table["rows"][0][2] == table["rows"][0][4] == "–"
    assert len(table["columns"]) == 6
    unpaired = judge_of(HeldOut(A, B, False), TRAIN, nets=[MEANS])
    found = scores(jax.random.key(0), unpaired, np.uint8(B * 0.6))
    table = findings.scores_table(found, unpaired)
    assert table["columns"] == ["metric", "model", "input", "real"]
    low, high = found["fd"].model[1:]
    assert table["rows"][0][1].endswith(f"({low:.2f} to {high:.2f})")


def test_a_short_block_is_filled_up_and_cut_again():
    seen = []

    def count(state, key, images):
        seen.append((images.shape[0], tuple(jax.random.key_data(key).tolist())))
        return images

    key = jax.random.key(3)
    out = translation_judge.translated(count, None, A, key, size=8)
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
    assert monitor.measured() == JUDGE.metrics
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
    judges = {
        name: judge_of(TEST, TRAIN, nets=(), reverse=name == "b_to_a")
        for name in ("a_to_b", "b_to_a")
    }
    both = monitors.of_cyclegan(model, judges, losses.gan.least_squares())
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
    assert monitor.measured("b_to_a")[-1] == "cycle"
    with np.load(tmp_path / "arrays" / "translation_looks_b_to_a.npz") as file:
        assert file["outputs"].shape == (1, 4, SIDE, SIDE, 3)


def test_the_boundary_is_that_of_the_loss():
    assert monitors.boundary_of(losses.gan.non_saturating()) == 0.0
    assert monitors.boundary_of(losses.gan.hinge()) == 0.0
    assert monitors.boundary_of(losses.gan.wasserstein()) is None
    model = SimpleNamespace(
        translate=translate, critique=lambda state, images: images.mean(axis=(1, 2, 3))
    )
    one = monitors.of_cut(model, JUDGE, losses.gan.least_squares())
    assert one.critique(None, A, jnp.ones((2, 3, 3, 1))).tolist() == [1, 1]
    model = SimpleNamespace(translate=translate, critique=critique)
    one = monitors.of_pix2pix(model, JUDGE, losses.gan.non_saturating())
    assert (one.name, one.boundary) == ("a_to_b", 0.0)


def restored(directory, template):
    checkpoints = training.Checkpoints(directory, keep=1)
    try:
        return checkpoints.restore(template)
    finally:
        checkpoints.close()


def best_at(tmp_path, values, metric="l1"):
    scored = {step: {metric: value} for step, value in values.items()}
    return BestCheckpoint(tmp_path / "best", metric, lambda step: scored.get(step, {}))


def test_the_best_state_is_kept_also_over_a_resumption(tmp_path):
    values = {10: 0.3, 20: 0.1, 30: 0.2, 40: 0.05}
    state = SimpleNamespace(make=lambda step: {"net": jnp.full(3, float(step))})
    best = best_at(tmp_path, values)
    for step in (10, 20, 30):
        best(state.make(step), step)
    found, known = restored(tmp_path / "best", state.make(0))
    assert known == {"metric": "l1", "value": 0.1, "step": 20}
    assert found["net"].tolist() == [20, 20, 20]
    # It goes on from step 10, does the same again, and then better.
    again = best_at(tmp_path, values)
    for step in (20, 30, 35):
        again(state.make(step), step)
    assert best_checkpoint.best_of(tmp_path / "best")["step"] == 20
    again(state.make(40), 40)
    found, known = restored(tmp_path / "best", state.make(0))
    assert known["step"] == 40
    assert found["net"].tolist() == [40, 40, 40]
    with pytest.raises(InputError, match="best checkpoint by l1, not by psnr"):
        best_at(tmp_path, values, "psnr")


def test_more_is_better_of_psnr(tmp_path):
    best = best_at(tmp_path, {10: 20.0, 20: 25.0, 30: 22.0}, "psnr")
    for step in (10, 20, 30):
        best({"net": jnp.zeros(1)}, step)
    assert best_checkpoint.best_of(tmp_path / "best")["step"] == 20
    assert best_checkpoint.best_of(tmp_path) is None


def test_a_metric_that_is_unknown_or_not_measured_is_refused(tmp_path):
    with pytest.raises(InputError, match="'lpips' .* is unknown: expected one of l1,"):
        best_at(tmp_path, {}, "lpips")
    with pytest.raises(InputError, match="not measured in this run .* of fd, kid, cy"):
        best_checkpoint.check_metric("l1", ("fd", "kid", "cycle"))
    (tmp_path / "best.json").write_text('{"metric": "l1"}')
    with pytest.raises(InputError, match="best.json is damaged"):
        best_checkpoint.best_of(tmp_path)

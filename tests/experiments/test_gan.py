import dataclasses
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import spearmanr

from experiments import evaluate, feature_choice, gan, judged_sets, restored_runs
from experiments.gan_studies import curves, quality, systems
from jaxgen import report, run, training
from jaxgen.errors import InputError
from jaxgen.metrics.features.base import Activations, FeatureNet
from jaxgen.report import gallery
from jaxgen.report.run import read_run

SMALL = gan.Config(
    data="digits",
    systems=("non_saturating", "wgan"),
    hidden=(8,),
    latents=4,
    conditional="concat",
    epochs=5,
    look_every=1,
    samples=40,
    devices=1,
)


def quarters(images: jax.Array) -> Activations:
    """Features and classes that need no training."""
    grey = images.mean(axis=-1)
    means = grey.reshape(-1, 2, 4, 2, 4).mean(axis=(2, 4)).reshape(-1, 4)
    logits = jnp.sin(jnp.arange(1.0, 11.0)[None] * 9 * means[:, :1])
    return Activations(means, jax.nn.log_softmax(logits))


@pytest.fixture(scope="module")
def patched():
    net = FeatureNet("quarters", 4, quarters, "0", {"accuracy": 0.5})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feature_choice, "networks_of", lambda *_: [net])
        patch.setattr(gan, "MONITORED", 60)
        patch.setattr(report, "write_page", lambda folder, **_: folder / "index.html")
        yield patch


@pytest.fixture(scope="module")
def finished(tmp_path_factory, patched) -> tuple[gan.Config, dict]:
    config = dataclasses.replace(SMALL, output=str(tmp_path_factory.mktemp("runs")))
    return config, gan.main(config)


def rows_of(path: Path) -> list[dict]:
    """Records without how fast they came."""
    rows = training.read_records(path)
    return [{k: v for k, v in r.items() if k != "images_per_second"} for r in rows]


def test_a_run_leaves_every_file_that_its_page_is_drawn_from(finished):
    folder = Path(finished[1]["page"]).parent
    assert folder.name == "digits-non_saturating-wgan-mlp-concat"
    figures = {plate.name for plate in gallery.plates(read_run(folder))}
    wanted = {"gan_samples", "gan_epochs", "gan_telling", "adversarial", "monitor"}
    assert wanted <= figures
    # A game has no loss that is to fall, and so no figure of one.
    assert "losses" not in figures
    tables = json.loads((folder / "summary.json").read_text())["tables"]
    assert [len(table["rows"]) for table in tables] == [2, 6]
    assert 0 <= finished[1]["label agreement, WGAN, clipping"] <= 100
    for part in SMALL.systems:
        assert (folder / "parts" / part / "checkpoints").is_dir()


def test_each_system_has_its_records_with_what_was_seen_of_its_samples(finished):
    folder = Path(finished[1]["page"]).parent
    rows = training.read_records(folder / "metrics.jsonl")
    assert {row["split"] for row in rows} == set(SMALL.systems)
    assert len(rows) == 2 * SMALL.epochs
    for row in rows:
        assert {"fd", "label_agreement", "held_out_logit", "real_logit"} <= set(row)
        if row["split"] == "wgan":
            assert row["estimate"] == -row["critic_loss"]
    # A step takes five batches where the critic takes five steps.
    steps = {row["split"]: row["step"] for row in rows}
    assert steps == {"non_saturating": 5 * 25, "wgan": 5 * 5}


def test_each_system_has_a_monitor_whose_looks_the_page_draws(finished):
    folder = Path(finished[1]["page"]).parent
    rows = training.read_records(folder / "monitor.jsonl")
    splits = [row["split"] for row in rows]
    names = ["non-saturating", "WGAN, clipping"]
    assert splits == [name for name in names for _ in range(SMALL.epochs)]
    assert all({"coverage", "diversity", "held_out"} <= set(row) for row in rows)


def test_data_are_put_in_other_batches_for_more_steps_of_the_critic_alone():
    setup = run.prepare(SMALL)
    assert systems.setup_of(SMALL, "non_saturating", setup) is setup
    found = systems.setup_of(SMALL, "wgan", setup)
    kept = ("train", "test", "test_batches", "place")
    assert all(getattr(found, name) is getattr(setup, name) for name in kept)
    steps = setup.batches.steps_per_epoch // 5
    assert found.batches.steps_per_epoch == steps
    assert found.steps == steps * SMALL.epochs


def test_a_resumed_run_is_the_run_in_one_go_to_the_bit(finished, restored, tmp_path):
    half = dataclasses.replace(
        finished[0], systems=("non_saturating",), epochs=2, output=str(tmp_path)
    )
    gan.main(half)
    page = gan.main(dataclasses.replace(half, epochs=5, resume=True))["page"]
    name = "parts/non_saturating"
    one, other = (Path(p).parent / name for p in (finished[1]["page"], page))
    assert rows_of(one / "metrics.jsonl") == rows_of(other / "metrics.jsonl")
    assert (one / "looks.json").read_text() == (other / "looks.json").read_text()
    both = (restored, restored_runs.restore(other.parents[1]))
    states = [found.models["non_saturating"][1] for found in both]
    # Averages of the generator among them.
    leaves = [jax.tree.leaves(state._replace(key=None)) for state in states]
    for a, b in zip(*leaves, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture(scope="module")
def restored(finished) -> restored_runs.Restored:
    return restored_runs.restore(Path(finished[1]["page"]).parent)


def test_samples_are_asked_for_labels_in_turn_and_blocks_do_not_matter(
    restored, monkeypatch
):
    model, state = restored.models["wgan"]
    draw = [quality.drawn(jax.random.key(1), model, state, 25)]
    monkeypatch.setattr(quality, "BLOCK", 10)
    draw.append(quality.drawn(jax.random.key(1), model, state, 25))
    (images, labels), (again, _) = draw
    assert labels.tolist() == [*range(10), *range(10), *range(5)]
    # Another size is another program, which may round differently.
    assert np.abs(images.astype(int) - again).max() <= 1


def test_a_restored_run_can_be_judged(restored):
    found = restored
    assert list(found.models) == ["non_saturating", "wgan"]
    model, state = found.models["wgan"]
    assert int(state.step) == 25
    pictures = judged_sets.pictures_of(found.config)
    judged = judged_sets.judged_sets(jax.random.key(0), model, state, pictures)
    assert judged.reconstructions is None
    assert judged.path is None  # of one label to the next there is no path
    images = judged.samplers[judged_sets.PRIOR](jax.random.key(1), 12)
    assert images.shape == (12, 8, 8, 1)
    assert images.min() >= 0
    assert images.max() <= 1
    with pytest.raises(InputError, match="a GAN has no likelihood"):
        evaluate.chosen_models(evaluate.Config(nll_samples=5), found)


@pytest.mark.parametrize(
    ("system", "conditional"),
    [
        ("non_saturating", "projection"),
        ("hinge", "conditional_norm"),
        ("wgan", "auxiliary"),
        ("relativistic", "concat"),
        ("least_squares", "no"),
    ],
)
def test_every_system_takes_a_step_with_convolutions(system, conditional):
    config = dataclasses.replace(
        SMALL, network="conv", width=4, conditional=conditional, batch_size=8
    )
    setup = run.prepare(config)
    model = gan.build(config, system, setup, critic_steps=1)
    batch = {
        "image": jax.ShapeDtypeStruct((8, 8, 8, 1), jnp.float32),
        "label": jax.ShapeDtypeStruct((8,), jnp.int32),
    }
    state = jax.eval_shape(model.init, jax.random.key(0), batch)
    after, metrics = jax.eval_shape(model.update, state, batch)
    assert jax.tree.structure(after) == jax.tree.structure(state)
    assert ("penalty" in metrics) == (system == "relativistic")
    assert ("estimate" in metrics) == (system in ("non_saturating", "wgan"))


def test_the_rank_correlation_is_spearmans():
    random = np.random.default_rng(0)
    one, other = random.normal(size=(2, 40))
    one[:5] = one[5:10]  # ties
    found = curves.rank_correlation(one, one + other)
    assert found.value == pytest.approx(spearmanr(one, one + other).statistic)
    assert found.low < found.value < found.high
    assert curves.rank_correlation(np.ones(5), np.arange(5.0)).value == 0
    down = curves.rank_correlation(np.arange(5.0), -np.arange(5.0))
    assert down.value == pytest.approx(-1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"conditional": "projection"}, "projection is there for --network conv"),
        ({"systems": ("hinge",)}, "is there for --network conv alone"),
        ({"systems": ("wgan", "wgan")}, "--systems is wgan wgan"),
        ({"systems": ()}, "--systems is empty"),
        ({"latents": 0}, "--latents=0"),
        ({"remedies": "magic"}, "no remedy 'magic'"),
        ({"remedies": "r12"}, "no remedy 'r12'"),
        ({"remedies": "none+pac2"}, "leave `none` out"),
        (
            {"systems": ("hinge",), "network": "conv", "remedies": "unroll2"},
            "vectors of spectral normalization count as constants",
        ),
    ],
)
def test_options_that_do_not_go_together_are_refused(options, message, tmp_path):
    config = dataclasses.replace(SMALL, output=str(tmp_path), **options)
    with pytest.raises(InputError, match=message):
        gan.main(config)
    assert not list(tmp_path.iterdir())


def test_a_conditional_model_needs_labels():
    setup = run.prepare(SMALL)
    bare = dataclasses.replace(setup.train, class_names=None)
    with pytest.raises(InputError, match="--conditional is concat, but the images"):
        gan.build(SMALL, "wgan", setup._replace(train=bare))

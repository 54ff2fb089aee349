import dataclasses
import functools
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import spearmanr

from experiments import evaluate, gan, judged_sets, restored_runs
from experiments.figures import gan as figures
from jaxgen import metrics, models, random, report, run, training
from jaxgen.errors import InputError
from jaxgen.images import every_nth
from jaxgen.metrics import collapse_monitor, features
from jaxgen.metrics.features.base import Activations, FeatureNet
from jaxgen.report.records import record_figures
from jaxgen.report.run import read_run

SMALL = gan.Config(
    data="digits",
    systems=("non_saturating", "wgan"),
    hidden=(8,),
    latents=4,
    conditional="concat",
    epochs=5,
    look_every=1,
    devices=1,
)


LABELS = {"non_saturating": "non-saturating", "wgan": "WGAN, clipping"}


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
        few = functools.partial(metrics.measure_quality, num_labelled=40)
        patch.setattr(metrics, "measure_quality", few)
        patch.setattr(features, "named_features", lambda *_, **__: [net])
        patch.setattr(collapse_monitor, "SIZES", (60,))
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
    figures = report.read_figures(folder) | record_figures(read_run(folder))
    wanted = ["gan_samples", "gan_epochs", "gan_telling", "adversarial", "monitor"]
    # A game has no loss that is to fall, and so no figure of one.
    assert [name for name in figures if name != "health"] == wanted
    summary = json.loads((folder / "summary.json").read_text())
    assert [len(table["rows"]) for table in summary["tables"]] == [2, 6]
    assert summary["claim"]["verdict"] == "cannot be told here"
    assert summary["claim"]["reason"] == "other systems"
    for part in SMALL.systems:
        assert (folder / "parts" / part / "checkpoints").is_dir()


def test_the_head_has_at_most_four_numbers_with_their_intervals(finished):
    summary = json.loads(
        (Path(finished[1]["page"]).parent / "summary.json").read_text()
    )
    results = summary["results"]
    assert list(results) == [
        "generator loss and FD, non-saturating",
        "FD, non-saturating",
        "label agreement, non-saturating",
        "FD, WGAN, clipping",
    ]
    for number in results.values():
        assert number["low"] <= number["value"] <= number["high"]
    assert 0 <= results["label agreement, non-saturating"]["value"] <= 100


def test_the_figures_show_what_the_run_kept(finished):
    config, folder = finished[0], Path(finished[1]["page"]).parent
    figures = report.read_figures(folder)
    (samples,) = figures["gan_samples"].panels.values()
    test = run.prepare(config).test
    np.testing.assert_array_equal(
        samples["real images"], test.read(every_nth(len(test), 64))["image"]
    )
    for part, label in LABELS.items():
        home = folder / "parts" / part
        kept = training.read_snapshots(home / "epochs.npz")
        rows = figures["gan_epochs"].panels[label]
        assert list(rows) == [f"epoch {epoch}" for epoch in kept]
        for images, (name, shown) in zip(kept.values(), rows.items(), strict=True):
            np.testing.assert_array_equal(images, shown, err_msg=name)
        # Latents of the page's samples are drawn alike for both.
        key = random.stream(jax.random.key(config.seed), "figures")
        loaded = run.load_model(folder, part)
        drawn, _ = metrics.draw_images(key, loaded.model, loaded.state, 64)
        np.testing.assert_array_equal(samples[label], drawn)
    assert figures["gan_epochs"].across == tuple(map(str, range(10)))


def test_the_signals_are_drawn_against_the_distance_at_every_look(finished):
    folder = Path(finished[1]["page"]).parent
    panels = report.read_figures(folder)["gan_telling"].panels
    rows = training.read_records(folder / "metrics.jsonl")
    expected = [
        [[row[name], row["fd"]] for row in rows if row["split"] == part]
        for part in SMALL.systems
        for name in ("epoch", "estimate", "generator_loss")
    ]
    assert [panel.groups[""].tolist() for panel in panels.values()] == expected
    names = ["epoch", "critic's estimate", "generator loss"]
    assert [panel.x_label for panel in panels.values()] == 2 * names
    # Spearman's, calculated apart from the script.
    for title, points in zip(panels, expected, strict=True):
        if "rank correlation" in title:
            rho = f"{spearmanr(points).statistic:.2f}".replace("-", "\N{MINUS SIGN}")
            assert title.startswith(f"rank correlation {rho}")


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
    assert [row["split"] for row in rows] == [
        name for name in SMALL.systems for _ in range(SMALL.epochs)
    ]
    assert all({"coverage", "diversity", "held_out"} <= set(row) for row in rows)
    panels = record_figures(read_run(folder))["monitor"].panels
    for number, (part, label) in enumerate(LABELS.items()):
        own = [row["diversity"] for row in rows if row["split"] == part]
        curve = panels["Diversity"].curves[label]
        assert curve.y.tolist() == own, number


def test_a_resumed_run_is_the_run_in_one_go_to_the_bit(finished, tmp_path):
    half = dataclasses.replace(
        finished[0], systems=("non_saturating",), epochs=2, output=str(tmp_path)
    )
    gan.main(half)
    page = gan.main(dataclasses.replace(half, epochs=5, resume=True))["page"]
    name = "parts/non_saturating"
    one, other = (Path(p).parent / name for p in (finished[1]["page"], page))
    assert rows_of(one / "metrics.jsonl") == rows_of(other / "metrics.jsonl")
    assert (one / "quality.jsonl").read_text() == (other / "quality.jsonl").read_text()
    states = [
        run.load_model(p.parents[1], "non_saturating").state for p in (one, other)
    ]
    # Averages of the generator among them.
    leaves = [jax.tree.leaves(state._replace(key=None)) for state in states]
    assert len(leaves[0]) > 8
    for a, b in zip(*leaves, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_finished_run_can_be_judged(finished):
    found = restored_runs.restore(Path(finished[1]["page"]).parent)
    assert list(found.models) == list(SMALL.systems)
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
        ("hinge", "projection"),
        ("wgan", "auxiliary"),
        ("relativistic", "concat"),
        ("least_squares", "no"),
    ],
)
def test_every_system_takes_a_step_with_convolutions(system, conditional):
    config = dataclasses.replace(
        SMALL, network="conv", width=4, conditional=conditional, batch_size=8
    )
    classes = None if conditional == "no" else 10
    model = gan.build(config, system, (8, 8, 1), classes)
    size = 8 * models.PUBLISHED_GANS[system].critic_steps
    batch = {
        "image": jax.ShapeDtypeStruct((size, 8, 8, 1), jnp.float32),
        "label": jax.ShapeDtypeStruct((size,), jnp.int32),
    }
    state = jax.eval_shape(model.init, jax.random.key(0), batch)
    after, metrics = jax.eval_shape(model.update, state, batch)
    assert jax.tree.structure(after) == jax.tree.structure(state)
    assert ("penalty" in metrics) == (system == "relativistic")
    assert ("estimate" in metrics) == (system in ("non_saturating", "wgan"))


def test_the_preset_of_labels_is_a_dcgan_of_ten_classes():
    config = dataclasses.replace(gan.CONDITIONAL, data="digits", width=2, devices=1)
    (name,) = config.systems
    model = gan.build(config, name, (8, 8, 1), 10)
    assert model.num_classes == 10
    assert config.look_every == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"conditional": "projection"}, "non_saturating --conditional projection"),
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
    with pytest.raises(InputError, match="digits have no labels: take a labelled set"):
        run.class_names(setup._replace(train=bare))


def system(label, levels, *, looks=10):
    """What a run found of a system: the rank correlations of its signals with FD."""
    found = {
        name: metrics.SignalCorrelation(metrics.Interval(*level), level, looks)
        for name, level in levels.items()
    }
    return figures.System(label, 1, {"fd": np.zeros(looks)}, found, None, None, {})


@pytest.mark.parametrize(
    ("estimate", "loss", "verdict"),
    [
        ((0.9, 0.76, 0.96), (-0.63, -0.8, -0.3), "held"),
        ((0.9, 0.76, 0.96), (0.2, -0.2, 0.5), "held"),
        # The loss tells as much.
        ((0.9, 0.76, 0.96), (0.6, 0.3, 0.75), "not held"),
        # The estimate goes the wrong way.
        ((-0.5, -0.8, -0.1), (-0.63, -0.8, -0.3), "not held"),
        # Neither is known well enough.
        ((0.3, -0.1, 0.6), (-0.6, -0.8, -0.3), "cannot be told here"),
        ((0.5, 0.1, 0.8), (0.1, -0.3, 0.4), "cannot be told here"),
    ],
)
def test_the_claim_needs_a_correlation_of_the_estimate_alone(estimate, loss, verdict):
    systems = {
        "non_saturating": system("non-saturating", {"generator loss": loss}),
        "wgan_gp": system("WGAN-GP", {"critic's estimate": estimate}),
    }
    found = gan.CLAIM.verdict(systems)
    assert found.outcome == verdict
    assert "one seed" in str(found)
    assert found.finding.number.value == estimate[0]
    few = systems | {"wgan_gp": system("WGAN-GP", {}, looks=9)}
    assert gan.CLAIM.verdict(few).reason == "fewer than 10 looks at WGAN-GP"
    assert gan.CLAIM.verdict({"wgan_gp": systems["wgan_gp"]}).reason == "other systems"

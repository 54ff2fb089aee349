"""experiments.stylegan: one run of tiny networks at 16 pixels, read from its files."""

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from experiments import stylegan
from experiments.figures import stylegan as figures
from jaxgen import data, random, report, run, training
from jaxgen.calls import describe
from jaxgen.errors import InputError
from jaxgen.images import every_nth, to_bytes
from jaxgen.metrics import collapse_monitor, features
from jaxgen.metrics.features.base import Activations, FeatureNet
from jaxgen.report.records import record_figures
from jaxgen.report.run import read_run
from tests.experiments.figure_mutants import (
    Expected,
    caught_by,
    differences,
    mutants,
)
from tests.experiments.tiny_scripts import tiny_stylegan
from tests.experiments.tiny_settings import SETTINGS

SMALL = stylegan.Config(**SETTINGS["stylegan"])
STEPS = 12


def quarters(images: jax.Array) -> Activations:
    """Features that need no compilation worth the name."""
    cells = images.reshape(-1, 2, 8, 2, 8, 3).mean(axis=(2, 4))
    return Activations(cells.reshape(-1, 12))


@pytest.fixture(scope="module")
def patched():
    net = FeatureNet("quarters", 12, quarters, "0", {})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(features, "random_features", lambda images: (net,))
        patch.setattr(collapse_monitor, "SIZES", (60,))
        patch.setattr(report, "write_page", lambda folder, **_: folder / "index.html")
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory, patched) -> tuple[stylegan.Config, Path]:
    config = dataclasses.replace(SMALL, output=str(tmp_path_factory.mktemp("runs")))
    with tiny_stylegan():
        return config, Path(stylegan.main(config)["page"]).parent


@pytest.fixture(scope="module")
def loaded(finished) -> dict[str, run.Loaded]:
    return {part: run.load_model(finished[1], part) for part in ("stylegan2", "dcgan")}


def rows_of(folder: Path, part: str, file: str = "metrics.jsonl") -> list[dict]:
    records = training.read_records(folder / file)
    return [row for row in records if row["split"] == part]


def test_a_run_leaves_every_file_that_its_page_is_drawn_from(finished):
    folder = finished[1]
    assert folder.name == "emoji-stylegan2-dcgan-small-ada"
    found = report.read_figures(folder) | record_figures(read_run(folder))
    assert [name for name in found if name != "health"] == [
        "stylegan_samples",
        "stylegan_distance",
        "stylegan_mixing",
        "stylegan_epochs",
        "adversarial",
        "regularization",
        "monitor",
    ]
    panels = found["regularization"].panels
    assert list(panels) == ["Augment probability", "Augment sign", "Path length"]
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["claim"]["reason"] == "fewer than 6 looks"
    for number in summary["results"].values():
        assert number["low"] <= number["value"] <= number["high"]


def test_every_penalty_and_the_augmentation_are_on(finished, loaded):
    # Records say nothing of a lazy R1.
    assert describe(loaded["stylegan2"].model)["arguments"]["r1_weight"] == 1.0
    rows = rows_of(finished[1], "stylegan2")
    assert [row["step"] for row in rows] == [4, 8, 12]
    for row in rows:
        assert row["path_length"] > 0
        assert {"augment_probability", "augment_sign", "held_out_logit"} <= set(row)
        assert row["fd_low"] <= row["fd"] <= row["fd_high"]
    # Half of the examples that take the probability to 1, if it always rose.
    most = STEPS * SMALL.batch_size / SMALL.augment_examples
    assert 0 < rows[-1]["augment_probability"] <= most


def test_the_table_counts_parameters_and_images(finished, loaded):
    (table,) = json.loads((finished[1] / "summary.json").read_text())["tables"]
    columns = table["columns"]
    for row, (part, (_, state, _)) in zip(table["rows"], loaded.items(), strict=True):
        cells = dict(zip(columns, row, strict=True))
        assert cells["system"] == figures.LABELS[part]
        assert cells["images"] == f"{int(state.step) * SMALL.batch_size:,}"
        for player in ("generator", "critic"):
            params = jax.tree.leaves(getattr(state, player).params)
            assert cells[player] == f"{sum(leaf.size for leaf in params):,}"


def test_the_dcgan_is_trained_for_the_steps_that_equal_time_chose(finished, loaded):
    folder = finished[1]
    kept = json.loads((folder / "parts" / "dcgan" / "length.json").read_text())
    assert kept == {"of": STEPS, "steps": int(loaded["dcgan"].state.step)}
    # Without augmentation, and with about as many looks.
    rows = rows_of(folder, "dcgan")
    assert not any("augment_sign" in row for row in rows)
    assert 3 <= sum("fd" in row for row in rows) <= 6


def mixed(model, state, key, truncation) -> dict[str, np.ndarray]:
    """Images of mixed styles, a pair at a time."""
    latents = model.draw_latents(key, (12, model.latents))
    styles = np.asarray(model.map_latents(state, latents, truncation=truncation))
    rows = [[model.map_latents(state, latents[:1], truncation=0.0)[0], *styles[6:]]]
    for coarse in styles[:6]:
        pairs = [np.concatenate([coarse[:3], fine[3:]]) for fine in styles[6:]]
        rows.append([coarse, *pairs])
    names = ["fine styles", *(f"coarse style {number}" for number in range(1, 7))]
    return {
        name: to_bytes(model.synthesize(state, jnp.stack(row)))
        for name, row in zip(names, rows, strict=True)
    }


def expected_of(folder: Path, loaded) -> dict[str, Expected]:
    """Computes what each figure shows from the models and the records of a run."""
    key = random.stream(jax.random.key(0), "figures")
    drawn, mixing = jax.random.split(key)
    test = data.load("emoji", split="test", image_size=16)
    samples = {"real images": test.read(every_nth(len(test), 64))["image"]}
    epochs, curves = {}, {}
    for part, (model, state, _) in loaded.items():
        label = figures.LABELS[part]
        sample = jax.jit(model.sample, static_argnums=2)
        samples[label] = to_bytes(sample(state, jax.random.clone(drawn), 64))
        if part == "stylegan2":
            again = jax.random.clone(drawn)
            images = to_bytes(sample(state, again, 64, truncation=0.7))
            samples[f"{label} at truncation 0.7"] = images
        kept = training.read_snapshots(folder / "parts" / part / "epochs.npz")
        epochs[label] = {f"epoch {epoch}": images for epoch, images in kept.items()}
        rows = [row for row in rows_of(folder, part) if "fd" in row]
        rate = run.median_rate(folder / "parts" / part / "metrics.jsonl")
        seconds = [row["step"] * SMALL.batch_size / rate for row in rows]
        terms = ("fd", "fd_low", "fd_high")
        y, low, high = (np.array([row[term] for row in rows]) for term in terms)
        curves[label] = {"x": np.array(seconds), "y": y, "low": low, "high": high}
    config = json.loads((folder / "summary.json").read_text())
    floor = float(config["tables"][0]["note"].split("images get ")[1].split(". ")[0])
    shown = report.read_figures(folder)["stylegan_distance"].panels
    level = shown["Frechet distance"].curves["real images"]
    np.testing.assert_allclose(level.y, floor, atol=0.006)
    curves["real images"] = {
        "x": np.array([0.0, max(curve["x"][-1] for curve in curves.values())]),
        "y": level.y,
    }
    told = ", ".join(
        f"{name} {curve['y'][-1]:.2f}"
        for name, curve in curves.items()
        if name != "real images"
    )
    model, state, _ = loaded["stylegan2"]
    return {
        "stylegan_samples": Expected(
            "Samples beside real images",
            (
                f"64 images of each, none of them picked: {', '.join(samples)}",
                "Squares",
            ),
            {"panels": {"": samples}},
        ),
        "stylegan_distance": Expected(
            "Frechet distance over training",
            (
                "lower at equal seconds of training",
                f"at the end {told}; real images {level.y[0]:.2f}",
            ),
            {"panels": {"Frechet distance": {"curves": curves}}},
        ),
        "stylegan_mixing": Expected(
            "Mixed styles",
            ("in the corner is the image of the average", "6 sources of coarse styles"),
            {"panels": {"": mixed(model, state, mixing, 0.7)}},
        ),
        "stylegan_epochs": Expected(
            "The same latents as training goes on",
            ("A column is one latent", "one an epoch, of " + ", ".join(epochs)),
            {"panels": epochs},
        ),
    }


def test_figures_show_what_models_and_records_say_and_wrong_ones_are_caught(
    finished, loaded
):
    found = report.read_figures(finished[1])
    expected = expected_of(finished[1], loaded)
    assert not differences(found, expected)
    chosen = mutants(found, 20)
    assert len({mutant.what for mutant in chosen}) == 20
    assert not [one.what for one in chosen if not caught_by(one, expected)]


def test_a_resumed_run_is_the_run_in_one_go_to_the_bit(finished, tmp_path):
    half = dataclasses.replace(
        finished[0], epochs=2, dcgan_width=0, name="half", output=str(tmp_path)
    )
    with tiny_stylegan():
        stylegan.main(half)
        page = stylegan.main(dataclasses.replace(half, epochs=3, resume=True))["page"]
    folders = finished[1], Path(page).parent
    one, other = (run.load_model(folder, "stylegan2").state for folder in folders)
    leaves = [jax.tree.leaves(state._replace(key=None)) for state in (one, other)]
    for a, b in zip(*leaves, strict=True):
        np.testing.assert_array_equal(a, b)
    files = [folder / "parts" / "stylegan2" / "quality.jsonl" for folder in folders]
    assert files[0].read_text() == files[1].read_text()


def test_its_own_networks_take_a_step_on_every_loss_and_penalty(key):
    shape = (16, 16, 3)
    own = dataclasses.replace(SMALL, batch_size=4, augment_examples=16.0)
    model = stylegan.build(own, "stylegan2", shape)
    batch = {"image": jax.random.uniform(jax.random.key(1), (4, *shape))}
    before = jax.jit(model.init)(key, batch)
    after, metrics = jax.jit(model.update)(before, batch)
    assert np.isfinite(list(metrics.values())).all()
    assert metrics["path_length"] > 0
    assert {"augment_probability", "augment_sign"} <= set(metrics)
    for net in ("generator", "critic"):
        old, new = getattr(before, net), getattr(after, net)
        # One on the loss, and one on its lazy penalty: path length, and R1.
        assert optax.tree.get(new.opt_state, "count") == 2
        moved = jax.tree.map(lambda a, b: (a != b).any(), old.params, new.params)
        assert all(jax.tree.leaves(moved))


@pytest.mark.slow
@pytest.mark.parametrize(
    "changed",
    [
        {"generation": "stylegan1", "augment": "dag"},
        {"augment": "diff_augment", "r1_weight": 0.0},
        {"truncation": 1.0, "augment": "none"},
    ],
)
def test_every_other_choice_runs(patched, tmp_path, changed):
    options = changed | {"dcgan_width": 0, "epochs": 1, "output": str(tmp_path)}
    folder = Path(stylegan.main(dataclasses.replace(SMALL, **options))["page"]).parent
    (table,) = json.loads((folder / "summary.json").read_text())["tables"]
    label = figures.LABELS[changed.get("generation", "stylegan2")]
    assert [row[0] for row in table["rows"]] == [label]
    assert len(report.read_figures(folder)) == 4


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        ({"sizes": "auto"}, (19_947_539, 21_507_073)),
        ({"sizes": "cifar"}, (19_947_539, 20_720_641)),
        ({"sizes": "auto", "generation": "stylegan1"}, (22_836_739, 20_720_641)),
    ],
)
def test_published_sizes_have_their_published_parameters(options, numbers):
    config = dataclasses.replace(SMALL, image_size=32, **options)
    model = stylegan.build(config, config.generation, (32, 32, 3))
    batch = {"image": jax.ShapeDtypeStruct((8, 32, 32, 3), jnp.float32)}
    state = jax.eval_shape(model.init, jax.random.key(0), batch)
    nets = (state.generator.params, state.critic.params)
    found = [sum(leaf.size for leaf in jax.tree.leaves(net)) for net in nets]
    assert tuple(found) == numbers
    assert model.latents == 512


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channel_base": 8}, "--channel-base=8: layers of 16 pixels"),
        ({"channel_max": 0}, "--channel-max=0"),
        ({"image_size": 20}, "--image-size=20: StyleGAN takes"),
        ({"r1_weight": -1.0}, "--r1-weight=-1"),
        ({"augment_examples": 0.0}, "--augment-examples=0"),
        ({"look_every": 0}, "--look-every=0"),
        ({"batch_size": 317, "devices": 1}, "a multiple of 2"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options, message, tmp_path):
    config = dataclasses.replace(SMALL, output=str(tmp_path), **options)
    with pytest.raises(InputError) as refusal:
        stylegan.main(config)
    assert message in run.in_options(str(refusal.value), config)
    assert not list(tmp_path.iterdir())


def system(*distances: tuple[float, float, float]) -> figures.System:
    """What a run found, with these distances at its looks."""
    looks = dict(zip(("fd", "fd_low", "fd_high"), np.array(distances).T, strict=True))
    looks["images seen"] = 100.0 * np.arange(1, len(distances) + 1)
    return figures.System("StyleGAN2", looks, (1, 1), {}, {}, {})


@pytest.mark.parametrize(
    ("third", "end", "verdict"),
    [
        ((50, 45, 55), (30, 26, 34), "held"),
        ((30, 26, 34), (50, 45, 55), "not held"),
        ((50, 45, 55), (43, 40, 46), "cannot be told here"),
        ((43, 40, 46), (50, 45, 55), "cannot be told here"),
    ],
)
def test_the_claim_needs_intervals_that_are_apart(third, end, verdict):
    # A third of six looks are the first two.
    one = system((90, 80, 99), third, (1, 1, 1), (99, 99, 99), (1, 1, 1), end)
    found = stylegan.CLAIM.verdict(one)
    assert found.outcome == verdict
    assert found.finding.number == run.Estimate(*map(float, end))
    assert str(run.Estimate(*map(float, third))) in str(found)
    assert "one seed" in str(found)
    few = system(third, third, third, third, end)
    assert stylegan.CLAIM.verdict(few).reason == "fewer than 6 looks"


def test_a_training_too_short_to_tell_its_speed_is_drawn_over_images():
    images = np.random.default_rng(0).integers(0, 256, (7, 16, 16, 3), np.uint8)
    one = system((9, 8, 10), (7, 6, 8))
    one = one._replace(
        looks=one.looks | {figures.AXES[0]: np.full(2, np.nan)},
        samples={one.label: np.tile(images[:1], (64, 1, 1, 1))},
        mixed={"fine styles": images, "coarse style 1": images[::-1]},
        epochs={1: images},
    )
    test = data.load("emoji", split="test", image_size=16)
    found = figures.figures({"stylegan2": one}, test, 5.0)["stylegan_distance"]
    assert found.x_label == "images seen"
    (curve, _) = found.panels["Frechet distance"].curves.values()
    np.testing.assert_array_equal(curve.x, [100.0, 200.0])
    real = SimpleNamespace(nets=[SimpleNamespace(name="a")], num_images=7, floor=5.0)
    table = figures.table({"stylegan2": one}, real)
    row = dict(zip(table.columns, table.rows[0], strict=True))
    assert (row["seconds"], row["images"]) == ("", "200")

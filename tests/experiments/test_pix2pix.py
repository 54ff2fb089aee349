import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from experiments import pix2pix
from experiments.translation_studies import best_checkpoint, data, parts, runs
from experiments.translation_studies import training as translation_training
from jaxgen import run, training
from jaxgen.errors import InputError
from jaxgen.report import gallery
from jaxgen.report.run import read_run
from tests.experiments.tiny_scripts import tiny_networks

TINY = pix2pix.Config(
    image_size=16,
    load_size=18,
    share=0.06,
    judged=6,  # too few for distances, whose networks would take the time
    width=4,
    depth=2,
    dropout="none",
    critic="pixel",
    critic_width=4,
    epochs=2,
    decay=0.0,  # so that half a run may become a whole one
    batch_size=16,
    look_every=1,
    devices=1,
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> tuple[pix2pix.Config, dict]:
    output = str(tmp_path_factory.mktemp("runs"))
    # All that are held out are looked at.
    config = dataclasses.replace(TINY, output=output, judged=1000)
    with tiny_networks():
        return config, pix2pix.main(config)


def rows_of(path: Path) -> list[dict]:
    """Records without how fast they came."""
    rows = training.read_records(path)
    return [{k: v for k, v in r.items() if k != "images_per_second"} for r in rows]


def test_a_run_leaves_every_file_that_its_page_is_drawn_from(finished):
    folder = Path(finished[1]["page"]).parent
    assert folder.name == "emoji-l1-cgan-unet-16-6percent"
    figures = {plate.name for plate in gallery.plates(read_run(folder))}
    wanted = {"triples", "looks_a_to_b", "terms", "health", "scores"}
    assert {f"translation_{name}" for name in wanted} <= figures
    summary = json.loads((folder / "summary.json").read_text())
    (table,) = summary["tables"]
    assert [row[0] for row in table["rows"]] == ["L1", "PSNR, dB", "SSIM"]
    assert summary["best checkpoint"].startswith("step ")
    for name in ("identity", "mean image"):
        assert np.isfinite(finished[1][f"L1 below that of the {name}"])
    config = json.loads((folder / "config.json").read_text())
    # What was used, presets and all; and what was asked for.
    assert config["config"]["learning_rate"] == pix2pix.settled(TINY).learning_rate
    assert "--learning-rate" not in config["command"]
    assert "--share 0.06" in config["command"]


def test_terms_are_recorded_each_under_its_own_name(finished):
    folder = Path(finished[1]["page"]).parent
    rows = rows_of(folder / "metrics.jsonl")
    assert [row["split"] for row in rows] == ["train", "test"] * 2
    for row in rows[::2]:
        assert row["critic_sum"] == pytest.approx(2 * row["critic_loss"], rel=1e-6)
        total = row["adversarial"] + 100 * row["l1"]
        assert row["generator_loss"] == pytest.approx(total, rel=1e-5)
    # The page's distances are of pixels in [0, 1], half of those in [-1, 1], and of
    # images in 8 bits.
    looks = training.read_records(folder / "translation.jsonl")
    assert [look["l1"] for look in looks] == pytest.approx(
        [row["l1"] / 2 for row in rows[1::2]], rel=5e-3
    )


def test_a_resumed_run_is_the_run_in_one_go_to_the_bit(finished, tmp_path):
    half = dataclasses.replace(finished[0], epochs=1, output=str(tmp_path))
    with tiny_networks():
        pix2pix.main(half)
        page = pix2pix.main(dataclasses.replace(half, epochs=2, resume=True))["page"]
    one, other = (Path(path).parent for path in (page, finished[1]["page"]))
    for name in ("metrics.jsonl", "translation.jsonl"):
        assert rows_of(one / name) == rows_of(other / name)
    for name in ("translation_looks_a_to_b", "translation_triples"):
        a, b = (
            np.load(finished / "arrays" / f"{name}.npz") for finished in (one, other)
        )
        for key in a.files:
            np.testing.assert_array_equal(a[key], b[key])


def test_a_length_that_the_rates_depend_on_cannot_be_changed(finished):
    longer = dataclasses.replace(finished[0], epochs=3, decay=0.5, resume=True)
    with (
        tiny_networks(),
        pytest.raises(InputError, match="epochs was 2 and is now 3"),
    ):
        pix2pix.main(longer)


def test_the_translator_of_a_run_makes_what_its_page_shows(finished):
    folder = Path(finished[1]["page"]).parent
    with tiny_networks():
        loaded = runs.load_translator(folder, which="last")
        kept = runs.load_translator(folder, which="best")
    shown = np.load(folder / "arrays" / "translation_triples.npz")
    made = np.asarray(loaded.translate(None, shown["inputs"].astype(np.float32) / 255))
    assert np.abs(255 * made - shown["outputs"]).max() < 1
    best = best_checkpoint.best_of(folder / best_checkpoint.FOLDER)
    scores = training.read_records(folder / "translation.jsonl")
    assert best["value"] == min(score["l1"] for score in scores)
    assert f"after {best['step']} steps" in kept.source


def shapes_of(config: pix2pix.Config, channels=(3, 3)) -> tuple[Any, ...]:
    """Returns a model, its state and a batch, the latter two in shapes alone."""
    config = pix2pix.settled(config)
    model = pix2pix.build(config, channels, steps=10)
    batch = {
        name: jax.ShapeDtypeStruct((4, 16, 16, count), np.float32)
        for name, count in zip("ab", channels, strict=True)
    }
    return model, jax.eval_shape(model.init, jax.random.key(0), batch), batch


@pytest.mark.parametrize(
    ("objective", "channels"),
    [("l1", None), ("gan", 3), ("cgan", 6), ("l1+gan", 3), ("l1+cgan", 6)],
)
def test_objectives_are_the_ablations_of_the_paper(objective, channels):
    model, state, batch = shapes_of(dataclasses.replace(TINY, objective=objective))
    if channels is None:
        assert not jax.tree.leaves(state.critic)
        _, metrics = jax.eval_shape(model.update, state, batch)
        assert "critic_sum" not in metrics
    else:
        kernel = state.critic.params["layer_0"]["conv"]["kernel"]
        assert kernel.shape[2] == channels


@pytest.mark.parametrize(
    ("options", "heads"),
    [
        ({"remedies": "dag+r1=1"}, 4),
        ({"remedies": "dag=0.5", "dag_transforms": "cropping", "critic": "patch"}, 5),
        ({"remedies": "diff_augment"}, 1),
        ({"remedies": "ada", "loss": "non_saturating"}, 1),
        ({"remedies": "shared+lecam", "loss": "hinge", "spectral": True}, 1),
        ({"generator": "resnet", "norm": "instance", "dropout": "blocks"}, 1),
        ({"upsampling": "resize_conv", "dropout": "reference"}, 1),
        ({"dtype": "bfloat16", "loss": "wasserstein", "remedies": "gp"}, 1),
    ],
)
def test_options_go_together(options, heads):
    _, state, _ = shapes_of(dataclasses.replace(TINY, **options), channels=(1, 3))
    assert state.critic.params["head"]["conv"]["kernel"].shape[-1] == heads


def test_the_preset_of_the_paper_can_be_overridden_by_each_option():
    paper = pix2pix.settled(pix2pix.Config(preset="paper", epochs=7, width=8))
    assert (paper.epochs, paper.width) == (7, 8)
    assert (paper.image_size, paper.load_size, paper.batch_size) == (256, 286, 1)
    assert (paper.depth, paper.dropout, paper.norm) == (8, "paper", "batch")
    assert (paper.learning_rate, paper.b1, paper.b2) == (2e-4, 0.5, 0.999)
    assert (paper.l1_weight, paper.decay, paper.critic_layers) == (100.0, 0.5, 3)
    assert pix2pix.settled(paper) == paper
    smaller = pix2pix.settled(pix2pix.Config(preset="paper", image_size=96))
    assert (smaller.depth, smaller.load_size) == (5, 107)


def test_the_learning_rate_is_constant_and_falls_to_nothing():
    config = pix2pix.settled(pix2pix.Config(preset="paper"))
    optimizer = parts.optimizers_of(config, steps=8).generator
    gradient = {"x": jnp.ones(1)}
    update = jax.jit(optimizer.update)
    state, sizes = optimizer.init(gradient), []
    for _ in range(8):
        # Of a constant gradient Adam's step is the rate.
        step, state = update(gradient, state)
        sizes.append(-float(step["x"][0]))
    rates = 2e-4 * np.array([1, 1, 1, 1, 1, 0.75, 0.5, 0.25])
    np.testing.assert_allclose(sizes, rates, rtol=1e-3)


def test_a_share_is_the_same_pairs_each_time_and_part_of_a_larger():
    names = []
    for share in (0.1, 0.1, 0.3):
        config = pix2pix.settled(dataclasses.replace(TINY, share=share))
        setup = data.prepare(config)
        names.append(setup.train.names)
        assert len(setup.train.a) == len(setup.train.b) == round(share * 633)
    assert names[0] == names[1]
    assert set(names[0]) < set(names[2])


def test_colour_alone_is_shown_as_a_picture():
    config = pix2pix.settled(dataclasses.replace(TINY, data="photos"))
    pairs = data.loaded(config, "test", 16)
    judged = data.judged_images(pairs, 3)
    assert [x.shape[-1] for x in judged[:2]] == [1, 2]
    show = translation_training.show_of(config)
    photos = data.loaded(dataclasses.replace(config, degrade="x2"), "test", 16)
    known = data.judged_images(photos, 3).b.astype(int)
    # Colours that 8 bits of a* and b* and of lightness can tell.
    assert np.abs(show(*judged[:2]).astype(int) - known).mean() < 2
    reverse = dataclasses.replace(config, direction="b_to_a")
    assert translation_training.show_of(reverse) is None


@pytest.mark.parametrize(
    ("word", "channels"), [("grey", 1), ("x2", 3), ("edges", 1), ("blur=2", 3)]
)
def test_a_degradation_makes_the_pairs(word, channels):
    config = pix2pix.settled(dataclasses.replace(TINY, degrade=word))
    pairs = data.loaded(config, "test", 16)
    assert pairs.a.image_shape == (16, 16, channels)
    drawings = data.loaded(TINY, "test", 16).b.in_memory()["image"]
    np.testing.assert_array_equal(pairs.b.in_memory()["image"], drawings)
    back = dataclasses.replace(config, direction="b_to_a")
    assert data.loaded(back, "test", 16).b.image_shape[-1] == channels


def write(path: Path, shape: tuple[int, ...] = (20, 20, 3), seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, shape, np.uint8)
    Image.fromarray(pixels).save(path)


def flat(path: Path) -> None:
    """Writes what holds no detail, as labels do."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (20, 20), "red").save(path)


def pairs(root: Path) -> None:
    for split in ("train", "test"):
        for side in "AB":
            for number in range(4):
                write(root / split / side / f"{number}.png", seed=number)


def missing_partner(root: Path) -> None:
    (root / "train" / "B" / "2.png").rename(root / "train" / "B" / "7.png")


def grey_among_colours(root: Path) -> None:
    write(root / "train" / "A" / "1.png", (20, 20))


def corrupt(root: Path) -> None:
    path = root / "train" / "A" / "1.png"
    path.write_bytes(path.read_bytes()[:150])


def labels(root: Path) -> None:
    for split in ("train", "test"):
        for number in range(4):
            flat(root / split / "B" / f"{number}.png")


@pytest.mark.parametrize(
    ("damage", "options", "message"),
    [
        (missing_partner, {}, r"train/B has no partner of .*train/A/2\.png"),
        (grey_among_colours, {}, r"A/1\.png has one channel and .*A/0\.png has 3"),
        (corrupt, {}, r"train/A/1\.png cannot be read \(image file is truncated"),
        (labels, {}, "direction='b_to_a' to .*, or direction='a_to_b' if"),
        (None, {"data": "nowhere"}, "'nowhere' is unknown"),
        (None, {"load_size": 12}, "--image-size is 16, a crop that is larger"),
        (None, {"image_size": 18, "depth": 3}, "depth 3 needs"),
        (None, {"degrade": "magic"}, "--degrade is 'magic'"),
        (None, {"degrade": "grey=2"}, "--degrade is 'grey=2'"),
        (None, {"best": "beauty"}, "'beauty' of the best checkpoint is unknown"),
        (None, {"best": "cycle"}, "'cycle' of the best checkpoint is not measured"),
        (None, {"epochs": 0}, "--epochs=0"),
        (None, {"width": 0}, "--width=0"),
        (None, {"share": 0.0}, "--share=0"),
        (None, {"share": 1.5}, r"--share=1\.5"),
        (None, {"decay": 1.5}, r"--decay=1\.5"),
        (None, {"ema_decay": 1.0}, "--ema-decay=1: .* below 1"),
        (None, {"critic": "patch", "critic_layers": 3}, "patch critic of 3 layers"),
        (None, {"dropout": "blocks"}, "--dropout is blocks"),
        (None, {"remedies": "magic"}, "no remedy 'magic'.*diff_augment"),
        (None, {"remedies": "none+dag"}, "leave `none` out"),
        (None, {"batch_size": 100}, "batch size 100 exceeds"),
    ],
)
def test_what_cannot_be_used_is_said_before_training(
    damage: Callable | None, options, message, tmp_path
):
    changed: dict = {"output": str(tmp_path / "runs"), **options}
    if damage is not None:
        pairs(tmp_path / "data")
        damage(tmp_path / "data")
        changed |= {"data": str(tmp_path / "data"), "share": 1.0, "batch_size": 2}
    with pytest.raises(InputError, match=message):
        pix2pix.main(dataclasses.replace(TINY, **changed))
    assert not (tmp_path / "runs").exists()


def test_images_that_are_no_pairs_are_sent_to_cyclegan(tmp_path):
    for name in ("trainA", "trainB", "testA", "testB"):
        for number in range(2):
            write(tmp_path / name / f"{number}.png", seed=number)
    config = dataclasses.replace(TINY, data=str(tmp_path), share=1.0, batch_size=2)
    with pytest.raises(InputError, match=r"no pairs: .* experiments\.cyclegan"):
        pix2pix.main(config)


def test_the_command_line_says_what_is_wrong_and_exits_with_2(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["pix2pix", "--epochs", "0"])
    with pytest.raises(SystemExit) as stop:
        run.command_line(pix2pix.main, pix2pix.Config, pix2pix.__doc__ or "")
    assert stop.value.code == 2
    assert "--epochs=0" in capsys.readouterr().err

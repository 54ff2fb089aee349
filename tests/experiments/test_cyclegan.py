import contextlib
import dataclasses
import json
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image

from experiments import cyclegan
from experiments.translation_studies import data, runs
from jaxgen import training
from jaxgen.errors import InputError
from jaxgen.report import gallery
from jaxgen.report.run import read_run
from tests.experiments.tiny_scripts import tiny_networks

TINY = cyclegan.Config(
    degrade="none",
    image_size=16,
    load_size=18,
    share=0.06,
    judged=6,  # too few for distances, whose networks would take the time
    best="cycle",
    identity=0.0,
    generator="unet",
    depth=2,
    dropout="none",
    width=4,
    critic="pixel",
    critic_width=4,
    pool=3,
    epochs=1,
    batch_size=16,
    look_every=1,
    devices=1,
)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> dict:
    config = dataclasses.replace(TINY, output=str(tmp_path_factory.mktemp("runs")))
    with tiny_networks():
        return cyclegan.main(config)


def test_a_run_leaves_every_file_that_its_page_is_drawn_from(run):
    folder = Path(run["page"]).parent
    assert folder.name == "emoji-cyclegan-unet-16-6percent"
    figures = {plate.name for plate in gallery.plates(read_run(folder))}
    wanted = {"triples", "cycles", "terms", "health"}
    assert {f"translation_{name}" for name in wanted} <= figures
    summary = json.loads((folder / "summary.json").read_text())
    # Scored on held-out pairs, though it was trained without any.
    titles = [table["title"] for table in summary["tables"]]
    assert titles == ["Held-out images, a to b", "Held-out images, b to a"]
    for way in ("a to b", "b to a"):
        assert np.isfinite(run[f"L1 below that of the identity, {way}"])
    looks = training.read_records(folder / "translation.jsonl")
    assert [look["split"] for look in looks] == ["a_to_b", "b_to_a"]
    assert summary["best checkpoint"].startswith("step 2, cycle ")


def test_terms_are_recorded_each_under_its_own_name(run):
    row = training.read_records(Path(run["page"]).parent / "metrics.jsonl")[0]
    halves = row["critic_a_loss"] + row["critic_b_loss"]
    assert row["critic_sum"] == pytest.approx(2 * halves, rel=1e-6)
    total = row["adversarial_a_to_b"] + row["adversarial_b_to_a"]
    total += 10 * (row["cycle_a"] + row["cycle_b"])
    assert row["generator_loss"] == pytest.approx(total, rel=1e-5)


@pytest.mark.parametrize("direction", ["a_to_b", "b_to_a"])
def test_both_translators_of_a_run_make_what_its_page_shows(run, direction):
    folder = Path(run["page"]).parent
    with tiny_networks():
        loaded = runs.load_translator(folder, direction=direction, which="last")
    shown = np.load(folder / "arrays" / "translation_cycles.npz")
    inputs = shown[direction[0]].astype(np.float32) / 255
    made = np.asarray(loaded.translate(None, inputs))
    assert np.abs(255 * made - shown[direction]).max() < 1


@pytest.mark.parametrize(
    ("options", "channels", "terms"),
    [
        ({"identity": None, "cycle": "mse"}, 3, {"cycle_a", "cycle_b", "identity_a"}),
        # Of images with other channels none can be translated to what it is.
        ({"identity": None, "pool": 0}, 1, {"cycle_a", "cycle_b"}),
        ({"remedies": "diff_augment"}, 1, {"cycle_a", "cycle_b"}),
        ({"method": "cut", "remedies": "diff_augment"}, 3, {"nce", "nce_identity"}),
        ({"method": "fastcut", "loss": "hinge"}, 3, {"nce"}),
    ],
)
def test_each_method_has_its_own_terms(options, channels, terms):
    config = cyclegan.settled(dataclasses.replace(TINY, **options))
    # CUT compares what its own generator's layers see.
    with contextlib.nullcontext() if "method" in options else tiny_networks():
        model = cyclegan.build(config, (channels, 3), steps=10)
    batch = {
        name: jax.ShapeDtypeStruct((4, 16, 16, count), np.float32)
        for name, count in (("a", channels), ("b", 3))
    }
    state = jax.eval_shape(model.init, jax.random.key(0), batch)
    _, metrics = jax.eval_shape(model.update, state, batch)
    own = {name for name in metrics if name.startswith(("cycle", "identity", "nce"))}
    assert own - {"identity_b"} == terms


def test_the_preset_is_that_of_the_paper():
    paper = cyclegan.settled(cyclegan.Config(preset="paper"))
    assert (paper.image_size, paper.load_size, paper.batch_size) == (256, 286, 1)
    assert (paper.generator, paper.blocks, paper.width) == ("resnet", 9, 64)
    assert (paper.learning_rate, paper.b1, paper.epochs) == (2e-4, 0.5, 200)
    assert (paper.cycle_weight, paper.pool, paper.decay) == (10.0, 50, 0.5)
    assert (paper.loss, paper.norm) == ("least_squares", "instance")
    assert paper.degrade == "low_light"
    assert cyclegan.settled(cyclegan.Config(data="folder")).degrade == "none"
    small = cyclegan.Config(preset="paper", image_size=128)
    assert cyclegan.settled(small).blocks == 6


def test_the_two_sides_come_in_orders_of_their_own():
    config = cyclegan.settled(TINY)
    setup = data.prepare(config, unpaired=True)
    a, b = (setup.batches.feed(0, 2)[side]["index"] for side in "ab")
    assert (a != b).any()
    # Held-out rows still are pairs.
    a, b = (setup.test_batches.feed(0, 1)[side]["index"] for side in "ab")
    assert (a == b).all()


def test_disjoint_halves_hold_no_pair():
    config = cyclegan.settled(dataclasses.replace(TINY, disjoint=True, batch_size=2))
    halves = data.prepare(config, unpaired=True).train
    whole = data.prepare(cyclegan.settled(TINY), unpaired=True).train
    assert not halves.aligned
    a, b = (source.in_memory()["image"] for source in (whole.a, whole.b))
    np.testing.assert_array_equal(halves.a.in_memory()["image"], a[::2])
    np.testing.assert_array_equal(halves.b.in_memory()["image"], b[1::2])


def unpaired(root: Path) -> Path:
    for name, count in {"trainA": 4, "trainB": 6, "testA": 3, "testB": 3}.items():
        (root / name).mkdir()
        for number in range(count):
            pixels = np.full((20, 20, 3), 20 * number, np.uint8)
            Image.fromarray(pixels).save(root / name / f"{number}.png")
    return root


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"best": "l1"}, "'l1' of the best checkpoint is not measured"),
        ({"disjoint": True}, "--disjoint parts images from their partners"),
        ({"method": "cut", "best": "cycle"}, "'cycle' of the best .* not measured"),
        ({"identity": -1.0}, "--identity=-1"),
        (
            {"image_size": 18, "load_size": 18, "generator": "resnet"},
            "18 x 18 pixels.*ResNet",
        ),
        ({"layout": "aligned"}, r"trainA has no partner of .*trainB/4\.png"),
        ({"test_split": "val"}, "has no split 'val': expected val/A and val/B"),
    ],
)
def test_what_cannot_be_used_is_said_before_training(options, message, tmp_path):
    config = dataclasses.replace(
        TINY, data=str(unpaired(tmp_path)), share=1.0, batch_size=2
    )
    config = dataclasses.replace(config, output=str(tmp_path / "runs"), **options)
    with pytest.raises(InputError, match=message):
        cyclegan.main(config)
    assert not (tmp_path / "runs").exists()

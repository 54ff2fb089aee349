import dataclasses
import json
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image

from experiments import cyclegan
from experiments.translation_studies import runs
from jaxgen import data, report, training
from jaxgen import run as run_library
from jaxgen.errors import InputError
from jaxgen.images import scale, to_bytes
from jaxgen.report import gallery
from jaxgen.report.run import read_run
from tests.experiments.figure_mutants import (
    Expected,
    caught_by,
    differences,
    mutants,
)
from tests.experiments.tiny_scripts import tiny_networks

TINY = cyclegan.Config(
    degrade="none",
    image_size=16,
    share=0.06,
    best="cycle",
    width=4,
    critic_width=4,
    pool=3,
    identity_weight=0.0,
    epochs=2,
    batch_size=16,
    look_every=1,
    devices=1,
)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> dict:
    config = dataclasses.replace(TINY, output=str(tmp_path_factory.mktemp("runs")))
    with tiny_networks():
        return cyclegan.main(config)


def test_a_run_leaves_its_figures_its_tables_and_a_verdict(run):
    folder = Path(run["page"]).parent
    assert folder.name == "emoji-16-6percent"
    figures = report.read_figures(folder)
    assert list(figures) == [
        "translation_triples",
        "translation_cycles",
        "translation_looks_a_to_b",
        "translation_looks_b_to_a",
    ]
    shown = {one.name for one in gallery.figures(read_run(folder))}
    for name in ("health", "scores", "terms"):
        assert f"translation_{name}" in shown
    summary = json.loads((folder / "summary.json").read_text())
    # Scored on held-out pairs, though it was trained without any.
    titles = [table["title"] for table in summary["tables"]]
    assert titles == ["Held-out images, a to b", "Held-out images, b to a"]
    assert list(summary["results"]) == ["L1, a to b", "L1, b to a"]
    for number in summary["results"].values():
        assert number["low"] < number["value"] < number["high"]
    assert summary["claim"]["verdict"] == "cannot be told here"
    assert summary["claim"]["reason"] == "too few steps: 4 of 500"
    looks = training.read_records(folder / "translation.jsonl")
    assert [look["split"] for look in looks] == ["a_to_b", "b_to_a"] * 2
    best = min(look["cycle"] for look in looks if look["split"] == "a_to_b")
    assert summary["best checkpoint"].endswith(f", cycle {best:.4g}")


def test_terms_are_recorded_each_under_its_own_name(run):
    row = training.read_records(Path(run["page"]).parent / "metrics.jsonl")[0]
    halves = row["critic_a_loss"] + row["critic_b_loss"]
    assert row["critic_sum"] == pytest.approx(2 * halves, rel=1e-6)
    total = row["adversarial_a_to_b"] + row["adversarial_b_to_a"]
    total += 10 * (row["cycle_a"] + row["cycle_b"])
    assert row["generator_loss"] == pytest.approx(total, rel=1e-5)


@pytest.fixture(scope="module")
def translators(run):
    """Both translators of the run, loaded from its folder: images in [0, 1]."""
    folder = Path(run["page"]).parent

    def of(direction):
        with tiny_networks():
            loaded = runs.load_translator(folder, direction=direction, which="last")
        return lambda images: loaded.translate(None, images)

    return {direction: of(direction) for direction in ("a_to_b", "b_to_a")}


def expected(folder, translators) -> dict[str, Expected]:
    """Computes what each figure shows from the translators of a run."""
    there, back = translators["a_to_b"], translators["b_to_a"]

    def through(images, *functions):
        """Bytes through one function or two, which are not rounded in between."""
        images = scale(images)
        for function in functions:
            images = function(images)
        return to_bytes(images)

    pairs = run_library.load_pairs(TINY, "test", 16)
    a, b, _ = data.read_pairs(pairs, 10)
    shown = {
        "a to b": {
            **{"input": a, "output": through(a, there)},
            "cycle": through(a, there, back),
        },
        "b to a": {
            **{"input": b, "output": through(b, back)},
            "cycle": through(b, back, there),
        },
    }
    away = [
        np.abs(one["input"].astype(float) - one["cycle"]).mean() / 255
        for one in shown.values()
    ]
    few, truth, _ = data.read_pairs(pairs, 6)
    with np.load(folder / "arrays" / "translation_looks_a_to_b.npz") as file:
        first, last = file["outputs"]
    assert np.abs(last.astype(int) - through(few, there)).max() <= 1
    return {
        "translation_triples": Expected(
            "Input, output and truth",
            ("10 held-out images, none", "10 groups of three images: an input, its"),
            {"panels": {"": {"input": a, "output": through(a, there), "truth": b}}},
        ),
        "translation_cycles": Expected(
            "There and back, in both directions",
            (
                f"by {away[0]:.3f} (a to b) and {away[1]:.3f} (b to a) a pixel",
                "10 from a to b, 10 from b to a.",
            ),
            {"panels": shown},
        ),
        "translation_looks_a_to_b": Expected(
            "The same images as training goes on, a to b",
            ("a column one look at the generator", "6 images by 2 looks"),
            {
                "panels": {
                    "": {
                        **{"input": few, "epoch 1": first, "epoch 2": last},
                        "truth": truth,
                    }
                }
            },
        ),
    }


def test_figures_show_what_the_translators_make_and_wrong_ones_are_caught(
    run, translators
):
    folder = Path(run["page"]).parent
    figures, wanted = report.read_figures(folder), expected(folder, translators)
    # The words of both directions differ in the title alone.
    back = figures.pop("translation_looks_b_to_a")
    assert back.title == "The same images as training goes on, b to a"
    assert not differences(figures, wanted)
    chosen = mutants(figures, 20)
    assert len({mutant.what for mutant in chosen}) == 20
    assert not [mutant.what for mutant in chosen if not caught_by(mutant, wanted)]


@pytest.mark.parametrize(
    ("options", "channels", "terms"),
    [
        ({"identity_weight": 5.0}, 3, {"cycle_a", "cycle_b", "identity_a"}),
        # Of images with other channels none can be translated to what it is.
        ({"identity_weight": 5.0, "pool": 0}, 1, {"cycle_a", "cycle_b"}),
        ({"remedies": "diff_augment+dag=0.5"}, 1, {"cycle_a", "cycle_b"}),
    ],
)
def test_options_go_together(options, channels, terms):
    config = dataclasses.replace(TINY, **options)
    with tiny_networks():
        model = cyclegan.build(config, (channels, 3), steps=10)
    batch = {
        name: jax.ShapeDtypeStruct((4, 16, 16, count), np.float32)
        for name, count in (("a", channels), ("b", 3))
    }
    state = jax.eval_shape(model.init, jax.random.key(0), batch)
    _, metrics = jax.eval_shape(model.update, state, batch)
    own = {name for name in metrics if name.startswith(("cycle", "identity"))}
    assert own - {"identity_b"} == terms


def test_the_networks_are_those_of_the_paper():
    paper = cyclegan.PRESETS["paper"]
    model = cyclegan.build(paper, (3, 3), steps=10)
    batch = dict.fromkeys("ab", jax.ShapeDtypeStruct((1, 256, 256, 3), np.float32))
    state = jax.eval_shape(model.init, jax.random.key(0), batch)
    count = {
        name: sum(leaf.size for leaf in jax.tree.leaves(net.params))
        for name, net in (("generators", state.generators), ("a", state.critics["a"]))
    }
    # 11.378 and 2.765 million in the published code.
    assert count["generators"] == pytest.approx(2 * 11.38e6, rel=2e-3)
    assert count["a"] == pytest.approx(2.765e6, rel=2e-3)


def parsed(monkeypatch, *words) -> cyclegan.Config:
    """Returns the options of a command line, and what gives them again."""
    monkeypatch.setattr("sys.argv", ["cyclegan", *words])
    heard = []
    run_library.command_line(
        heard.append, cyclegan.Config, "", presets=cyclegan.PRESETS
    )
    return heard[0]


def test_an_option_counts_on_top_of_its_preset(monkeypatch):
    paper = parsed(monkeypatch, "--width", "16", "--preset", "paper")
    assert paper == dataclasses.replace(cyclegan.PRESETS["paper"], width=16)
    # 16 is what it is in the other preset, and still it has to be said.
    command = run_library.command_of(paper, cyclegan.PRESETS)
    assert command.endswith(" --preset paper --width 16")
    words = command.split()
    assert parsed(monkeypatch, *words[words.index("--preset") :]) == paper
    assert parsed(monkeypatch, "--preset=paper") == cyclegan.PRESETS["paper"]
    assert parsed(monkeypatch) == cyclegan.PRESETS["small"] == cyclegan.Config()
    with pytest.raises(SystemExit) as stop:
        parsed(monkeypatch, "--preset", "papers")
    assert stop.value.code == 2


def test_images_are_darkened_where_they_are_emoji():
    auto = dataclasses.replace(TINY, degrade="auto")
    sizes = {}
    for word in ("auto", "low_light", "none"):
        pairs = run_library.load_pairs(
            dataclasses.replace(auto, degrade=word), "test", 16
        )
        sizes[word] = pairs.a.in_memory()["image"]
    np.testing.assert_array_equal(sizes["auto"], sizes["low_light"])
    assert (sizes["auto"] != sizes["none"]).any()


def test_the_two_sides_come_in_orders_of_their_own():
    setup = run_library.prepare_pairs(TINY, unpaired=True)
    a, b = (setup.batches.feed(0, 2)[side]["index"] for side in "ab")
    assert (a != b).any()
    # Held-out rows still are pairs.
    a, b = (setup.test_batches.feed(0, 1)[side]["index"] for side in "ab")
    assert (a == b).all()


def test_disjoint_halves_hold_no_pair():
    config = dataclasses.replace(TINY, disjoint=True, batch_size=2)
    halves = run_library.prepare_pairs(config, unpaired=True).train
    whole = run_library.prepare_pairs(TINY, unpaired=True).train
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
        ({"disjoint": True}, "disjoint=True parts images from their partners"),
        ({"identity_weight": -1.0}, "identity_weight=-1"),
        ({"image_size": 18}, "18 x 18 pixels.*ResNet"),
        ({"layout": "aligned"}, r"trainA has no partner of .*trainB/4\.png"),
        ({"test_split": "val"}, "has no split 'val': expected val/A and val/B"),
        ({"remedies": "diff_augment=2"}, "'diff_augment' takes no number"),
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

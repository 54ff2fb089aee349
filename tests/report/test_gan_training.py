"""The figures of GANs on images: which game stands where, and what is told of it."""

import json

import numpy as np

from jaxgen.report import style
from jaxgen.report.gallery import plates
from jaxgen.report.gan.training import games_of
from jaxgen.report.records import record_figures
from jaxgen.report.run import read_run
from tests.report.drawings import drawn, texts


def record(split, epoch, **terms):
    return {"step": 10 * epoch, "epoch": epoch, "split": split} | terms


def game(split, epoch, loss):
    terms = {"critic_loss": loss, "generator_loss": 1.0, "real_logit": 2.0}
    return record(split, epoch, **terms, fake_logit=-1.0)


def run_of(tmp_path, rows, config=None, **arrays):
    (tmp_path / "arrays").mkdir()
    (tmp_path / "config.json").write_text(json.dumps(config or {}))
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "metrics.jsonl").write_text(lines)
    for name, content in arrays.items():
        np.savez(tmp_path / "arrays" / f"{name}.npz", **content)
    return read_run(tmp_path)


def images(*shape):
    return np.random.default_rng(0).integers(0, 256, [*shape, 6, 6, 1], dtype=np.uint8)


def test_training_and_test_are_one_game_and_systems_one_each(tmp_path):
    rows = [game("train", 1, 1.4), game("train", 2, 1.2), game("test", 2, 1.3)]
    (one,) = games_of(run_of(tmp_path, rows))
    assert one.name == ""
    assert list(one.lines["logits"]) == ["real_logit", "fake_logit", "held_out_logit"]
    rows = [game("a", 1, 1.4), game("b", 1, 1.2), game("a", 2, 1.0)]
    (tmp_path / "two").mkdir()
    named = run_of(tmp_path / "two", rows, {"labels": {"b": "WGAN", "a": "GAN"}})
    assert [found.name for found in games_of(named)] == ["WGAN", "GAN"]


def test_the_kind_of_an_estimate_is_told_by_its_loss(tmp_path):
    rows = [
        game("w", 1, -3.0) | {"estimate": 3.0},
        game("js", 1, 1.0) | {"estimate": 0.19},
    ]
    found = record_figures(run_of(tmp_path, rows))
    assert "losses" not in found
    panels = found["adversarial"].panels
    assert panels["w: estimate"].unit == "W"
    assert panels["js: estimate"].unit == "JS, nats"
    said = [axes.get_ylabel() for axes in found["adversarial"].draw(style.LIGHT).axes]
    assert {"W", "JS, nats"} <= set(said)


def test_the_curves_of_a_game_are_what_was_logged_under_their_names(tmp_path):
    rows = [game("a", 1, 1.4), game("a", 2, 1.2) | {"held_out_logit": 1.5}]
    figure = record_figures(run_of(tmp_path, rows, {"labels": {"a": "GAN"}}))
    panels = figure["adversarial"].panels
    curves = {
        (panel, name): (curve.x.tolist(), curve.y.tolist())
        for panel, own in panels.items()
        for name, curve in own.curves.items()
    }
    assert curves == {
        ("GAN: losses", "critic"): ([1, 2], [1.4, 1.2]),
        ("GAN: losses", "generator"): ([1, 2], [1, 1]),
        ("GAN: logits", "real"): ([1, 2], [2, 2]),
        ("GAN: logits", "held out"): ([2], [1.5]),
        ("GAN: logits", "generated"): ([1, 2], [-1, -1]),
    }
    assert "critic loss 1.200, generator loss 1.000" in figure["adversarial"].alt


def test_samples_of_a_file_stand_beside_real_images(tmp_path):
    last = {"images": images(2, 4), "names": ["real", "GAN"]}
    (plate,) = plates(run_of(tmp_path, [], gan_samples=last))
    assert plate.name == "gan_samples"
    assert "4 images of each" in plate.caption
    assert {"real", "GAN"} <= set(texts(plate.draw(style.LIGHT)))


def test_sharpness_stands_beside_that_of_real_images(tmp_path):
    content = {
        "frequency": np.array([0.25, 0.5]),
        "power": np.array([[1.0, 0.1], [0.5, 0.01]]),
        "ratio": np.array([[0.4]]),
        "low": np.array([[0.3]]),
        "high": np.array([[0.5]]),
        "names": ["real images", "VAE"],
        "measures": ["Laplacian variance"],
    }
    (plate,) = plates(run_of(tmp_path, [], sharpness=content))
    drawn(plate.draw(style.LIGHT))
    assert "Laplacian variance: VAE 0.40" in plate.alt


def test_what_adapts_has_a_figure_of_its_own(tmp_path):
    adapted = {"augment_probability": 0.25, "augment_sign": 0.7, "path_length": 3.0}
    rows = [
        *(game("a", epoch, 1.4) | adapted | {"epoch": epoch} for epoch in (1, 2)),
        game("b", 1, 1.4),
    ]
    for row in rows:
        row |= {"fd": 9.0, "fd_low": 8.0, "fd_high": 10.0}
    (tmp_path / "both").mkdir()
    found = record_figures(
        run_of(tmp_path / "both", rows, {"labels": {"a": "StyleGAN2"}})
    )
    assert "losses" not in found
    figure = found["regularization"]
    panels = figure.panels
    assert list(panels) == ["Augment probability", "Augment sign", "Path length"]
    for panel, value in zip(panels.values(), adapted.values(), strict=True):
        assert list(panel.curves) == ["StyleGAN2"]
        assert panel.curves["StyleGAN2"].y.tolist() == [value, value]
    assert panels["Augment sign"].levels == {"published target": 0.6}
    assert "augment sign 0.7000" in figure.alt
    (tmp_path / "none").mkdir()
    alone = run_of(tmp_path / "none", [game("b", 1, 1.4)])
    assert "regularization" not in record_figures(alone)

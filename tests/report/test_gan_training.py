"""The figures of GANs on images: which game stands where, and what is told of it."""

import json

import numpy as np

from jaxgen.report import style
from jaxgen.report.gallery import plates
from jaxgen.report.gan.training import games_of
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
    found = {plate.name: plate for plate in plates(run_of(tmp_path, rows))}
    assert "losses" not in found
    figure = found["adversarial"].draw(style.LIGHT)
    drawn(figure)
    said = [axes.get_ylabel() for axes in figure.axes]
    assert "W" in said
    assert "JS, nats" in said


def test_what_tells_of_the_samples_is_said_with_its_number(tmp_path):
    nothing = np.nan
    telling = {
        "fd": np.array([9.0, 4.0, 5.0, 3.0]),
        "epoch": np.array([1.0, 2.0, 1.0, 2.0]),
        "system": np.array([0, 0, 1, 1]),
        "values": np.array([[1.0, nothing], [2.0, nothing], [1.0, 3.0], [2.0, 2.0]]),
        "correlation": np.array([[-1.0, nothing], [-1.0, 1.0]]),
        "names": ["hinge", "WGAN"],
        "signals": ["generator loss", "estimate"],
    }
    (plate,) = plates(run_of(tmp_path, [], gan_telling=telling))
    figure = plate.draw(style.DARK)
    drawn(figure)
    assert "rank correlation \N{MINUS SIGN}1.00" in texts(figure)
    # A system without an estimate has no panel for it.
    assert len(figure.axes) == 5
    assert "WGAN: generator loss -1.00, estimate 1.00" in plate.alt


def test_latents_over_epochs_stand_in_a_block_for_each_system(tmp_path):
    taken = {
        "images": images(3, 2),
        "epoch": np.array([1, 5, 1]),
        "system": np.array([0, 0, 1]),
        "names": ["GAN", "WGAN"],
        "class_names": ["nought", "one"],
    }
    last = {"images": images(2, 4), "names": ["real", "GAN"]}
    run = run_of(tmp_path, [], gan_epochs=taken, gan_samples=last)
    found = {plate.name: plate for plate in plates(run)}
    figure = found["gan_epochs"].draw(style.LIGHT)
    drawn(figure)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["epoch 1", "epoch 5", "epoch 1"]
    assert {"GAN", "WGAN", "nought", "one"} <= set(texts(figure))
    assert "4 images of each" in found["gan_samples"].caption


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

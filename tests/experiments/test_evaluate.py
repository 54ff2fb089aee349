import dataclasses
import functools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import (
    categorical_vae,
    cvae,
    evaluate,
    evaluation_files,
    image_sets,
    judged_sets,
    restored_runs,
    vae,
)
from jaxgen import data, metrics, report, run, training
from jaxgen.errors import InputError
from jaxgen.metrics.evaluation import Evaluation, Measure
from jaxgen.random import stream

Image = pytest.importorskip("PIL.Image")

ROOT = Path(__file__).parents[2]
SMALL = evaluate.Config(
    features=("random",), num_samples=40, resamples=4, batch_size=64
)
TRAINED = {"data": "digits", "hidden": (8,), "steps": 2, "batch_size": 32, "devices": 1}


def train(script, output: Path, parts, **options) -> Path:
    """Trains models as a script does, without figures; returns the run's folder.

    Args:
        script: The script.
        output: The folder of all runs.
        parts: `(config, setup) -> models by part`.
        **options: Of the script.
    """
    name = script.__name__.removeprefix("experiments.")
    config = script.Config(**TRAINED | options, output=str(output))
    setup = run.prepare(config)
    folder = run.open_folder(config, name, "run", title="A run", claim="A.")
    for part, model in parts(config, setup).items():
        run.train(config, setup, folder, model, part=part)
    return folder.path


def vae_of(config, setup):
    return {None: vae.build(config, setup.train.image_shape, 1)}


def both_of(config, setup):
    both = cvae.build(config, setup.train.image_shape, 10)
    return {None: both.cvae, "vae": both.vae}


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    return train(vae, tmp_path_factory.mktemp("runs"), vae_of)


@pytest.fixture(scope="module")
def judged(finished) -> tuple[Path, dict]:
    config = dataclasses.replace(
        SMALL, paths=(str(finished),), nll_samples=3, nll_images=9
    )
    return finished, evaluate.main(config)


def written(folder: Path) -> tuple[dict, dict[str, np.ndarray]]:
    with np.load(folder / "arrays" / "evaluation.npz", allow_pickle=False) as file:
        arrays = dict(file)
    return json.loads((folder / "evaluation.json").read_text()), arrays


def test_a_run_is_judged_by_reconstructions_and_both_samplers(judged):
    finished, results = judged
    content, arrays = written(finished)
    sets = {"reconstructions", "prior samples", "mixture samples"}
    assert {row["images"] for row in content["measures"]} == sets
    for name in sets:
        assert arrays[f"samples/{name}"].dtype == np.uint8
    assert {f"neighbours/{name}" for name in sets - {"reconstructions"}} <= set(arrays)
    assert any(key.startswith("prd/") for key in arrays)
    assert results["page"] == str(finished / "index.html")
    assert "mixture samples" in (finished / "index.html").read_text()


def test_the_protocol_says_what_was_judged(judged):
    content, _ = written(judged[0])
    protocol = content["protocol"]
    assert protocol["run"] == "vae/run"
    assert protocol["trained for"] == "2 steps"
    assert "mixture of 10 Gaussians fitted to latents" in protocol["samples"]
    assert protocol["images of each set"] == 40
    words = content["command"].split()
    assert words[0] == "python"
    assert str(judged[0]) in words
    assert "--num-samples 40" in content["command"]


def test_the_likelihood_is_a_measure_of_the_prior_with_its_interval(judged):
    content, _ = written(judged[0])
    (row,) = (r for r in content["measures"] if "likelihood" in r["metric"])
    assert row["images"] == "prior samples"
    assert row["low"] < row["value"] < row["high"]
    assert "3 samples of q(z|x) for each of 9 test images" in row["note"]


@pytest.fixture
def quick(monkeypatch):
    """Puts the mean pixel of each set in place of all metrics, and draws no page."""

    def mean_pixel(model, reference, *, key, reconstructions, num_samples, **options):
        assert options["train"].split == "train"
        assert options["resamples"] == 4
        sets = {"reconstructions": reconstructions.read(np.arange(num_samples))}
        for name, draw in model.items():
            sets[name] = {"image": draw(stream(key, name), num_samples)}
        means = {name: float(found["image"].mean()) for name, found in sets.items()}
        measures = [Measure("mean", name, m, m, m) for name, m in means.items()]
        assert reference.split == "test"
        return Evaluation(measures, {}, 0.95, {}, {"real": np.zeros((1, 2, 2, 1))})

    monkeypatch.setattr(metrics, "evaluate", mean_pixel)
    once = functools.cache(restored_runs.restore)
    monkeypatch.setattr(restored_runs, "restore", once)
    monkeypatch.setattr(report, "write_page", lambda folder, **_: folder / "index.html")


def test_the_same_seed_gives_the_same_numbers(tmp_path, finished, quick):
    copy = shutil.copytree(finished, tmp_path / "run")
    config = dataclasses.replace(SMALL, paths=(str(copy),))
    first, again = (evaluate.main(config) for _ in range(2))
    other = evaluate.main(dataclasses.replace(config, seed=1))
    assert first == again
    assert first["mean, reconstructions"] == other["mean, reconstructions"]
    assert first["mean, prior samples"] != other["mean, prior samples"]
    assert first["mean, mixture samples"] != other["mean, mixture samples"]


def test_the_models_of_a_run_stand_side_by_side(tmp_path, quick):
    finished = train(cvae, tmp_path, both_of)
    evaluate.main(dataclasses.replace(SMALL, paths=(str(finished),), path_samples=4))
    content, arrays = written(finished)
    assert [row["images"] for row in content["measures"]] == [
        "reconstructions of cvae",
        "prior samples of cvae",
        "reconstructions of vae",
        "prior samples of vae",
        "mixture samples of vae",
        "prior samples of vae",  # its path length
    ]
    assert "labels in turn" in content["protocol"]["models"]["cvae"]["samples"]
    assert list(arrays) == ["real"]
    config = dataclasses.replace(SMALL, paths=(str(finished),), models=("cvae",))
    evaluate.main(config)
    assert [row["images"] for row in written(finished)[0]["measures"]] == [
        "reconstructions",
        "prior samples",
    ]
    config = dataclasses.replace(config, models=("GAN",))
    with pytest.raises(
        InputError, match="--models 'GAN': the run .* has 'cvae', 'vae'"
    ):
        evaluate.main(config)


@pytest.mark.parametrize("binarize", ["dynamic", "fixed"])
def test_a_model_of_bits_sees_bits_and_is_judged_by_grey_images(binarize):
    grey = data.load("digits", split="test")
    pictures = judged_sets.pictures_of(vae.Config(data="digits", binarize=binarize))
    rows = np.arange(5)
    np.testing.assert_array_equal(
        pictures.test.read(rows)["image"], grey.read(rows)["image"]
    )
    assert set(np.unique(pictures.seen_test.read(rows)["image"])) == {0, 255}
    assert len(np.unique(grey.read(rows)["image"])) > 2


def test_reconstructions_are_those_of_the_model_image_by_image(finished):
    found = restored_runs.restore(finished)
    model, state = found.models["vae"]
    pictures = judged_sets.pictures_of(found.config)
    sets = judged_sets.judged_sets(jax.random.key(0), model, state, pictures)
    rows = np.array([7, 2])
    images = jnp.float32(pictures.test.read(rows)["image"]) / 255
    expected = np.asarray(model.reconstruct(state, images)) * 255
    shown = sets.reconstructions.read(rows)["image"]
    assert np.abs(shown - expected).max() <= 0.51


def test_discrete_latents_have_no_mixture():
    config = categorical_vae.Config(**TRAINED, latents=2, classes=3)
    setup = run.prepare(config)
    model = categorical_vae.build(config, setup.train.image_shape)
    batch = next(training.iterate_batches(setup.batches))
    state = jax.jit(model.init)(jax.random.clone(setup.key), batch)
    pictures = judged_sets.pictures_of(config)
    sets = judged_sets.judged_sets(jax.random.key(0), model, state, pictures)
    assert list(sets.samplers) == ["prior samples"]
    assert sets.samplers["prior samples"](jax.random.key(1), 3).shape == (3, 8, 8, 1)
    assert sets.reconstructions.read(np.arange(4))["image"].shape == (4, 8, 8, 1)


def test_evaluations_of_models_are_joined_with_real_images_once():
    one = Evaluation(
        [Measure("FD(net)", "prior samples", 1.0, 0.5, 1.5)],
        {"n": 1},
        0.9,
        {"net: prior samples": np.ones((2, 3)), "net: real": np.ones((2, 3))},
        {"real": np.zeros(1), "samples/prior samples": np.zeros(1)},
    )
    both = evaluation_files.merged([("A", one), ("B", one)])
    assert [m.images for m in both.measures] == [
        "prior samples of A",
        "prior samples of B",
    ]
    assert set(both.curves) == {
        "net: prior samples of A",
        "net: prior samples of B",
        "net: real",
    }
    assert set(both.pictures) == {
        "real",
        "samples/prior samples of A",
        "samples/prior samples of B",
    }


def save_images(folder: Path, images: np.ndarray) -> Path:
    folder.mkdir(parents=True)
    for number, image in enumerate(images):
        shown = image[..., 0] if image.shape[-1] == 1 else image
        Image.fromarray(shown).save(folder / f"{number:03}.png")
    return folder


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    return data.load("digits").read(np.arange(120))["image"]


def compare(tmp_path, real, generated, **options):
    return dataclasses.replace(
        SMALL,
        num_samples=None,
        paths=(str(real), str(generated)),
        output=str(tmp_path / "runs"),
        **options,
    )


def test_two_folders_are_compared_on_a_page_of_their_own(tmp_path, digits):
    real = save_images(tmp_path / "real", digits[:80])
    generated = save_images(tmp_path / "generated", digits[80:])
    results = evaluate.main(compare(tmp_path, real, generated))
    folder = tmp_path / "runs" / "evaluate" / "real-generated"
    assert results["page"] == str(folder / "index.html")
    content, arrays = written(folder)
    assert {row["images"] for row in content["measures"]} == {"generated"}
    assert arrays["samples/generated"].shape[1:] == (8, 8, 1)
    assert content["protocol"]["real"] == str(real)
    config = json.loads((folder / "config.json").read_text())
    assert config["records"] is False
    assert config["command"].split()[3:5] == [str(real), str(generated)]
    assert json.loads((folder / "summary.json").read_text())["results"]


def test_a_file_of_images_is_what_the_folder_is(tmp_path, digits):
    folder = save_images(tmp_path / "folder", digits[:9])
    np.save(tmp_path / "file.npy", digits[:9])
    of_folders = image_sets.load_pair(folder, folder)
    of_files = image_sets.load_pair(tmp_path / "file.npy", tmp_path / "file.npy")
    assert not of_files.features
    assert isinstance(of_folders.real, data.Source)
    # Files of a folder come in the order of its two splits.
    assert sorted(map(bytes, of_folders.real.read(np.arange(9))["image"])) == sorted(
        map(bytes, of_files.real)
    )


def test_two_files_of_features_are_compared(tmp_path, capsys, monkeypatch):
    rng = np.random.default_rng(0)
    for name, shift in (("a", 0.0), ("b", 1.0)):
        np.save(tmp_path / f"{name}.npy", rng.normal(shift, size=(90, 4)))
    paths = tmp_path / "a.npy", tmp_path / "b.npy"
    config = dataclasses.replace(compare(tmp_path, *paths), features=(), batch_size=256)
    monkeypatch.setenv("COLUMNS", "55")
    results = evaluate.main(config)
    assert Path(results["page"]).exists()
    table, foot, page = capsys.readouterr().out.split("\n\n")
    assert "PRD F1/8" in table
    assert "…" not in table
    assert max(map(len, table.splitlines())) <= 55
    assert "settings: precision_k 3" in foot
    assert str(results["page"]) in page
    with pytest.raises(InputError, match="--features is random, but the files hold"):
        evaluate.main(dataclasses.replace(config, features=("random",)))
    with pytest.raises(InputError, match="--num-samples is 46.*at most 45"):
        evaluate.main(dataclasses.replace(config, num_samples=46))


def test_a_grey_folder_beside_a_coloured_one_gets_channels(tmp_path, digits):
    grey = save_images(tmp_path / "grey", digits[:6])
    colour = save_images(tmp_path / "colour", digits[:6].repeat(3, axis=-1))
    pair = image_sets.load_pair(grey, colour)
    assert "grey" in pair.note
    rows = np.arange(6)
    one, other = (images.read(rows)["image"] for images in (pair.real, pair.generated))
    np.testing.assert_array_equal(one, other)


def prepared(tmp_path: Path, digits: np.ndarray) -> None:
    """Makes sets that cannot be used, or not together."""
    (tmp_path / "empty").mkdir()
    save_images(tmp_path / "small", digits[:9])
    save_images(tmp_path / "large", digits[:9].repeat(2, axis=1).repeat(2, axis=2))
    save_images(tmp_path / "mixed", digits[:9])
    Image.new("L", (9, 9)).save(tmp_path / "mixed" / "zzz.png")
    np.save(tmp_path / "images.npy", digits)
    np.save(tmp_path / "features.npy", np.zeros((90, 4)))
    np.save(tmp_path / "wider.npy", np.zeros((90, 5)))
    np.save(tmp_path / "grey.npy", digits[..., 0])
    np.save(tmp_path / "words.npy", np.array([["a"]]))
    np.save(tmp_path / "objects.npy", np.array([{}]), allow_pickle=True)
    np.save(tmp_path / "four.npy", np.zeros((9, 8, 8, 4), np.uint8))
    (tmp_path / "cut.npy").write_bytes((tmp_path / "images.npy").read_bytes()[:900])
    (tmp_path / "notes.txt").write_text("")


@pytest.mark.parametrize(
    ("real", "generated", "message"),
    [
        ("small", "empty", "empty holds no images"),
        ("small", "nowhere", "nowhere does not exist"),
        ("small", "large", "8x8 pixels .* 16x16: give --image-size"),
        ("small", "mixed", r"mixed are not all alike.*\(9, 9, 1\).*--image-size"),
        ("small", "images.npy", "small is a folder and .*images.npy a file"),
        ("images.npy", "features.npy", "images.npy holds images and .*features"),
        ("features.npy", "wider.npy", "have 4 dimensions and those in .* 5"),
        ("images.npy", "grey.npy", r"shape \(120, 8, 8\).*images\[..., None\]"),
        ("images.npy", "words.npy", "words.npy holds <U1 of shape"),
        (
            "images.npy",
            "objects.npy",
            "objects.npy is no whole .npy file.*Python objects",
        ),
        ("images.npy", "cut.npy", "cut.npy is no whole .npy file"),
        ("images.npy", "four.npy", "have 1 channels and those in .* 4"),
        ("images.npy", "notes.txt", "notes.txt is no .npy file"),
    ],
)
def test_sets_that_cannot_be_compared_are_named(
    tmp_path, digits, real, generated, message
):
    prepared(tmp_path, digits)
    config = compare(tmp_path, tmp_path / real, tmp_path / generated)
    with pytest.raises(InputError, match=message):
        evaluate.main(config)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"paths": ()}, "0 paths were given"),
        ({"paths": ("a", "b", "c")}, "3 paths were given"),
        ({"paths": ("a",), "image_size": 8}, "--image-size is 8, but only the compar"),
        ({"paths": ("a", "b"), "nll_samples": 8}, "--nll-samples is 8, but only the e"),
        ({"paths": ("a",), "nll_images": 8}, "give --nll-samples too"),
        (
            {"paths": ("a",), "nll_samples": 9, "nll_images": 1},
            "--nll-images=1: .* at least 2",
        ),
        ({"paths": ("a",), "resamples": 1}, "--resamples=1"),
        ({"paths": ("a",), "confidence": 95}, "--confidence=95"),
        ({"paths": ("a",), "num_samples": 0}, "--num-samples=0"),
        ({"paths": ("a",)}, "a is no run, as it is no folder"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        evaluate.main(evaluate.Config(**options))


def test_networks_that_cannot_be_had_are_named(finished, tmp_path, digits):
    config = dataclasses.replace(SMALL, paths=(str(finished),), features=("inception",))
    with pytest.raises(InputError, match="features='inception' is unknown"):
        evaluate.main(config)
    np.save(tmp_path / "a.npy", digits)
    pair = compare(tmp_path, tmp_path / "a.npy", tmp_path / "a.npy")
    with pytest.raises(InputError, match="have no labels to train a classifier by"):
        evaluate.main(dataclasses.replace(pair, features=("classifier",)))


def test_the_command_takes_paths_without_a_flag(tmp_path):
    words = [sys.executable, "-m", "experiments.evaluate", str(tmp_path)]
    done = subprocess.run(
        [*words, "--num-samples", "40"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=os.environ | {"JAX_NUM_CPU_DEVICES": "1", "CI": "true"},
    )
    assert done.returncode == 2, done.stderr
    assert "holds no config.json" in done.stderr
    assert "Traceback" not in done.stderr

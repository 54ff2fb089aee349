import dataclasses
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import cvae, vae_parts
from jaxgen import data, models, run, training
from jaxgen.errors import InputError
from jaxgen.metrics import collapse
from jaxgen.models.latent_views import SHOWN

SMALL = cvae.Config(
    data="digits", hidden=(16,), epochs=8, batch_size=64, learning_rate=5e-3, devices=1
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> tuple[cvae.Config, dict]:
    output = str(tmp_path_factory.mktemp("runs"))
    config = dataclasses.replace(SMALL, output=output, nll_samples=4)
    return config, cvae.main(config)


@pytest.fixture(scope="module")
def conditional():
    """A conditional model with a prior of its own for each label, untrained."""
    config = dataclasses.replace(SMALL, prior="conditional")
    setup = run.prepare(config)
    both = cvae.build(config, setup.train.image_shape, 10)
    batch = next(iter(training.iterate_batches(setup.test_batches)))
    state = both.cvae.init(jax.random.key(0), batch)
    # A prior that tells its labels apart: the mean is (label, -label).
    params = state.net.params
    kernel = np.zeros((10, 4), np.float32)
    kernel[:, 0], kernel[:, 1] = np.arange(10), -np.arange(10)
    kernel[:, 2:] = -20  # and it has next to no variance
    dense = params["prior"]["GaussianHead_0"]["Dense_0"]
    dense |= {"kernel": kernel, "bias": np.zeros(4, np.float32)}
    return setup, both, state


def test_a_run_leaves_the_figures_of_the_vae_and_those_of_labels(finished):
    folder = Path(finished[1]["page"]).parent
    figures = {path.stem for path in (folder / "figures").glob("*.png")}
    plain = {"losses", "latents", "reconstructions", "samples", "epochs", "kl"}
    assert plain | {"health", "class_plane", "all_labels", "comparison"} <= figures
    assert all(np.isfinite(v) for k, v in finished[1].items() if k != "page")


def test_told_the_label_the_same_images_are_reconstructed_better(finished):
    results = finished[1]
    gain = results["CVAE reconstruction less by"]
    assert gain > 5 * results["standard error of that"]
    difference = results["VAE reconstruction"] - results["CVAE reconstruction"]
    assert gain == pytest.approx(difference, abs=1e-3)


def test_samples_show_the_label_they_were_given_and_those_of_the_vae_do_not(finished):
    summary = json.loads(
        (Path(finished[1]["page"]).parent / "summary.json").read_text()
    )
    table = next(t for t in summary["tables"] if t["title"] == "Is the label obeyed?")
    shares = [float(row[1].split(" ")[0]) for row in table["rows"]]
    test, samples, redrawn, of_vae = shares
    assert test > 90
    assert min(samples, redrawn) > 60
    assert of_vae < 20


def test_the_curves_show_both_models_with_the_same_batches(finished):
    folder = Path(finished[1]["page"]).parent
    records = training.read_records(folder / "metrics.jsonl")
    epochs = {
        split: [r["epoch"] for r in records if r["split"] == split]
        for split in ("train", "test", "vae")
    }
    assert epochs["train"] == epochs["test"] == epochs["vae"] == list(range(1, 9))


def test_a_finished_run_can_be_resumed_and_keeps_its_numbers(finished):
    config, results = finished
    again = cvae.main(dataclasses.replace(config, resume=True))
    assert again == results
    records = training.read_records(Path(again["page"]).parent / "metrics.jsonl")
    assert len(records) == 3 * 8


def test_the_terms_of_an_image_are_those_that_training_reports(finished):
    config, results = finished
    folder = Path(results["page"]).parent
    last = run.last_record(folder / "metrics.jsonl")
    # Other random numbers: the KL has none.
    assert results["CVAE KL"] == pytest.approx(last["kl"], rel=1e-4)
    assert results["CVAE loss"] == pytest.approx(last["loss"], rel=0.02)


def test_a_prior_of_the_label_places_its_latents(conditional, tmp_path, monkeypatch):
    setup, both, state = conditional
    seen = []

    def spy(model, state):
        def decode(latents, labels):
            seen.append((latents, labels))
            return np.zeros((len(latents), 8, 8, 1), np.uint8)

        return decode

    monkeypatch.setattr(models, "image_decoder", spy)
    cvae.write_label_arrays(
        tmp_path, both.cvae, state, setup.test, jax.random.key(1), shown_label=3
    )
    (_, held), (latents, labels) = seen
    assert (np.argmax(held, axis=1) == 3).all()
    drawn = np.argmax(labels, axis=1)
    assert drawn.tolist() == list(range(10)) * cvae.STYLES
    np.testing.assert_allclose(latents[:, 0], drawn, atol=1e-2)
    np.testing.assert_allclose(latents[:, 1], -drawn, atol=1e-2)


def test_the_doctor_counts_means_from_those_of_the_prior(conditional):
    setup, both, state = conditional
    prior = both.cvae.prior
    # Its posterior is the prior of the label, and tells nothing of an image.
    model = both.cvae._replace(
        encode=lambda state, images, label: prior(state, label),
        divergence=lambda state, images, label: jnp.zeros((len(images), 2)),
    )
    doctor, _ = vae_parts.posterior_tables(jax.random.key(2), model, state, setup)
    assert [row[1:] for row in doctor.rows] == [
        [collapse.COLLAPSED, "0.000", "0.000"]
    ] * 2
    assert "from those of the prior" in doctor.note


def test_the_interval_of_a_share_is_that_of_wilson():
    # All are right: n / (n + z^2) to 1.
    low, high = cvae.wilson_interval(50, 50)
    assert low == pytest.approx(50 / (50 + 2.575829**2))
    assert high == 1


def test_one_latent_is_drawn_with_every_label(finished):
    folder = Path(finished[1]["page"]).parent
    with np.load(folder / "arrays" / "all_labels.npz") as arrays:
        assert arrays["images"].shape == (cvae.STYLES, 10, 8, 8, 1)
    with np.load(folder / "arrays" / "class_plane.npz") as arrays:
        assert arrays["label"].tolist() == [8]
    with np.load(folder / "arrays" / "comparison.npz") as arrays:
        assert arrays["outputs"].shape == (2, SHOWN, 8, 8, 1)


def test_images_without_labels_are_refused_before_training(tmp_path, monkeypatch):
    load = data.load

    def unlabelled(name, **options):
        return dataclasses.replace(load(name, **options), class_names=None)

    monkeypatch.setattr(data, "load", unlabelled)
    config = dataclasses.replace(SMALL, output=str(tmp_path))
    with pytest.raises(InputError, match=r"digits have no labels.*experiments\.vae"):
        cvae.main(config)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"shown_label": 10}, "--shown-label is 10: .* from 0 to 9"),
        ({"latents": 0}, "--latents=0"),
    ],
)
def test_bad_options_are_refused_before_training(option, said, tmp_path):
    config = dataclasses.replace(SMALL, output=str(tmp_path), **option)
    with pytest.raises(InputError, match=said):
        cvae.main(config)
    assert not list(tmp_path.iterdir())

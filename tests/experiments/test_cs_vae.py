import dataclasses
from pathlib import Path

import jax
import numpy as np
import pytest

from experiments import cs_vae
from jaxgen import metrics, run, training
from jaxgen.errors import InputError

SMALL = cs_vae.Config(
    data="digits",
    hidden=(8,),
    epochs=4,
    batch_size=64,
    devices=1,
    lambdas=(0.5, 4.0),
    components=3,
    nll_samples=4,
    nll_images=100,
)
NAMES = ["CS, lambda 0.5", "CS, lambda 4", "KL, N(0, I)", "KL, mixture"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> tuple[cs_vae.Config, dict]:
    config = dataclasses.replace(SMALL, output=str(tmp_path_factory.mktemp("runs")))
    return config, cs_vae.main(config)


def arrays(results: dict) -> dict[str, np.ndarray]:
    with np.load(Path(results["page"]).parent / "arrays" / "lambda_sweep.npz") as file:
        return dict(file)


def test_a_run_measures_every_model_and_draws_the_sweep(finished):
    results = finished[1]
    found = [results[f"-log p(x), {name}"] for name in NAMES]
    assert np.isfinite(found).all()
    folder = Path(results["page"]).parent
    figures = {path.stem for path in (folder / "figures").glob("*.png")}
    sweep = {"lambda_planes", "lambda_scores", "lambda_reconstructions"}
    assert sweep | {"losses", "health"} <= figures
    assert arrays(results)["names"].tolist() == NAMES
    np.testing.assert_allclose(arrays(results)["nll"], found, rtol=1e-6)


def test_the_loss_with_lambda_times_the_divergence_falls(finished):
    folder = Path(finished[1]["page"]).parent
    records = training.read_records(folder / "metrics.jsonl")
    loss = [r["loss"] for r in records if r["split"] == "test"]
    assert len(loss) == 4
    assert (np.diff(loss) < 0).all()


def test_a_larger_lambda_buys_a_smaller_divergence(finished):
    found = arrays(finished[1])
    assert found["lambda_"].tolist() == [0.5, 4, 0, 0]
    assert 0 < found["divergence"][1] < found["divergence"][0]


def test_only_a_mixture_has_components_to_show(finished):
    shown = np.isfinite(arrays(finished[1])["prior_means"]).all(axis=2).sum(axis=1)
    assert shown.tolist() == [3, 3, 0, 3]


def test_a_component_of_little_weight_is_not_counted():
    setup = run.prepare(SMALL)
    model = cs_vae.build(SMALL, setup.train.image_shape, weight=1.0)
    batch = next(iter(training.iterate_batches(setup.test_batches)))
    state = model.init(jax.random.key(0), batch)
    state.net.params["prior"]["logits"] = np.array([0.0, -5.0, -1.0], np.float32)
    means = cs_vae.components(cs_vae.Trained("", 1.0, model, state))
    assert np.isfinite(means).all(axis=1).tolist() == [True, False, True]


def test_the_gain_on_a_baseline_is_paired_by_image():
    rng = np.random.default_rng(0)
    per_image = 100 + 30 * rng.normal(size=500)
    # A gain of 2 on every image is certain, however much the images differ.
    likelihoods = [
        metrics.SetLikelihood(
            nll=own.mean(),
            standard_error=30 / np.sqrt(500),
            effective_samples=ess,
            num_samples=100,
            num_images=len(own),
            per_image=own,
        )
        for own, ess in ((per_image - 2, 3.0), (per_image, 50.0), (per_image, 50.0))
    ]
    found = [cs_vae.Trained(name, 0.0, None, None) for name in NAMES[1:]]
    table = cs_vae.likelihood_table(found, likelihoods)
    assert table.rows[0][2:4] == ["2.00 ± 0.00", "2.00 ± 0.00"]
    assert table.rows[1][2:4] == ["", "0.00 ± 0.00"]
    assert f"count ({NAMES[1]}), q is a poor proposal" in table.note


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"lambdas": (1.0, 0.0)}, "--lambdas=0"),
        ({"lambdas": ()}, "--lambdas is empty"),
        ({"lambdas": (1.0, 1.0)}, "--lambdas 1 1: give each weight once"),
        ({"latents": 1}, "--latents=1"),
        ({"components": 0}, "--components=0"),
        ({"nll_samples": 0}, "--nll-samples=0"),
    ],
)
def test_bad_options_are_refused_before_training(option, said, tmp_path):
    config = dataclasses.replace(SMALL, output=str(tmp_path), **option)
    with pytest.raises(InputError, match=said):
        cs_vae.main(config)
    assert not list(tmp_path.iterdir())

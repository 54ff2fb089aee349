import dataclasses
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import feature_choice, gan_vs_vae, training_run
from jaxgen import metrics, networks, report
from jaxgen.errors import InputError
from jaxgen.metrics.evaluation import Evaluation, Measure
from jaxgen.report import gallery
from jaxgen.report.run import read_run

SMALL = gan_vs_vae.Config(
    data="digits",
    hidden=(8,),
    latents=3,
    remedies="none",
    steps=2,
    num_samples=100,
    devices=1,
)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> tuple[gan_vs_vae.Config, dict]:
    """A run whose models are judged by their mean pixel alone."""

    def mean_pixel(model, reference, *, key, train, num_samples, **_):
        assert (train.split, reference.split) == ("train", "test")
        keys = jax.random.split(key, len(model))
        drawn = zip(model.items(), keys, strict=True)
        means = {n: float(draw(k, num_samples).mean()) for (n, draw), k in drawn}
        measures = [Measure("FD(mean)", n, m, m, m) for n, m in means.items()]
        return Evaluation(measures, {}, 0.95, {}, {})

    config = dataclasses.replace(SMALL, output=str(tmp_path_factory.mktemp("runs")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics, "evaluate", mean_pixel)
        patch.setattr(feature_choice, "networks_of", lambda *_: [])
        patch.setattr(report, "write_page", lambda folder: folder / "index.html")
        return config, gan_vs_vae.main(config)


def test_a_run_leaves_its_figures_and_tables(run):
    folder = Path(run[1]["page"]).parent
    assert folder.name == "digits-mlp-z3"
    figures = {plate.name for plate in gallery.plates(read_run(folder))}
    # The loss of the VAE has its figure, the game of the GAN has its own.
    assert {"sharpness", "gan_samples", "losses", "adversarial"} <= figures
    tables = json.loads((folder / "summary.json").read_text())["tables"]
    assert [row[0] for row in tables[0]["rows"]] == [
        "Laplacian variance",
        "high-frequency power",
    ]
    assert tables[1]["rows"][0][0] == "FD"
    assert len(tables[1]["rows"][0]) == 3
    assert run[1]["Laplacian variance, GAN samples"] > 0


def test_decoder_and_generator_are_one_function():
    decoder = networks.mlp_decoder((4, 4, 1), (8,))
    latents = jax.random.normal(jax.random.key(0), (5, 3))
    params = decoder.init(jax.random.key(1), latents)
    generated = gan_vs_vae.as_generator(decoder).apply(params, latents)
    means = jax.nn.sigmoid(decoder.apply(params, latents))
    np.testing.assert_allclose(0.5 * (generated + 1), means, atol=1e-6)


def test_both_models_are_given_back(run):
    config = run[0]
    setup = training_run.prepare(config)
    found = gan_vs_vae.trained_models(config, setup, lambda _, part: part)
    assert {name: state for name, (_, state) in found.items()} == {
        "VAE": "vae",
        "GAN": "gan",
    }
    for part in ("vae", "gan"):
        home = Path(run[1]["page"]).parent / "parts" / part
        assert list((home / "checkpoints").iterdir())


def test_too_few_samples_are_refused(tmp_path):
    config = dataclasses.replace(SMALL, num_samples=5, output=str(tmp_path))
    with pytest.raises(InputError, match="--num-samples is 5"):
        gan_vs_vae.main(config)


def test_the_convolutional_pair_takes_a_step():
    config = dataclasses.replace(SMALL, network="conv", critic_width=4)
    pair = gan_vs_vae.build(config, (28, 28, 1))
    batch = {"image": jax.ShapeDtypeStruct((8, 28, 28, 1), jnp.float32)}
    for model in pair:
        state = jax.eval_shape(model.init, jax.random.key(0), batch)
        after, _ = jax.eval_shape(model.update, state, batch)
        assert jax.tree.structure(after) == jax.tree.structure(state)

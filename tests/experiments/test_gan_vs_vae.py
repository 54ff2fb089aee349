import dataclasses
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import (
    evaluation_files,
    gan_vs_vae,
    judged_sets,
    restored_runs,
)
from experiments.gan_studies import versus
from jaxgen import metrics, networks, random, report
from jaxgen.errors import InputError
from jaxgen.images import every_nth, to_bytes
from jaxgen.metrics.evaluation import Evaluation, Measure
from jaxgen.report import gallery
from jaxgen.report.run import read_run

SMALL = gan_vs_vae.Config(
    data="digits",
    hidden=(8,),
    latents=3,
    remedies="none",
    steps=2,
    samples=100,
    # Two steps are to change the samples.
    learning_rate=0.1,
    gan_learning_rate=0.1,
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
        patch.setattr(metrics.features, "named_features", lambda *_, **__: [])
        patch.setattr(report, "write_page", lambda folder, **_: folder / "index.html")
        return config, gan_vs_vae.main(config)


def test_a_run_leaves_its_figures_and_tables(run):
    folder = Path(run[1]["page"]).parent
    assert folder.name == "digits-mlp-z3"
    figures = {shown.name for shown in gallery.figures(read_run(folder))}
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
    params = decoder.init(jax.random.key(1), latents)[0]
    generated, _ = gan_vs_vae.as_generator(decoder).apply(params, (), latents)
    means = jax.nn.sigmoid(decoder.apply(params, (), latents)[0])
    np.testing.assert_allclose(0.5 * (generated + 1), means, atol=1e-6)


@pytest.fixture(scope="module")
def restored(run) -> restored_runs.Restored:
    return restored_runs.restore(Path(run[1]["page"]).parent)


def test_restored_models_draw_what_the_trained_ones_drew(run, restored):
    with np.load(restored.path / "arrays" / "gan_samples.npz") as file:
        shown = dict(zip(file["names"], file["images"], strict=True))
    assert set(restored.models) == {"vae", "gan"}
    for place, name in enumerate(("VAE", "GAN")):
        model, state = restored.models[name.lower()]
        key = random.stream(restored.setup.key, "sharpness")
        draw = jax.jit(model.sample, static_argnums=2)
        images = draw(state, jax.random.fold_in(key, place), SMALL.samples)
        chosen = images[every_nth(len(images), versus.SHOWN)]
        np.testing.assert_array_equal(to_bytes(chosen), shown[f"{name} samples"])


def test_the_protocol_says_of_each_model_what_is_compared(restored):
    pictures = judged_sets.pictures_of(restored.config)

    def protocol(*names: str) -> dict:
        said = {name: {"samples": "prior"} for name in names}
        return evaluation_files.protocol_of_run(restored, pictures, said)

    both = protocol("vae", "gan")
    assert "pixels" not in both
    assert both["models"]["vae"]["pixels"].startswith("means of p(x|z)")
    assert both["models"]["gan"]["pixels"].startswith("compared with")
    assert protocol("gan")["pixels"] == both["models"]["gan"]["pixels"]


def test_too_few_samples_are_refused(tmp_path):
    config = dataclasses.replace(SMALL, samples=5, output=str(tmp_path))
    with pytest.raises(InputError, match="--samples=5"):
        gan_vs_vae.main(config)


def test_the_convolutional_pair_takes_a_step():
    config = dataclasses.replace(SMALL, network="conv", critic_width=4)
    pair = gan_vs_vae.build(config, (28, 28, 1))
    batch = {"image": jax.ShapeDtypeStruct((8, 28, 28, 1), jnp.float32)}
    for model in pair:
        state = jax.eval_shape(model.init, jax.random.key(0), batch)
        after, _ = jax.eval_shape(model.update, state, batch)
        assert jax.tree.structure(after) == jax.tree.structure(state)

import dataclasses
import itertools
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import categorical_vae, discrete_parts
from jaxgen import metrics, training
from jaxgen.errors import InputError

SMALL = categorical_vae.Config(
    data="digits",
    hidden=(8,),
    latents=3,
    classes=4,
    epochs=2,
    batch_size=64,
    learning_rate=1e-2,
    temperature_rate=0.02,
    nll_samples=20,
    devices=1,
)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> tuple[Path, dict]:
    config = dataclasses.replace(SMALL, output=str(tmp_path_factory.mktemp("runs")))
    results = categorical_vae.main(config)
    return Path(results["page"]).parent, results


@pytest.mark.parametrize(("data", "rows"), [("mnist5k", 5), ("digits", 1)])
def test_published_figures_stand_beside_those_of_the_same_images(data, rows):
    config = dataclasses.replace(SMALL, data=data)
    found = metrics.SetLikelihood(98.5, 0.5, 3.0, 1000, 2, np.zeros(2))
    assert len(categorical_vae.comparison(config, found).rows) == rows


def test_a_run_leaves_its_figures_and_its_tables(run):
    folder, results = run
    assert folder.name == "digits-3x4-gumbel_softmax"
    figures = {path.stem for path in (folder / "figures").glob("*.png")}
    assert {"losses", "codes", "samples", "reconstructions", "epochs"} <= figures
    page = (folder / "index.html").read_text()
    assert "What each variable tells" in page
    for term in ("loss", "reconstruction", "kl", "-log p(x)"):
        assert np.isfinite(results[term])


def test_many_samples_give_no_looser_bound_than_one(run):
    results = run[1]
    assert results["-log p(x)"] < results["loss"] + 0.2


def test_the_temperature_falls_to_its_floor_and_is_logged(run):
    rows = training.read_records(run[0] / "metrics.jsonl")
    logged = [row["temperature"] for row in rows if row["split"] == "train"]
    each = rows[0]["step"]
    steps = np.arange(2 * each).reshape(2, each)
    wanted = np.maximum(0.5, np.exp(-0.02 * steps)).mean(axis=1)
    np.testing.assert_allclose(logged, wanted, rtol=1e-5)


@pytest.mark.parametrize("rate", [0.0, 1e-3])
def test_the_temperature_falls_as_it_is_told(rate):
    falling = categorical_vae.cooling(
        dataclasses.replace(SMALL, temperature=0.9, temperature_rate=rate)
    )
    for step in (0, 100, 1000):
        wanted = max(0.5, 0.9 * np.exp(-rate * step))
        np.testing.assert_allclose(falling(step), wanted, rtol=1e-5)


def test_codes_are_distributions_over_the_classes(run):
    with np.load(run[0] / "arrays" / "codes.npz") as codes:
        assert codes["probabilities"].shape == (len(codes["inputs"]), 3, 4)
        np.testing.assert_allclose(codes["probabilities"].sum(-1), 1, rtol=1e-5)


def test_bits_train_by_antithetic_pairs(tmp_path):
    config = dataclasses.replace(
        SMALL,
        latent_kind="bernoulli",
        estimator="disarm",
        steps=2,
        nll_samples=0,
        output=str(tmp_path),
    )
    page = Path(categorical_vae.main(config)["page"])
    assert page.parent.name == "digits-3bits-disarm"
    assert (page.parent / "figures" / "kl.png").exists()


def test_a_variable_that_tells_all_and_one_that_tells_nothing_are_told_apart():
    logits = np.zeros((4, 2, 2))
    logits[:2, 0] = [50, -50]
    logits[2:, 0] = [-50, 50]
    categories = discrete_parts.losses.vae.families.Categorical(logits)
    table = discrete_parts.code_table(categories)
    assert table.rows == [
        ["1", "0.693", "0.000", "0.693"],
        ["2", "0.000", "0.693", "0.693"],
    ]
    assert table.note.startswith("1 of 2 variables")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"classes": 1}, "--classes=1"),
        ({"latents": 0}, "--latents=0"),
        ({"temperature_rate": -1.0}, "--temperature-rate=-1"),
        ({"temperature": 0.3}, "--temperature-floor is 0.5"),
        ({"estimator": "rloo", "samples": 1}, "needs at least 2"),
        ({"estimator": "enumeration", "latents": 20}, "4\\^20 codes"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options, said, tmp_path):
    config = dataclasses.replace(SMALL, output=str(tmp_path), **options)
    with pytest.raises(InputError, match=said):
        categorical_vae.main(config)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", list(discrete_parts.CHOICES))
@pytest.mark.parametrize("kind", ["categorical", "bernoulli"])
def test_every_estimator_suits_both_kinds_of_latents(name, kind):
    choice = discrete_parts.CHOICES[name]
    config = discrete_parts.LatentOptions(latent_kind=kind, latents=3, classes=4)
    discrete_parts.check_estimator(config, name, choice.make(0.5), choice.samples)


def test_importance_sampling_over_codes_finds_the_exact_likelihood():
    model = categorical_vae.build(SMALL, (8, 8, 1))
    ink = jax.random.bernoulli(jax.random.key(0), 0.3, (5, 8, 8, 1))
    images = ink.astype(jnp.float32)
    update = jax.jit(model.update)
    state = jax.jit(model.init)(jax.random.key(1), {"image": images})
    for _ in range(30):
        state, _ = update(state, {"image": images})
    codes = np.array(list(itertools.product(range(4), repeat=3)))

    @jax.jit
    def compare(state):
        latents = jax.nn.one_hot(codes, 4)
        joint = jax.vmap(lambda z: log_joint(model, state, z, images))(latents)
        found = metrics.importance_log_likelihood(
            jax.random.key(2),
            lambda z: model.log_joint(state, z, images),
            model.encode(state, images).distribution,
            num_samples=2000,
        )
        loss = model.evaluate(state, jax.random.key(3), {"image": images})["loss"]
        return jax.nn.logsumexp(joint, axis=0), found, -loss

    exact, found, bound = compare(state)
    apart = np.abs(found.log_likelihood - exact)
    assert (apart < 5 * found.standard_error + 1e-4).all()
    assert np.mean(bound) < np.mean(exact)


def log_joint(model, state, code, images):
    """The same code for every image, by hand."""
    means = model.decode(state, jnp.broadcast_to(code, (len(images), 3, 4)))
    ink = jnp.where(images > 0, means, 1 - means)
    return jnp.sum(jnp.log(ink), axis=(1, 2, 3)) - 3 * jnp.log(4)

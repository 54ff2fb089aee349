import dataclasses
import itertools
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from experiments import beta_vae
from experiments.beta_studies import scores
from jaxgen import data, losses, models, networks, training
from jaxgen.errors import InputError
from jaxgen.losses.vae import objectives, priors
from jaxgen.models.ensemble import ensemble

SMALL = beta_vae.Config(
    hidden=(8,),
    latents=3,
    steps=6,
    batch_size=8,
    image_size=16,
    betas=(4.0,),
    seeds=1,
    score_examples=200,
    devices=1,
)
DIGITS = beta_vae.Config(
    study="constrained",
    data="digits",
    hidden=(16,),
    latents=4,
    epochs=2,
    batch_size=64,
    kl_target=3.0,
    devices=1,
)


@pytest.fixture(scope="module")
def sweep(tmp_path_factory) -> dict:
    output = str(tmp_path_factory.mktemp("runs"))
    return beta_vae.main(dataclasses.replace(SMALL, output=output))


@pytest.fixture(scope="module")
def held(tmp_path_factory) -> dict:
    output = str(tmp_path_factory.mktemp("runs"))
    return beta_vae.main(dataclasses.replace(DIGITS, output=output))


def figures(results: dict) -> set[str]:
    page = Path(results["page"])
    return {path.stem for path in (page.parent / "figures").glob("*.png")}


def titles(results: dict) -> list[str]:
    summary = json.loads((Path(results["page"]).parent / "summary.json").read_text())
    return [table["title"] for table in summary["tables"]]


def test_the_sweep_scores_every_member_and_draws_what_it_found(sweep):
    folder = Path(sweep["page"]).parent
    with np.load(folder / "arrays" / "disentanglement.npz") as found:
        assert found["scores"].shape == (4, 2, 1)
        assert np.isfinite(found["scores"]).all()
        assert list(found["names"]) == ["beta 4", "KL <= 6"]
        # A larger beta has the smaller KL, for the same seed; the constraint starts
        # from 1.
        assert (found["kl"][0] < found["kl"][1]).all()
    wanted = {"disentanglement", "traversals", "reconstructions", "losses", "kl"}
    assert wanted <= figures(sweep)
    assert {"Scores of disentanglement", "A constraint is a beta that is found"} <= set(
        titles(sweep)
    )


def test_the_curves_of_the_sweep_are_those_of_its_settings(sweep):
    rows = training.read_records(Path(sweep["page"]).parent / "metrics.jsonl")
    assert {row["split"] for row in rows} >= {"beta 4", "KL <= 6"}
    assert all(np.isfinite(row["kl"]) for row in rows)


def test_the_fixed_beta_has_a_part_of_its_own(sweep):
    folder = Path(sweep["page"]).parent
    parts = {path.name for path in (folder / "parts").iterdir()}
    assert parts == {"members", f"fixed_beta_{sweep['beta found']:.6g}"}


def test_the_curves_of_an_ensemble_are_means_of_its_members(sweep):
    parts = Path(sweep["page"]).parent / "parts"
    own = training.read_records(parts / "members" / "metrics.jsonl")
    rows = training.read_records(parts / "members" / "settings.jsonl")
    last = [row for row in own if row["split"] == "test"][-1]
    # Two seeds a setting: their medians are their means.
    for term in ("kl", "reconstruction"):
        found = [row[term] for row in rows if row["step"] == last["step"]]
        np.testing.assert_allclose(np.mean(found), last[term], rtol=1e-5)


def test_a_constrained_run_shows_its_constraint_and_its_residuals(held):
    assert {"constraint", "traversals", "losses", "latents"} <= figures(held)
    assert "Karush-Kuhn-Tucker conditions at the end" in titles(held)
    assert "Is the KL what was asked for? Target 3 nats" in titles(held)
    rows = training.read_records(Path(held["page"]).parent / "metrics.jsonl")
    assert all({"beta", "slack"} <= set(r) for r in rows if r["split"] == "train")


def test_a_run_whose_schedule_spans_it_is_not_made_longer(held):
    output = str(Path(held["page"]).parents[2])
    longer = dataclasses.replace(DIGITS, output=output, resume=True, epochs=3)
    with pytest.raises(InputError, match="epochs was 2 and is now 3"):
        beta_vae.main(longer)


@pytest.mark.parametrize("name", ["capacity", "geco", "free_bits"])
def test_every_objective_makes_a_loss(name):
    config = dataclasses.replace(DIGITS, objective=name, reconstruction_target=20.0)
    objective = beta_vae.constrained.objective_of(config, 10)
    parts = jnp.full((2, 4), 2.0)
    loss = objective.loss(
        objective.init(), jnp.int32(0), -jnp.ones(2), parts, lambda x: x.mean(0)
    )
    assert loss.shape == (2,)
    assert bool(jnp.isfinite(loss).all())


@pytest.fixture(scope="module")
def ascent() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """KL and beta along training, from starts on both sides and out of reach."""
    settings = {
        "from above": (0.01, 4.0),
        "from below": (8.0, 4.0),
        "out of reach": (1.0, 200.0),
    }
    source = data.load("digits", split="train")
    batches = data.pipeline(source, batch_size=64, key=jax.random.key(0), train=True)
    encoder = networks.mlp_encoder(4, features=(32,))
    decoder = networks.mlp_decoder(source.image_shape, features=(32,))

    def build(setting):
        return models.vae(
            encoder,
            decoder,
            optax.adam(optax.cosine_decay_schedule(5e-3, 1000, 0.05)),
            likelihood=losses.vae.bernoulli(),
            prior=priors.standard_normal(4),
            objective=objectives.constrained(setting[1], start=setting[0]),
        )

    model = ensemble(build, jnp.array(list(settings.values())))
    seen = []

    def keep(state, step):
        images = jnp.asarray(source.read(np.arange(500))["image"]) / 255
        parts = jax.vmap(lambda s: build((1.0, 4.0)).divergence(s, images))(state.net)
        multiplier = state.net.objective.log_multiplier
        seen.append((np.asarray(parts.sum(-1).mean(-1)), np.exp(multiplier)))

    training.fit(
        model,
        batches,
        key=jax.random.key(1),
        steps=1000,
        evaluate_every=50,
        steps_per_call=50,
        callbacks=(keep,),
    )
    kl, beta = (np.stack(values) for values in zip(*seen, strict=True))
    return {name: (kl[:, i], beta[:, i]) for i, name in enumerate(settings)}


@pytest.mark.parametrize("start", ["from above", "from below"])
def test_the_dual_ascent_brings_the_kl_to_its_target(ascent, start):
    kl, _ = ascent[start]
    side = kl[:8] > 4.0
    assert side.any() if start == "from above" else not side[:3].any()
    assert np.abs(kl[-5:] - 4.0).max() < 0.25


def test_both_starts_find_one_beta(ascent):
    above, below = ascent["from above"][1][-1], ascent["from below"][1][-1]
    assert abs(np.log(above / below)) < 0.3


def test_an_inactive_constraint_has_no_price(ascent):
    kl, beta = ascent["out of reach"]
    assert kl[-1] < 200.0
    assert beta[-1] < 1e-4
    residuals = objectives.kkt_residuals(beta[-1], kl[-1], target=200.0)
    assert float(residuals.primal) == 0.0
    assert float(residuals.complementarity) < 1e-2


def test_without_target_and_ascent_the_constraint_is_a_fixed_beta():
    fixed = objectives.beta(3.0)

    @jax.jit
    def both(target):
        held = objectives.constrained(target, rate=target, damping=target, start=3.0)
        state = held.init()
        mean = jnp.mean
        arguments = (jnp.int32(0), jnp.array([-2.0, 1.0]), jnp.ones((2, 4)), mean)
        for _ in range(2):
            state = held.update(state, jnp.float32(-1.0), jnp.float32(9.0))
        return held.loss(state, *arguments), fixed.loss((), *arguments)

    np.testing.assert_allclose(*both(jnp.float32(0.0)), rtol=1e-6)


def test_damping_answers_what_is_missing_and_then_leaves_the_multiplier():
    held = objectives.constrained(5.0, rate=0.0, damping=0.1, decay=0.0)
    for kl in (5.0, 7.0, 3.0):
        state = held.update(held.init(), jnp.float32(0.0), jnp.float32(kl))
        report = held.report(state, jnp.int32(0))
        np.testing.assert_allclose(report["beta"], np.exp(0.1 * (kl - 5)), rtol=1e-6)
        np.testing.assert_allclose(report["slack"], 5 - kl, rtol=1e-6)


def test_a_latent_that_is_a_factor_is_named(monkeypatch):
    class Posterior:
        def __init__(self, factors):
            self.mean = jnp.stack([factors[:, 3] / 16 - 1, 0 * factors[:, 0]], axis=1)
            self.log_variance = jnp.full_like(self.mean, -2.0)

    def represent(config, model):
        return (
            lambda state, factors: Posterior(jnp.asarray(factors)).mean,
            lambda state, factors: Posterior(jnp.asarray(factors)).log_variance,
        )

    monkeypatch.setattr(scores, "_represent", represent)
    state = models.VAEState(*itertools.repeat(jnp.zeros(()), 5))
    config = dataclasses.replace(SMALL, score_examples=4000)
    rows = scores.factor_table(config, None, state, "made up").rows
    assert rows[0][:2] == ["z1", "x"]
    assert float(rows[0][6].split()[0]) > 80
    assert rows[1][1] == "nothing alone"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"data": "digits"}, "--study constrained"),
        ({"damping": -1.0}, "--damping=-1"),
        ({"betas": (1.0, 0.0)}, "--betas=0: give a number above 0"),
        ({"seeds": 0}, "--seeds=0"),
        ({"image_size": 8}, "image_size=8: give a whole number of at least 16"),
        ({"epochs": 12}, "--epochs is 12 .* --steps says how long"),
        ({"gamma": 5.0}, "--gamma is 5.0 .* only the constrained study"),
        ({"study": "constrained"}, "--betas is .* only the sweep study"),
    ],
)
def test_options_that_cannot_be_used_are_named(options, words, tmp_path):
    config = dataclasses.replace(SMALL, output=str(tmp_path), **options)
    with pytest.raises(InputError, match=words):
        beta_vae.main(config)
    assert not list(tmp_path.iterdir())


def test_geco_asks_for_its_target(tmp_path):
    config = dataclasses.replace(DIGITS, objective="geco", output=str(tmp_path))
    with pytest.raises(InputError, match="--reconstruction-target"):
        beta_vae.main(config)
    assert not list(tmp_path.iterdir())

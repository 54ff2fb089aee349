"""A wrong figure is caught by its kind, or differs from the model of its run."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import spearmanr

from experiments import gan, vae
from jaxgen import data, metrics, models, random, report, run
from jaxgen.images import every_nth, scale, to_bytes
from jaxgen.metrics import collapse_monitor, features
from jaxgen.metrics.features.base import FeatureNet
from jaxgen.models import fit_gaussian, fit_mixture
from jaxgen.training import read_records
from tests.experiments.figure_mutants import (
    Expected,
    Figures,
    caught_by,
    differences,
    mutants,
)
from tests.experiments.test_gan import quarters
from tests.experiments.tiny_settings import SETTINGS

Case = tuple[Figures, dict[str, Expected]]


@pytest.fixture(scope="module")
def of_vae(tmp_path_factory) -> Case:
    options = SETTINGS["vae"] | {"output": str(tmp_path_factory.mktemp("runs"))}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "write_page", lambda folder, **_: folder / "index.html")
        folder = Path(vae.main(vae.Config(**options))["page"]).parent
    model, state, _ = run.load_model(folder)
    return report.read_figures(folder), expected_of_vae(folder, model, state)


def expected_of_vae(folder: Path, model, state) -> dict[str, Expected]:
    """Computes what each figure shows from the model of a run with two latents."""
    train, test = (
        {**data.load("digits", split=split).in_memory()} for split in ("train", "test")
    )
    images, labels = (np.asarray(test[name]) for name in ("image", "label"))
    mean = np.asarray(model.encode(state, scale(images)).mean)
    kl = np.asarray(model.divergence(state, scale(images)).mean(0), float)
    x, y = np.linspace(mean.min(axis=0), mean.max(axis=0), 8).T
    plane = [(one, other) for other in y[::-1] for one in x]

    def decoded(points) -> np.ndarray:
        return to_bytes(model.decode(state, jnp.asarray(points, jnp.float32)))

    some = every_nth(len(images), 50)
    draw, fit = jax.random.split(random.stream(jax.random.key(0), "figures"))
    with np.load(folder / "arrays" / "epochs.npz") as taken:
        snapshots = {f"epoch {n}": i for n, i in zip(*taken.values(), strict=True)}
    nats = {f"latent {place + 1}": float(kl[place]) for place in np.argsort(-kl)}
    last = [row for row in read_records(folder / "metrics.jsonl")][-1]["kl"]
    samplers = sampled(model, state, fit, train["image"], decoded)
    return {
        "manifold": Expected(
            "The latent plane, decoded",
            ("8 × 8 grid, decoded", "A grid of 8 by 8 decoded images"),
            {"panels": {"": {"": decoded(plane)}}, "plane": {"x": x, "y": y[::-1]}},
        ),
        "samples": Expected(
            "Samples from the prior",
            ("drawn from the prior, decoded", "64 images drawn from the model"),
            {"panels": {"": {"": to_bytes(model.sample(state, draw, 64))}}},
        ),
        "samplers": Expected(
            "Where the latents of samples come from",
            (f"3 ways to draw its latents: {', '.join(samplers)}", "of 36 samples"),
            {"panels": {"": samplers}},
        ),
        "latents": Expected(
            "Where the test images lie",
            (f"one of {len(images)} test images", f"of {len(images)} test latents"),
            {
                "panels": {
                    "": {"groups": {str(n): mean[labels == n] for n in range(10)}}
                }
            },
        ),
        "reconstructions": Expected(
            "Inputs and reconstructions",
            ("50 test images, each with", "50 pairs of a test image"),
            {"panels": {"": {"input": images[some], "output": decoded(mean[some])}}},
        ),
        "epochs": Expected(
            "The same latents as training goes on",
            ("decoded after epochs 1, 2. Look", "The same latents decoded after"),
            {"panels": {"": snapshots}},
        ),
        "kl": Expected(
            "KL per latent dimension",
            (
                "How many nats each latent",
                "Bars: " + ", ".join(f"{n} {v:.2f} nats" for n, v in nats.items()),
            ),
            {
                "panels": {
                    f"2 of 2 dimensions active, {last:.2f} nats in all": {
                        "values": nats,
                        "levels": {"active above 0.01 nats": 0.01},
                    }
                }
            },
        ),
    }


def sampled(model, state, key, train, decoded) -> dict[str, np.ndarray]:
    """Draws by each way to draw latents."""
    own, one, two, three = jax.random.split(key, 4)
    q = model.encode(state, scale(train))
    noise = jax.random.normal(own, q.mean.shape)
    points = np.asarray(q.mean + jnp.exp(0.5 * q.log_variance) * noise)
    with jax.numpy_rank_promotion("allow"):
        return {
            "prior": to_bytes(model.sample(state, one, 36)),
            "aggregate Gaussian": decoded(fit_gaussian(points).sample(two, (36,))),
            "mixture of 10 Gaussians": decoded(
                fit_mixture(points).sample(three, (36,))
            ),
        }


@pytest.fixture(scope="module")
def of_gan(tmp_path_factory) -> Case:
    net = FeatureNet("quarters", 4, quarters, "0", {"accuracy": 0.5})
    changed = {"systems": ("non_saturating", "wgan_gp"), "epochs": 5}
    options = SETTINGS["gan"] | changed | {"conditional": "no"}
    options["output"] = str(tmp_path_factory.mktemp("runs"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(features, "named_features", lambda *_, **__: [net])
        patch.setattr(collapse_monitor, "SIZES", (60,))
        patch.setattr(report, "write_page", lambda folder, **_: folder / "index.html")
        folder = Path(gan.main(gan.Config(**options))["page"]).parent
    return report.read_figures(folder), expected_of_gan(folder, options["systems"])


def expected_of_gan(folder: Path, systems) -> dict[str, Expected]:
    """Computes what each figure shows from the models and the records of a run."""
    signals = {"wgan_gp": "estimate", "non_saturating": "generator_loss"}
    names = {"estimate": "critic's estimate", "generator_loss": "generator loss"}
    test = data.load("digits", split="test")
    samples = {"real images": test.read(every_nth(len(test), 64))["image"]}
    epochs, telling, told = {}, {}, []
    for name in systems:
        model, state, _ = run.load_model(folder, part=name)
        label = models.PUBLISHED_GANS[name].label
        key = random.stream(jax.random.key(0), "figures")
        samples[label], _ = metrics.draw_images(key, model, state, 64)
        with np.load(folder / "parts" / name / "epochs.npz") as taken:
            shown = zip(taken["epoch"], taken["images"], strict=True)
            epochs[label] = {f"epoch {epoch}": images for epoch, images in shown}
        records = read_records(folder / "metrics.jsonl")
        rows = [row for row in records if row["split"] == name and "fd" in row]
        distance = [row["fd"] for row in rows]
        telling[label] = {"": np.array([[row["epoch"], row["fd"]] for row in rows])}
        ranks = {}
        for term in dict.fromkeys(signals.values()):
            values = [row.get(term) for row in rows]
            if None not in values:
                ranks[names[term]] = spearmanr(values, distance).statistic
                points = np.column_stack([values, distance])
                title = f"{ranks[names[term]]:.2f}".replace("-", "\N{MINUS SIGN}")
                telling[f"rank correlation {title}"] = {"": points}
        values = ", ".join(f"{curve} {value:.2f}" for curve, value in ranks.items())
        told.append(f"{label}: {values}")
    return {
        "gan_samples": Expected(
            "Samples beside real images",
            (
                f"64 images of each, none of them picked: {', '.join(samples)}",
                "Squares",
            ),
            {"panels": {"": samples}},
        ),
        "gan_epochs": Expected(
            "The same latents as training goes on",
            ("A column is one latent", "one an epoch, of " + ", ".join(epochs)),
            {"panels": epochs},
        ),
        "gan_telling": Expected(
            "Which curve tells how good the samples are",
            ("On the left the Frechet distance", "; ".join(told)),
            {"panels": {name: {"groups": points} for name, points in telling.items()}},
        ),
    }


@pytest.mark.parametrize("script", ["vae", "gan"])
def test_figures_show_what_the_models_and_the_records_of_a_run_say(script, request):
    assert not differences(*request.getfixturevalue(f"of_{script}"))


@pytest.mark.parametrize("script", ["vae", "gan"])
def test_every_wrong_figure_is_caught(script, request):
    figures, expected = request.getfixturevalue(f"of_{script}")
    chosen = mutants(figures, 20)
    assert len({mutant.what for mutant in chosen}) == 20
    missed = [mutant.what for mutant in chosen if not caught_by(mutant, expected)]
    assert not missed

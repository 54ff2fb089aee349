"""VAEs that pay for the Cauchy-Schwarz divergence to a learned mixture prior.

Source: Tran, Pantic and Deisenroth, Cauchy-Schwarz Regularized Autoencoder, 2022. They
maximize E log p(x|z) - lambda D_CS(q(z|x) || p(z)) and report better densities than
those of VAEs, in settings other than this one.

Command: `python -m experiments.cs_vae`; under 3 minutes of one CPU core. On the 500
test images -log p(x) is 166.9, 165.8, 166.4 and 169.2 nats for lambda 0.3, 1, 3 and 10;
166.7 by KL with N(0, I), 166.0 by KL with the same mixture. Paired by image, only the
gains of lambda 10 on these two are not within 99% of 0: -2.5 +- 1.8 and -3.2 +- 2.2.
That is one training of each model.

The objective bounds nothing, so its value says nothing of a likelihood. All models are
judged by log p(x) from importance sampling, on pixels that are bits, with q(z|x) as the
proposal. A small lambda lets q go far from the prior, and it becomes a poor proposal:
12, 33 and 148 of 500 samples count for lambda 0.3, 1 and 3, so that the first number is
likely to be the loosest bound.

The models of the sweep are trained at once, by `models.ensemble`: a step of four takes
3.6 times as long as a step of one on a CPU core, and one compilation serves all.
"""

import dataclasses
from typing import Any, Literal, NamedTuple

import jax.numpy as jnp
import numpy as np
import optax

from experiments import latent_arrays, vae_parts
from jaxgen import data, metrics, models, random, run, training
from jaxgen.errors import InputError
from jaxgen.files import write_npz
from jaxgen.images import every_nth
from jaxgen.losses.vae import objectives, priors, regularizers
from jaxgen.losses.vae.families import GaussianMixture, StandardNormal
from jaxgen.training import on_one_device

CLAIM = (
    "The Cauchy-Schwarz divergence trains a VAE towards a learned mixture prior in "
    "closed form, and its weight lambda trades reconstruction for divergence. It "
    "buys no likelihood here: with lambda from 0.3 to 3 the importance-sampled -log "
    "p(x) is that of VAEs trained by KL, within the intervals; with 10 it is worse."
)

KL_MODELS = {"kl_normal": "KL, N(0, I)", "kl_mixture": "KL, mixture"}
"""The baselines: the name of their part, and of their rows."""

POOR = 0.05
"""A proposal with fewer effective samples than this share is called poor."""


@dataclasses.dataclass(frozen=True)
class Config(run.RunOptions, vae_parts.NetworkOptions, run.DataOptions):
    """Options of the script."""

    binarize: Literal["no", "dynamic", "fixed"] = "dynamic"
    """Draw every pixel as 0 or 1 with its grey value as the chance: `dynamic` anew at
    each visit, `fixed` once and for all. Grey pixels have no Bernoulli likelihood."""
    lambdas: tuple[float, ...] = (0.3, 1.0, 3.0, 10.0)
    """Weights of the Cauchy-Schwarz divergence; their models are trained at once."""
    components: int = 10
    """Components of the mixture prior."""
    nll_samples: int = 500
    """Samples for the importance-sampled -log p(x) of each test image."""
    nll_images: int | None = None
    """How many test images that is measured on (all by default)."""


class Trained(NamedTuple):
    """A model of the sweep.

    Attributes:
        name: Its name in tables and figures.
        weight: lambda; 0 for a model without.
        model: The model.
        state: Its state.
    """

    name: str
    weight: float
    model: models.VAE
    state: Any


def build(
    config: Config,
    image_shape: tuple[int, int, int],
    *,
    weight: Any = None,
    mixture: bool = True,
) -> models.VAE:
    """Returns a model of the sweep.

    Args:
        config: The options.
        image_shape: Height, width, channels.
        weight: lambda of the Cauchy-Schwarz divergence; None trains the bound.
        mixture: Whether the prior is a mixture, or else N(0, I).
    """
    encoder, decoder = vae_parts.networks_of(config, image_shape)
    cauchy_schwarz = weight is not None
    return models.vae(
        encoder,
        decoder,
        optax.adam(config.learning_rate),
        likelihood=vae_parts.likelihood_of(config),
        prior=priors.mixture(config.latents, config.components)
        if mixture
        else priors.standard_normal(config.latents),
        divergence=regularizers.cauchy_schwarz() if cauchy_schwarz else None,
        objective=objectives.beta(weight if cauchy_schwarz else 1.0),
    )


def sweep_of(config: Config, image_shape: tuple[int, int, int]) -> models.Ensemble:
    """Returns the models of all weights as one."""
    return models.ensemble(
        lambda weight: build(config, image_shape, weight=weight),
        jnp.array(config.lambdas),
    )


def train(
    config: Config, setup: run.Setup, folder: training.RunFolder
) -> list[Trained]:
    """Trains the sweep as one model, then the baselines, all with one budget."""

    def fit(model: Any, part: str | None = None) -> Any:
        if part is None:
            own: dict[str, Any] = {
                "terms": ("loss", "reconstruction", "cauchy_schwarz")
            }
        else:
            # The root key of the members: the same first networks, the same draws.
            own = {"part": part, "key": models.member_key(setup.key, 0)}
        return run.train(
            config, setup, folder, model, convolutional=config.network == "conv", **own
        )

    shape = setup.train.image_shape
    sweep = sweep_of(config, shape)
    together = fit(sweep)
    found = [
        Trained(
            f"CS, lambda {weight:g}",
            weight,
            build(config, shape, weight=weight),
            sweep.member(together, index),
        )
        for index, weight in enumerate(config.lambdas)
    ]
    for part, name in KL_MODELS.items():
        model = build(config, shape, mixture=part == "kl_mixture")
        found.append(Trained(name, 0.0, model, fit(model, part)))
    return [one._replace(state=on_one_device(one.state)) for one in found]


def components(one: Trained) -> np.ndarray:
    """Returns the means of the components that are used, shape (components, latents).

    The others are NaN; N(0, I) has none.
    """
    prior = one.model.prior(one.state)
    if isinstance(prior, StandardNormal):
        return np.zeros((0, len(prior.zeros)))
    assert isinstance(prior, GaussianMixture)
    weights = np.exp(np.asarray(prior.log_weights))[:, None]
    return np.where(weights > 1 / (10 * len(weights)), np.asarray(prior.means), np.nan)


def measure(
    config: Config, setup: run.Setup, found: list[Trained]
) -> tuple[list[run.Table], dict[str, np.ndarray], list[metrics.SetLikelihood]]:
    """Measures the terms and the likelihood of every model on the test set.

    Returns:
        The tables of the page, the numbers that its figures are drawn from, and the
        likelihoods.
    """
    rows, numbers = [], {"reconstruction": [], "divergence": []}
    run.print_line(f"Measuring the terms of {len(found)} models on the test images")
    for one in found:
        key = random.stream(setup.key, "terms")
        mean = {
            name: float(values.mean())
            for name, values in vae_parts.test_terms(
                key, one.model, one.state, setup
            ).items()
        }
        own = mean["cauchy_schwarz"] if one.weight else mean["kl"]
        kl = mean["sampled_kl"] if one.weight else mean["kl"]
        numbers["reconstruction"].append(mean["reconstruction"])
        numbers["divergence"].append(own)
        means = components(one)
        cells = (mean["reconstruction"], own, kl, mean["reconstruction"] + kl)
        used = f"{np.isfinite(means).all(axis=1).sum()} of {len(means)}"
        row = [one.name, *(f"{value:.2f}" for value in cells)]
        rows.append([*row, used if len(means) else "none"])
    terms = run.Table(
        title="What was trained",
        note="Nats per test image. D is the divergence that was trained: "
        "Cauchy-Schwarz, or KL. KL is that of q(z|x) from the model's own prior; with "
        "the reconstruction it makes a bound on -log p(x), whatever was trained. A "
        "component is active when its weight is above a tenth of an even share. The "
        "curves of the loss terms on this page are means over all lambda.",
        columns=["model", "reconstruction", "D", "KL", "bound", "components"],
        words=1,
        rows=rows,
    )
    likelihoods = [
        vae_parts.measure_likelihood(
            random.stream(setup.key, "likelihood"),
            one.model,
            one.state,
            setup,
            num_samples=config.nll_samples,
            num_images=config.nll_images,
        )
        for one in found
    ]
    tables = [likelihood_table(found, likelihoods), terms]
    return tables, {k: np.array(v) for k, v in numbers.items()}, likelihoods


def likelihood_table(
    found: list[Trained], likelihoods: list[metrics.SetLikelihood]
) -> run.Table:
    """Returns the table of -log p(x), and of what each model gains on the baselines."""
    first = likelihoods[0]
    known = {one.name: own for one, own in zip(found, likelihoods, strict=True)}
    rows = []
    for name, own in known.items():
        row = [name, f"{own.nll:.2f} ± {2.58 * own.standard_error:.2f}"]
        for baseline in KL_MODELS.values():
            gain = known[baseline].per_image - own.per_image
            error = gain.std(ddof=1) / np.sqrt(len(gain))
            same = name == baseline
            row.append("" if same else f"{gain.mean():.2f} ± {2.58 * error:.2f}")
        rows.append([*row, f"{own.effective_samples:,.0f}"])
    poor = [
        name
        for name, own in known.items()
        if own.effective_samples < POOR * own.num_samples
    ]
    warning = (
        f" Where fewer than {POOR:.0%} of the samples count ({'; '.join(poor)}), q is "
        "a poor proposal, as it is when its divergence costs little, and more samples "
        "would lower -log p(x)."
    )
    return run.Table(
        title="Likelihood by importance sampling",
        note=f"-log p(x) in nats, of {first.num_samples:,} samples of q for each of "
        f"{first.num_images:,} test images; in expectation an upper bound. Gains are "
        "paired by image. Intervals are 99% over images, for this one training of each "
        "model. ESS is the median number of samples that count."
        + (warning if poor else ""),
        columns=[
            "model",
            "-log p(x)",
            *(f"gain on {name}" for name in KL_MODELS.values()),
            "ESS",
        ],
        words=1,
        rows=rows,
    )


def write_sweep(
    test: data.Source,
    folder: training.RunFolder,
    found: list[Trained],
    measured: dict[str, np.ndarray],
    likelihoods: list[metrics.SetLikelihood],
) -> None:
    """Writes what the figures of the sweep are drawn from."""
    images, _, rest = latent_arrays.chosen(test, False)
    if not rest:  # no labels: one class, and one colour
        rest = {"label": np.zeros(len(images), int), "class_names": ["all"]}
    some = every_nth(len(images), 12)
    means, outputs, centres = [], [], []
    for one in found:
        q, _ = models.encode_images(one.model, one.state, images)
        mean = np.asarray(q.mean)
        # Two latents make a plane: of more, those that vary most.
        plane = np.sort(np.argsort(-mean.var(axis=0))[:2])
        means.append(mean[:, plane])
        outputs.append(models.image_decoder(one.model, one.state)(mean[some]))
        centres.append(components(one)[:, plane])
    write_npz(
        folder.arrays / "lambda_sweep.npz",
        names=[one.name for one in found],
        lambda_=np.array([one.weight for one in found]),
        mean=np.stack(means),
        inputs=images[some],
        outputs=np.stack(outputs),
        prior_means=_stacked(centres),
        nll=np.array([one.nll for one in likelihoods]),
        nll_error=np.array([one.standard_error for one in likelihoods]),
        **measured,
        **rest,
    )


def main(config: Config) -> dict[str, Any]:
    """Trains the sweep and its baselines, measures and draws; returns the NLLs."""
    run.check_positive(config, "hidden", "variance", "lambdas")
    run.check_positive(config, "components", "nll_samples", "nll_images")
    run.check_bounds(config, "latents", least=2)
    if len(set(config.lambdas)) < len(config.lambdas):
        shown = " ".join(f"{weight:g}" for weight in config.lambdas)
        raise InputError(f"--lambdas {shown}: give each weight once.")
    sweep_of(config, run.IMAGE_SHAPE)
    setup = run.prepare(config)
    shape = setup.train.image_shape
    run.check_models(setup, sweep_of(config, shape), build(config, shape))
    with run.timed() as seconds:
        folder = run.open_folder(
            config,
            "cs_vae",
            f"{setup.train.name}-{config.network}-z{config.latents}",
            title=f"Cauchy-Schwarz VAEs on {setup.train.name}",
            claim=CLAIM,
        )
        found = train(config, setup, folder)
        tables, measured, likelihoods = measure(config, setup, found)
        write_sweep(setup.test, folder, found, measured, likelihoods)
        results = {
            f"-log p(x), {one.name}": (own.nll, "nats per image")
            for one, own in zip(found, likelihoods, strict=True)
        }
    return run.finish(folder, results, seconds=seconds(), tables=tables)


def _stacked(centres: list[np.ndarray]) -> np.ndarray:
    """Fills up with NaN, which the figures leave out."""
    whole = np.full((len(centres), max(map(len, centres)), 2), np.nan)
    for row, some in zip(whole, centres, strict=True):
        row[: len(some)] = some
    return whole


if __name__ == "__main__":
    run.command_line(main, Config, __doc__ or "")

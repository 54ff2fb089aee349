"""Every estimator for discrete latents along the training of one VAE.

Source: Dong et al., DisARM, 2020; Paulus et al., Rao-Blackwellizing the
Straight-Through Gumbel-Softmax Gradient Estimator, 2021; Tucker et al., REBAR, 2017;
docs/estimators.md has the others.

Command: `python -m experiments.discrete_vae_estimators`; 7 CPU minutes. With 8 bits on
mnist5k the variance of DisARM over that of RLOO-2 is 0.86 +- 0.02 at the start, 0.94 +-
0.09 after 50 steps, 0.90 +- 0.09 after 200 and 0.78 +- 0.04 after 1000; that of
Gumbel-Rao over ST-GS 0.32, 0.24, 0.34 and 0.58, none of them above 0.62 (99%
intervals). The means of REBAR at six points are within 1.8 standard errors of the exact
gradient, those of RLOO-2 and DisARM within 2.1. After 1000 steps that of Gumbel-Softmax
is off by 45 to 51 percent, that of straight-through by more than its size; yet in one
run of each straight-through ends at a bound of -182.4 nats per image and RLOO-2 at
-183.5.
"""

import dataclasses
import math
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments import discrete_parts, vae_parts
from experiments.discrete_gradients import (
    BLOCK_REACH,
    Entrant,
    KeepParameters,
    Measured,
    Place,
    exact_gradient,
    measure,
    pooled_gradient,
)
from experiments.variance_studies.study import REACH, measured_text, signed_text
from jaxgen import models, random, run, training
from jaxgen.errors import InputError
from jaxgen.estimators import Enumerate
from jaxgen.files import write_npz
from jaxgen.losses.vae.families import Bernoulli, Categorical
from jaxgen.losses.vae.priors import Prior
from jaxgen.training import on_one_device
from jaxgen.typing import Array, Network

CLAIM = (
    "Estimators are to be compared where they are used: along a training run the "
    "antithetic pair of DisARM has less variance than two independent samples, "
    "averaging over the noise given its sample makes Gumbel-Rao less noisy than its "
    "straight-through original, REBAR has no bias, and the relaxed ones, which "
    "have, train all the same."
)

Name = Literal[
    "score",
    "RLOO-2",
    "RLOO-4",
    "DisARM",
    "REBAR",
    "Gumbel-Softmax",
    "ST-GS",
    "Gumbel-Rao",
    "straight-through",
    "ReinMax",
    "VIMCO",
    "enumeration",
]

CHOSEN: dict[Name, tuple[discrete_parts.EstimatorName, int]] = {
    "score": ("score", 1),
    "RLOO-2": ("rloo", 2),
    "RLOO-4": ("rloo", 4),
    "DisARM": ("disarm", 1),
    "REBAR": ("rebar", 1),
    "Gumbel-Softmax": ("gumbel_softmax", 1),
    "ST-GS": ("straight_through_gumbel", 1),
    "Gumbel-Rao": ("gumbel_rao", 1),
    "straight-through": ("straight_through", 1),
    "ReinMax": ("reinmax", 1),
    "VIMCO": ("vimco", 2),
    "enumeration": ("enumeration", 1),
}
"""Estimators with the samples they get."""

COMMON: Name = "RLOO-2"
"""Whose run is the common one."""

PAIRS: tuple[tuple[Name, Name], ...] = (("DisARM", "RLOO-2"), ("Gumbel-Rao", "ST-GS"))
"""Who is to have less variance than whom."""

RECORDS = 20
"""Records of each run."""


@dataclasses.dataclass(frozen=True)
class Config(
    discrete_parts.LatentOptions,
    run.RunOptions,
    vae_parts.NetworkOptions,
    run.DataOptions,
):
    """Options of the script."""

    latent_kind: Literal["categorical", "bernoulli"] = "bernoulli"
    """Latents of each image: categories, or bits."""
    latents: int = 8
    """How many categories or bits. Of a few, as 8 bits, the exact gradient is known."""
    classes: int = 4
    """Classes of a category; bits have none."""
    binarize: Literal["no", "dynamic", "fixed"] = "dynamic"
    """Draw every pixel as 0 or 1 with its grey value as the chance: `dynamic` anew at
    each visit, `fixed` once and for all."""
    hidden: tuple[int, ...] | None = (64,)
    """Widths of the hidden layers of the MLP encoder; the decoder has them reversed.
    With conv: the features between images and latents."""
    batch_size: int = 64
    """Images a step, over all devices."""
    steps: int | None = 1000
    """Optimizer steps of each run, in place of epochs."""
    estimators: tuple[Name, ...] = tuple(CHOSEN)
    """Who takes part. Left out are those that the latents do not suit; RLOO-2, whose
    run is the common one, always does."""
    temperature: float = 0.5
    """Of REBAR, Gumbel-Softmax, ST-GS and Gumbel-Rao."""
    places: int = 5
    """Points of the common run where gradients are measured, besides its start."""
    draws: int = 1000
    """Pairs of gradients drawn of each estimator at each point."""
    images: int = 32
    """Images of the mini-batch that the gradients are of."""


class Parts(NamedTuple):
    """What the models of a run are made of; they differ in their estimator alone."""

    encoder: Network
    decoder: Network
    prior: Prior
    entrants: dict[Name, Entrant]


def build(config: Config, image_shape: tuple[int, int, int]) -> Parts:
    """Returns networks, prior and estimators."""
    encoder, decoder = vae_parts.networks_of(
        config, image_shape, latents=config.latent_shape
    )
    return Parts(encoder, decoder, discrete_parts.prior_of(config), entrants_of(config))


def entrants_of(config: Config) -> dict[Name, Entrant]:
    """Returns the estimators that take part, in the order of the menu."""
    found: dict[Name, Entrant] = {}
    for name, (choice, samples) in CHOSEN.items():
        if name not in (*config.estimators, COMMON):
            continue
        if name == "enumeration" and not enumerable(config):
            continue
        estimator = discrete_parts.CHOICES[choice].make(config.temperature)
        found[name] = Entrant(estimator, samples)
    return found


def enumerable(config: Config) -> bool:
    """Tells whether the exact gradient can be had."""
    values = config.classes if config.categorical else 2
    return values**config.latents <= discrete_parts.MOST_TERMS


def model_of(config: Config, parts: Parts, entrant: Entrant) -> models.VAE:
    """Returns the model that an estimator trains."""
    return models.vae(
        parts.encoder,
        parts.decoder,
        optax.adam(config.learning_rate),
        likelihood=vae_parts.likelihood_of(config),
        prior=parts.prior,
        estimator=entrant.estimator,
        num_samples=entrant.samples,
    )


def main(config: Config) -> dict[str, Any]:
    """Trains every model, measures along one; returns the numbers at the head."""
    check(config)
    setup = run.prepare(config)
    with run.timed() as seconds:
        parts = build(config, setup.train.image_shape)
        common = model_of(config, parts, parts.entrants[COMMON])
        run.check_models(setup, common)
        folder = run.open_folder(
            config,
            "discrete_vae_estimators",
            f"{setup.train.name}-{discrete_parts.latents_name(config)}",
            title=f"Estimators for discrete latents on {setup.train.name}",
            claim=CLAIM,
        )
        kept, states = train_all(config, setup, folder, parts)
        runs = own_runs(config, setup, folder, parts, states)
        found = along(config, setup, parts, kept)
        write_npz(folder.arrays / "estimators_along.npz", **arrays_of(runs, found))
        run.merge_parts(folder, list(parts.entrants))
    results = results_of(found)
    tables = [
        runs_table(config, parts, runs),
        gradients_table(config, parts, found),
        claims_table(found),
    ]
    return run.finish(folder, results, seconds=seconds(), tables=tables)


def train_all(
    config: Config,
    setup: run.Setup,
    folder: training.RunFolder,
    parts: Parts,
) -> tuple[KeepParameters, dict[str, Any]]:
    """Trains a model by every estimator, from one start on the same batches.

    Returns:
        The parameters along the common run, and the last states by name.
    """
    every = max(1, setup.steps // RECORDS)
    ends = np.geomspace(every, setup.steps // every * every, config.places)
    wanted = {int(round(end / every)) * every for end in ends}
    batch = next(training.iterate_batches(setup.batches))
    first = jax.jit(model_of(config, parts, parts.entrants[COMMON]).init)
    start = first(jax.random.clone(setup.key), batch)
    kept = KeepParameters(
        folder.path / "parts" / COMMON / "parameters.npz",
        start.net.params,
        sorted({0} | wanted),
    )
    if not kept.all():
        kept(start, 0)
    states = {}
    for name, entrant in parts.entrants.items():
        run.print_line(f"Training by {name}")
        states[name] = run.train(
            config,
            setup,
            folder,
            model_of(config, parts, entrant),
            part=name,
            convolutional=config.network == "conv",
            evaluate_every=every,
            callbacks=(kept,) if name == COMMON else (),
        )
    return kept, states


class Runs(NamedTuple):
    """What the own runs came to.

    Attributes:
        steps: Steps of the records.
        elbo: Test bound at each, by name, nats per image.
        seconds: Seconds of a step, by name.
        last: Test bound of every image at the end, by name.
    """

    steps: np.ndarray
    elbo: dict[str, np.ndarray]
    seconds: dict[str, float]
    last: dict[str, np.ndarray]


def own_runs(
    config: Config,
    setup: run.Setup,
    folder: training.RunFolder,
    parts: Parts,
    states: dict[str, Any],
) -> Runs:
    """Reads the records of the own runs, and measures each test image at their end."""
    evaluate = jax.jit(model_of(config, parts, parts.entrants[COMMON]).evaluate)
    key = random.stream(setup.key, "last")
    steps, elbo, seconds, last = np.zeros(0), {}, {}, {}
    run.print_line("Measuring the bounds on the test images")
    for name in parts.entrants:
        path = folder.path / "parts" / name / "metrics.jsonl"
        test = run.records_of(path)
        # Not the loss: VIMCO's is another bound.
        reconstruction, kl = (
            np.array([run.number_of(row, term, path) for row in test])
            for term in ("reconstruction", "kl")
        )
        elbo[name] = -reconstruction - kl
        steps = np.array([row["step"] for row in test])
        # The first records are of compiling, and have none.
        rate = run.median_rate(path)
        seconds[name] = config.batch_size / rate if rate else math.nan
        state, values = on_one_device(states[name]), []
        for number, batch in enumerate(training.iterate_batches(setup.test_batches)):
            terms = evaluate(state, jax.random.fold_in(key, number), batch)
            counted = np.asarray(batch["weight"]) > 0
            values.append(-np.asarray(terms["loss"])[counted])
        last[name] = np.concatenate(values).astype(np.float64)
    return Runs(steps, elbo, seconds, last)


Along = dict[str, dict[int, Measured]]
"""What is found of each estimator at each step of the common run."""


def along(
    config: Config, setup: run.Setup, parts: Parts, kept: KeepParameters
) -> Along:
    """Measures every estimator at the same points of the common run."""
    images = next(training.iterate_batches(setup.batches))["image"][: config.images]
    likelihood = vae_parts.likelihood_of(config)
    encode = jax.jit(parts.encoder.apply)

    def log_likelihood(params: Any, latents: Array, images: Array) -> Array:
        outputs, _ = parts.decoder.apply(params, (), latents)
        return likelihood.log_likelihood(outputs, images)

    found: Along = {name: {} for name in parts.entrants}
    key = random.stream(setup.key, "gradients")
    for step, params in kept.all().items():
        run.print_line(f"Measuring gradients at step {step}")
        place = Place(
            log_likelihood,
            parts.prior,
            params["decoder"],
            encode(params["encoder"], (), images)[0],
            images,
        )
        own = jax.random.fold_in(key, step)
        draw, refer = jax.random.split(own)
        if enumerable(config):
            reference = exact_gradient(place, Enumerate())
        else:
            reference = pooled_gradient(refer, place, config.draws)
        for name, entrant in parts.entrants.items():
            if name == "enumeration":
                found[name][step] = Measured(0.0, 0.0, np.nan, 0.0, 0.0, 0.0)
                continue
            # The same key: the same noise, as far as the estimators use it alike.
            found[name][step] = measure(
                jax.random.clone(draw), place, entrant, config.draws, reference
            )
    return found


def arrays_of(runs: Runs, found: Along) -> dict[str, Any]:
    """Returns what the figure is drawn from."""
    names = list(found)
    grid = [list(found[name].values()) for name in names]

    def of(name: str) -> np.ndarray:
        return np.array([[getattr(one, name) for one in row] for row in grid])

    snr = of("snr")
    return {
        "names": np.array(names),
        "elbo_step": runs.steps,
        "elbo": np.stack([runs.elbo[name] for name in names]),
        "seconds": np.array([runs.seconds[name] for name in names]),
        "at": np.array(list(found[COMMON])),
        "variance": of("variance"),
        "half_width": REACH * of("variance_error"),
        "snr": np.where(np.isfinite(snr), snr, np.nan),
        "bias": of("bias"),
    }


def runs_table(config: Config, parts: Parts, runs: Runs) -> run.Table:
    """Returns the table of the own runs."""
    best = max(runs.last, key=lambda name: runs.last[name].mean())
    rows = []
    for name, entrant in parts.entrants.items():
        own = runs.last[name]
        below = runs.last[best] - own
        rows.append(
            [
                f"{name} (bound of {entrant.samples})" if entrant.bound else name,
                str(evaluations(config, entrant)),
                measured_text(float(own.mean()), spread(own)).replace("-", "−"),
                "best"
                if name == best
                else measured_text(float(below.mean()), spread(below)),
                f"{1e6 * runs.seconds[name]:,.0f}",
            ]
        )
    return run.Table(
        title=f"Own runs of {runs.steps[-1]:,} steps",
        note="Evidence lower bound of the test images with true samples, nats per "
        "image; how far below the best, image by image on the same random numbers; ± "
        "is the 99% interval over images, which leaves out what another seed would do. "
        "Evaluations of the decoder for one gradient of one image; with its "
        "derivative it counts as three.",
        columns=["estimator", "evaluations", "ELBO", "below the best", "µs a step"],
        words=1,
        rows=rows,
    )


def spread(values: np.ndarray) -> float:
    """Returns the standard error of a mean over images."""
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def gradients_table(config: Config, parts: Parts, found: Along) -> run.Table:
    """Returns the table of the gradients at the end of the common run."""
    rows = []
    for name, entrant in parts.entrants.items():
        step, one = list(found[name].items())[-1]
        work = evaluations(config, entrant)
        exact = name == "enumeration"
        if entrant.bound:
            bias, z = "other bound", "–"
        else:
            low, high = one.bias_range
            bias = "0" if exact else f"{100 * low:.1f} to {100 * high:.1f}%"
            z = "0" if exact else signed_text(one.z)
        rows.append(
            [
                name,
                str(work),
                measured_text(one.variance, one.variance_error),
                f"{one.variance * work:.3g}",
                "–" if exact else f"{one.snr:.2f}",
                bias,
                z,
            ]
        )
    truth = "by enumeration" if enumerable(config) else "by many draws of RLOO-4"
    return run.Table(
        title=f"Gradients at step {step:,} of the run of {COMMON}",
        note=f"{config.draws:,} pairs of gradients of {config.images} images in the "
        "encoder's logits. Variance: total of one image, mean over images, ± the 99% "
        "interval. SNR: size of the mean gradient over its standard deviation, all "
        "images together. Bias: 99% interval of the distance of the mean from the "
        f"gradient {truth}, over the latter's size. z: that deviation along the "
        "gradient, in standard errors.",
        columns=["estimator", "evaluations", "variance", "× evaluations", "SNR"]
        + ["bias", "z"],
        words=1,
        rows=rows,
    )


def claims_table(found: Along) -> run.Table:
    """Returns the table of what is claimed, at each point of the common run."""
    steps = list(found[COMMON])
    rows = []
    for less, more in PAIRS:
        if less in found and more in found:
            cells = [
                measured_text(*ratio(found[less][at], found[more][at])) for at in steps
            ]
            rows.append([f"variance of {less} / {more}", *cells])
    for name in ("REBAR", "DisARM", COMMON):
        if name in found:
            cells = [signed_text(found[name][at].z) for at in steps]
            rows.append([f"z of {name}'s mean along the gradient", *cells])
    return run.Table(
        title="What is claimed, along the common run",
        note="Ratios of variances with their 99% intervals: below 1 the first has "
        "less. z: deviations from the gradient in standard errors, which are within "
        f"±{BLOCK_REACH:.1f} in 99 of 100 cases where there is no bias.",
        columns=["", *(f"step {at:,}" for at in steps)],
        words=1,
        rows=rows,
    )


def ratio(one: Measured, other: Measured) -> tuple[float, float]:
    """Returns the ratio of two variances and its standard error."""
    value = one.variance / other.variance
    # As if the two were independent: they are of the same keys, and how far these make
    # them vary together is not measured.
    relative = np.hypot(
        one.variance_error / one.variance, other.variance_error / other.variance
    )
    return value, float(value * relative)


def results_of(found: Along) -> dict[str, tuple[float, str]]:
    """Returns the numbers at the head of the page: the worst along the run."""
    results = {}
    for less, more in PAIRS:
        if less in found and more in found:
            ratios = [
                ratio(found[less][at], found[more][at])[0] for at in found[COMMON]
            ]
            results[f"largest variance of {less} / {more}"] = (max(ratios), "")
    if "REBAR" in found:
        z = [abs(one.z) for one in found["REBAR"].values()]
        name = f"largest of {len(z)} deviations of REBAR"
        results[name] = (max(z), "standard errors")
    return results


def evaluations(config: Config, entrant: Entrant) -> int:
    """Returns the evaluations of the decoder for one gradient of one image."""
    family = Categorical if config.categorical else Bernoulli
    dist = family(jnp.zeros(config.latent_shape)).distribution
    return entrant.estimator.cost(dist, entrant.samples).total


def check(config: Config) -> None:
    """Raises an InputError for options that do not go together."""
    run.check_positive(
        config,
        "latents",
        "classes",
        "hidden",
        "variance",
        "temperature",
        "places",
        "images",
    )
    discrete_parts.check_latents(config)
    if config.images > config.batch_size:
        raise InputError(
            f"--images is {config.images} and --batch-size {config.batch_size}: the "
            "gradients are of images of one batch; give at most as many."
        )
    run.check_bounds(config, "draws", least=40)
    parts = build(config, run.IMAGE_SHAPE)
    for entrant in parts.entrants.values():
        model_of(config, parts, entrant)


if __name__ == "__main__":
    run.command_line(main, Config, __doc__ or "")

"""Importance weighted autoencoders: a tighter bound, and more latents that are used.

Source: Burda, Grosse and Salakhutdinov, Importance Weighted Autoencoders, 2016, table 1
(one stochastic layer); Tucker et al., Doubly Reparameterized Gradient Estimators for
Monte Carlo Objectives, 2019; Rainforth et al., Tighter Variational Bounds are Not
Necessarily Better, 2018.

Command: `python -m experiments.iwae`; 3 minutes of one CPU core. -log p(x) is 131.0
nats for the VAE, 9.0 +- 0.8 less for k = 5 and 11.1 +- 1.0 less for k = 50 (99%, paired
by image). At k = 50 the signal-to-noise ratio of the encoder's gradient is 0.65 +- 0.06
for the plain gradient, 0.91 +- 0.05 for the doubly reparameterized one. So early in
training all 50 latents are active in each, and nothing is shown of those that IWAE
keeps alive. The setting of the paper is `--data mnist --schedule burda --epochs 3280
--nll-samples 5000 --nll-images 10000`; it was not run.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments import vae_parts
from experiments.importance_bounds import (
    GROUPS,
    REACH,
    Bounds,
    measure_bounds,
    signal_to_noise,
)
from experiments.latent_arrays import latent_figures
from jaxgen import (
    estimators,
    losses,
    metrics,
    models,
    networks,
    random,
    report,
    run,
    training,
)
from jaxgen.errors import InputError
from jaxgen.estimators import Estimator
from jaxgen.files import write_npz
from jaxgen.training import on_one_device
from jaxgen.typing import Array, PRNGKeyArray

CLAIM = (
    "Trained by the bound of k samples, a VAE reaches a higher likelihood, the more "
    "so the larger k is. With more samples the signal of the plain gradient drowns "
    "in its noise, and that of the doubly reparameterized one much less."
)

GRADIENTS: dict[str, Estimator] = {
    "pathwise": estimators.Pathwise(),
    "stl": estimators.StickingTheLanding(),
    "dreg": estimators.DReG(),
}
_OF_BURDA = (
    " Published: Burda et al., 2016, table 1 (plain gradient), trained for 3,280 "
    "epochs of all of MNIST, with 5,000 samples."
)
PUBLISHED = {1: ("86.76", "19"), 5: ("85.54", "22"), 50: ("84.78", "25")}
"""Burda et al., table 1: -log p(x) by 5,000 samples, and active latents."""

THRESHOLD = 1e-2
"""Variance of a posterior mean above which they call a latent active."""

NUMBERS = (1, 2, 5, 10, 50, 100, 500, 1000, 5000)
"""Numbers of samples that the bound is measured with."""


@dataclasses.dataclass(frozen=True)
class Config(run.RunOptions, run.DataOptions):
    """Options of the script."""

    epochs: int = 15
    """Passes over the training images, for each model."""
    batch_size: int = 20
    """Images a step, over all devices."""
    binarize: Literal["no", "dynamic", "fixed"] = "dynamic"
    """Draw every pixel as 0 or 1 with its grey value as the chance: `dynamic` anew at
    each visit, `fixed` once and for all."""
    hidden: tuple[int, ...] = (200, 200)
    """Widths of the hidden layers (tanh) of the encoder; the decoder's are reversed."""
    latents: int = 50
    """Dimensions of the latent space."""
    ks: tuple[int, ...] = (1, 5, 50)
    """Samples of the bound that a model is trained by, a model each; 1 is the VAE."""
    estimator: Literal["dreg", "pathwise", "stl"] = "dreg"
    """Gradient of the encoder for k above 1: doubly reparameterized, plain, or sticking
    the landing, which is biased."""
    compare_gradients: bool = False
    """Train the largest k once more by the plain gradient (by `dreg` where `estimator`
    is `pathwise` already)."""
    schedule: Literal["constant", "burda"] = "constant"
    """`burda`: the learning rate falls by 10 to the 1/7 after 1, 4, 13 ... 1093 of
    3,280 parts of the training, as in the paper."""
    nll_samples: int = 500
    """Samples of the last bound, which estimates -log p(x) (5,000 in the paper)."""
    nll_images: int = 1000
    """Test images that the bounds are measured on, the first so many."""
    gradient_draws: int = 100
    """Gradients drawn for each signal-to-noise ratio; 0 leaves the table out."""


class Task(NamedTuple):
    """One model of the run."""

    name: str
    samples: int
    gradient: str


def tasks_of(config: Config) -> list[Task]:
    """Returns the models that the options ask for."""
    tasks = [
        Task(f"IWAE-{k}" if k > 1 else "VAE", k, config.estimator if k > 1 else "plain")
        for k in config.ks
    ]
    most = max(config.ks)
    if config.compare_gradients and most > 1:
        other = "dreg" if config.estimator == "pathwise" else "pathwise"
        tasks.append(Task(f"IWAE-{most}-{other}", most, other))
    return tasks


def build(
    config: Config, task: Task, image_shape: tuple[int, int, int], steps: int
) -> models.VAE:
    """Returns one of the models."""
    rate: Any = config.learning_rate
    if config.schedule == "burda":
        rate = burda_schedule(config.learning_rate, steps)
    return models.vae(
        networks.mlp_encoder(config.latents, config.hidden, activation=jnp.tanh),
        networks.mlp_decoder(image_shape, config.hidden[::-1], activation=jnp.tanh),
        optax.adam(rate),
        likelihood=losses.vae.bernoulli(),
        prior=losses.vae.priors.standard_normal(config.latents),
        estimator=GRADIENTS.get(task.gradient),
        num_samples=task.samples,
        importance_weighted=task.samples > 1,
    )


def burda_schedule(rate: float, steps: int) -> Callable[[Array], Array]:
    """Returns `rate * 10^(-i/7)` for 3^i parts of 3,280, i = 0 ... 7.

    Examples:
        >>> at = burda_schedule(1e-3, 3280)
        >>> print(*(f"{at(step):.6f}" for step in (0, 2, 2000)))
        0.001000 0.000720 0.000100
    """

    def at(step: Array) -> Array:
        # Stage i begins after (3^i - 1) / 2 parts.
        begun = jnp.log(1 + 2 * 3280 * jnp.asarray(step) / steps) / jnp.log(3.0)
        return rate * 10 ** (-jnp.clip(jnp.floor(begun + 1e-4), 0, 7) / 7)

    return at


def likelihood_table(
    config: Config, tasks: list[Task], found: list[Bounds], speed: list[float]
) -> run.Table:
    """Returns the table of the claim, with the published numbers beside ours."""
    first = -found[0].bound[:, -1]
    compared = config.data in vae_parts.MNIST
    rows = []
    for task, one, seconds in zip(tasks, found, speed, strict=True):
        nll = -one.bound[:, -1]
        published = PUBLISHED.get(task.samples, ("", "")) if compared else ()
        gain = "" if one is found[0] else _interval(first - nll)
        rows.append(
            [
                task.name,
                task.gradient,
                _interval(-one.bound[:, 0]),
                _interval(nll),
                gain,
                f"{np.median(one.effective_samples):.0f}",
                str(
                    int(
                        metrics.active_units(
                            jnp.asarray(one.mean), threshold=THRESHOLD
                        ).count
                    )
                ),
                f"{seconds:.1f}",
                *published,
            ]
        )
    return run.Table(
        title="Likelihood and active latents",
        note=f"Nats per image on {len(first):,} test images, {config.nll_samples:,} "
        "importance samples; intervals are 99 % over images, those of the gain over "
        f"{tasks[0].name} from differences on the same images. ESS: effective samples, "
        "the median. Trained for "
        f"{config.epochs if config.steps is None else config.steps} "
        f"{'epochs' if config.steps is None else 'steps'} of {config.data}."
        + (_OF_BURDA if compared else ""),
        columns=[
            "model",
            "gradient",
            "-bound, k=1",
            "-log p(x)",
            "gain",
            "ESS",
            "active",
            "s/epoch",
            *(("published -log p(x)", "published active") if compared else ()),
        ],
        words=2,
        rows=rows,
    )


def signal_table(
    key: PRNGKeyArray,
    task: Task,
    model: models.VAE,
    state: Any,
    setup: run.Setup,
    config: Config,
) -> run.Table:
    """Measures the signal-to-noise ratio of the encoder's gradient for each k."""
    images = next(iter(training.iterate_batches(setup.test_batches)))["image"]
    rows = []
    for name, estimator in GRADIENTS.items():
        cells = []
        for k in config.ks:
            found = signal_to_noise(
                jax.random.clone(key),
                model,
                state,
                images,
                estimator=estimator,
                num_samples=k,
                draws=config.gradient_draws,
            )
            cells.append(f"{found.ratio:.2f} ± {REACH * found.standard_error:.2f}")
        rows.append([name, *cells])
    return run.Table(
        title="Signal-to-noise ratio of the encoder's gradient",
        note=f"|E g| / sqrt(tr Var g) at the end of training {task.name}, for one "
        f"batch of {len(images)} test images, of the bound with k samples; 99 % "
        f"intervals from {GROUPS * (config.gradient_draws // GROUPS)} draws. Of the "
        "plain gradient it falls as 1 / sqrt(k), of dreg it rises as sqrt(k), in the "
        "limit of many samples; stl is biased for k above 1.",
        columns=["gradient", *(f"k={k}" for k in config.ks)],
        words=1,
        rows=rows,
    )


def main(config: Config) -> dict[str, Any]:
    """Trains, measures, draws; returns -log p(x) and the active latents by model."""
    run.check_positive(config, "hidden", "latents", "ks", "nll_samples")
    run.check_bounds(config, "nll_images", least=2)
    if len(set(config.ks)) < len(config.ks):
        shown = " ".join(map(str, config.ks))
        raise InputError(f"--ks is {shown}: give each number of samples once.")
    if config.binarize == "no":
        raise InputError(
            "--binarize is no: log p(x) is that of pixels of 0 and 1; give dynamic or "
            "fixed."
        )
    if config.gradient_draws and config.gradient_draws < 2 * GROUPS:
        raise InputError(
            f"--gradient-draws is {config.gradient_draws}: give at least {2 * GROUPS}, "
            "or 0 for no table."
        )
    tasks = tasks_of(config)
    for task in tasks:
        build(config, task, run.IMAGE_SHAPE, 1)
    setup = run.prepare(config)
    shape = setup.train.image_shape
    built = {task.name: build(config, task, shape, setup.steps) for task in tasks}
    run.check_models(setup, *built.values())
    numbers = [*(k for k in NUMBERS if k < config.nll_samples), config.nll_samples]
    with run.timed() as seconds:
        folder = run.open_folder(
            config,
            "iwae",
            f"{setup.train.name}-k{'-'.join(map(str, config.ks))}",
            title=f"Importance weighted autoencoders on {setup.train.name}",
            claim=CLAIM,
            # Burda's stages are spread over the whole run.
            fixed=run.LENGTH if config.schedule == "burda" else set(),
        )
        trained: dict[str, tuple[Task, models.VAE, Any]] = {}
        found: list[Bounds] = []
        speed: list[float] = []
        for task in tasks:
            model = built[task.name]
            state = run.train(
                config, setup, folder, model, part=task.name, terms=("loss",)
            )
            state = on_one_device(state)
            trained[task.name] = task, model, state
            run.print_line(f"Measuring the bounds of {task.name} on test images")
            bounds = measure_bounds(
                random.stream(setup.key, "bounds"),
                model,
                state,
                setup,
                numbers=numbers,
                num_images=config.nll_images,
            )
            found.append(bounds)
            records = folder.path / "parts" / task.name / "metrics.jsonl"
            last = run.last_record(records, split="train")
            rate = 0.0  # of a record of compiling
            if "images_per_second" in last:
                rate = run.number_of(last, "images_per_second", records)
            speed.append(len(setup.train) / rate if rate else math.nan)
        run.merge_parts(folder, [task.name for task in tasks])
        bound = np.stack([one.bound.mean(axis=0) for one in found])
        spread = np.stack([one.bound.std(axis=0, ddof=1) for one in found])
        activity = np.stack([np.var(one.mean, axis=0) for one in found])
        write_npz(
            folder.arrays / "bounds.npz",
            k=numbers,
            names=[task.name for task in tasks],
            bound=bound,
            half_width=2.58 * spread / np.sqrt(len(found[0].bound)),
            nll=-bound[:, -1],
            activity=activity,
            threshold=THRESHOLD,
        )
        tables = [likelihood_table(config, tasks, found, speed)]
        most = next(task for task in tasks if task.samples == max(config.ks))
        task, model, state = trained[most.name]
        if config.gradient_draws:
            run.print_line("Measuring the signal and the noise of gradients")
            key = random.stream(setup.key, "signal")
            tables.append(signal_table(key, task, model, state, setup, config))
        figures = latent_figures(
            folder,
            model,
            state,
            setup.test,
            random.stream(setup.key, "figures"),
            train=setup.train,
        )
        report.write_figures(folder.path, figures)
    results = {}
    for task, nll, active in zip(
        tasks, -bound[:, -1], activity > THRESHOLD, strict=True
    ):
        results[f"-log p(x), {task.name}"] = (nll, "nats per image")
        results[f"active latents, {task.name}"] = (active.sum(), "")
    return run.finish(folder, results, seconds=seconds(), tables=tables)


def _interval(values: np.ndarray) -> str:
    error = np.std(values, ddof=1) / np.sqrt(len(values))
    return f"{np.mean(values):.2f} ± {2.58 * error:.2f}"


if __name__ == "__main__":
    run.command_line(main, Config, __doc__ or "")

"""How often does a GAN miss modes, under which loss, and what helps?

Source: Metz et al., Unrolled Generative Adversarial Networks, 2017; Srivastava et al.,
VEEGAN, 2017; Lin et al., PacGAN, 2018, section 4.1: ring, grid, 2,500 samples, three
standard deviations.

Command: `python -m experiments.gan_modes`. 10,000 steps of 8 seeds take 63 seconds on 2
CPU cores for the plain GAN (51 with 16 latents) after 10 of compilation; about two
minutes of one core for pac(2) and eleven for unroll(5).
Modes of 8, means over the seeds with their standard errors, and in how many seeds all
are found: plain GAN 1.6 +- 0.8, in 0 of 8; pac(2) and unroll(5) 8.0, in 8 of 8. Few
samples are good, 39 % at most: the critic is slow. Equal rates (`--critic-learning-rate
1e-3 --remedies none`): 5.5 +- 1.1 modes, all of them in 3 of 8.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

import jax
import numpy as np

from experiments.mode_models import (
    CANDIDATES,
    OptimizerOptions,
    Row,
    build,
    label_of,
    rows_of,
)
from experiments.mode_watch import (
    SHOWN,
    ModeWatch,
    Watched,
    mode_table,
    write_mode_arrays,
)
from jaxgen import models, random, run, training
from jaxgen.data import mixtures
from jaxgen.errors import InputError
from jaxgen.losses.gan import LossName, name_label

CLAIM = (
    "Mode collapse is a matter of setting and of luck, so it is measured as a "
    "probability, over many seeds. With a critic that learns ten times slower than "
    "the generator a plain GAN has one or two modes of a ring of eight, and never "
    "all of them; pairs of samples shown to the critic, or a generator that looks "
    "ahead through five of its steps, bring them back in every seed."
)

STEPS_PER_EPOCH = 100
"""What the progress bar calls an epoch: points are drawn anew in each step."""

MIXTURES = {
    "ring": mixtures.ring,
    "grid": mixtures.grid,
    "swiss_roll": mixtures.swiss_roll,
    "two_moons": mixtures.two_moons,
}


@dataclasses.dataclass(frozen=True)
class Config(OptimizerOptions):
    """Options of the script."""

    mixture: Literal["ring", "grid", "swiss_roll", "two_moons"] = "ring"
    """`ring`: 8 Gaussians; `grid`: 25; `swiss_roll` and `two_moons` have no modes to
    count, and give pictures."""
    losses: tuple[LossName, ...] = ("non_saturating",)
    """Losses; each is trained with each of the remedies."""
    remedies: tuple[str, ...] = ("none", "pac2", "unroll5")
    """`none`, pac, unroll, noise (which falls to 0 over the run), std (of minibatches),
    gp, r1, r2, dragan, lecam, clip; with a number as in pac2 or r1=1; joined as in
    r1+r2. `veegan` and `adagan` are models of their own."""
    seeds: int = 8
    """Seeds of each model, trained at once."""
    critic_learning_rate: float = 1e-4
    """Learning rate of the critic's Adam. A tenth of the generator's forces collapse;
    1e-3 is as fast as the generator."""

    hidden: tuple[int, ...] = (128, 128)
    """Widths of the hidden layers of every network."""
    activation: Literal["relu", "tanh", "leaky_relu"] = "relu"
    """Of the hidden layers."""
    initializer: Literal["glorot", "orthogonal"] = "glorot"
    """Of the kernels."""
    latents: int = 64
    """Dimensions of the latent space."""

    steps: int = 10_000
    """Steps of the generator."""
    batch_size: int = 128
    """Points in a step of the critic."""
    frames: int = 25
    """How often the samples are looked at: frames of the animation."""
    seed: int = 0
    """Seed of everything: the same seed gives the same run, bit for bit."""
    devices: int | None = None
    """How many devices to use (all by default); a CPU can pretend to be several."""
    parallel: Literal["jit", "pmap", "shard_map"] = "jit"
    """How a step is spread over devices."""
    steps_per_call: int | None = None
    """Steps compiled into one call, 512 by default."""

    output: str = "runs"
    """Folder of all runs; this one goes to OUTPUT/gan_modes/NAME."""
    name: str | None = None
    """Name of the run; by default made of its options, numbered if taken."""
    resume: bool = False
    """Go on with the newest run of that name, from its last checkpoint."""
    seconds_between_checkpoints: float = 30.0
    """Least time between two checkpoints; a run that is killed loses about as much."""


def main(config: Config) -> dict[str, Any]:
    """Trains every row, counts modes, draws; returns the modes found by row."""
    _check(config)
    run.use_devices(config.devices)
    rows = rows_of(config)
    mixture = MIXTURES[config.mixture]()
    setups = [points_setup(config, mixture, row) for row in rows]
    for setup, row in zip(setups, rows, strict=True):
        run.check_models(setup, ensemble_of(config, row), step=True)
    with run.timed() as seconds:
        folder = run.open_folder(
            config,
            "gan_modes",
            f"{mixture.name}-{config.critic_learning_rate:g}",
            title=f"GANs on {mixture.name}"
            + ("" if mixture.means is None else ": which modes they find"),
            claim=CLAIM,
            fixed=run.LENGTH,  # noise falls over the whole run
        )
        folder.metrics.touch()  # each model has its own, in parts/
        seen = [
            train_row(config, setup, folder, mixture, row)
            for setup, row in zip(setups, rows, strict=True)
        ]
        real_key = random.stream(jax.random.key(config.seed), "real")
        real = np.asarray(mixture.draw(real_key, SHOWN))
        write_mode_arrays(folder.arrays, seen, mixture, real)
    tables, results = [], {}
    if mixture.means is not None:
        tables = [mode_table(seen, mixture, _note(config))]
        results = _results(seen, len(mixture.means))
    return run.finish(folder, results, seconds=seconds(), tables=tables)


def ensemble_of(config: Config, row: Row) -> models.Ensemble:
    """Returns all seeds of a row."""
    return models.ensemble(lambda _: build(config, row), num_seeds=config.seeds)


def train_row(
    config: Config,
    setup: run.Setup,
    folder: training.RunFolder,
    mixture: mixtures.Mixture,
    row: Row,
) -> Watched:
    """Trains all seeds of a row at once, and watches their samples."""
    ensemble = ensemble_of(config, row)
    home = folder.path / "parts" / row.part
    home.mkdir(parents=True, exist_ok=True)
    watch = ModeWatch(
        home / "frames.npz",
        ensemble,
        mixture,
        random.stream(setup.key, "frames"),
        label=label_of(config, row),
    )
    run.train(
        config,
        setup,
        folder,
        ensemble,
        part=row.part,
        evaluate_every=-(-config.steps // config.frames),
        callbacks=(watch,),
        terms=("critic_loss", "generator_loss"),
    )
    rate = run.median_rate(training.RunFolder(home).metrics)
    size = setup.batches.batch_size
    return watch.watched(None if rate is None else 1000 * size / rate)


def points_setup(config: Config, mixture: mixtures.Mixture, row: Row) -> run.Setup:
    """Returns the data of a row: points that are drawn inside the step."""
    place = training.placement(config.devices, config.parallel)
    size = config.batch_size * config.critic_steps
    size *= CANDIDATES if row.word == "adagan" else 1
    place.rows(size)
    key = jax.random.key(config.seed)
    batches = mixtures.batches(
        mixture,
        batch_size=size,
        key=random.stream(key, "data"),
        train=True,
        num_examples=STEPS_PER_EPOCH * size,
    )
    # There is no source of them to read, and nothing to test but the samples.
    none: Any = None
    return run.Setup(none, none, batches, none, place, key, config.steps)


def _results(seen: Sequence[Watched], modes: int) -> dict[str, tuple[float, str]]:
    results = {}
    for row in seen:
        captured = row.captured[-1]
        results[row.label] = (float(captured.mean()), f"modes of {modes}")
    return results


def _note(config: Config) -> str:
    rates = f"{config.generator_learning_rate:g} and {config.critic_learning_rate:g}"
    hidden = " and ".join(map(str, config.hidden))
    return (
        f"Means over {config.seeds} seeds with their standard errors after "
        f"{config.steps:,} steps, counted in 2,500 samples: one is good within three "
        "standard deviations of a mode, and a mode is found by one good sample "
        "(perfect samples: 98.9 % good, reverse KL 0). In how many seeds all modes "
        "are found, and the 95 % Wilson interval of that probability. The setting: "
        f"{' and '.join(map(name_label, config.losses))} loss, "
        f"learning rates of generator and critic {rates}, Adam({config.b1:g}, "
        f"{config.b2:g}), {config.activation} layers of {hidden}, {config.initializer} "
        f"start, {config.latents} latents, batches of {config.batch_size}, "
        f"{config.critic_steps} critic step(s) a step."
    )


def _check(config: Config) -> None:
    run.check_positive(
        config,
        "generator_learning_rate",
        "critic_learning_rate",
        "critic_steps",
        "seeds",
        "hidden",
        "latents",
        "steps",
        "batch_size",
        "frames",
        "steps_per_call",
    )
    run.check_bounds(config, "b1", "b2", least=0, below=1)
    run.check_bounds(config, "seconds_between_checkpoints", least=0)
    for name in ("losses", "remedies"):
        words = getattr(config, name)
        if not words:
            raise InputError(f"--{name} is empty: name at least one.")
        if len(set(words)) < len(words):
            raise InputError(f"--{name} names one twice: {' '.join(words)}.")
    for row in rows_of(config):
        build(config, row)


if __name__ == "__main__":
    run.command_line(main, Config, __doc__ or "")

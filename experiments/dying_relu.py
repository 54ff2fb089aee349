"""How many units of a critic never switch on, and what its generator then learns by.

Source: Lu et al., Dying ReLU and Initialization, 2020; Maas et al., Rectifier
Nonlinearities Improve Neural Network Acoustic Models, 2013 (the leaky rectifier).

Command: `python -m experiments.dying_relu`; a minute on one core of a CPU. Dead units
of the critic's layers 2 and 3, over 16 seeds with 99% intervals, ReLU against leaky: at
1e-3 16 +- 6 % and 38 +- 13 % against 1 +- 1 % and 9 +- 5 % (before training 7 % and
11 %), at 1e-2 38 +- 10 % and 51 +- 11 % against 12 +- 6 % and 11 +- 5 %. Seeds without
any gradient at 3e-2: 8 of 16 against 0 of 16.
"""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.critic_studies.dead_units import Seen, Setting, looker, rectify
from experiments.critic_studies.intervals import half_width, text
from jaxgen import models, networks, random, run, training
from jaxgen.data import mixtures
from jaxgen.errors import InputError
from jaxgen.files import write_npz
from jaxgen.metrics import wilson_interval
from jaxgen.models import GAN, EnsembleState

CLAIM = (
    "With a learning rate that is too high, units of a rectified critic switch off "
    "for good. At 1e-3 no generated point is without a gradient. At 1e-2 more than "
    "three times as many units of the later layers are dead as with a leaky "
    "rectifier. At 3e-2 the critics of many seeds pass no gradient at all to any "
    "generated point; leaky ones always do."
)

STEPS_PER_EPOCH = 100
"""What the progress bar calls an epoch: points are drawn anew in each step."""


@dataclasses.dataclass(frozen=True)
class Config:
    """Options of the script."""

    learning_rates: tuple[float, ...] = (1e-3, 1e-2, 3e-2)
    """Of both networks' Adam; each is trained with both activations."""
    slope: float = 0.2
    """Of the leaky rectifier below 0."""
    seeds: int = 16
    """Seeds of each setting; all of all settings are trained at once."""
    hidden: tuple[int, ...] = (32, 32, 32)
    """Widths of the hidden layers of both networks."""
    latents: int = 8
    """Dimensions of the latent space."""
    modes: int = 8
    """Gaussians on the ring, of radius 1 and standard deviation 0.01."""
    looked_at: int = 1024
    """Points, as many real as generated, that units must be off for to count as dead;
    gradients are looked at on the generated ones."""

    steps: int = 2000
    """Steps of the generator, each after one of the critic."""
    batch_size: int = 64
    """Points in a step."""
    seed: int = 0
    """Seed of everything: the same seed gives the same run, bit for bit."""
    devices: int | None = None
    """How many devices to use (all by default); a CPU can pretend to be several."""
    parallel: Literal["jit", "pmap", "shard_map"] = "jit"
    """How a step is spread over devices."""
    steps_per_call: int | None = None
    """Steps compiled into one call."""

    output: str = "runs"
    """Folder of all runs; this one goes to OUTPUT/dying_relu/NAME."""
    name: str | None = None
    """Name of the run; by default `ring-8`; numbered if taken."""
    resume: bool = False
    """Go on with the newest run of that name, from its last checkpoint."""
    seconds_between_checkpoints: float = 30.0
    """Least time between two checkpoints; a run that is killed loses about as much."""


def settings_of(config: Config) -> Setting:
    """Returns every learning rate with both activations."""
    rates = np.repeat(np.asarray(config.learning_rates, np.float32), 2)
    both = np.asarray([0.0, config.slope], np.float32)
    slopes = np.tile(both, len(config.learning_rates))
    return Setting(rates, slopes)


def build(config: Config, setting: Setting) -> GAN:
    """Returns the model of a setting, for one seed."""
    layers = {
        "activation": partial(rectify, slope=setting.slope),
        "kernel_init": networks.fan_in_uniform,
    }
    adam = optax.adam(setting.learning_rate, b1=0.5)
    return models.gan(
        networks.mlp_generator((2,), config.hidden, **layers),
        networks.mlp_critic(config.hidden, **layers),
        adam,
        adam,
        latents=config.latents,
    )


def main(config: Config) -> dict[str, Any]:
    """Trains all members at once and counts their dead units."""
    _check(config)
    run.use_devices(config.devices)
    mixture = mixtures.ring(config.modes)
    setup = _setup(config, mixture)
    settings = settings_of(config)
    ensemble = models.ensemble(partial(build, config), settings, num_seeds=config.seeds)
    run.check_models(setup, ensemble, step=True)
    with run.timed() as seconds:
        folder = run.open_folder(
            config,
            "dying_relu",
            mixture.name,
            title="Dying rectifiers",
            claim=CLAIM,
        )
        state = run.train(
            config,
            setup,
            folder,
            ensemble,
            terms=("critic_loss", "generator_loss"),
        )
        first = jax.jit(ensemble.init)(
            setup.key, {"data": jnp.zeros((config.batch_size, 2))}
        )
        run.print_line("Counting the units that are off, before and after the training")
        look = _looker(config, mixture)
        before, after = look(first), look(state)
        write_npz(folder.arrays / "dying_relu.npz", **_arrays(config, before, after))
    return run.finish(
        folder,
        _results(config, after),
        seconds=seconds(),
        tables=[_table(config, before, after)],
    )


def _looker(
    config: Config, mixture: mixtures.Mixture
) -> Callable[[EnsembleState], Seen]:
    key, number = jax.random.key(config.seed), config.looked_at
    latent_key = random.stream(key, "looked at, latents")
    return looker(
        partial(build, config),
        settings_of(config),
        mixture.draw(random.stream(key, "looked at, real"), number),
        jax.random.normal(latent_key, (number, config.latents)),
        depth=len(config.hidden),
        seeds=config.seeds,
    )


def _setup(config: Config, mixture: mixtures.Mixture) -> run.Setup:
    place = training.placement(config.devices, config.parallel)
    place.rows(config.batch_size)
    key = jax.random.key(config.seed)
    batches = mixtures.batches(
        mixture,
        batch_size=config.batch_size,
        key=random.stream(key, "data"),
        train=True,
        num_examples=STEPS_PER_EPOCH * config.batch_size,
    )
    # There is no source to read from, and nothing to test but the networks.
    none: Any = None
    return run.Setup(none, none, batches, none, place, key, config.steps)


def _arrays(config: Config, before: Seen, after: Seen) -> dict[str, np.ndarray]:
    settings = settings_of(config)
    return {
        "learning_rate": settings.learning_rate,
        "slope": settings.slope,
        "start": before.critic.mean(axis=1),
        "critic": after.critic.mean(axis=1),
        "critic_half_width": half_width(np.moveaxis(after.critic, 1, -1)),
        "generator": after.generator.mean(axis=1),
        "generator_half_width": half_width(np.moveaxis(after.generator, 1, -1)),
        "zero": after.zero,
    }


def _table(config: Config, before: Seen, after: Seen) -> run.Table:
    settings, rows = settings_of(config), []
    layers = range(len(config.hidden))
    for row, (rate, slope) in enumerate(zip(*settings, strict=True)):
        whole = int((after.zero[row] == 1).sum())
        share = wilson_interval(whole, config.seeds)
        rows.append(
            [
                f"{rate:g}",
                "leaky" if slope else "ReLU",
                *(text(100 * after.critic[row, :, layer]) for layer in layers),
                f"{100 * before.critic[row, :, -1].mean():.1f}",
                text(100 * after.zero[row]),
                f"{whole} of {config.seeds} ({share.low:.2f} to {share.high:.2f})",
            ]
        )
    return run.Table(
        title="Dead units of the critic, and points without a gradient",
        note=(
            f"Percent, means over {config.seeds} seeds with 99% intervals, after "
            f"{config.steps:,} steps. A unit is dead that is off for all of "
            f"{2 * config.looked_at:,} points, half of them generated. In the last "
            "column the seeds in which not one generated point has a gradient, with "
            "the 95% Wilson interval of that probability."
        ),
        columns=[
            "learning rate",
            "activation",
            *(f"layer {layer + 1}" for layer in layers),
            "last layer at the start",
            "points without gradient",
            "seeds without any",
        ],
        words=2,
        rows=rows,
    )


def _results(config: Config, after: Seen) -> dict[str, tuple[float, str]]:
    results = {}
    for row, (rate, slope) in enumerate(zip(*settings_of(config), strict=True)):
        name = f"{'leaky' if slope else 'ReLU'} at {rate:g}: seeds without any gradient"
        whole = float((after.zero[row] == 1).sum())
        results[name] = (whole, f"of {config.seeds}")
    return results


def _check(config: Config) -> None:
    run.check_positive(
        config,
        "learning_rates",
        "slope",
        "seeds",
        "hidden",
        "latents",
        "modes",
        "looked_at",
        "steps",
        "batch_size",
        "steps_per_call",
    )
    run.check_bounds(config, "seconds_between_checkpoints", least=0)
    if len(set(config.learning_rates)) < len(config.learning_rates):
        raise InputError(
            f"--learning-rates are {config.learning_rates}: name each one once."
        )


if __name__ == "__main__":
    run.command_line(main, Config, __doc__ or "")

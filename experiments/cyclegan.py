"""CycleGAN and CUT learn to translate between two kinds of images without any pair.

Claim: Two sets of images that are drawn independently, with never a pair side by side,
are enough to learn a translation; where pairs are known after all, held-out ones tell
how near it comes to the truth.

Source: Zhu et al., Unpaired Image-to-Image Translation using Cycle-Consistent
Adversarial Networks, 2017; Park et al., Contrastive Learning for Unpaired
Image-to-Image Translation, 2020; and their published codes.

Command: `python -m experiments.cyclegan` NUMBERS

`--method cut` and `--method fastcut` go one way, with a contrastive loss in place of
the way back. `--preset paper` has the settings of CycleGAN (256 pixels, ResNets of 9
blocks, batches of one, 200 epochs), and each of them can be given on top:
`--preset paper --data FOLDER` takes a folder with trainA, trainB, testA and testB.
`--disjoint` takes a of one half of the pairs and b of the other.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, Literal

from experiments import (
    command,
    training_run,
    translation_data,
    translation_monitor,
    translation_parts,
    translation_training,
)
from experiments.translation_monitor import Direction
from experiments.translation_runs import Facts
from jaxgen import losses, models, networks

Method = Literal["cyclegan", "cut", "fastcut"]

LABELS = {"cyclegan": "CycleGAN", "cut": "CUT", "fastcut": "FastCUT"}

TERMS = {
    "cyclegan": ("generator_loss", "cycle_a", "cycle_b", "critic_sum"),
    "cut": ("generator_loss", "nce", "nce_identity", "critic_sum"),
    "fastcut": ("generator_loss", "nce", "critic_sum"),
}
"""What the progress bar shows."""

COMMON = {
    **{"loss": "least_squares", "generator": "resnet", "norm": "instance", "b1": 0.5},
    **{"upsampling": "transpose", "critic": "patch", "decay": 0.5, "noise": "none"},
    **{"statistics": "image"},
}
"""Options of both presets."""

PRESETS: dict[str, dict[str, Any]] = {
    "small": COMMON
    | {
        **{"epochs": 60, "batch_size": 8, "learning_rate": 5e-4, "image_size": 32},
        **{"width": 16, "critic_width": 32, "critic_layers": 1, "ema_decay": 0.99},
        **{"look_every": 5},
    },
    "paper": COMMON
    | {
        **{"epochs": 200, "batch_size": 1, "learning_rate": 2e-4, "image_size": 256},
        **{"width": 64, "critic_width": 64, "critic_layers": 3, "ema_decay": 0.0},
        **{"look_every": 5},
    },
}
"""What options are where they are not given."""


@dataclasses.dataclass(frozen=True)
class Config(
    training_run.RunOptions,
    translation_parts.NetworkOptions,
    translation_parts.GameOptions,
    translation_training.WatchOptions,
    translation_data.PairOptions,
):
    """Options of the script."""

    method: Method = "cyclegan"
    """`cyclegan` translates both ways; `cut` and `fastcut` go from a to b alone, with a
    contrastive loss of patches in place of the way back."""
    cycle: Literal["l1", "mse"] = "l1"
    """Distance between an image and what comes back of it."""
    cycle_weight: float = 10.0
    """Weight of that distance, whose images are in [-1, 1]."""
    identity: float | None = None
    """Weight of the distance between an image and its translation to what it is; by
    default 5, and 0 where images of a and b have other channels."""
    pool: int = 50
    """Generated images kept for the critics; 0 for none."""
    nce_weight: float | None = None
    """With cut and fastcut: weight of the contrastive loss, by default 1 and 10."""
    disjoint: bool = False
    """Take a of one half of the training pairs and b of the other, so that no image has
    its partner in training."""
    best: str = "fd"
    """Keep the checkpoint of the look with the best `fd`, `kid` or `cycle`, or, where
    pairs are known, `l1`, `psnr` or `ssim`, which nobody without pairs could choose by;
    `none` for the last one alone."""
    epochs: int | None = None  # pyright: ignore[reportIncompatibleVariableOverride]
    """Passes over the training images of the larger side."""
    batch_size: int | None = None  # pyright: ignore[reportIncompatibleVariableOverride]
    """Images of each side a step, over all devices."""
    learning_rate: float | None = None  # pyright: ignore[reportIncompatibleVariableOverride]
    """Learning rate of the generators' Adam."""


def settled(config: Config) -> Config:
    """Returns the options with those of the preset where they say nothing."""
    return translation_parts.settled(config, PRESETS)


def build(
    config: Config, channels: tuple[int, int], steps: int
) -> models.CycleGAN | models.CUT:
    """Returns the model that the options describe.

    Args:
        config: The options, settled.
        channels: Of images a and of images b.
        steps: Of the whole run, for the learning rates.
    """
    a, b = channels
    cures = {
        count: translation_parts.remedies_of(config, steps=steps, channels=(count,))
        for count in channels
    }
    if config.method != "cyclegan":
        return _cut(config, b, steps)
    identity = 5.0 if config.identity is None else config.identity
    return models.cyclegan(
        translation_parts.translator_of(config, b),
        translation_parts.translator_of(config, a),
        *(translation_parts.critic_of(config, cures[count]) for count in channels),
        *translation_parts.optimizers_of(config, steps),
        loss=translation_parts.loss_of(config.loss),
        cycle_weight=config.cycle_weight,
        identity_weight=identity if a == b or config.identity else 0.0,
        cycle=getattr(losses.translation, config.cycle),
        pool_size=config.pool,
        remedies=cures[b],
        ema_decay=config.ema_decay or None,
        noise=translation_parts.noise_of(config),
    )


def _cut(config: Config, channels: int, steps: int) -> models.CUT:
    cures = translation_parts.remedies_of(config, steps=steps, channels=(channels,))
    fast = config.method == "fastcut"
    weight = 10.0 if fast else 1.0
    return models.cut(
        translation_parts.translator_of(config, channels),
        networks.patch_heads(),
        translation_parts.critic_of(config, cures),
        *translation_parts.optimizers_of(config, steps),
        loss=translation_parts.loss_of(config.loss),
        nce_weight=weight if config.nce_weight is None else config.nce_weight,
        identity=not fast,
        flip_equivariance=fast,
        remedies=cures,
        ema_decay=config.ema_decay or None,
        noise=translation_parts.noise_of(config),
    )


def trained_translators(
    config: Config, facts: Facts, restore: Callable[..., Any]
) -> dict[str, tuple[models.CycleGAN | models.CUT, Any]]:
    """Returns the model of a finished run with its state; see `translation_runs`."""
    config = settled(config)
    model = build(config, (facts.a[-1], facts.b[-1]), facts.steps)
    return {config.method: (model, restore(model))}


def main(config: Config) -> dict[str, Any]:
    """Trains, judges, draws; returns the scores on the held-out images."""
    asked, config = config, settled(config)
    _check(config)
    setup = translation_data.prepare(config, unpaired=True)
    channels = setup.train.a.image_shape[-1], setup.train.b.image_shape[-1]
    name = translation_parts.set_name(setup.train.name)
    model = build(config, channels, setup.steps)
    translation_training.check_model(model, setup)
    names = ["a_to_b", "b_to_a"] if config.method == "cyclegan" else ["a_to_b"]
    with training_run.timed() as seconds:
        judges = translation_training.judges_of(config, setup, names)
        directions = _directions(config, model, judges)
        translation_training.check_best(config, directions[0])
        folder = training_run.open_folder(
            config,
            "cyclegan",
            translation_parts.run_name(config, name, config.method),
            title=f"{LABELS[config.method]} on {name}",
            doc=__doc__ or "",
            fixed=training_run.LENGTH if config.decay else frozenset(),
            command=command.command(asked),
        )
        trained = translation_training.train(
            config, setup, folder, model, directions, terms=TERMS[config.method]
        )
        if config.method == "cyclegan":
            translation_training.write_cycles(folder, directions, trained)
        translation_training.write_pictures(
            folder, directions[0], trained.outputs["a_to_b"]
        )
    return training_run.finish(
        folder,
        trained.results,
        seconds=seconds(),
        tables=trained.tables,
        **translation_training.best_note(trained.best),
    )


def _directions(config: Config, model: Any, judges: Any) -> tuple[Direction, ...]:
    loss = translation_parts.loss_of(config.loss)
    if config.method == "cyclegan":
        there, back = translation_monitor.of_cyclegan(model, judges, loss)
    else:
        there = translation_monitor.of_cut(model, judges["a_to_b"], loss)
        back = None
    there = there._replace(show=translation_training.show_of(config))
    return (there,) if back is None else (there, back)


def _check(config: Config) -> None:
    translation_parts.check(config)
    translation_training.check(config)
    command.check_not_negative(config, "cycle_weight", "pool")
    for name in ("identity", "nce_weight"):
        if getattr(config, name) is not None:
            command.check_not_negative(config, name)


if __name__ == "__main__":
    command.run(main, Config, __doc__ or "")

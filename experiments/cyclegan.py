"""CycleGAN and CUT learn to translate between two kinds of images without any pair.

Claim: Two sets of images that are drawn independently, with never a pair side by side,
are enough to learn a translation; where pairs are known after all, held-out ones tell
how near it comes to the truth.

Source: Zhu et al., Unpaired Image-to-Image Translation using Cycle-Consistent
Adversarial Networks, 2017; Park et al., Contrastive Learning for Unpaired
Image-to-Image Translation, 2020; and their published codes.

Command: `python -m experiments.cyclegan`; 6 minutes of CPU time, 7 on 2 cores that had
other work too. From emoji in low light to emoji by day, and back: 16 passes over 633
images a side, of 32 pixels, in independent orders; ResNets of 3 blocks and width 16. L1
is of 158 held-out pairs, which are used for nothing else, in [0, 1]; FD is a distance
in features of random networks, of which as many other real images get 5.5 and 5.2:

                  L1     the input's, the mean image's    PSNR     FD
    a to b      .064     .451           .202              19.9    3.2
    b to a      .053     .451           .118              23.1    2.7

The margins are many times their intervals, of one seed. Styles are harder, since shapes
change too: with `--degrade none` (Noto emoji to Twemoji) L1 was .146 after 950 steps of
batches of 8, the input's .147; textures come before shapes, which do not follow.

`--method cut` and `--method fastcut` go one way, with a contrastive loss in place of
the way back. `--preset paper` has the settings of CycleGAN (256 pixels, ResNets of 9
blocks, batches of one, 200 epochs), and each of them can be given on top:
`--preset paper --data FOLDER` takes a folder with trainA, trainB, testA and testB.
`--disjoint` takes a of one half of the pairs and b of the other, so that no image has
its partner in training.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, Literal

from experiments.translation_studies import parts, training
from experiments.translation_studies.runs import Facts
from jaxgen import data, losses, metrics, models, networks, run

Method = Literal["cyclegan", "cut", "fastcut"]

LABELS = {"cyclegan": "CycleGAN", "cut": "CUT", "fastcut": "FastCUT"}

TERMS = {
    "cyclegan": ("generator_loss", "cycle_a", "cycle_b", "critic_sum"),
    "cut": ("generator_loss", "nce", "nce_identity", "critic_sum"),
    "fastcut": ("generator_loss", "nce", "critic_sum"),
}
"""What the progress bar shows."""

DISTANCES = {
    "l1": losses.translation.mean_absolute_error,
    "mse": losses.translation.mean_squared_error,
}
"""Of `--cycle`."""

COMMON = parts.COMMON | {
    **{"loss": "least_squares", "generator": "resnet", "norm": "instance"},
    **{"upsampling": "transpose", "noise": "none", "statistics": "image"},
}
"""Options of both presets."""

PRESETS: dict[str, dict[str, Any]] = {
    "small": COMMON
    | {
        **{"epochs": 16, "batch_size": 4, "learning_rate": 5e-4, "image_size": 32},
        **{"width": 16, "critic_width": 32, "critic_layers": 1, "ema_decay": 0.99},
    },
    "paper": COMMON | parts.PAPER,
}
"""What options are where they are not given."""


@dataclasses.dataclass(frozen=True)
class Config(
    run.RunOptions,
    parts.NetworkOptions,
    parts.GameOptions,
    training.WatchOptions,
    run.PairOptions,
):
    """Options of the script."""

    degrade: str | None = None  # pyright: ignore[reportIncompatibleVariableOverride]
    """Make a of b, which is an image: a is what is left of it by `low_light` (the
    default with the embedded emoji), `grey`, `x2`, `x4`, `edges`, `noise`, `mask` or
    `blur`; the last ones with a number if you like, as in `blur=2`. `none`: the sets as
    they are (the default with other data; with emoji, two styles of drawing)."""
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
    if config.degrade is None:
        usual = "low_light" if config.data == "emoji" else "none"
        config = dataclasses.replace(config, degrade=usual)
    return parts.settled(config, PRESETS)


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
    if config.method != "cyclegan":
        return _cut(config, b, steps)
    cures = parts.remedies_of(config, steps=steps)
    critic = parts.critic_of(config, cures)
    identity = 5.0 if config.identity is None else config.identity
    return models.cyclegan(
        parts.translator_of(config, b),
        parts.translator_of(config, a),
        critic,
        critic,
        *parts.optimizers_of(config, steps),
        loss=parts.loss_of(config.loss),
        cycle_weight=config.cycle_weight,
        identity_weight=identity if a == b or config.identity else 0.0,
        cycle=DISTANCES[config.cycle],
        pool_size=config.pool,
        remedies=cures,
        ema_decay=config.ema_decay or None,
        inference=parts.inference_of(config),
    )


def _cut(config: Config, channels: int, steps: int) -> models.CUT:
    cures = parts.remedies_of(config, steps=steps)
    fast = config.method == "fastcut"
    weight = 10.0 if fast else 1.0
    return models.cut(
        parts.translator_of(config, channels),
        parts.features_of(config, channels),
        networks.patch_heads(),
        parts.critic_of(config, cures),
        *parts.optimizers_of(config, steps),
        loss=parts.loss_of(config.loss),
        nce_weight=weight if config.nce_weight is None else config.nce_weight,
        identity=not fast,
        flip_equivariance=fast,
        remedies=cures,
        ema_decay=config.ema_decay or None,
        inference=parts.inference_of(config),
    )


def trained_translators(
    config: Config, facts: Facts, restore: Callable[..., Any]
) -> dict[str, tuple[models.CycleGAN | models.CUT, Any]]:
    """Returns the model of a finished run; see `translation_studies.runs`."""
    config = settled(config)
    model = build(config, (facts.a[-1], facts.b[-1]), facts.steps)
    return {config.method: (model, restore(model))}


def main(config: Config) -> dict[str, Any]:
    """Trains, judges, draws; returns the scores on the held-out images."""
    asked, config = config, settled(config)
    _check(config)
    run.print_line(f"Loading the images: {config.data}")
    setup = run.prepare_pairs(config, unpaired=True)
    channels = setup.train.a.image_shape[-1], setup.train.b.image_shape[-1]
    name = parts.set_name(setup.train.name)
    model = build(config, channels, setup.steps)
    run.check_models(setup, model)
    names = ["a_to_b", "b_to_a"] if config.method == "cyclegan" else ["a_to_b"]
    with run.timed() as seconds:
        references = training.references_of(config, setup, names)
        directions = _directions(config, model, references)
        training.check_best(config, directions[0])
        folder = run.open_folder(
            config,
            "cyclegan",
            parts.run_name(config, name, config.method),
            title=f"{LABELS[config.method]} on {name}",
            doc=__doc__ or "",
            fixed=run.LENGTH if config.decay else frozenset(),
            command=run.command_of(asked),
        )
        trained = training.train(
            config, setup, folder, model, directions, terms=TERMS[config.method]
        )
        training.write_pictures(folder, trained)
    return run.finish(
        folder,
        trained.results,
        seconds=seconds(),
        tables=trained.tables,
        **training.best_note(trained.best),
    )


def _directions(
    config: Config, model: Any, references: Any
) -> tuple[metrics.TranslationDirection, ...]:
    loss = parts.loss_of(config.loss).name
    if config.method == "cyclegan":
        there, back = metrics.cyclegan_directions(model, references, loss=loss)
    else:
        there = metrics.cut_direction(model, references["a_to_b"], loss=loss)
        back = None
    there = there._replace(show=training.show_of(config))
    return (there,) if back is None else (there, back)


def _check(config: Config) -> None:
    parts.check(config)
    training.check(config)
    run.check_bounds(config, "cycle_weight", "identity", "nce_weight", least=0)
    data.degradation_of(config.degrade or "none")
    build(config, (3, 3), 1)


if __name__ == "__main__":
    run.command_line(main, Config, (__doc__ or "") + parts.presets_told(PRESETS))

"""CycleGAN learns to translate between two kinds of images, both ways, without a pair.

Source: Zhu et al., Unpaired Image-to-Image Translation using Cycle-Consistent
Adversarial Networks, 2017, and their published code.

`python -m experiments.cyclegan`; 6 minutes of CPU time. From emoji in low light to
emoji by day, and back: 16 passes over 633 images a side in independent orders. L1 is of
158 held-out pairs, in [0, 1]; FD is a distance in features of random networks, of which
as many other real images get 5.5 and 5.2:

                  L1     the input's, the mean image's    PSNR     FD
    a to b      .064     .451           .202              19.9    3.2
    b to a      .053     .451           .118              23.1    2.7

The margins are many times their intervals, of one seed. Styles are harder: with
`--degrade none` (Noto emoji to Twemoji) L1 was .146 after 950 steps of batches of 8,
the input's .147; textures come before shapes, which do not follow. `--preset paper
--data FOLDER` takes a folder with trainA, trainB, testA and testB.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

import jax

from jaxgen import data, metrics, models, networks, random, run, training
from jaxgen.data import differentiable, transforms
from jaxgen.models import remedies
from jaxgen.models.schedules import decaying_adam
from jaxgen.report import translation

CLAIM = run.Claim(
    "Two sets of images that are drawn independently, with never a pair side by side, "
    "are enough to learn a translation; where pairs are known after all, held-out ones "
    "tell how near it comes to the truth.",
    applies=lambda results: run.too_little_known(results, least_steps=500),
    check=lambda results: run.margin_finding(*metrics.smallest_margin(results)),
)


@dataclasses.dataclass(frozen=True)
class Config(run.RunOptions, run.PairOptions):
    """Options of the script."""

    preset: Literal["small", "paper"] = "small"
    """Defaults of the other options: for a CPU, or those of the paper, for a GPU."""
    degrade: str = "auto"
    """Make a of b by `low_light`, `grey`, `x2`, `x4`, `edges`, `noise`, `mask` or
    `blur=2`; `none`: two sets as they are; `auto`: `low_light` of emoji, or `none`."""
    disjoint: bool = False
    """Take a of one half of the training pairs and b of the other, so that no image has
    its partner in training."""
    image_size: int = 32
    """Side of the images in pixels."""
    epochs: int = 16
    """Passes over the training images of the larger side."""
    batch_size: int = 4
    """Images of each side a step, over all devices."""
    learning_rate: float = 5e-4
    """Learning rate of Adam, which falls to 0 over the second half of the training."""
    width: int = 16
    """Channels of a generator's finest layers."""
    critic_width: int = 32
    """Channels of a critic's finest layer."""
    critic_layers: int = 1
    """Of a patch critic; 1 to 5 of them see 16, 34, 70, 142 and 286 pixels."""
    ema_decay: float = 0.99
    """Of the moving average of the generators, which translates; 0 is none."""
    cycle_weight: float = 10.0
    """Weight of the L1 between an image in [-1, 1] and what comes back of it."""
    identity_weight: float = 5.0
    """Weight of the L1 between an image and its translation to what it is; 0 where
    images of a and b have other channels."""
    pool: int = 50
    """Generated images kept for the critics; 0 for none."""
    remedies: str = "none"
    """What helps the critics of few images: `dag`, `diff_augment`, or as in
    `r1=10+lecam`; several are joined by a plus."""
    look_every: int = 5
    """Epochs from one look at the held-out images to the next."""
    best: str = "fd"
    """Keep the checkpoint with the best `fd`, `kid`, `cycle`, or of known pairs `l1`,
    `psnr`, `ssim`; `none` for the last one alone."""


PRESETS = {
    "small": Config(),
    "paper": Config(
        preset="paper",
        image_size=256,
        epochs=200,
        batch_size=1,
        learning_rate=2e-4,
        width=64,
        critic_width=64,
        critic_layers=3,
        ema_decay=0.0,
    ),
}


def build(
    config: Config, channels: tuple[int, int], steps: int, cures: Sequence | None = None
) -> models.CycleGAN:
    """Returns the model for images of these channels and so many steps of training."""
    a, b = channels
    cures = _cures(config, steps) if cures is None else cures
    blocks = networks.published_blocks(config.image_size)
    critic = networks.patch_critic(
        width=config.critic_width,
        layers=config.critic_layers,
        heads=remedies.num_heads(cures),
    )
    adam = decaying_adam(config.learning_rate, steps=steps)
    return models.cyclegan(
        networks.resnet_translator(b, width=config.width, blocks=blocks),
        networks.resnet_translator(a, width=config.width, blocks=blocks),
        critic,
        critic,
        adam,
        adam,
        cycle_weight=config.cycle_weight,
        identity_weight=config.identity_weight if a == b else 0.0,
        pool_size=config.pool,
        remedies=cures,
        ema_decay=config.ema_decay or None,
        inference=models.InferenceMode(dropout=False, statistics="image"),
    )


def _cures(config: Config, steps: int) -> tuple[remedies.Remedy, ...]:
    more = {
        "dag": lambda weight=0.2: remedies.dag(
            transforms.rotations(), critic_weight=weight, generator_weight=weight
        ),
        "diff_augment": lambda: remedies.augment(differentiable.diff_augment()),
    }
    return remedies.from_words(config.remedies, images=True, steps=steps, more=more)


def main(config: Config) -> dict[str, Any]:
    """Trains, evaluates, draws; returns the numbers for the head of the page."""
    run.check_positive(config, "width", "critic_width", "critic_layers", "look_every")
    metrics.check_score(config.best)
    build(config, (3, 3), 1)  # refuses options before any image is loaded
    setup = run.prepare_pairs(config, unpaired=True)
    model = build(config, setup.train.channels, setup.steps)
    run.check_models(setup, model)
    with run.timed() as seconds:
        references = metrics.translation_references(
            data.read_pairs(setup.test, 256), run.training_images(config, setup.key)
        )
        directions = metrics.cyclegan_directions(
            model, references, loss="least_squares", show=run.picture_function(config)
        )
        metrics.check_score(config.best, directions[0].metrics)
        folder = run.open_folder(
            config,
            "cyclegan",
            run.pairs_run_name(config, setup),
            title=f"CycleGAN on {run.set_name(setup.train.name)}",
            claim=CLAIM,
            fixed=run.LENGTH,
            command=run.command_of(config, PRESETS),
        )
        monitor = metrics.TranslationMonitor(
            folder.path,
            directions,
            random.stream(setup.key, "monitor"),
            steps_per_epoch=setup.batches.steps_per_epoch,
        )
        callbacks = run.monitor_callbacks(folder, monitor, config.best)
        state = run.train(
            config,
            setup,
            folder,
            model,
            steps_per_call=1 if jax.default_backend() == "cpu" else 16,
            callbacks=(run.every_epochs(setup, callbacks, config.look_every),),
            terms=("generator_loss", "cycle_a", "cycle_b", "critic_sum"),
        )
        state = training.on_one_device(state)
        run.print_line("Translating the held-out images")
        key = random.stream(setup.key, "judged")
        results = metrics.translation_results(key, directions, state)
        shown = metrics.shown_translations(results, state)
    return run.finish(
        folder,
        run.translation_head(results),
        seconds=seconds(),
        tables=run.translation_tables(results),
        verdict=CLAIM.verdict(results),
        figures=translation.held_out_figures(shown, monitor.history()),
        **run.best_note(folder),
    )


if __name__ == "__main__":
    run.command_line(main, Config, __doc__ or CLAIM.sentence, presets=PRESETS)

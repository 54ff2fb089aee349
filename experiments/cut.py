"""CUT learns to translate one kind of images into another without a pair, one way.

Source: Park et al., Contrastive Learning for Unpaired Image-to-Image Translation, 2020,
and their published code. In place of a way back, patches of the output must match the
patches of the input at the same places.

`python -m experiments.cut`; 22 minutes on 2 cores that were busy with other work. From
emoji in low light to emoji by day as in `experiments.cyclegan`: L1 of 158 held-out
pairs in [0, 1] is .117 (the input's .451, the mean image's .202), PSNR 15.3 dB, FD 17.3
(of other real images 5.5), of one seed. `--fast` is FastCUT. `--preset paper --data
FOLDER` takes a folder with trainA, trainB, testA and testB.
"""

import dataclasses
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
    """Channels of the generator's finest layers."""
    critic_width: int = 32
    """Channels of the critic's finest layer."""
    critic_layers: int = 1
    """Of a patch critic; 1 to 5 of them see 16, 34, 70, 142 and 286 pixels."""
    ema_decay: float = 0.99
    """Of the moving average of the generator, which translates; 0 is none."""
    fast: bool = False
    """FastCUT: flips that the generator follows in place of the loss of images b."""
    nce_weight: float | None = None
    """Weight of the contrastive loss, by default 1, with `--fast` 10."""
    remedies: str = "none"
    """What helps a critic of few images: `dag`, `diff_augment`, or as in
    `r1=10+lecam`; several are joined by a plus."""
    look_every: int = 5
    """Epochs from one look at the held-out images to the next."""
    best: str = "fd"
    """Keep the checkpoint with the best `fd`, `kid`, or of known pairs `l1`, `psnr`,
    `ssim`; `none` for the last one alone."""


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


def build(config: Config, channels: tuple[int, int], steps: int) -> models.CUT:
    """Returns the model for images of these channels and so many steps of training."""
    cures = _cures(config, steps)
    network: dict[str, Any] = {
        "width": config.width,
        "blocks": networks.published_blocks(config.image_size),
    }
    critic = networks.patch_critic(
        width=config.critic_width,
        layers=config.critic_layers,
        heads=remedies.num_heads(cures),
    )
    adam = decaying_adam(config.learning_rate, steps=steps)
    usual = 10.0 if config.fast else 1.0
    return models.cut(
        networks.resnet_translator(channels[1], **network),
        networks.resnet_features(channels[1], **network),
        networks.patch_heads(),
        critic,
        adam,
        adam,
        nce_weight=usual if config.nce_weight is None else config.nce_weight,
        identity=not config.fast,
        flip_equivariance=config.fast,
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
    label = "FastCUT" if config.fast else "CUT"
    setup = run.prepare_pairs(config, unpaired=True)
    model = build(config, setup.train.channels, setup.steps)
    run.check_models(setup, model)
    with run.timed() as seconds:
        references = metrics.translation_references(
            data.read_pairs(setup.test, 256),
            run.training_images(config, setup.key),
            ["a_to_b"],
        )
        direction = metrics.cut_direction(
            model,
            references["a_to_b"],
            loss="least_squares",
            show=run.picture_function(config),
        )
        metrics.check_score(config.best, direction.metrics)
        folder = run.open_folder(
            config,
            "cut",
            run.pairs_run_name(config, setup, label.lower()),
            title=f"{label} on {run.set_name(setup.train.name)}",
            claim=CLAIM,
            fixed=run.LENGTH,
            command=run.command_of(config, PRESETS),
        )
        monitor = metrics.TranslationMonitor(
            folder.path,
            [direction],
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
            terms=("generator_loss", "nce", "critic_sum"),
        )
        state = training.on_one_device(state)
        run.print_line("Translating the held-out images")
        key = random.stream(setup.key, "judged")
        results = metrics.translation_results(key, [direction], state)
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

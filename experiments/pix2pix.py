"""pix2pix learns from pairs of images to translate one kind into the other.

Source: Isola et al., Image-to-Image Translation with Conditional Adversarial Networks,
2017, sections 3 and 4.2, and their published code.

Command: `python -m experiments.pix2pix`; 1 minute on 2 CPU cores. From Noto emoji to
Twemoji: 25 passes over 633 pairs of 32 pixels, a U-Net of width 16, one seed. Of 158
held-out pairs, with 95% intervals of the margins over images:

               model    input    mean image    better than input    than mean image
    L1          .132     .147          .202      .015 +- .005        .070 +- .008
    PSNR, dB    14.2     12.8          12.1      1.4 +- .3           2.0 +- .4
    SSIM        .319     .273          .218      .046 +- .019        .101 +- .021
    FD          13.0      8.9             -      (real images 5.5)

Colours and outlines become those of the other style; shapes that differ between the
styles blur, since nothing in the input tells them, which the Frechet distance minds. L1
is least after 10 epochs (.129) and rises while the critic sharpens: `--best` keeps the
checkpoint of the best look. By L1 alone (`--objective l1`) it was .129 in a calibration
of 800 steps.

`--objective` has the ablations of the paper: l1, gan, cgan, l1+gan, l1+cgan.
`--preset paper` has its settings (256 pixels, a U-Net-256 and a 70x70 critic of width
64, batches of one, 200 epochs, dropout as noise), and each of them can be given on top:
`--preset paper --data FOLDER --direction b_to_a` trains labels to photographs where a
folder holds photographs and labels side by side. `--degrade edges` draws emoji from
their edges, `--data photos` colours photographs, `--data photos --degrade x2` enlarges
them.
"""

import dataclasses
from typing import Any, Literal

from experiments.translation_studies import parts, training
from jaxgen import data, metrics, models, run

CLAIM = (
    "From pairs a network learns a translation whose images lie nearer to the truth "
    "of held-out pairs than the input does, and than the mean image."
)

Objective = Literal["l1", "gan", "cgan", "l1+gan", "l1+cgan"]

TERMS = ("l1", "adversarial", "critic_loss")

COMMON = parts.COMMON | {
    **{"loss": "cross_entropy", "generator": "unet", "norm": "batch"},
}
"""Options of both presets."""

PRESETS: dict[str, dict[str, Any]] = {
    "small": COMMON
    | {
        **{"epochs": 25, "batch_size": 16, "learning_rate": 5e-4, "image_size": 32},
        # A critic that learns as fast as the generator takes half of what L1 gains.
        **{"critic_learning_rate": 1e-4, "upsampling": "resize_conv"},
        **{"width": 16, "critic_width": 16, "critic_layers": 1, "ema_decay": 0.99},
        **{"statistics": "running", "noise": "none"},
    },
    "paper": COMMON
    | parts.PAPER
    | {"upsampling": "transpose", "statistics": "image", "noise": "dropout"},
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

    objective: Objective = "l1+cgan"
    """What is minimised, the ablations of the paper: the distance from the other image
    of the pair, an adversarial loss, or both; the critic of `cgan` sees the input."""
    l1_weight: float = 100.0
    """Weight of the distance, whose images are in [-1, 1]."""
    epochs: int | None = None  # pyright: ignore[reportIncompatibleVariableOverride]
    """Passes over the training pairs."""
    batch_size: int | None = None  # pyright: ignore[reportIncompatibleVariableOverride]
    """Pairs a step, over all devices."""
    learning_rate: float | None = None  # pyright: ignore[reportIncompatibleVariableOverride]
    """Learning rate of the generator's Adam."""


def settled(config: Config) -> Config:
    """Returns the options with those of the preset where they say nothing."""
    return parts.settled(config, PRESETS)


def build(config: Config, channels: tuple[int, int], steps: int) -> models.Pix2Pix:
    """Returns the model that the options describe.

    Args:
        config: The options, settled.
        channels: Of the input and of the output.
        steps: Of the whole run, for the learning rates.
    """
    conditional = config.objective in ("cgan", "l1+cgan")
    cures = parts.remedies_of(
        config, steps=steps, channels=channels if conditional else channels[1:]
    )
    return models.pix2pix(
        parts.translator_of(config, channels[1]),
        parts.critic_of(config, cures),
        *parts.optimizers_of(config, steps),
        loss=parts.loss_of(config.loss),
        l1_weight=config.l1_weight if "l1" in config.objective else 0.0,
        adversarial_weight=1.0 if "gan" in config.objective else 0.0,
        conditional=conditional,
        remedies=cures,
        ema_decay=config.ema_decay or None,
        inference=parts.inference_of(config),
    )


def main(config: Config) -> dict[str, Any]:
    """Trains, judges, draws; returns the scores on the held-out pairs."""
    asked, config = config, settled(config)
    _check(config)
    run.print_line(f"Loading the images: {config.data}")
    setup = run.prepare_pairs(config)
    channels = setup.train.a.image_shape[-1], setup.train.b.image_shape[-1]
    name = run.set_name(setup.train.name)
    model = build(config, channels, setup.steps)
    run.check_models(setup, model)
    with run.timed() as seconds:
        references = training.references_of(config, setup, ["a_to_b"])
        loss = parts.loss_of(config.loss).name
        one = metrics.pix2pix_direction(
            model,
            references["a_to_b"],
            loss=loss,
            show=run.picture_function(config),
        )
        if "gan" not in config.objective:
            one = one._replace(critique=None)
        training.check_best(config, one)
        folder = run.open_folder(
            config,
            "pix2pix",
            parts.run_name(config, name, config.objective),
            title=f"pix2pix on {name}",
            claim=CLAIM,
            fixed=run.LENGTH if config.decay else frozenset(),
            command=run.command_of(asked),
        )
        trained = training.train(config, setup, folder, model, [one], terms=TERMS)
    return run.finish(
        folder,
        run.translation_head(trained.results),
        seconds=seconds(),
        tables=run.translation_tables(trained.results),
        figures=training.figures_of(trained),
        **run.best_note(folder),
    )


def _check(config: Config) -> None:
    parts.check(config)
    training.check(config)
    run.check_bounds(config, "l1_weight", least=0)
    data.degradation_of(config.degrade)
    build(config, (3, 3), 1)


if __name__ == "__main__":
    run.command_line(main, Config, (__doc__ or "") + parts.presets_told(PRESETS))

"""GANs learn to write digits; of their losses, one falls with the distance to data.

Claim: The losses of a GAN need not say how good its samples are: two networks play
against each other, and the critic may get surer while the pictures improve. Over a
training, a Wasserstein critic's estimate falls with the Frechet distance; from look to
look it says little.

Source: Goodfellow et al., Generative Adversarial Networks, 2014; Radford et al., DCGAN,
2016; Arjovsky et al., Wasserstein GAN, 2017, figures 3 and 4; Gulrajani et al.,
Improved Training of Wasserstein GANs, 2017; Mirza and Osindero, Conditional Generative
Adversarial Nets, 2014; Odena et al., Conditional Image Synthesis with Auxiliary
Classifier GANs, 2017; Miyato and Koyama, cGANs with Projection Discriminator, 2018.

Command: `python -m experiments.gan` trains two GANs of dense layers for 60 epochs of
mnist5k, in 80 seconds of one CPU core. Over 30 looks at the samples (Frechet distance
in a classifier's features, FD) of one seed the rank correlation with FD is -0.63 for
the loss of the non-saturating generator and -0.66 for the Jensen-Shannon estimate of
its critic (the wrong way round), 0.01 for the generator of WGAN-GP, and 0.90 (95 %
interval 0.76 to 0.96) for its critic's estimate. From one look to the next the changes
of that estimate tell little: 0.20 (-0.18 to 0.53). FD ends at 34.5 and 35.7.

With `--network conv` the non-saturating GAN is DCGAN, and `--conditional auxiliary`
tells it the label. `--data mnist --network conv --width 16 --systems non_saturating
--conditional auxiliary --epochs 10 --look-every 1` draws digits whose class a
classifier (98.9 % right on test images) agrees with for 94.0 % of 10,000 samples (95 %
interval 93.5 to 94.4), at an FD of 2.7 (2.4 to 3.0) from 2,000 test images, where real
images have 0.31; about 9 minutes of one core. There the generator's loss happened to
rank the 10 looks as FD does too (0.96).
With `--conditional projection` 2 epochs get 82.9 % (82.2 to 83.6); when the generator
was told by its batch normalization, as in that paper, and not beside the latents, they
got 12 %: the scales of all classes start the same and part slowly.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from experiments.gan_studies import curves, findings, systems
from experiments.gan_studies.systems import SystemName
from jaxgen import data, metrics, models, random, run, training
from jaxgen.errors import InputError
from jaxgen.images import every_nth, scale
from jaxgen.metrics import CollapseMonitor, QualityMonitor, QualityReference
from jaxgen.training import Snapshots, on_one_device

SHOWN = 64
"""Samples in the figure of the end of the run."""

MONITORED = 960
"""Images of either split that the monitor compares samples with."""

TERMS = ("critic_loss", "generator_loss", "real_logit", "fake_logit")


@dataclasses.dataclass(frozen=True)
class Config(run.RunOptions, systems.NetworkOptions, run.DataOptions):
    """Options of the script."""

    systems: tuple[SystemName, ...] = ("non_saturating", "wgan_gp")
    """Which GANs, one after the other, each with the settings of its paper."""
    epochs: int = 60
    """Passes over the training images. A step is one of the generator, and takes as
    many batches as the critic takes steps."""
    batch_size: int = 64
    """Images a step of the critic, over all devices."""
    learning_rate: float | None = None  # pyright: ignore[reportIncompatibleVariableOverride]
    """Of both networks; by default that of the system."""
    look_every: int = 2
    """Epochs from one look at the samples to the next."""
    samples: int = 10_000
    """Samples of a conditional model whose class is looked at in the end."""


def build(
    config: Config,
    name: str,
    setup: run.Setup,
    *,
    critic_steps: int | None = None,
) -> models.GAN:
    """Returns the system of that name; see `systems.build`."""
    return systems.build(
        config,
        name,
        setup.train.image_shape,
        systems.num_classes_of(config, setup),
        critic_steps=critic_steps,
    )


def trained_models(
    config: Config, setup: run.Setup, restore: Callable[..., Any]
) -> dict[str, tuple[models.GAN, Any]]:
    """Returns the models of a finished run with their states; see `restored_runs`."""
    found = {}
    for name in config.systems:
        # The data come in batches of one minibatch here.
        model = build(config, name, setup, critic_steps=1)
        found[systems.label_of(config, name)] = (model, restore(model, name))
    return found


def main(config: Config) -> dict[str, Any]:
    """Trains, judges, draws; returns the distances and what tells of them."""
    _check(config)
    setup = run.prepare(config)
    classes = systems.num_classes_of(config, setup)
    labels = {name: systems.label_of(config, name) for name in config.systems}
    with run.timed() as seconds:
        made = {name: build(config, name, setup) for name in labels}
        for name, model in made.items():
            own = systems.setup_of(config, name, setup)
            run.check_models(own, model, step=True)
        folder = run.open_folder(
            config,
            "gan",
            "-".join([setup.train.name, *labels, *_kind(config)]),
            title=f"GANs on {setup.train.name}",
            doc=__doc__ or "",
            labels=labels,
        )
        with run.display() as show:
            nets = metrics.features.named_features(
                (), setup.train, setup.test, progress=show
            )
            show("features of test and training images", 0, None)
            judge = metrics.quality_reference(nets[0], setup.test, setup.train)
        found, samples = {}, {"real images": _real(setup)}
        for name, model in made.items():
            state = on_one_device(_train(config, name, setup, model, judge, folder))
            run.print_line(
                f"Comparing {judge.num_images:,} samples of {labels[name]} with test "
                "images"
            )
            found[name] = metrics.measure_quality(
                random.stream(setup.key, "judged"),
                model,
                state,
                judge,
                num_labelled=config.samples,
            )
            key = random.stream(setup.key, "figures")
            samples[labels[name]], _ = metrics.draw_images(key, model, state, SHOWN)
        curves.merge(folder, list(labels))
        findings.write_monitor(folder, labels)
        findings.write_pictures(
            folder,
            labels,
            samples,
            class_names=setup.train.class_names if classes else None,
        )
        rows = {name: run.records_of(folder.metrics, name) for name in labels}
        told = {name: curves.correlations(rows[name]) for name in labels}
        findings.write_telling(folder, labels, rows, told)
        steps = {name: rows[name][-1]["step"] for name in labels}
    tables = [findings.quality_table(labels, found, judge, steps)]
    if any(told.values()):
        tables.append(findings.telling_table(labels, told))
    results = _results(labels, found, told)
    return run.finish(folder, results, seconds=seconds(), tables=tables)


def _train(
    config: Config,
    name: str,
    setup: run.Setup,
    model: models.GAN,
    judge: QualityReference,
    folder: training.RunFolder,
) -> Any:
    setup = systems.setup_of(config, name, setup)
    per_epoch = setup.batches.steps_per_epoch
    home = folder.path / "parts" / name
    home.mkdir(parents=True, exist_ok=True)
    snapshots = Snapshots(
        home / "epochs.npz",
        model,
        random.stream(setup.key, "snapshots"),
        per_epoch,
        math.ceil(setup.steps / per_epoch),
        number=model.num_classes or 10,
        most=8,
    )
    watch = QualityMonitor(
        home / "quality.jsonl",
        model,
        judge,
        random.stream(setup.key, "watch"),
        steps_per_epoch=per_epoch,
    )
    label = systems.label_of(config, name)
    monitor = CollapseMonitor(
        home / "monitor.jsonl",
        model,
        random.stream(setup.key, "monitor"),
        _some(setup.train),
        test=_some(setup.test),
        steps_per_epoch=per_epoch,
        warn=lambda sentence: run.print_line(f"{label}: {sentence}"),
    )
    looks = training.EveryEpochs(
        (watch, monitor),
        steps_per_epoch=per_epoch,
        every=config.look_every,
        last=setup.steps,
    )
    return run.train(
        config,
        setup,
        folder,
        model,
        part=name,
        convolutional=config.network == "conv",
        callbacks=(snapshots, looks),
        terms=TERMS,
    )


def _real(setup: run.Setup) -> np.ndarray:
    return setup.test.read(every_nth(len(setup.test), SHOWN))["image"]


def _some(source: data.Source) -> dict[str, Any]:
    """As many images as the monitor looks at, with their labels."""
    examples = source.read(every_nth(len(source), MONITORED))
    return examples | {"image": scale(examples["image"])}


def _kind(config: Config) -> list[str]:
    """What the name of the run says beside data and systems."""
    words = [config.network]
    if config.conditional != "no":
        words.append(config.conditional)
    if config.remedies != "none":
        words.append(config.remedies.replace("=", ""))
    return words


def _results(
    labels: Mapping[str, str],
    found: Mapping[str, metrics.SampleQuality],
    told: Mapping[str, Mapping[str, Any]],
) -> dict[str, tuple[float, str]]:
    """The numbers for the head of the page."""
    results: dict[str, tuple[float, str]] = {}
    for name, label in labels.items():
        results[f"FD, {label}"] = (found[name].fd.value, "")
        agreement = found[name].label_agreement
        if agreement is not None:
            results[f"label agreement, {label}"] = (100 * agreement.value, "%")
        for signal in ("generator_loss", "estimate"):
            if signal in told[name]:
                title = f"{curves.SIGNALS[signal]} and FD, {label}"
                results[title] = (told[name][signal][0].value, "rank correlation")
    return results


def _check(config: Config) -> None:
    run.check_positive(
        config,
        "width",
        "hidden",
        "latents",
        "critic_steps",
        "look_every",
        "samples",
    )
    run.check_bounds(config, "auxiliary_weight", least=0)
    run.check_bounds(config, "ema_decay", least=0, below=1)
    if not config.systems or len(set(config.systems)) < len(config.systems):
        raise InputError(
            f"--systems is {' '.join(config.systems) or 'empty'}: name at least one "
            "system, each once."
        )
    classes = None if config.conditional == "no" else 10
    for name in config.systems:
        systems.build(config, name, run.IMAGE_SHAPE, classes)


if __name__ == "__main__":
    run.command_line(main, Config, __doc__ or "")

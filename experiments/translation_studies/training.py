"""The training of a translator as its scripts share it: watched, judged, written."""

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax

from jaxgen import data, metrics, random, run, training
from jaxgen.metrics import TranslationDirection, TranslationReference
from jaxgen.report import FigureSpec
from jaxgen.report.translation import held_out_figures
from jaxgen.training import on_one_device

STEPS_PER_CALL = 16
"""On an accelerator; Ctrl-C waits for the end of a call. On a CPU a call is one step,
since convolutions are many times slower inside a scan."""


@dataclasses.dataclass(frozen=True)
class WatchOptions:
    """How the run is watched."""

    look_every: int | None = None
    """Epochs from one look at the held-out images to the next."""
    judged: int = 256
    """Held-out images that are looked at, at most."""
    best: str = "l1"
    """Keep the checkpoint of the look with the best `l1`, `psnr`, `ssim` (of pairs),
    `fd`, `kid` or `cycle`; `none` for the last one alone. It is chosen on the held-out
    images, so its own score there is a little too good."""


class Trained(NamedTuple):
    """What came of a training.

    Attributes:
        state: Of the model, on one device.
        results: Of all judged images, by direction.
        monitor: What watched.
    """

    state: Any
    results: dict[str, metrics.TranslationResult]
    monitor: metrics.TranslationMonitor


def check(config: Any) -> None:
    """Raises an InputError where an option of the watch has no meaning at all."""
    run.check_positive(config, "look_every", "judged")
    metrics.check_score(config.best)


def check_best(config: Any, one: TranslationDirection) -> None:
    """Raises an InputError where the metric of the best checkpoint is not measured."""
    metrics.check_score(config.best, one.metrics)


def references_of(
    config: Any, setup: run.Setup, directions: Sequence[str]
) -> dict[str, TranslationReference]:
    """Returns the held-out images of each direction.

    Args:
        config: `PairOptions` and `WatchOptions`, settled.
        setup: The data.
        directions: "a_to_b", "b_to_a".
    """
    run.print_line("Preparing the held-out images and the networks that judge")
    test = data.read_pairs(setup.test, config.judged)
    train = run.training_images(config, setup.key)
    return metrics.translation_references(test, train, directions)


def train(
    config: Any,
    setup: run.Setup,
    folder: training.RunFolder,
    model: Any,
    directions: Sequence[TranslationDirection],
    *,
    terms: tuple[str, ...],
) -> Trained:
    """Trains a model under watch, and judges what it makes of the held-out images.

    Args:
        config: The options, settled.
        setup: The data.
        folder: The run's folder.
        model: The model.
        directions: Which way it translates, the main one first.
        terms: What the progress bar shows.
    """
    per_epoch = setup.batches.steps_per_epoch
    monitor = metrics.TranslationMonitor(
        folder.path,
        directions,
        random.stream(setup.key, "monitor"),
        steps_per_epoch=per_epoch,
    )
    callbacks = run.monitor_callbacks(folder, monitor, config.best)
    looks = run.every_epochs(setup, callbacks, config.look_every)
    cpu = jax.default_backend() == "cpu"
    state = run.train(
        config,
        setup,
        folder,
        model,
        steps_per_call=1 if cpu else STEPS_PER_CALL,
        callbacks=(looks,),
        terms=terms,
    )
    state = on_one_device(state)
    run.print_line("Judging the translations of the held-out images")
    translations = metrics.translation_results(
        random.stream(setup.key, "judged"), directions, state
    )
    return Trained(state, translations, monitor)


def figures_of(trained: Trained) -> dict[str, FigureSpec]:
    """Returns the figures of held-out images."""
    shown = metrics.shown_translations(trained.results, trained.state)
    return held_out_figures(shown, trained.monitor.history())

"""The training of a translator as its scripts share it: watched, judged, written."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from experiments.translation_studies import findings, runs
from jaxgen import data, metrics, random, report, run, training
from jaxgen.metrics import TranslationDirection, TranslationReference
from jaxgen.report.translation import held_out_figures
from jaxgen.run_files import read_arrays
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
        translations: Those of all judged images, by direction.
        tables: For the page.
        results: The numbers for its head.
        best: What is known of the best checkpoint, if there is one.
    """

    state: Any
    translations: dict[str, metrics.TranslationResult]
    tables: list[dict[str, Any]]
    results: dict[str, tuple[float, str]]
    best: training.BestScore | None


def check(config: Any) -> None:
    """Raises an InputError where an option of the watch has no meaning at all."""
    run.check_positive(config, "look_every", "judged")
    if config.best != "none":
        metrics.check_score(config.best)


def check_best(config: Any, one: TranslationDirection) -> None:
    """Raises an InputError where the metric of the best checkpoint is not measured."""
    if config.best != "none":
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
    sides = {"a_to_b": (test.a, test.b, train.b), "b_to_a": (test.b, test.a, train.a)}
    return {
        name: metrics.translation_reference(
            *sides[name], aligned=test.aligned, direction=name.replace("_", " ")
        )
        for name in directions
    }


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
    batch = run.batch_shapes(setup)
    shapes = {name: batch[name].shape[1:] for name in ("a", "b")}
    names: Any = [one.name for one in directions]
    runs.write_facts(
        folder,
        **shapes,
        directions=names,
        steps=setup.steps,
        lab=run.predicts_colour(config),
    )
    per_epoch = setup.batches.steps_per_epoch
    monitor = metrics.TranslationMonitor(
        folder.path,
        directions,
        random.stream(setup.key, "monitor"),
        steps_per_epoch=per_epoch,
    )
    callbacks: list[Callable[[Any, int], None]] = [
        lambda state, step: monitor(on_one_device(state), step)
    ]
    best = folder.path / training.BEST_FOLDER
    if config.best != "none":
        callbacks.append(
            training.BestCheckpoint(
                best,
                config.best,
                lambda step: monitor.scores(step, names[0]),
                lower_is_better=metrics.LOWER_IS_BETTER[config.best],
            )
        )
    looks = training.EveryEpochs(
        callbacks, steps_per_epoch=per_epoch, every=config.look_every, last=setup.steps
    )
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
    found = Trained(state, translations, [], {}, training.best_score(best))
    for name, one in translations.items():
        table = metrics.translation_score_table(one.scores, one.direction.reference)
        where = "" if len(directions) == 1 else f", {name.replace('_', ' ')}"
        found.tables.append(findings.table_of(table))
        found.results.update(findings.results(one.scores, where=where))
    return found


def write_pictures(folder: training.RunFolder, trained: Trained) -> None:
    """Writes the figures of held-out images."""
    figures = held_out_figures(
        {
            name: metrics.shown_translations(one, trained.state)
            for name, one in trained.translations.items()
        },
        {
            name: read_arrays(folder.arrays / f"translation_looks_{name}.npz")
            for name in trained.translations
        },
    )
    report.write_figures(folder.path, figures)


def best_note(best: training.BestScore | None) -> dict[str, Any]:
    """Returns what the summary says of the best checkpoint."""
    if best is None:
        return {}
    score = f"{best.metric} {best.value:.4g}"
    return {"best checkpoint": f"step {best.step:,}, {score}"}


def show_of(config: Any) -> Callable[[np.ndarray, np.ndarray], np.ndarray] | None:
    """Returns how outputs are made pictures of, where they are colour alone."""
    if not run.predicts_colour(config):
        return None

    def show(inputs: np.ndarray, images: np.ndarray) -> np.ndarray:
        colours = data.colour.join_lab(inputs / 255, images / 255)
        return (255 * colours).round().astype(np.uint8)

    return show

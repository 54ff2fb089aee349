"""Health, scores and pictures of a translation while it is trained."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgen import random
from jaxgen.checks import check_key
from jaxgen.images import every_nth
from jaxgen.metrics.translation import TranslationHealth, translation_health
from jaxgen.metrics.translation_directions import TranslationDirection
from jaxgen.metrics.translation_outputs import (
    NotFiniteError,
    critic_logits,
    translate_images,
)
from jaxgen.metrics.translation_pictures import add_translations
from jaxgen.metrics.translation_scores import (
    LOWER_IS_BETTER,
    mean_translation_scores,
)
from jaxgen.progress import print_line
from jaxgen.run_files import add_records, read_arrays, read_records
from jaxgen.typing import PRNGKeyArray

__all__ = ["PATIENCE", "RECORDS", "TranslationMonitor"]

RECORDS = "translation.jsonl"
"""The file of records, in the folder of a run."""

PATIENCE = 3
"""A warning is given once the same is wrong at so many evaluations in a row."""


class TranslationMonitor:
    """A callback of `training.fit` that translates the held-out images.

    Each call adds one record per direction to `RUN/translation.jsonl`: the four
    readings of `translation_health` (with `_low`, `_high`, `_expected` and
    `_threshold`) and the mean scores; and translations of the same few images to
    `RUN/arrays/translation_looks_DIRECTION.npz`. What is wrong for `PATIENCE` calls in
    a row is said once, in a sentence with what to try; the training is not changed.
    There is no other state than those files, so a run that is resumed goes on with
    them.

    Args:
        folder: Folder of the run.
        directions: The directions of translation.
        key: Key of the noise, the same at each call; it is consumed.
        steps_per_epoch: For the epochs of the records.
        shown: Images whose translations are kept as pictures.
        warn: Called with each warning; by default it prints a line to stderr.
    """

    lower_is_better = LOWER_IS_BETTER

    def __init__(
        self,
        folder: Path,
        directions: Sequence[TranslationDirection],
        key: PRNGKeyArray,
        *,
        steps_per_epoch: int = 1,
        shown: int = 6,
        warn: Callable[[str], None] = print_line,
    ):
        """Compiles nothing yet."""
        check_key(key)
        self._path, self._arrays = Path(folder) / RECORDS, Path(folder) / "arrays"
        self._directions, self._key = tuple(directions), key
        self._steps_per_epoch, self._shown, self._warn = steps_per_epoch, shown, warn
        self._compiled = [one.compiled() for one in self._directions]

    def __call__(self, state: Any, step: int) -> None:
        """Translates, writes records and pictures, and warns of what is wrong."""
        try:
            measured = [self._measure(state, one) for one in self._compiled]
        except NotFiniteError:
            return  # the loop says where that came from
        at = {"step": step, "epoch": step / self._steps_per_epoch}
        add_records(
            self._path,
            [
                at | {"split": one.name} | result.record
                for one, result in zip(self._compiled, measured, strict=True)
            ],
        )
        for one, result in zip(self._compiled, measured, strict=True):
            self._add_pictures(one, result.outputs, step)
            self._warn_of(one.name, result.health)

    def scores(self, step: int, direction: str = "a_to_b") -> dict[str, float]:
        """Returns the record of a step, for `training.BestCheckpoint`.

        Args:
            step: The step.
            direction: Name of the direction.
        """
        return next(
            (
                record
                for record in reversed(read_records(self._path))
                if record["step"] == step and record["split"] == direction
            ),
            {},
        )

    def history(self) -> dict[str, dict[str, np.ndarray]]:
        """Returns the translations so far by direction, see `add_translations`."""
        return {one.name: read_arrays(self._file(one)) for one in self._directions}

    def _file(self, one: TranslationDirection) -> Path:
        return self._arrays / f"translation_looks_{one.name}.npz"

    def _measure(self, state: Any, one: TranslationDirection) -> "_Measured":
        reference, key = one.reference, jax.random.clone(self._key)
        inputs, targets = reference.inputs, reference.targets
        outputs = translate_images(
            one.translate, state, inputs, random.stream(key, one.name)
        )
        logits = {}
        if one.critique is not None:
            logits = {
                "fake_logits": critic_logits(one.critique, state, inputs, outputs),
                "real_logits": critic_logits(one.critique, state, inputs, targets),
            }
        health = translation_health(
            inputs,
            outputs,
            targets,
            aligned=reference.aligned,
            boundary=one.boundary,
            **logits,
        )
        record: dict[str, Any] = {}
        for name, reading in health._asdict().items():
            for part, number in reading._asdict().items():
                if part != "warning" and number is not None:
                    record[name if part == "value" else f"{name}_{part}"] = number
        record["warnings"] = list(health.warnings)
        record |= mean_translation_scores(reference, outputs)
        if one.cycle is not None:
            back = translate_images(
                one.cycle, state, inputs, random.stream(key, f"cycle {one.name}")
            )
            away = np.abs(back.astype(np.int16) - inputs.astype(np.int16))
            record["cycle"] = float(away.mean() / 255)
        return _Measured(record, outputs, health)

    def _add_pictures(
        self, one: TranslationDirection, outputs: np.ndarray, step: int
    ) -> None:
        rows = every_nth(len(one.reference.inputs), self._shown)
        inputs, outputs = one.reference.inputs[rows], outputs[rows]
        truth = one.reference.targets[rows] if one.reference.aligned else None
        add_translations(
            self._file(one),
            step=step,
            epoch=step / self._steps_per_epoch,
            inputs=inputs,
            outputs=one.pictures(inputs, outputs),
            truth=None if truth is None else one.pictures(inputs, truth),
        )

    def _warn_of(self, name: str, health: TranslationHealth) -> None:
        warnings = [
            # A record that was edited may hold anything.
            kinds if isinstance(kinds := record.get("warnings"), list) else []
            for record in read_records(self._path)
            if record["split"] == name
        ]
        for kind, sentence in health.warnings.items():
            streaks = [
                all(kind in kinds for kinds in warnings[first : first + PATIENCE])
                for first in range(len(warnings) - PATIENCE + 1)
            ]
            if streaks and streaks[-1] and not any(streaks[:-1]):
                self._warn(f"{name.replace('_', ' ')}: {sentence}")


class _Measured(NamedTuple):
    """Result of one call for one direction."""

    record: dict[str, Any]
    outputs: np.ndarray
    health: TranslationHealth

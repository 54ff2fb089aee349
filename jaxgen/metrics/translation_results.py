"""Translations of all held-out images at the end of a training, with their scores."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgen import random
from jaxgen.checks import check_key
from jaxgen.errors import InputError
from jaxgen.images import every_nth
from jaxgen.metrics.resampling import Interval
from jaxgen.metrics.translation_directions import TranslationDirection
from jaxgen.metrics.translation_outputs import translate_images
from jaxgen.metrics.translation_scores import (
    ScoreTable,
    TranslationScore,
    translation_score_table,
    translation_scores,
)
from jaxgen.typing import PRNGKeyArray

__all__ = [
    "ShownTranslations",
    "TranslationResult",
    "shown_translations",
    "smallest_margin",
    "translation_results",
]


class TranslationResult(NamedTuple):
    """Result of one direction.

    Attributes:
        direction: The direction.
        outputs: Translations of its inputs, bytes, shape (n, ...).
        scores: The scores by name.
        step: Steps of the training.
    """

    direction: TranslationDirection
    outputs: np.ndarray
    scores: dict[str, TranslationScore]
    step: int

    def table(self) -> ScoreTable:
        """Returns the table of the scores; see `translation_score_table`."""
        return translation_score_table(self.scores, self.direction.reference)


class ShownTranslations(NamedTuple):
    """A few images of a result, evenly spread, as bytes.

    Attributes:
        inputs: Shape (n, ...).
        outputs: Their translations as pictures.
        truth: What they should become; None where that is not known.
        cycle: The inputs there and back; None without a way back.
    """

    inputs: np.ndarray
    outputs: np.ndarray
    truth: np.ndarray | None
    cycle: np.ndarray | None


def translation_results(
    key: PRNGKeyArray, directions: Sequence[TranslationDirection], state: Any
) -> dict[str, TranslationResult]:
    """Translates all held-out images, and calculates their scores.

    Args:
        key: Key of the noise and of the half-samples; it is consumed.
        directions: The directions of the model.
        state: State of the model.

    Returns:
        The results by the names of the directions.
    """
    check_key(key)
    results = {}
    for direction in directions:
        own = random.stream(key, direction.name)
        outputs = translate_images(
            jax.jit(direction.translate),
            state,
            direction.reference.inputs,
            random.stream(own, "noise"),
        )
        scores = translation_scores(
            random.stream(own, "halves"), direction.reference, outputs
        )
        results[direction.name] = TranslationResult(
            direction, outputs, scores, int(state.step)
        )
    return results


def shown_translations(
    results: Mapping[str, TranslationResult], state: Any, *, number: int = 10
) -> dict[str, ShownTranslations]:
    """Returns images of each result for the figures.

    Args:
        results: See `translation_results`.
        state: State of the model, which translates back.
        number: Images of each direction, at most.
    """
    return {name: _shown(result, state, number) for name, result in results.items()}


def _shown(result: TranslationResult, state: Any, number: int) -> ShownTranslations:
    direction = result.direction
    reference = direction.reference
    rows = every_nth(len(reference.inputs), number)
    inputs = reference.inputs[rows]
    truth = cycle = None
    if reference.aligned:
        truth = direction.pictures(inputs, reference.targets[rows])
    if direction.cycle is not None:
        back = jax.jit(direction.cycle)
        cycle = translate_images(back, state, inputs, jax.random.key(0))
    outputs = direction.pictures(inputs, result.outputs[rows])
    return ShownTranslations(inputs, outputs, truth, cycle)


def smallest_margin(results: Mapping[str, TranslationResult]) -> tuple[str, Interval]:
    """Returns the smallest margin of the L1 over a trivial translation.

    A margin is by how much the L1 of the outputs is below that of the input as it is,
    or of the mean training target, per held-out pair.

    Args:
        results: See `translation_results`.

    Returns:
        What it is a margin over, such as "below the mean image's, b to a", and the
        margin in pixels from 0 to 1 with its 95 % interval.

    Raises:
        InputError: No direction has pairs.
    """
    margins: dict[str, Interval] = {}
    for name, result in results.items():
        score = result.scores.get("l1")
        if score is None:
            continue
        for baseline, margin in (
            ("input's", score.over_identity),
            ("mean image's", score.over_mean_image),
        ):
            if margin is not None:
                margins[f"below the {baseline}, {name.replace('_', ' ')}"] = margin
    if not margins:
        raise InputError("No direction has held-out pairs, which a margin needs.")
    # One that lies below 0 as a whole decides, whatever the others are.
    failed = {words: one for words, one in margins.items() if one.high < 0}
    words = min(failed or margins, key=lambda one: margins[one].low)
    return words, margins[words]

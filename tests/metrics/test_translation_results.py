"""Results of a translation at the end, on a model whose outputs are known."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.errors import InputError
from jaxgen.metrics import (
    TranslationDirection,
    shown_translations,
    smallest_margin,
    translation_reference,
    translation_results,
)
from tests.metrics.translated import TRAINING_B, A, B


class State(NamedTuple):
    step: jax.Array


STATE = State(jnp.int32(30))


def direction(aligned=True, **more):
    reference = translation_reference(A, B, TRAINING_B, aligned=aligned, nets=())
    return TranslationDirection(
        "a_to_b", lambda state, key, x: 1 - 0.5 * x, reference, **more
    )


def test_all_held_out_images_are_translated_and_scored():
    results = translation_results(jax.random.key(0), [direction()], STATE)
    result = results["a_to_b"]
    assert np.abs(result.outputs.astype(int) - B).max() <= 1
    assert result.scores["l1"].model.value < 2 / 255
    assert result.step == 30
    assert result.table().title == "Held-out images, a to b"


def test_shown_images_are_the_same_rows_of_all():
    one = direction(
        cycle=lambda state, key, x: 0.9 * x, show=lambda x, y: y[..., ::-1] // 2
    )
    results = translation_results(jax.random.key(0), [one], STATE)
    shown = shown_translations(results, STATE, number=3)["a_to_b"]
    rows = [0, 9, 19]
    np.testing.assert_array_equal(shown.inputs, A[rows])
    np.testing.assert_array_equal(shown.truth, B[rows][..., ::-1] // 2)
    outputs = results["a_to_b"].outputs[rows]
    np.testing.assert_array_equal(shown.outputs, outputs[..., ::-1] // 2)
    np.testing.assert_allclose(shown.cycle, 0.9 * A[rows], atol=0.51)
    unpaired = translation_results(jax.random.key(0), [direction(aligned=False)], STATE)
    shown = shown_translations(unpaired, STATE)["a_to_b"]
    assert shown.truth is None
    assert shown.cycle is None


def test_the_smallest_margin_is_over_the_better_of_both_baselines():
    results = translation_results(jax.random.key(0), [direction()], STATE)
    score = results["a_to_b"].scores["l1"]
    words, margin = smallest_margin(results)
    # The mean image is nearer to the truth than the input is.
    assert score.over_mean_image.low < score.over_identity.low
    assert words == "below the mean image's, a to b"
    assert margin == score.over_mean_image
    unpaired = translation_results(jax.random.key(0), [direction(aligned=False)], STATE)
    with pytest.raises(InputError, match="No direction has held-out pairs"):
        smallest_margin(unpaired)

import numpy as np
import pytest

from jaxgen.errors import InputError
from jaxgen.metrics.class_modes import (
    assign_class_modes,
    class_modes,
    combine_classes,
    combine_log_probabilities,
)
from jaxgen.metrics.modes import mode_replicates
from jaxgen.metrics.resampling import half_samples

LABELS = np.array([0, 0, 0, 1, 3, 3])
PROBABILITIES = np.array(
    [[0.95, 0.05, 0.0], [0.4, 0.5, 0.1], [0.05, 0.95, 0.0], [0.0, 0.0, 1.0]]
)


def logs(probabilities):
    with np.errstate(divide="ignore"):
        return np.log(probabilities)


def test_labels_are_counted_against_the_proportions_of_the_data():
    found = class_modes(LABELS, [10, 20, 30, 40])
    assert found.captured == 3
    assert found.counts.tolist() == [3, 1, 0, 2]
    assert found.high_quality is None
    shares, real = np.array([3, 1, 2]) / 6, np.array([0.1, 0.2, 0.4])
    assert found.reverse_kl == pytest.approx((shares * np.log(shares / real)).sum())
    assert class_modes(LABELS, np.ones(4), least=2).captured == 2


def test_the_direction_is_from_samples_to_data():
    # The other direction would be infinite where a class is missed.
    assert class_modes(np.zeros(9, int), [1, 3]).reverse_kl == pytest.approx(np.log(4))
    assert class_modes(np.array([0, 1]), [1, 0]).reverse_kl == np.inf


def test_log_probabilities_say_how_many_samples_are_sure():
    found = class_modes(logs(PROBABILITIES), np.ones(3))
    assert found.counts.tolist() == [1, 2, 1]
    assert found.high_quality == pytest.approx(3 / 4)
    sure = class_modes(logs(PROBABILITIES), np.ones(3), confidence=0.99)
    assert sure.high_quality == pytest.approx(1 / 4)


def test_replicates_are_the_counts_of_the_halves(key):
    predictions = np.random.default_rng(0).dirichlet(0.3 * np.ones(5), size=30)
    rows = half_samples(key, 4, 30)
    found = mode_replicates(assign_class_modes(logs(predictions), np.ones(5)), rows)
    halves = [class_modes(logs(predictions[row]), np.ones(5)) for row in rows]
    for name in ("captured", "high_quality", "reverse_kl"):
        np.testing.assert_allclose(
            getattr(found, name), [getattr(half, name) for half in halves], rtol=1e-12
        )
    of_labels = assign_class_modes(predictions.argmax(axis=1), np.ones(5))
    assert mode_replicates(of_labels, rows).high_quality is None


def test_a_thousand_stacked_digits_are_a_thousand_classes():
    digits = np.stack(np.unravel_index(np.arange(1000), (10, 10, 10)), axis=1)
    np.testing.assert_array_equal(combine_classes(digits), np.arange(1000))
    found = class_modes(combine_classes(digits), np.ones(1000))
    assert found.captured == 1000
    assert found.reverse_kl == pytest.approx(0, abs=1e-12)


def test_combined_log_probabilities_are_products_and_agree_with_labels():
    parts = np.random.default_rng(0).dirichlet(np.ones(4), size=(7, 3))
    combined = np.exp(combine_log_probabilities(np.log(parts)))
    expected = np.einsum("na,nb,nc->nabc", *np.moveaxis(parts, 1, 0))
    np.testing.assert_allclose(combined, expected.reshape(7, 64), rtol=1e-12)
    np.testing.assert_array_equal(
        combined.argmax(axis=1), combine_classes(parts.argmax(axis=2), num_classes=4)
    )


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: class_modes(LABELS, np.ones(3)), "predictions has the value 3"),
        (lambda: class_modes(LABELS - 1, np.ones(4)), "predictions has the value -1"),
        (lambda: class_modes(LABELS / 2, np.ones(4)), r"float64 of shape \(6,\)"),
        (lambda: class_modes(LABELS[:0], np.ones(4)), "There are no predictions"),
        (lambda: class_modes(LABELS, np.zeros(4)), "proportions have shape"),
        (lambda: class_modes(LABELS, np.ones(4), confidence=2), "confidence=2"),
        (lambda: class_modes(logs(PROBABILITIES), np.ones(4)), "for 4 classes"),
        (lambda: combine_classes(LABELS), r"int64 of shape \(6,\)"),
        (
            lambda: combine_classes(LABELS[None], num_classes=3),
            "labels has the value 3, and there are 3 ",
        ),
        (lambda: combine_log_probabilities(PROBABILITIES), r"shape \(4, 3\)"),
    ],
)
def test_bad_input_gets_a_sentence(call, sentence):
    with pytest.raises(InputError, match=sentence):
        call()

import numpy as np
import pytest
from scipy.special import log_softmax
from scipy.stats import entropy

from jaxgen.errors import InputError
from jaxgen.metrics.inception_score import (
    inception_score,
    inception_score_replicates,
)
from jaxgen.metrics.resampling import half_samples

LOGITS = np.random.default_rng(0).normal(scale=2, size=(53, 7))
LOGS = log_softmax(LOGITS, axis=1)


def by_definition(log_probabilities):
    probabilities = np.exp(log_probabilities)
    marginal = probabilities.mean(axis=0)
    return np.exp(np.mean([entropy(one, marginal) for one in probabilities]))


def certain(labels, num_classes):
    with np.errstate(divide="ignore"):
        return np.log(np.eye(num_classes)[labels])


def test_splits_score_as_defined():
    found = inception_score(LOGS, num_splits=3)
    truth = [by_definition(LOGS[a:b]) for a, b in ((0, 17), (17, 35), (35, 53))]
    np.testing.assert_allclose(found.splits, truth, rtol=1e-12)
    assert found.mean == pytest.approx(np.mean(truth), rel=1e-12)
    assert found.standard_deviation == pytest.approx(np.std(truth), rel=1e-10)


def test_sure_of_classes_that_are_equally_frequent_it_is_their_number():
    labels = np.tile(np.arange(6), 20)
    found = inception_score(certain(labels, 6), num_splits=4)
    np.testing.assert_allclose(found.splits, 6, rtol=1e-12)
    assert found.standard_deviation == pytest.approx(0, abs=1e-12)


def test_classes_that_never_occur_do_not_count():
    found = inception_score(certain(np.tile([0, 3], 10), 9), num_splits=2)
    assert found.mean == pytest.approx(2, rel=1e-12)


def test_the_same_answer_to_all_is_one():
    found = inception_score(np.tile(LOGS[:1], (40, 1)), num_splits=4)
    np.testing.assert_allclose(found.splits, 1, rtol=1e-12)


def test_examples_are_split_in_the_order_given():
    ordered = certain(np.repeat(np.arange(5), 200), 5)
    assert inception_score(ordered, num_splits=5).mean == pytest.approx(1)
    shuffled = ordered[np.random.default_rng(0).permutation(1000)]
    # Entropies of counts are (classes - 1) / 2n too small, here by 0.01 nats.
    found = inception_score(shuffled, num_splits=5).mean
    assert found == pytest.approx(5, rel=0.02)


@pytest.mark.parametrize("num_splits", [1, 4])
def test_replicates_are_the_scores_of_the_halves(key, num_splits):
    rows = half_samples(key, 6, len(LOGS))
    np.testing.assert_allclose(
        inception_score_replicates(LOGS, rows, num_splits=num_splits),
        [inception_score(LOGS[row], num_splits=num_splits).mean for row in rows],
        rtol=1e-12,
    )


def test_float32_log_probabilities_are_normalised_anew():
    single = inception_score(np.asarray(LOGS, np.float32), num_splits=1).mean
    assert single == pytest.approx(inception_score(LOGS, num_splits=1).mean, rel=1e-6)


def test_it_agrees_with_torch_fidelity():
    torch = pytest.importorskip("torch")
    peer = pytest.importorskip("torch_fidelity.metric_isc")
    theirs = peer.isc_features_to_metric(torch.tensor(LOGITS), splits=4, shuffle=False)
    found = inception_score(LOGS, num_splits=4)
    assert found.mean == pytest.approx(theirs[peer.KEY_METRIC_ISC_MEAN], rel=1e-12)
    assert found.standard_deviation == pytest.approx(
        theirs[peer.KEY_METRIC_ISC_STD], rel=1e-9
    )


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (LOGITS, "The probabilities of example .* sum to .*: expected 1"),
        (np.full((20, 3), -np.inf), "sum to 0: expected 1"),
        (np.where(LOGS < LOGS.max(), LOGS, np.nan), "1 of 53 log-probabilities are no"),
        (LOGS[0], r"float64 of shape \(7,\)"),
        (np.zeros((9, 1)), "num_splits=10 for 9 examples"),
    ],
)
def test_bad_input_gets_a_sentence(given, sentence):
    with pytest.raises(InputError, match=sentence):
        inception_score(given)

import numpy as np
import pytest
from scipy.stats import spearmanr

from jaxgen.errors import InputError
from jaxgen.metrics import rank_correlation, signal_correlations


def test_the_rank_correlation_is_spearmans():
    random = np.random.default_rng(0)
    one, other = random.normal(size=(2, 40))
    one[:5] = one[5:10]  # ties
    found = rank_correlation(one, one + other)
    assert found.value == pytest.approx(spearmanr(one, one + other).statistic)
    assert found.low < found.value < found.high
    assert rank_correlation(np.ones(5), np.arange(5.0)).value == 0
    down = rank_correlation(np.arange(5.0), -np.arange(5.0))
    assert down.value == pytest.approx(-1)


def test_the_interval_holds_the_truth_as_often_as_it_says():
    random, truth = np.random.default_rng(1), 0.7
    # Of two normals with correlation r, Spearman's is 6 / pi arcsin(r / 2).
    of_ranks = 6 / np.pi * np.arcsin(truth / 2)
    held = []
    for _ in range(400):
        one, other = random.normal(size=(2, 30))
        found = rank_correlation(one, truth * one + np.sqrt(1 - truth**2) * other)
        held.append(found.low < of_ranks < found.high)
    # Four standard errors of a share of 0.95 in 400.
    assert abs(np.mean(held) - 0.95) < 0.044


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([1.0, 2.0], [1.0, 2.0], "x has shape"),
        ([1.0, 2.0, 3.0], [1.0, np.nan, 2.0], "y has shape .3.*finite"),
        ([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0], "x has 4 numbers and y 3"),
    ],
)
def test_what_is_no_pairs_of_numbers_is_refused(x, y, message):
    with pytest.raises(InputError, match=message):
        rank_correlation(x, y)


def test_signals_are_ranked_by_their_values_and_by_their_changes():
    target = np.array([9.0, 7.0, 4.0, 3.0, 1.0])
    falling = np.array([5.0, 4.0, 3.0, 1.0, 0.5])
    found = signal_correlations({"loss": falling, "score": -falling}, target)
    assert list(found) == ["loss", "score"]
    assert found["loss"].level.value == pytest.approx(1)
    assert found["score"].level.value == pytest.approx(-1)
    change = spearmanr(np.diff(falling), np.diff(target)).statistic
    assert found["loss"].change.value == pytest.approx(change)
    assert {one.number for one in found.values()} == {5}
    assert signal_correlations({"loss": falling[:3]}, target[:3]) == {}
    with pytest.raises(InputError, match="signal 'loss' has shape"):
        signal_correlations({"loss": falling * np.nan}, target)

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from jaxgen.errors import InputError
from jaxgen.metrics.proportions import wilson_interval


@pytest.mark.parametrize(("successes", "trials"), [(0, 8), (3, 8), (8, 8), (57, 400)])
@pytest.mark.parametrize("confidence", [0.9, 0.99])
def test_the_interval_is_that_of_scipy(successes, trials, confidence):
    found = wilson_interval(successes, trials, confidence=confidence)
    other = binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    assert found.value == successes / trials
    np.testing.assert_allclose((found.low, found.high), other, rtol=1e-12, atol=1e-15)


def test_it_holds_the_truth_about_as_often_as_it_says():
    trials, truths = 30, np.linspace(0.05, 0.95, 19)
    ends = [wilson_interval(count, trials) for count in range(trials + 1)]
    chances = binom.pmf(np.arange(trials + 1)[:, None], trials, truths)
    held = [[one.low <= truth <= one.high for truth in truths] for one in ends]
    coverage = (chances * np.array(held)).sum(axis=0)
    assert abs(coverage.mean() - 0.95) < 0.01
    assert coverage.min() > 0.9


@pytest.mark.parametrize("counts", [(-1, 5), (6, 5), (0, 0), (0.5, 5)])
def test_what_are_no_counts_is_refused(counts):
    with pytest.raises(InputError, match="successes"):
        wilson_interval(*counts)
    with pytest.raises(InputError, match="confidence"):
        wilson_interval(1, 2, confidence=1.0)

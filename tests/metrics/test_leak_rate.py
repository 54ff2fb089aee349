import numpy as np
import pytest

from jaxgen.errors import InputError
from jaxgen.metrics.leak_rate import leak_rate


def labels(transformed, count, rng):
    return np.where(rng.random(count) < transformed, rng.integers(1, 4, count), 0)


def test_a_faultless_classifier_counts():
    found = leak_rate(np.repeat([0, 2], [3, 1]), np.zeros(50, int))
    assert found.rate.value == found.apparent.value == 0.25
    np.testing.assert_array_equal(found.counts, [3, 0, 1, 0])


def test_data_themselves_do_not_leak_whatever_the_classifier():
    rng = np.random.default_rng(0)
    data = labels(0.2, 500, rng)
    assert leak_rate(data, data).rate.value == 0
    assert leak_rate(data, data).rate.low == 0


def test_no_leak_among_few_samples_is_no_proof_of_none():
    found = leak_rate(np.zeros(20, int), np.repeat([0, 1], [90, 10]))
    assert found.rate.value == found.rate.low == 0
    assert found.rate.high > 0.1


@pytest.mark.parametrize("rate", [0.0, 0.3, 0.9])
def test_the_rate_is_that_of_the_samples_though_the_classifier_errs(rate):
    # It takes 10 % of data and 85 % of transformed ones for transformed.
    held = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        found = leak_rate(
            labels(0.85 * rate + 0.1 * (1 - rate), 400, rng),
            labels(0.1, 400, rng),
            labels(0.85, 40_000, rng),
        )
        held += found.rate.low <= rate <= found.rate.high
        assert found.rate.low <= found.rate.value <= found.rate.high
    # 95 % within five standard errors.
    assert held / 200 > 0.95 - 5 * np.sqrt(0.95 * 0.05 / 200)


def test_what_tells_nothing_is_refused():
    zeros = np.zeros(5, int)
    with pytest.raises(InputError, match="takes 100.0% of data"):
        leak_rate(zeros, zeros + 1)
    with pytest.raises(InputError, match="predicted has the value 4"):
        leak_rate(np.arange(5), zeros)
    with pytest.raises(InputError, match="predicted_real has dtype float64"):
        leak_rate(zeros, zeros / 2)

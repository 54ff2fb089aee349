import jax
import numpy as np
import pytest
from scipy import stats

from jaxgen.errors import InputError
from jaxgen.metrics.frechet import frechet_distance_of_features, frechet_replicates
from jaxgen.metrics.kernel import mmd, mmd_with_replicates
from jaxgen.metrics.neighbour_metrics import neighbour_metrics
from jaxgen.metrics.resampling import (
    half_samples,
    halves,
    interval,
    mean_interval,
    replicate,
    trimmed_mean_interval,
)

REPEATS = 20
LEVEL = 0.95
SCALES = np.linspace(1, 1.5, 4)


def two_sets(rng, count, shift=1.0, scales=SCALES):
    real, generated = rng.normal(size=(2, count, 4))
    generated = generated * scales
    generated[:, 0] += shift
    return real, generated


def population_distance(shift=1.0, scales=SCALES):
    return shift**2 + ((scales - 1) ** 2).sum()


def all_frechet(real, generated, split):
    """The distance of both sets and of all their halves, in one go."""

    def moments(features, rows):
        rows = np.concatenate([np.ones((1, len(features)), bool), rows]).astype(float)
        count = rows.sum(axis=1)[:, None]
        products = (features[:, :, None] * features[:, None]).reshape(len(features), -1)
        mean = rows @ features / count
        squares = (rows @ products / count).reshape(-1, 4, 4)
        covariance = squares - mean[:, :, None] * mean[:, None]
        return mean, covariance * (count / (count - 1))[:, :, None]

    m1, c1 = moments(real, split.real)
    m2, c2 = moments(generated, split.generated)
    roots = np.sqrt(np.maximum(np.linalg.eigvals(c1 @ c2).real, 0)).sum(axis=1)
    traces = np.trace(c1 + c2, axis1=1, axis2=2)
    values = ((m1 - m2) ** 2).sum(axis=1) + traces - 2 * roots
    return values[0], values[1:]


def whole_and_halves(metric, real, generated, split):
    if metric == "mmd":
        whole = mmd(real, generated).unbiased
        return whole, mmd_with_replicates(real, generated, split).replicates
    found = neighbour_metrics(real, generated, halves=split)
    return found.precision, found.replicates.precision


def share_covered(found, truth, **options):
    intervals = [interval(value, some, **options) for value, some in found]
    return np.mean([one.low <= truth <= one.high for one in intervals])


def is_at_level(share, repetitions):
    return abs(share - LEVEL) < 5 * np.sqrt(LEVEL * (1 - LEVEL) / repetitions)


def simulate(repetitions, count, calculate, **options):
    rng = np.random.default_rng(5)
    return [
        calculate(
            *two_sets(rng, count, **options),
            halves(jax.random.key(i), REPEATS, count, count),
        )
        for i in range(repetitions)
    ]


@pytest.mark.parametrize(
    ("repetitions", "count"),
    [(200, 300), pytest.param(2000, 500, marks=pytest.mark.slow)],
)
def test_intervals_of_the_frechet_distance_cover_at_their_level(repetitions, count):
    found = simulate(repetitions, count, all_frechet)
    covered = share_covered(found, population_distance(), debias=True)
    assert is_at_level(covered, repetitions)
    # Without it, they cover the expectation of sets of this size, which is larger.
    values = [value for value, _ in found]
    assert is_at_level(share_covered(found, np.mean(values)), repetitions)
    assert np.mean(values) > population_distance()
    narrow = share_covered(found, population_distance(), debias=True, confidence=0.5)
    assert abs(narrow - 0.5) < 5 * 0.5 / np.sqrt(repetitions)


def test_extrapolation_takes_the_bias_out():
    found = simulate(300, 60, all_frechet)
    values = np.array([value for value, _ in found])
    debiased = np.array([interval(*one, debias=True).value for one in found])
    error = debiased.std() / np.sqrt(len(found))
    assert abs(debiased.mean() - population_distance()) < 5 * error
    assert values.mean() - population_distance() > 10 * error


def test_at_distance_nothing_intervals_are_wide_not_wrong():
    found = simulate(100, 300, all_frechet, shift=0.0, scales=np.ones(4))
    assert share_covered(found, 0.0, debias=True) >= LEVEL
    values = np.array([value for value, _ in found])
    width = np.mean([some.std() for _, some in found])
    assert 1.3 < width / values.std() < 2


def test_the_test_and_the_library_take_the_same_halves(key):
    real, generated = two_sets(np.random.default_rng(0), 50)
    split = halves(key, 6, 50, 50)
    whole, replicates = all_frechet(real, generated, split)
    ours = frechet_replicates(real, generated, split)
    np.testing.assert_allclose(ours, replicates, rtol=1e-9)
    again = replicate(frechet_distance_of_features, split, real, generated)
    np.testing.assert_allclose(ours, again, rtol=1e-9)
    np.testing.assert_allclose(frechet_distance_of_features(real, generated), whole)


@pytest.mark.parametrize(
    ("repetitions", "count"),
    [(100, 100), pytest.param(1000, 200, marks=pytest.mark.slow)],
)
@pytest.mark.parametrize("metric", ["mmd", "precision"])
def test_other_metrics_cover_what_sets_of_this_size_give(metric, repetitions, count):
    found = simulate(repetitions, count, lambda *sets: whole_and_halves(metric, *sets))
    values = np.array([value for value, _ in found])
    covered = share_covered(found, values.mean())
    # Halves of few neighbours vary a little more than they should.
    assert covered > LEVEL - 5 * np.sqrt(LEVEL * (1 - LEVEL) / repetitions)
    width = np.sqrt(np.mean([some.var() for _, some in found]))
    assert 0.85 < width / values.std() < 1.5


def test_intervals_of_a_mean_cover_at_their_level():
    rng = np.random.default_rng(2)
    found = []
    for i in range(1000):
        values = rng.exponential(size=200)
        rows = half_samples(jax.random.key(i), REPEATS, 200)
        found.append((values.mean(), rows @ values / 100))
    assert is_at_level(share_covered(found, 1.0), 1000)


@pytest.mark.parametrize("pairs", [1, 3, 10])
def test_of_halves_and_complements_each_pair_counts_once(pairs):
    # The squared deviations of normal pairs, over their variance, are a chi-square.
    apart = np.random.default_rng(7).normal(size=pairs)
    found = interval(5.0, np.concatenate([5 + apart, 5 - apart]), confidence=LEVEL)
    reach = (found.high - found.low) / 2 / np.sqrt(np.mean(apart**2))
    assert 1 - 2 * stats.t.sf(reach, pairs) == pytest.approx(LEVEL, abs=1e-9)


def test_all_halves_have_the_variance_of_the_mean_exactly():
    values = np.random.default_rng(3).normal(size=8)
    every = (np.arange(256)[:, None] >> np.arange(8)) % 2 == 1
    every = every[every.sum(axis=1) == 4]
    spread = (every @ values / 4).var()
    assert spread == pytest.approx(values.var(ddof=1) / 8, rel=1e-12)


def test_rows_are_halves_and_every_other_one_a_complement(key):
    rows = half_samples(key, 7, 10)
    assert np.all(rows.sum(axis=1) == 5)
    assert np.all(rows[0:6:2] ^ rows[1:6:2])
    assert len({row.tobytes() for row in rows}) == 7
    assert np.all(half_samples(jax.random.key(1), 4, 11).sum(axis=1) == 5)
    split = halves(jax.random.key(2), 4, 10, 10)
    assert not np.array_equal(split.real, split.generated)


def test_a_linear_statistic_is_not_moved_by_extrapolation(key):
    values = np.arange(10.0) ** 2
    replicates = half_samples(key, 6, 10) @ values / 5
    assert interval(values.mean(), replicates, debias=True).value == pytest.approx(
        values.mean(), rel=1e-12
    )


def test_ends_stay_within_their_bounds():
    wide = interval(0.9, np.array([0.5, 1.3]), bounds=(0.0, 1.0))
    assert wide == (0.9, 0.0, 1.0)


def test_the_interval_of_a_mean_is_that_of_scipy():
    values = np.random.default_rng(4).normal(size=12)
    low, high = stats.ttest_1samp(values, 0).confidence_interval(0.9)
    assert mean_interval(values, confidence=0.9)[1:] == pytest.approx((low, high))


def test_the_trimmed_mean_covers_at_its_level():
    rng = np.random.default_rng(6)
    values = rng.exponential(size=(500, 200))
    # The mean between the 10th and the 90th percentile of the distribution.
    truth = stats.expon.expect(lambda x: x, lb=-np.log(0.9), ub=-np.log(0.1)) / 0.8
    how = {"percentiles": (10, 90)}
    found = [trimmed_mean_interval(some, **how) for some in values]
    covered = np.mean([one.low <= truth <= one.high for one in found])
    assert is_at_level(covered, 500)
    # Entries 19.9 and 179.1 are the percentiles; both are rounded outwards.
    assert found[0].value == pytest.approx(np.sort(values[0])[19:181].mean())
    whole = trimmed_mean_interval(values[0], percentiles=(0, 100))
    assert whole == pytest.approx(mean_interval(values[0]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda key: half_samples(key, 1, 10), "repeats=1"),
        (lambda key: half_samples(key, 2, 3), "at least 4"),
        (lambda key: interval(0.0, np.ones(4), confidence=95), "confidence=95"),
        (lambda key: interval(0.0, np.ones(1)), "at least 2 of them"),
        (lambda key: trimmed_mean_interval(np.ones(9), percentiles=(5, 5)), "growing"),
        (lambda key: trimmed_mean_interval(np.ones(1)), "1 values are left of 1"),
    ],
)
def test_what_makes_no_interval_is_refused(call, message, key):
    with pytest.raises(InputError, match=message):
        call(key)

import numpy as np
import pytest

from jaxgen.errors import InputError
from jaxgen.metrics.modes import (
    assign_gaussian_modes,
    count_modes,
    gaussian_modes,
    mode_replicates,
)
from jaxgen.metrics.resampling import half_samples

ANGLES = 2 * np.pi * np.arange(8) / 8
RING = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)
GRID = np.stack(np.meshgrid(*2 * [np.arange(-4.0, 5, 2)]), axis=-1).reshape(-1, 2)


def draw(means, deviation, count=2500, *, seed=0, modes=None):
    rng = np.random.default_rng(seed)
    chosen = rng.integers(len(means) if modes is None else modes, size=count)
    return means[chosen] + rng.normal(0, deviation, size=(count, 2))


@pytest.mark.parametrize(("means", "deviation"), [(RING, 0.01), (GRID, 0.05)])
def test_perfect_samples_have_all_modes_and_the_share_of_a_gaussian(means, deviation):
    found = gaussian_modes(draw(means, deviation), means, deviation)
    truth = 1 - np.exp(-4.5)
    assert found.captured == len(means)
    error = np.sqrt(truth * (1 - truth) / 2500)
    assert abs(found.high_quality - truth) < 5 * error
    # 2 n KL is chi^2 of (modes - 1) degrees of freedom.
    freedom = len(means) - 1
    spread = np.sqrt(2 * freedom)
    assert abs(2 * found.counts.sum() * found.reverse_kl - freedom) < 5 * spread


def test_dropped_modes_are_missed_and_cost_their_logarithm():
    found = gaussian_modes(draw(GRID, 0.05, 20_000, modes=10), GRID, 0.05)
    assert found.captured == 10
    assert found.reverse_kl == pytest.approx(np.log(25 / 10), abs=2e-3)
    assert (found.counts[10:] == 0).all()


def test_samples_between_modes_are_neither_good_nor_counted():
    samples = np.concatenate([RING[:2], RING[:1], RING[2:] * 0.5])
    found = gaussian_modes(samples, RING, 0.01)
    assert found.counts.tolist() == [2, 1, 0, 0, 0, 0, 0, 0]
    assert found.high_quality == pytest.approx(3 / 9)
    assert found.reverse_kl == pytest.approx(
        2 / 3 * np.log(2 / 3 * 8) + 1 / 3 * np.log(1 / 3 * 8)
    )


def test_a_mode_may_need_more_samples():
    samples = np.concatenate([RING, RING[:3]])
    assert gaussian_modes(samples, RING, 0.01).captured == 8
    assert gaussian_modes(samples, RING, 0.01, least=2).captured == 3


def test_the_radius_is_in_standard_deviations():
    samples = RING[:1] + [0.025, 0.0]
    assert gaussian_modes(samples, RING, 0.01, radius=2.4).captured == 0
    assert gaussian_modes(samples, RING, 0.01, radius=2.6).captured == 1


def test_proportions_of_the_data_set_what_is_even():
    shares = np.arange(1, 9)
    samples = np.repeat(RING, shares, axis=0)
    even = gaussian_modes(samples, RING, 0.01)
    assert even.reverse_kl > 0.1
    found = gaussian_modes(samples, RING, 0.01, proportions=shares)
    assert found.reverse_kl == pytest.approx(0, abs=1e-12)


def test_no_good_sample_is_infinitely_far():
    found = gaussian_modes(np.zeros((5, 2)), RING, 0.01)
    assert found.captured == found.high_quality == 0
    assert found.reverse_kl == np.inf


def test_a_mode_that_the_data_lack_is_infinitely_far():
    absent = np.array([1, 1, 1, 1, 1, 1, 1, 0])
    assert gaussian_modes(RING, RING, 0.01, proportions=absent).reverse_kl == np.inf


@pytest.mark.parametrize("least", [1, 2])
def test_replicates_are_the_counts_of_the_halves(key, least):
    samples = draw(RING, 0.012, 40)
    rows = half_samples(key, 6, 40)
    found = mode_replicates(
        assign_gaussian_modes(samples, RING, 0.01), rows, least=least
    )
    halves = [gaussian_modes(samples[row], RING, 0.01, least=least) for row in rows]
    for name in ("captured", "high_quality", "reverse_kl"):
        np.testing.assert_allclose(
            getattr(found, name), [getattr(half, name) for half in halves], rtol=1e-12
        )


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"means": RING[:, :1]}, "samples have 2 dimensions and the means 1"),
        ({"standard_deviation": 0.0}, "standard_deviation=0: give a number above 0"),
        ({"radius": -1}, "radius=-1: give a number above 0"),
        ({"proportions": np.ones(3)}, "3 proportions for 8 means"),
        ({"proportions": -np.ones(8)}, r"proportions have shape \(8,\) and sum -8"),
        ({"samples": np.full((4, 2), np.nan)}, "4 of 4 rows of the sample features"),
    ],
)
def test_bad_input_gets_a_sentence(options, sentence):
    given = {"samples": RING, "means": RING, "standard_deviation": 0.01} | options
    arrays = [given.pop(name) for name in ("samples", "means", "standard_deviation")]
    with pytest.raises(InputError, match=sentence):
        gaussian_modes(*arrays, **given)


def test_at_least_one_sample_makes_a_mode():
    with pytest.raises(InputError, match="least=0: give a whole number"):
        count_modes(assign_gaussian_modes(RING, RING, 0.01), least=0)

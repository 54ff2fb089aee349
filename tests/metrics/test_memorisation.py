import jax
import numpy as np
import pytest
from scipy import stats

from jaxgen.errors import InputError
from jaxgen.metrics.memorisation import (
    copy_probability,
    memorisation,
    memorisation_replicates,
)
from jaxgen.metrics.resampling import halves


@pytest.fixture
def sets():
    rng = np.random.default_rng(0)
    return [rng.normal(size=(number, 3)) for number in (80, 60, 70)]


def test_a_model_of_the_distribution_is_healthy(sets):
    found = memorisation(*sets)
    assert abs(found.z_score) < 3
    assert found.probability == pytest.approx(0.5, abs=0.15)
    assert found.exact == 0
    assert found.share_closer < 0.1


def test_a_model_that_copies_is_found_out(sets):
    train, test, _ = sets
    found = memorisation(train, test, np.concatenate([train[:60], train[:10] + 1e-3]))
    assert found.probability == 1
    assert found.z_score > 5
    assert found.exact == 60
    assert found.near == 70
    assert found.share_closer == 1
    np.testing.assert_array_equal(found.generated.indices[:60, 0], np.arange(60))


def test_a_strange_model_is_far_below_one_half(sets):
    train, test, generated = sets
    found = memorisation(train, test, generated + 10)
    assert found.probability == 0
    assert found.z_score < -5


def test_scipy_agrees_also_where_distances_are_tied():
    rng = np.random.default_rng(1)
    train = np.zeros((80, 1))
    test, generated = rng.integers(1, 9, (60, 1)), rng.integers(1, 8, (70, 1))
    found = memorisation(train, test, generated)
    expected = stats.mannwhitneyu(
        test[:, 0], generated[:, 0],
        alternative="greater", method="asymptotic", use_continuity=False,
    )  # fmt: skip
    assert found.probability == pytest.approx(expected.statistic / (60 * 70))
    assert found.z_score == pytest.approx(stats.norm.isf(expected.pvalue))


def test_half_samples_need_no_new_search(sets):
    train, test, generated = sets
    split = halves(jax.random.key(1), 4, 60, 70)
    found = memorisation_replicates(memorisation(*sets), split)
    alone = memorisation(train, test[split.real[2]], generated[split.generated[2]])
    assert found.shape == (4,)
    assert found[2] == alone.probability


def test_the_interval_of_half_samples_is_as_wide_as_the_truth():
    rng = np.random.default_rng(2)
    values = [
        copy_probability(rng.exponential(size=60), rng.exponential(size=70))
        for _ in range(2000)
    ]
    test, generated = rng.exponential(size=60), rng.exponential(size=70)
    split = halves(jax.random.key(1), 200, 60, 70)
    replicates = [
        copy_probability(test[one], generated[other])
        for one, other in zip(*split, strict=True)
    ]
    assert np.std(replicates) == pytest.approx(np.std(values), rel=0.25)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"percentile": 0}, "percentile=0: give a number above 0 and below 100"),
        ({"near": -1}, "near=-1: give a number above 0"),
        ({"train": np.ones((4, 3))}, "train features have 3 dimensions and the tes"),
        ({"train": np.ones((0, 2))}, "0 train features: this needs at least 1"),
        (
            {"generated": np.full((4, 2), np.inf)},
            "4 of 4 rows of the generated features",
        ),
    ],
)
def test_bad_input_is_refused_with_a_sentence(change, sentence):
    given = {name: np.ones((4, 2)) for name in ("train", "test", "generated")} | change
    with pytest.raises(InputError, match=sentence):
        memorisation(
            given.pop("train"), given.pop("test"), given.pop("generated"), **given
        )

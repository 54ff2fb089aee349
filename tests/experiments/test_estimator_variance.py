import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from experiments import estimator_variance
from experiments.variance_studies import exact
from jaxgen.errors import InputError

SMALL = estimator_variance.Config(
    histogram_draws=20_000,
    integrand_draws=20_000,
    coins=(1, 3),
    coin_draws=4000,
    steps=40,
    samples=10,
    learning_rate=3e-4,
    snapshots=4,
    variance_draws=64,
)

# Mohamed et al., 2020, figures 2 and 3, at mean = scale = 1; variances in the mean and
# the scale: score, with the mean for a baseline, with the optimum, pathwise,
# measure-valued coupled, uncoupled.
PUBLISHED = {
    ("square", -3.0): "495 1546 138 696 134 664 4 72 17.487 68 10.017 264",
    ("square", 0.0): "30 136 18 96 14 64 4 12 1.0930 8 1.8197 24",
    ("bell", 0.1): ".56353 .93538 .054075 .22889 .040468 .14099 .016290 .027770 "
    ".0025091 .021971 .0050713 .087306",
    ("cosine", 0.5): ".45525 .79866 .15535 .72368 .11786 .46010 .039285 .087513 "
    ".0082755 .065266 .015163 .22668",
    ("cosine", 5.0): ".5 1 .5 1 .5 1 12.5 12.5 .29572 .99999 .16048 1",
}
ORDER = (
    "score",
    "score, mean baseline",
    "score, optimal baseline",
    "pathwise",
    "measure-valued, coupled",
    "measure-valued, uncoupled",
)


@pytest.mark.parametrize(("kind", "k"), PUBLISHED)
def test_the_integrals_give_the_known_variances(kind, k):
    from experiments.variance_studies.normals import INTEGRANDS

    f, slope = INTEGRANDS[kind]
    found = exact.normal_family(
        lambda x: f(x, k), lambda x: slope(x, k), mean=1.0, scale=1.0
    )
    words = PUBLISHED[kind, k].split()
    for name, pair in zip(ORDER, np.reshape(words, (6, 2)), strict=True):
        for value, word in zip(found[name], pair, strict=True):
            digits = len(word.partition(".")[2])
            assert abs(value - float(word)) <= 0.6 * 10.0**-digits, name


@pytest.mark.parametrize(("slope", "mean"), [(1.0, 1.0), (2.0, -0.5)])
def test_the_integrals_give_the_closed_forms(slope, mean):
    closed = exact.linear_and_square(slope, mean)
    functions = {
        "linear": (lambda z: slope * z, lambda z: slope + 0 * z),
        "square": (lambda z: (slope * z) ** 2, lambda z: 2 * slope**2 * z),
    }
    for name, (f, derivative) in functions.items():
        found = exact.normal_family(f, derivative, mean=mean, scale=1.0)
        for estimator, (truth, variance) in closed[name].items():
            np.testing.assert_allclose(found["gradient"][0], truth, rtol=1e-10)
            np.testing.assert_allclose(
                found[estimator][0], variance, rtol=1e-9, atol=1e-12
            )


@pytest.mark.parametrize("number", [1, 2, 3, 7])
def test_sums_over_counts_give_those_over_all_coins(number):
    def f(ones):
        return np.cos(ones + 0.3) + 0.1 * ones**2

    coins = np.array(list(np.ndindex(*(2,) * number)), float)
    values, scores = f(coins.sum(axis=1)), coins - 0.5
    gradient = np.mean(values[:, None] * scores, axis=0)
    found = exact.fair_coins(f, number)
    np.testing.assert_allclose(found["gradient"], gradient, rtol=1e-12)
    score = np.var(values[:, None] * scores, axis=0).sum()
    np.testing.assert_allclose(found["score"], score, rtol=1e-12)
    # Both samples of a pair: f at the complement, over all first samples.
    disarm = (values - f(number - coins.sum(axis=1)))[:, None] * scores / 2
    np.testing.assert_allclose(
        found["DisARM"], np.var(disarm, axis=0).sum(), atol=1e-12
    )
    one, other = (
        np.repeat(np.arange(2**number), 2**number),
        np.tile(np.arange(2**number), 2**number),
    )
    pairs = (values[one] - values[other])[:, None] * (scores[one] - scores[other]) / 2
    np.testing.assert_allclose(
        found["leave-one-out, 2"], np.var(pairs, axis=0).sum(), rtol=1e-10
    )


def test_separable_coins_have_the_known_ratios():
    for number in (2, 5, 50):
        found = exact.fair_coins(
            lambda ones, n=number: (ones * 0.55**2 + (n - ones) * 0.45**2) / n, number
        )
        unit = 0.05**2 / (4 * number)
        ratios = [found[n] / unit for n in ("leave-one-out, 2", "DisARM", "ARM")]
        np.testing.assert_allclose(
            ratios, [number, number - 1, 4 * number / 3 - 1], rtol=1e-9
        )


def finished(tmp_path, **options):
    """Makes a small run; returns its folder and its results."""
    config = dataclasses.replace(SMALL, output=str(tmp_path), **options)
    results = estimator_variance.main(config)
    folder = Path(results["page"]).parent
    assert folder == tmp_path / "estimator_variance" / "-".join(config.studies)
    for kind in ("arrays", "figures"):
        assert {path.stem for path in (folder / kind).iterdir()} == set(config.studies)
    summary = json.loads((folder / "summary.json").read_text())
    for table in summary["tables"]:
        assert {len(row) for row in table["rows"]} == {len(table["columns"])}
    text = (folder / "index.html").read_text()
    assert "--resume" not in text
    assert "No gradient estimator dominates" in text
    return results


def farthest(results):
    (deviation,) = (v for k, v in results.items() if k.startswith("largest of"))
    return deviation


def test_coins_meet_their_exact_values_and_leave_a_page(tmp_path):
    assert farthest(finished(tmp_path, studies=("bernoulli",))) < 6


@pytest.mark.slow
def test_integrands_meet_their_exact_values(tmp_path):
    results = finished(tmp_path, studies=("integrands",))
    assert farthest(results) < 6
    (ratio,) = (value for name, value in results.items() if "cos 5x" in name)
    assert 22 < ratio < 28


def test_any_slope_and_mean_meet_the_closed_forms(tmp_path):
    results = finished(tmp_path, studies=("three_ways",), slope=2.0, mean=-0.5)
    assert farthest(results) < 5


@pytest.mark.slow
def test_the_regression_learns_and_its_variances_fall_in_order(tmp_path):
    finished(tmp_path, studies=("regression",))
    path = tmp_path / "estimator_variance" / "regression" / "arrays" / "regression.npz"
    with np.load(path) as arrays:
        names, variance = list(arrays["names"]), arrays["variance"].sum(axis=-1)
        assert (arrays["elbo"][:, -1] > arrays["elbo"][:, 0] + 300).all()
        assert (arrays["elbo"] < arrays["best"]).all()
    score, pathwise = (variance[names.index(name)] for name in ("score", "pathwise"))
    assert (score > 10 * pathwise).all()


def test_a_run_that_diverges_says_so(tmp_path):
    config = dataclasses.replace(
        SMALL, studies=("regression",), output=str(tmp_path), learning_rate=1.0
    )
    with pytest.raises(InputError, match="Training by 'score' diverged"):
        estimator_variance.main(config)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"studies": ()}, "--studies is empty"),
        ({"coins": (0, 2)}, "--coins=0"),
        ({"snapshots": 41}, "--snapshots is 41"),
    ],
)
def test_options_that_make_no_sense_are_refused(tmp_path, options, sentence):
    config = dataclasses.replace(SMALL, output=str(tmp_path), **options)
    with pytest.raises(InputError, match=sentence):
        estimator_variance.main(config)
    assert not list(tmp_path.iterdir())

from functools import partial

import jax
import numpy as np
import pytest

from jaxgen.errors import InputError
from jaxgen.metrics import kernel
from jaxgen.metrics.kernel import (
    kernel_inception_distance,
    mmd,
    mmd_with_replicates,
)
from jaxgen.metrics.kernel_functions import gaussian_kernel, polynomial_kernel
from jaxgen.metrics.resampling import Halves, halves, replicate
from jaxgen.metrics.statistics import feature_statistics
from jaxgen.metrics.statistics_files import load_statistics, save_statistics

MIXTURE = partial(gaussian_kernel, bandwidths=(0.5, 1.0, 3.0))


def normal(count, dimensions=3, *, seed=0, mean=0.0):
    return np.random.default_rng(seed).normal(mean, size=(count, dimensions))


def by_loops(real, generated, pair):
    """Both estimates, pair by pair."""

    def mean(x, y, different):
        values = [
            pair(a, b)
            for i, a in enumerate(x)
            for j, b in enumerate(y)
            if not different or i != j
        ]
        return sum(values) / len(values)

    return [
        mean(real, real, different)
        + mean(generated, generated, different)
        - 2 * mean(real, generated, False)
        for different in (True, False)
    ]


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(kernel, "_BLOCK", 5)


@pytest.mark.parametrize(
    ("function", "pair"),
    [
        (polynomial_kernel, lambda a, b: (a @ b / 3 + 1) ** 3),
        (
            partial(polynomial_kernel, degree=1, scale=2.0, offset=0.5),
            lambda a, b: 2 * a @ b + 0.5,
        ),
        (
            MIXTURE,
            lambda a, b: np.mean(
                [np.exp(-((a - b) @ (a - b)) / (2 * s**2)) for s in (0.5, 1, 3)]
            ),
        ),
    ],
)
@pytest.mark.usefixtures("small_blocks")
def test_blocks_sum_to_the_definition(function, pair):
    real, generated = normal(13), normal(17, seed=1, mean=0.5)
    np.testing.assert_allclose(
        mmd(real, generated, kernel=function),
        by_loops(real, generated, pair),
        rtol=1e-12,
        atol=1e-14,
    )


@pytest.mark.parametrize("function", [polynomial_kernel, MIXTURE])
@pytest.mark.usefixtures("small_blocks")
def test_replicates_are_the_values_on_the_halves(key, function):
    real, generated = normal(14), normal(21, seed=1)
    some = halves(key, 6, 14, 21)

    def unbiased(one, other):
        return mmd(one, other, kernel=function).unbiased

    np.testing.assert_allclose(
        mmd_with_replicates(real, generated, some, kernel=function).replicates,
        replicate(unbiased, some, real, generated),
        rtol=1e-10,
        atol=1e-14,
    )


def test_the_whole_sets_are_a_replicate():
    real, generated = normal(14), normal(21, seed=1)
    every = Halves(np.ones((1, 14), bool), np.ones((1, 21), bool))
    [replicated] = mmd_with_replicates(real, generated, every).replicates
    assert replicated == pytest.approx(mmd(real, generated).unbiased, rel=1e-12)


@pytest.mark.usefixtures("small_blocks")
def test_whole_and_halves_share_every_block_of_the_kernel(key):
    real, generated = normal(14), normal(21, seed=1)
    some, blocks = halves(key, 6, 14, 21), []

    def counted(x, y):
        blocks.append(len(x) * len(y))
        return MIXTURE(x, y)

    found = mmd_with_replicates(real, generated, some, kernel=counted)
    number = len(blocks)
    whole = mmd(real, generated, kernel=counted)
    assert len(blocks) == 2 * number
    np.testing.assert_allclose(found[:2], whole, rtol=1e-12)


def test_a_linear_kernel_sees_the_distance_of_the_means():
    real, generated = normal(40), normal(30, seed=1, mean=1.0)
    gap = real.mean(axis=0) - generated.mean(axis=0)
    linear = partial(polynomial_kernel, degree=1, scale=1.0)
    found = mmd(real, generated, kernel=linear)
    assert found.biased == pytest.approx(gap @ gap, rel=1e-12)


def test_gaussians_have_their_closed_form():
    # E k over N(0, 1), N(1, 1), bandwidth 1: N(a - b; 0, 3) sqrt(2 pi).
    def expected(gap):
        return np.exp(-(gap**2) / 6) / np.sqrt(3)

    truth = 2 * expected(0) - 2 * expected(1)
    gaussian = partial(gaussian_kernel, bandwidths=(1.0,))
    rng = np.random.default_rng(2)
    values = np.array(
        [
            mmd(
                rng.normal(size=(50, 1)), rng.normal(1, size=(40, 1)), kernel=gaussian
            ).unbiased
            for _ in range(400)
        ]
    )
    error = values.std(ddof=1) / np.sqrt(len(values))
    assert abs(values.mean() - truth) < 5 * error


def test_the_same_distribution_gives_zero_in_the_mean(key):
    found = kernel_inception_distance(
        key, normal(6000, 8), normal(6000, 8, seed=1), num_subsets=60, subset_size=100
    )
    error = found.standard_deviation / np.sqrt(59)
    assert abs(found.mean) < 5 * error
    assert found.values.min() < 0 < found.values.max()
    assert found.mean == found.values.mean()
    assert found.standard_deviation == found.values.std(ddof=0)


def test_subsets_of_everything_are_the_whole_set(key):
    real, generated = normal(30), normal(30, seed=1)
    found = kernel_inception_distance(
        key, real, generated, num_subsets=3, subset_size=30
    )
    truth = mmd(real, generated).unbiased
    np.testing.assert_allclose(found.values, truth, rtol=1e-10)


def test_the_distance_of_degree_1_follows_from_own_statistics(key, tmp_path):
    # The mean of x_i . x_j over pairs i != j is |mean|^2 - tr(covariance) / n.
    real, generated = normal(40), normal(40, seed=1, mean=0.5)
    found = kernel_inception_distance(
        key, real, generated, num_subsets=1, subset_size=40, degree=1
    )
    for name, features in (("real", real), ("generated", generated)):
        save_statistics(tmp_path / f"{name}.npz", feature_statistics(features))
    x, y = (load_statistics(tmp_path / f"{name}.npz") for name in ("real", "generated"))
    traces = sum(np.trace(one.covariance) / one.num_examples for one in (x, y))
    expected = (np.sum((x.mean - y.mean) ** 2) - traces) / 3
    assert found.mean == pytest.approx(expected, rel=1e-9)


def test_float32_features_lose_no_digits_where_the_sums_cancel():
    real = np.abs(normal(200, 64)).astype(np.float32)
    generated = np.abs(normal(200, 64, seed=1)).astype(np.float32)
    x, y = real.astype(np.longdouble), generated.astype(np.longdouble)
    within, other = ((a @ a.T / 64 + 1) ** 3 for a in (x, y))
    between = ((x @ y.T / 64 + 1) ** 3).mean()
    pairs = 200 * 199
    exact = (within.sum() - within.trace()) / pairs
    exact += (other.sum() - other.trace()) / pairs - 2 * between
    assert abs(exact) < 1e-2 * between
    assert mmd(real, generated).unbiased == pytest.approx(float(exact), rel=1e-11)


def test_another_key_draws_other_subsets():
    real, generated = normal(40), normal(40, seed=1)
    first, again, other = (
        kernel_inception_distance(
            jax.random.key(seed), real, generated, num_subsets=2, subset_size=20
        ).values
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_it_agrees_with_torch_fidelity(key):
    torch = pytest.importorskip("torch")
    peer = pytest.importorskip("torch_fidelity.metric_kid")
    real, generated = normal(60, 16), normal(60, 16, seed=1, mean=0.2)
    found = kernel_inception_distance(
        key, real, generated, num_subsets=2, subset_size=60
    )
    options = {"kid_kernel": "poly", "kid_subsets": 2, "kid_subset_size": 60}
    theirs = peer.kid_features_to_metric(
        torch.tensor(real), torch.tensor(generated), verbose=False, **options
    )
    assert found.mean == pytest.approx(
        theirs[peer.KEY_METRIC_KID_MEAN], rel=1e-10, abs=1e-14
    )


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda key, x: kernel_inception_distance(key, x, x),
            "There are 20 real and 20 generated features: fewer than subset_size=1000",
        ),
        (
            lambda key, x: kernel_inception_distance(key, x, x, num_subsets=0),
            "num_subsets=0",
        ),
        (lambda _, x: mmd(x, x[:, :2]), "real features have 3 dimensions"),
    ],
)
def test_bad_input_gets_a_sentence(key, call, sentence):
    with pytest.raises(InputError, match=sentence):
        call(key, normal(20))

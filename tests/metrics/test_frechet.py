import jax
import numpy as np
import pytest
from scipy import linalg, stats

from jaxgen.errors import InputError
from jaxgen.metrics import bures, frechet, resampling
from jaxgen.metrics.statistics import FeatureStatistics, feature_statistics

RNG = np.random.default_rng(11)


def draw(count, dimension, *, scale=1.0, decades=1.0):
    mixed = RNG.standard_normal((count, dimension)) * np.logspace(
        0, -decades, dimension
    )
    return scale * (mixed @ stats.ortho_group.rvs(dimension, random_state=RNG) + 0.3)


REAL, GENERATED = draw(300, 16), draw(400, 16, scale=1.4)


def by_sqrtm(real, generated):
    one, other = np.cov(real, rowvar=False), np.cov(generated, rowvar=False)
    root = np.trace(linalg.sqrtm(one @ other)).real
    step = real.mean(0) - generated.mean(0)
    return step @ step + np.trace(one) + np.trace(other) - 2 * root


def test_diagonal_covariances_have_a_closed_form():
    means, variances = RNG.standard_normal((2, 7)), RNG.gamma(1.0, size=(2, 7))
    found = frechet.frechet_distance(
        *(
            FeatureStatistics(m, np.diag(v))
            for m, v in zip(means, variances, strict=True)
        )
    )
    roots = np.sqrt(variances)
    exact = np.sum((means[0] - means[1]) ** 2) + np.sum((roots[0] - roots[1]) ** 2)
    assert found == pytest.approx(exact, rel=1e-13)


def test_one_dimension_with_no_variance_is_a_point():
    point = FeatureStatistics(np.zeros(1), np.zeros((1, 1)))
    other = FeatureStatistics(np.full(1, 2.0), np.full((1, 1), 9.0))
    assert frechet.frechet_distance(point, other) == pytest.approx(13.0)
    assert frechet.frechet_distance(point, point) == 0.0


def test_it_agrees_with_scipy():
    found = frechet.frechet_distance_of_features(REAL, GENERATED)
    assert found == pytest.approx(by_sqrtm(REAL, GENERATED), rel=1e-11)
    found = frechet.frechet_distance(
        feature_statistics(REAL), feature_statistics(GENERATED)
    )
    assert found == pytest.approx(by_sqrtm(REAL, GENERATED), rel=1e-11)


def test_it_agrees_with_torch_fidelity():
    pytest.importorskip("torch_fidelity")
    from torch_fidelity.metric_fid import fid_statistics_to_metric

    one, other = (
        {"mu": x.mean(0), "sigma": np.cov(x, rowvar=False)} for x in (REAL, GENERATED)
    )
    theirs = fid_statistics_to_metric(one, other, False)
    found = frechet.frechet_distance_of_features(REAL, GENERATED)
    assert found == pytest.approx(theirs["frechet_inception_distance"], rel=1e-5)


def test_it_is_symmetric_keeps_shifts_and_scales_squared():
    distance = frechet.frechet_distance_of_features
    value = distance(REAL, GENERATED)
    assert distance(GENERATED, REAL) == pytest.approx(value, rel=1e-12)
    assert distance(REAL + 5, GENERATED + 5) == pytest.approx(value, rel=1e-10)
    assert distance(3 * REAL, 3 * GENERATED) == pytest.approx(9 * value, rel=1e-12)
    shift = np.linspace(0, 1, 16)
    assert distance(REAL, REAL + shift) == pytest.approx(shift @ shift, rel=1e-12)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize(
    "features",
    {
        "regular": draw(300, 32),
        "fewer than dimensions": draw(20, 32),
        "dead": draw(300, 32) * (np.arange(32) % 3 > 0),
        "duplicated": np.repeat(draw(300, 16), 2, axis=1),
        "of low rank": draw(300, 4) @ RNG.standard_normal((4, 32)),
        "of eight decades": draw(300, 32, decades=8),
    }.values(),
)
def test_a_set_is_at_distance_zero_of_itself(features, scale):
    features = scale * features
    turned = features[RNG.permutation(len(features))]
    one, other = feature_statistics(features), feature_statistics(turned)
    assert 0 <= frechet.frechet_distance(one, one) < 1e-20
    # Summed in another order, the covariance has other rounding errors.
    assert 0 <= frechet.frechet_distance(one, other) < 1e-9
    assert 0 <= frechet.frechet_distance_of_features(features, turned) < 1e-9


@pytest.mark.parametrize("count", [20, 300])
def test_a_tiny_distance_has_its_digits(count):
    features = draw(count, 32)
    features -= features.mean(0)
    step = 1e-7
    found = frechet.frechet_distance_of_features(features, features * (1 + step))
    exact = step**2 * features.var(0, ddof=1).sum()
    assert found == pytest.approx(exact, rel=1e-6, abs=0)


def test_directions_of_rounding_errors_are_left_out():
    for _ in range(20):
        # Cholesky's method succeeds or fails at such covariances by luck.
        mixed = draw(50, 8) @ RNG.standard_normal((8, 9))
        covariance = np.cov(mixed, rowvar=False)
        factor = bures.covariance_factor(covariance)
        assert factor.shape == (9, 8)
        np.testing.assert_allclose(factor @ factor.T, covariance, rtol=0, atol=1e-13)


@pytest.mark.parametrize(("num_real", "num_generated"), [(8, 11), (8, 300), (300, 8)])
def test_few_examples_need_no_covariance(num_real, num_generated):
    real, generated = draw(num_real, 16), draw(num_generated, 16, scale=1.2)
    direct = frechet.frechet_distance_of_features(real, generated)
    formed = frechet.frechet_distance(
        feature_statistics(real), feature_statistics(generated)
    )
    assert direct == pytest.approx(formed, rel=1e-12)


def test_singular_covariances_keep_their_digits():
    # Orthogonal planes share nothing: the distance is that of both traces.
    basis = stats.ortho_group.rvs(32, random_state=RNG)
    spread = np.logspace(0, -3, 16)
    one = (basis[:, :16] * spread) @ basis[:, :16].T
    other = (basis[:, 16:] * spread) @ basis[:, 16:].T
    zero = np.zeros(32)
    found = frechet.frechet_distance(
        FeatureStatistics(zero, one), FeatureStatistics(zero, other)
    )
    assert found == pytest.approx(2 * spread.sum(), rel=1e-12)


@pytest.mark.parametrize("decades", [0, 2, 4, 6, 8, 12])
def test_the_error_of_the_nuclear_norm_is_bounded(decades):
    values = np.logspace(0, -decades, 40)
    left, right = stats.ortho_group.rvs(40, 2, random_state=RNG)
    matrix = (left * values) @ right
    exact = values.sum()
    assert bures.nuclear_norm(matrix) == pytest.approx(exact, rel=1e-14)
    found, error = bures.nuclear_norm_by_squares(matrix)
    assert abs(found - exact) < error < 1e-6 * exact


@pytest.mark.parametrize("decades", [0, 3, 6, 9, 12])
@pytest.mark.parametrize("change", [0.5, 1e-2, 1e-5])
def test_a_distance_has_six_digits_whatever_the_spectrum(decades, change):
    # Covariances that commute have a closed form.
    axes = stats.ortho_group.rvs(30, random_state=RNG)
    one = axes * np.logspace(0, -decades / 2, 30)
    other = one * (1 + change * RNG.uniform(size=30))
    exact = np.sum((np.linalg.norm(one, axis=0) - np.linalg.norm(other, axis=0)) ** 2)
    turn = stats.ortho_group.rvs(30, random_state=RNG)
    found = bures.squared_bures_distance(one @ turn, other)
    assert found == pytest.approx(exact, rel=1e-6, abs=0)


def test_a_large_mean_in_float32_costs_no_digits():
    real, generated = (
        (1000 + RNG.standard_normal((4000, 8))).astype(np.float32) for _ in range(2)
    )
    found = frechet.frechet_distance_of_features(real, generated)
    exact = by_sqrtm(
        real.astype(np.float64) - 1000, generated.astype(np.float64) - 1000
    )
    assert found == pytest.approx(exact, rel=1e-9)


def test_the_bias_is_of_two_sets_of_n_examples():
    dimension, count, repeats = 8, 1000, 300
    values = [
        frechet.frechet_distance_of_features(
            RNG.standard_normal((count, dimension)),
            RNG.standard_normal((count, dimension)),
        )
        for _ in range(repeats)
    ]
    error = np.std(values) / np.sqrt(repeats)
    assert error < 0.02 * np.mean(values)
    bias = frechet.frechet_bias(dimension, count)
    assert abs(np.mean(values) - bias) < 5 * error
    truth = FeatureStatistics(np.zeros(dimension), np.eye(dimension))
    values = [
        frechet.frechet_distance(
            truth, feature_statistics(RNG.standard_normal((count, dimension)))
        )
        for _ in range(repeats)
    ]
    error = np.std(values) / np.sqrt(repeats)
    assert abs(np.mean(values) - bias / 2) < 5 * error


def test_the_extrapolated_distance_has_no_bias(key):
    dimension, count, repeats = 16, 1000, 20
    exact = dimension * (0.05**2 + 0.1**2)
    limits, values = [], []
    for repeat in range(repeats):
        real = RNG.standard_normal((count, dimension))
        generated = 1.1 * RNG.standard_normal((2 * count, dimension)) + 0.05
        found = frechet.frechet_infinity(
            jax.random.fold_in(key, repeat), real, generated
        )
        limits.append(found.value)
        values.append(frechet.frechet_distance_of_features(real, generated))
    assert found.sizes.tolist()[-1] == 2 * count
    assert len(found.distances) == 15
    # All of both sets is the last point.
    assert found.distances[-1] == pytest.approx(values[-1], rel=1e-12)
    error = np.std(limits) / np.sqrt(repeats)
    assert abs(np.mean(limits) - exact) < 5 * error
    assert np.mean(values) - exact > 5 * error
    assert abs(np.median(limits) - exact) < abs(np.median(values) - exact) / 3


def test_real_statistics_stay_as_they_are(key):
    truth = FeatureStatistics(np.zeros(8), np.eye(8))
    # Of its own: those of RNG depend on which tests came before.
    generated = np.random.default_rng(5).standard_normal((2000, 8))
    found = frechet.frechet_infinity(key, truth, generated, sizes=[500, 1000, 2000])
    whole = frechet.frechet_distance(truth, feature_statistics(generated))
    assert found.distances[-1] == pytest.approx(whole, rel=1e-12)
    line = found.value + found.slope / found.sizes
    np.testing.assert_allclose(line.mean(), found.distances.mean(), rtol=1e-9)
    assert abs(found.value) < whole


@pytest.mark.parametrize(
    ("num_real", "num_generated", "dimension"),
    [(60, 80, 6), (61, 83, 6), (20, 60, 12), (12, 14, 9)],
)
def test_replicates_are_the_distances_of_the_halves(
    key, num_real, num_generated, dimension
):
    real, generated = draw(num_real, dimension), draw(num_generated, dimension)
    generated[:, 1] = generated[:, 0]
    halves = resampling.halves(key, 5, num_real, num_generated)
    found = frechet.frechet_replicates(real, generated, halves)
    expected = resampling.replicate(
        frechet.frechet_distance_of_features, halves, real, generated
    )
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_replicates_know_the_spread_of_the_distance(key):
    count, dimension, repeats = 400, 4, 100

    def pair():
        shifted = RNG.standard_normal((count, dimension)) + 0.5
        return RNG.standard_normal((count, dimension)), shifted

    values = [frechet.frechet_distance_of_features(*pair()) for _ in range(repeats)]
    spreads = []
    for repeat in range(10):
        halves = resampling.halves(jax.random.fold_in(key, repeat), 40, count, count)
        spreads.append(np.std(frechet.frechet_replicates(*pair(), halves), ddof=1))
    assert np.mean(spreads) == pytest.approx(np.std(values), rel=0.3)


def test_what_is_no_covariance_is_refused():
    zero, one = np.zeros(2), FeatureStatistics(np.zeros(2), np.eye(2))
    strange = FeatureStatistics(zero, np.array([[1.0, 2.0], [2.0, 1.0]]))
    with pytest.raises(InputError, match="eigenvalues -1 and 3"):
        frechet.frechet_distance(one, strange)
    with pytest.raises(InputError, match="generated statistics.*not finite"):
        frechet.frechet_distance(one, one._replace(mean=np.full(2, np.nan)))


def test_sets_that_cannot_be_compared_are_refused(key):
    broken = GENERATED.copy()
    broken[3, 3] = np.nan
    with pytest.raises(InputError, match="generated features are not finite.*number 3"):
        frechet.frechet_distance_of_features(REAL, broken)
    with pytest.raises(InputError, match="16 dimensions and the generated ones 15"):
        frechet.frechet_distance_of_features(REAL, GENERATED[:, :15])
    with pytest.raises(InputError, match="16 dimensions and the generated ones 15"):
        frechet.frechet_infinity(key, feature_statistics(REAL), GENERATED[:, :15])
    with pytest.raises(InputError, match="1 generated features"):
        frechet.frechet_distance_of_features(REAL, GENERATED[:1])
    with pytest.raises(InputError, match="go to frechet_distance_of_features"):
        frechet.frechet_distance(REAL, GENERATED)
    one = feature_statistics(REAL, net="a", identity="1")
    with pytest.raises(InputError, match="'1'.*'2'"):
        frechet.frechet_distance(one, one._replace(identity="2"))


@pytest.mark.parametrize("sizes", [[10], [10, 10], [1, 10], [10, 401]])
def test_sizes_that_make_no_line_are_refused(key, sizes):
    with pytest.raises(InputError, match="from 2 to 400"):
        frechet.frechet_infinity(key, REAL, GENERATED, sizes=sizes)

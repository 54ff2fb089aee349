import jax
import numpy as np
import pytest
from scipy.optimize import linprog

from jaxgen.errors import InputError
from jaxgen.metrics.clusters import Clusters, union_clusters
from jaxgen.metrics.prd import (
    max_f_score,
    prd_curve,
    prd_of_clusters,
    prd_replicates,
    precision_recall_distribution,
)
from jaxgen.metrics.resampling import half_samples, halves

REAL = np.array([0.5, 0.2, 0.3, 0.0])
GENERATED = np.array([0.1, 0.4, 0.2, 0.3])


def normal(count, *, seed=0, mean=0.0):
    return np.random.default_rng(seed).normal(mean, size=(count, 3))


def test_the_curve_is_the_largest_common_part_at_each_slope():
    precision, recall = prd_curve(REAL, GENERATED, num_angles=9)
    slopes = np.tan(np.linspace(0, np.pi / 2, 9)[1:-1])
    for index, slope in enumerate(slopes, start=1):
        # Unknown: alpha mu, of mass alpha; alpha mu <= Q and (alpha / s) mu <= P.
        best = linprog(
            -np.ones(4),
            A_ub=np.concatenate([np.eye(4), np.eye(4) / slope]),
            b_ub=np.concatenate([GENERATED, REAL]),
        )
        assert precision[index] == pytest.approx(-best.fun, rel=1e-9)
        assert recall[index] == pytest.approx(-best.fun / slope, rel=1e-9)


def test_no_common_part_lies_above_the_curve():
    precision, recall = prd_curve(REAL, GENERATED)
    common = np.random.default_rng(0).dirichlet(np.ones(4), size=2000)
    # The last bin is empty in the real histogram: a common part cannot have it.
    common[:, 3] = 0
    common /= common.sum(axis=1, keepdims=True)
    alpha = (GENERATED[:3] / common[:, :3]).min(axis=1)
    beta = (REAL[:3] / common[:, :3]).min(axis=1)
    # Recall falls along the curve, precision rises.
    most = np.interp(beta, recall[::-1], precision[::-1])
    assert (alpha <= most + 1e-5).all()
    assert (alpha > most - 0.02).any()


def test_at_the_ends_the_curve_has_the_mass_of_the_other_support():
    precision, recall = prd_curve(REAL, GENERATED)
    assert precision[-1] == pytest.approx(0.7, abs=1e-9)
    assert recall[0] == pytest.approx(1.0, abs=1e-9)
    assert precision[0] == pytest.approx(0, abs=1e-9)
    assert recall[-1] == pytest.approx(0, abs=1e-9)
    assert (np.diff(precision) >= -1e-15).all()
    assert (np.diff(recall) <= 1e-15).all()


def test_exchanged_histograms_exchange_precision_and_recall():
    precision, recall = prd_curve(REAL, GENERATED)
    other_precision, other_recall = prd_curve(GENERATED, REAL)
    np.testing.assert_allclose(other_precision, recall[::-1], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(other_recall, precision[::-1], rtol=1e-6, atol=1e-9)


def test_counts_and_probabilities_give_the_same_curve():
    np.testing.assert_allclose(
        prd_curve(REAL * 70, GENERATED * 30), prd_curve(REAL, GENERATED), rtol=1e-12
    )


def test_the_same_histogram_is_perfect():
    curve = prd_curve(REAL, REAL)
    assert curve.precision[500] == pytest.approx(1)
    assert curve.recall[500] == pytest.approx(1)
    for beta in (8, 1, 1 / 8):
        assert max_f_score(*curve, beta=beta) == pytest.approx(1, abs=1e-12)


def test_disjoint_histograms_are_worthless():
    curve = prd_curve([1, 1, 0, 0], [0, 0, 2, 3])
    np.testing.assert_array_equal(curve, 0)
    assert max_f_score(*curve, beta=8) == 0


def test_dropped_modes_cost_recall_and_invented_ones_precision():
    whole, part = np.ones(10), np.repeat([1, 0], 5)
    dropped, invented = prd_curve(whole, part), prd_curve(part, whole)
    # Up to the grid of angles the best are precision 1, recall 1/2: 65/2 / (64 + 1/2).
    recall_weighted, precision_weighted = 65 / 2 / (64 + 0.5), 65 / 2 / (1 + 64 / 2)
    assert max_f_score(*dropped, beta=8) == pytest.approx(recall_weighted, rel=1e-2)
    assert max_f_score(*dropped, beta=1 / 8) == pytest.approx(
        precision_weighted, rel=1e-2
    )
    assert max_f_score(*invented, beta=1 / 8) == pytest.approx(
        recall_weighted, rel=1e-2
    )


def test_copies_of_the_real_examples_are_perfect(key):
    real = normal(200)
    found = precision_recall_distribution(key, real, real.copy(), num_runs=2)
    assert found.precision.shape == found.recall.shape == (1001,)
    assert found.f_8 == pytest.approx(1, abs=1e-9)
    assert found.f_eighth == pytest.approx(1, abs=1e-9)


def test_sets_apart_share_no_cluster(key):
    found = precision_recall_distribution(
        key, normal(200), normal(200, mean=50), num_clusters=5, num_runs=2
    )
    assert found.f_8 < 1e-3
    assert found.f_eighth < 1e-3


def test_fewer_points_than_clusters_are_no_reason_to_warn(key):
    collapsed = np.zeros((100, 3))
    found = precision_recall_distribution(key, collapsed, collapsed, num_runs=1)
    assert found.f_8 == pytest.approx(1)


def test_replicates_are_the_scores_of_the_halves_in_the_same_clusters(key):
    one, other = jax.random.split(key)
    clusters = union_clusters(
        one, normal(40), normal(50, seed=1), num_clusters=5, num_runs=3
    )
    some = halves(other, 4, 40, 50)
    found = prd_replicates(clusters, some)
    for index in range(4):
        half = prd_of_clusters(
            Clusters(
                clusters.real[:, some.real[index]],
                clusters.generated[:, some.generated[index]],
                5,
            )
        )
        assert found.f_8[index] == pytest.approx(half.f_8, rel=1e-12)
        assert found.f_eighth[index] == pytest.approx(half.f_eighth, rel=1e-12)


def test_the_curve_is_the_mean_over_runs():
    rows = half_samples(jax.random.key(1), 2, 20).astype(int)
    clusters = Clusters(rows, rows[::-1], 2)
    found = prd_of_clusters(clusters)
    each = [prd_of_clusters(Clusters(rows[[i]], rows[[1 - i]], 2)) for i in (0, 1)]
    np.testing.assert_allclose(
        found.precision, np.mean([one.precision for one in each], axis=0)
    )


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda key: precision_recall_distribution(key, normal(19), normal(30)),
            "20 clusters need 20 of each",
        ),
        (lambda _: prd_curve(REAL, GENERATED[:3]), "count both in the same bins"),
        (lambda _: prd_curve(-REAL, GENERATED), "real histogram holds"),
        (lambda _: prd_curve(REAL, np.zeros(4)), "generated histogram is empty"),
        (lambda _: prd_curve(REAL, REAL, num_angles=2), "num_angles=2"),
    ],
)
def test_bad_input_gets_a_sentence(key, call, sentence):
    with pytest.raises(InputError, match=sentence):
        call(key)

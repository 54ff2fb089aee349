import numpy as np
import pytest

from jaxgen.errors import InputError
from jaxgen.metrics.distances import tiles
from jaxgen.metrics.neighbours import nearest_neighbours, nearest_others


def exact_distances(x, y):
    differences = x[:, None].astype(np.float64) - y[None].astype(np.float64)
    return np.sqrt((differences**2).sum(-1))


def exact_others(x, k):
    distances = exact_distances(x, x)
    np.fill_diagonal(distances, np.inf)
    return np.sort(distances, axis=1)[:, :k]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_the_nearest_are_those_of_the_definition(rng):
    queries, references = rng.normal(size=(33, 5)), rng.normal(size=(41, 5))
    found = nearest_neighbours(queries, references, k=4)
    distances = exact_distances(queries, references)
    np.testing.assert_array_equal(found.indices, distances.argsort(axis=1)[:, :4])
    np.testing.assert_allclose(
        found.distances, np.sort(distances, axis=1)[:, :4], rtol=1e-12
    )


def test_blocks_and_tiles_change_nothing(rng, monkeypatch):
    points = rng.normal(size=(101, 5)).astype(np.float32)
    whole = nearest_others(points, k=4)
    monkeypatch.setitem(tiles.__globals__, "_TILE", 16)
    parts = nearest_others(points, k=4, block_size=13)
    np.testing.assert_array_equal(whole.indices, parts.indices)
    np.testing.assert_allclose(whole.distances, parts.distances, rtol=1e-12)


def test_a_far_origin_spoils_nothing(rng):
    points = (1e4 + rng.normal(size=(101, 5))).astype(np.float32)
    found = nearest_others(points, k=4)
    np.testing.assert_allclose(found.distances, exact_others(points, 4), rtol=1e-9)


def test_clusters_far_from_each_other_spoil_nothing(rng):
    # The grid of 25 Gaussians, where float32 products have no digit left.
    centres = 2.0 * np.stack(np.meshgrid(range(5), range(5)), -1).reshape(-1, 2)
    points = centres[rng.integers(0, 25, 101)] + 1e-4 * rng.normal(size=(101, 2))
    found = nearest_others(points, k=4)
    np.testing.assert_allclose(found.distances, exact_others(points, 4), rtol=1e-5)


def test_duplicates_are_at_distance_0_and_a_point_is_not_its_own(rng):
    points = 100 + rng.normal(size=(101, 5)).astype(np.float32)
    points[50:] = points[:51]
    points[-1] = points[0]
    found = nearest_others(points, k=4)
    assert (found.distances[:50, 0] == 0).all()
    assert found.distances[0, 1] == 0
    assert found.distances[1, 1] > 0
    assert (found.indices != np.arange(101)[:, None]).all()


def test_whole_numbers_keep_their_ties(rng):
    points = rng.integers(0, 3, size=(101, 5)).astype(np.float32)
    squared = nearest_others(points, k=4).distances ** 2
    np.testing.assert_allclose(squared, np.round(squared), atol=1e-12)
    np.testing.assert_allclose(np.sqrt(squared), exact_others(points, 4), rtol=1e-15)


def test_progress_counts_every_row_once(rng):
    counts = []
    nearest_others(
        rng.normal(size=(101, 5)).astype(np.float32),
        k=4, block_size=13, progress=counts.append,
    )  # fmt: skip
    assert sum(counts) == 101
    assert counts[-1] == 101 % 13


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda x: nearest_others(x, k=0), "k=0: give a whole number"),
        (lambda x: nearest_others(x[:3], k=3), "There are 3 point features"),
        (lambda x: nearest_others(x, block_size=0), "block_size=0"),
        (lambda x: nearest_neighbours(x, x[:, :1]), "2 dimensions and the references"),
        (lambda x: nearest_neighbours(x, x * np.nan), "not finite"),
        (lambda x: nearest_neighbours(x, x, k=9), "needs at least 9"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(call, sentence):
    with pytest.raises(InputError, match=sentence):
        call(np.ones((8, 2)))

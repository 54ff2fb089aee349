import jax
import numpy as np
import pytest

from jaxgen.errors import InputError
from jaxgen.metrics.distances import tiles
from jaxgen.metrics.neighbour_metrics import neighbour_metrics
from jaxgen.metrics.resampling import Halves, halves
from tests.metrics.test_neighbours import exact_distances, exact_others

FOUR = ("precision", "recall", "density", "coverage")


@pytest.fixture(autouse=True)
def _several_tiles(monkeypatch):
    monkeypatch.setitem(tiles.__globals__, "_TILE", 32)


def by_definition(real, generated, precision_k, density_k, tie):
    """The four metrics in numpy, with all pairs of squared distances at once."""
    below = np.less_equal if tie == "stylegan" else np.less
    # Rounded, so that equal squares of whole numbers are equal.
    squared = np.round(exact_distances(real, generated) ** 2, 9)

    def radii(points, k):
        return np.round(exact_others(points, k)[:, -1] ** 2, 9)

    inside = below(squared, radii(real, density_k)[:, None])
    return (
        below(squared, radii(real, precision_k)[:, None]).any(0).mean(),
        below(squared, radii(generated, precision_k)[None]).any(1).mean(),
        inside.sum() / (density_k * len(generated)),
        inside.any(1).mean(),
    )


def gaussians(rng):
    return rng.normal(size=(90, 3)), 0.8 * rng.normal(size=(70, 3)) + 0.3


def whole_numbers(rng):
    return 1.0 * rng.integers(0, 4, (90, 3)), 1.0 * rng.integers(1, 4, (70, 3))


def duplicates(rng):
    # Copies of real examples, and more of each than a ball has neighbours.
    real = rng.normal(size=(90, 3))
    real[60:] = real[rng.integers(0, 4, 30)]
    return real, real[rng.integers(0, 90, 70)]


@pytest.mark.parametrize("tie", ["stylegan", "prdc"])
@pytest.mark.parametrize("sets", [gaussians, whole_numbers, duplicates])
def test_the_four_are_those_of_the_definition(sets, tie):
    real, generated = sets(np.random.default_rng(1))
    split = halves(jax.random.key(2), 34, 90, 70)
    found = neighbour_metrics(real, generated, tie=tie, halves=split, block_size=40)
    np.testing.assert_allclose(
        found[:4], by_definition(real, generated, 3, 5, tie), rtol=1e-12
    )
    expected = [
        by_definition(real[one], generated[other], 3, 5, tie)
        for one, other in zip(split.real, split.generated, strict=True)
    ]
    np.testing.assert_allclose(np.stack(found.replicates, axis=1), expected, rtol=1e-12)


def test_the_halves_are_as_if_calculated_alone():
    real, generated = gaussians(np.random.default_rng(3))
    split = halves(jax.random.key(2), 34, 90, 70)
    found = neighbour_metrics(real, generated, halves=split, block_size=40)
    for number in (0, 31, 33):
        alone = neighbour_metrics(
            real[split.real[number]], generated[split.generated[number]], block_size=40
        )
        assert alone[:4] == tuple(values[number] for values in found.replicates)


def test_radii_past_the_end_of_a_list_are_found(monkeypatch):
    # Lists as short as k: every half misses most of its radii there.
    real, generated = gaussians(np.random.default_rng(3))
    split = halves(jax.random.key(2), 34, 90, 70)
    expected = neighbour_metrics(real, generated, halves=split, block_size=40)
    monkeypatch.setitem(neighbour_metrics.__globals__, "list_length", lambda k, *_: k)
    found = neighbour_metrics(real, generated, halves=split, block_size=40)
    np.testing.assert_array_equal(found.replicates, expected.replicates)
    assert found[:4] == expected[:4]


def test_copies_of_one_example_have_no_balls_under_the_strict_rule():
    real, _ = gaussians(np.random.default_rng(4))
    copies = np.repeat(real[:1], 70, axis=0)
    strict = neighbour_metrics(real, copies, block_size=40, tie="prdc")
    assert strict.precision == 1
    assert strict.recall == 0
    closed = neighbour_metrics(real, copies, block_size=40, tie="stylegan")
    assert closed.recall == 1 / 90


def test_progress_counts_the_rows_of_all_sweeps():
    real, generated = gaussians(np.random.default_rng(4))
    counts = []
    neighbour_metrics(real, generated, block_size=40, progress=counts.append)
    assert sum(counts) == 2 * 90 + 70


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"tie": "other"}, 'tie="other": expected "stylegan"'),
        ({"precision_k": 0}, "precision_k=0: .* at least 1"),
        ({"density_k": 8}, "There are 8 real features: this needs at least 9"),
        (
            {"generated": np.full((8, 2), np.nan)},
            "8 of 8 rows of the generated features",
        ),
        ({"halves": Halves(np.ones((2, 7), bool), np.ones((2, 8), bool))}, r"\(2, 7\)"),
        ({"halves": Halves(np.ones((2, 8), bool), np.ones((3, 8), bool))}, "as many"),
        (
            {"halves": Halves(np.eye(8, dtype=bool), np.ones((8, 8), bool))},
            "A half of the 8 real features has 1: k needs at least 6",
        ),
    ],
)
def test_bad_input_is_refused_with_a_sentence(change, sentence):
    given = {"real": np.ones((8, 2)), "generated": np.ones((8, 2)), **change}
    with pytest.raises(InputError, match=sentence):
        neighbour_metrics(given.pop("real"), given.pop("generated"), **given)


def test_duplicates_at_the_centre_are_ties_too():
    """A black image of a collapsed generator lies where distances are measured from."""
    rng = np.random.default_rng(0)
    real, generated = rng.normal(size=(2, 40, 3))
    real[:25], generated[:22] = 0, 0
    found = neighbour_metrics(real, generated, precision_k=3, density_k=5)
    squared = ((real[:, None] - generated) ** 2).sum(-1)
    own = np.sort(((real[:, None] - real) ** 2).sum(-1), axis=1)[:, 5]
    inside = squared <= own[:, None]
    np.testing.assert_allclose(found.density, inside.sum() / (5 * 40))
    np.testing.assert_allclose(found.coverage, inside.any(axis=1).mean())

import tracemalloc

import jax
import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment, linprog
from scipy.stats import norm, wasserstein_distance

from jaxgen.errors import InputError
from jaxgen.metrics import transport
from jaxgen.metrics.resampling import Halves, halves
from jaxgen.metrics.transport import (
    sliced_wasserstein,
    sliced_wasserstein_with_replicates,
    wasserstein_1d,
)

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=12), RNG.exponential(size=8)


def normal(count, dimensions=3, *, seed=0, mean=0.0):
    return np.random.default_rng(seed).normal(mean, size=(count, dimensions))


def by_linear_program(x, y, order):
    """The least cost over all transport plans, to the power 1/order."""
    cost = np.abs(x[:, None] - y) ** order
    n, m = cost.shape
    of_rows = np.kron(np.eye(n), np.ones(m))
    of_columns = np.kron(np.ones(n), np.eye(m))
    found = linprog(
        cost.ravel(),
        A_eq=np.concatenate([of_rows, of_columns]),
        b_eq=np.concatenate([np.full(n, 1 / n), np.full(m, 1 / m)]),
    )
    return found.fun ** (1 / order)


@pytest.mark.parametrize("order", [1, 1.5, 2, 4])
@pytest.mark.parametrize("count", [8, 12])
def test_on_a_line_it_is_the_cheapest_transport(order, count):
    x = X[:count]
    truth = by_linear_program(x, Y, order)
    assert wasserstein_1d(x, Y, order=order) == pytest.approx(truth, rel=1e-9)


def test_order_one_is_scipys():
    assert wasserstein_1d(X, Y) == pytest.approx(wasserstein_distance(X, Y), rel=1e-12)
    x, y = RNG.normal(size=1000), RNG.normal(size=1234)
    assert wasserstein_1d(x, y) == pytest.approx(wasserstein_distance(x, y), rel=1e-10)


def test_copies_of_every_number_change_nothing():
    assert wasserstein_1d(np.repeat(X, 3), Y) == pytest.approx(wasserstein_1d(X, Y))
    assert wasserstein_1d(np.repeat(X, 3), X) == 0


def test_a_scaled_gaussian_is_the_change_of_scale_away():
    quantiles = norm.ppf((np.arange(4000) + 0.5) / 4000)
    found = wasserstein_1d(quantiles, 3 * quantiles + 1, order=2)
    # |mean gap|^2 + |scale gap|^2
    assert found == pytest.approx(np.sqrt(1 + 4), rel=1e-3)


def test_shifted_sets_are_the_squared_shift_over_d_apart(key):
    shift = np.array([3.0, 0.0, 1.0, 0.0])
    real = normal(100, 4)
    found = sliced_wasserstein(key, real, real + shift, num_projections=2000)
    assert abs(found.power - shift @ shift / 4) < 5 * found.standard_error
    assert found.standard_error < 0.1
    assert found.distance == pytest.approx(np.sqrt(found.power))


def test_gaussians_have_their_closed_form(key):
    found = sliced_wasserstein(
        key, normal(4000, 5), normal(3000, 5, seed=1, mean=1.0), num_projections=400
    )
    # The shift is 1 in each of 5 coordinates; the sets' means have an error too.
    of_sets = 2 * np.sqrt((1 / 4000 + 1 / 3000) / 5)
    assert abs(found.power - 1) < 5 * np.hypot(found.standard_error, of_sets)


def test_every_direction_is_an_exact_transport(key, monkeypatch):
    monkeypatch.setattr(transport, "_BLOCK", 3)
    real, generated = normal(9), normal(9, seed=1)
    found = sliced_wasserstein(key, real, generated, num_projections=7, order=1)
    directions = np.concatenate(list(transport._directions(key, 3, 7)), axis=1).T
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1)
    costs = []
    for direction in directions:
        gaps = np.abs((real @ direction)[:, None] - generated @ direction)
        costs.append(gaps[linear_sum_assignment(gaps)].mean())
    assert found.power == pytest.approx(np.mean(costs), rel=1e-10)
    assert found.standard_error == pytest.approx(np.std(costs, ddof=1) / 7**0.5)


@pytest.mark.parametrize("counts", [(14, 14), (14, 23)])
def test_replicates_are_the_distances_of_the_halves(counts, monkeypatch):
    monkeypatch.setattr(transport, "_BLOCK", 4)
    real, generated = normal(counts[0]), normal(counts[1], seed=1, mean=0.5)
    some = halves(jax.random.key(1), 4, *counts)
    options = {"num_projections": 10, "order": 2}
    _, found = sliced_wasserstein_with_replicates(
        jax.random.key(0), real, generated, some, **options
    )
    for index in range(4):
        half = sliced_wasserstein(
            jax.random.key(0),
            real[some.real[index]],
            generated[some.generated[index]],
            **options,
        )
        assert found.power[index] == pytest.approx(half.power, rel=1e-12)
        assert found.distance[index] == pytest.approx(half.distance, rel=1e-12)


@pytest.mark.parametrize("counts", [(14, 14), (14, 23)])
@pytest.mark.parametrize("order", [1, 2.5])
def test_whole_and_halves_have_the_same_directions(counts, order, monkeypatch):
    monkeypatch.setattr(transport, "_BLOCK", 4)
    real, generated = normal(counts[0]), normal(counts[1], seed=1, mean=0.5)
    some = halves(jax.random.key(1), 4, *counts)
    options = {"num_projections": 10, "order": order}
    whole, _ = sliced_wasserstein_with_replicates(
        jax.random.key(0), real, generated, some, **options
    )
    alone = sliced_wasserstein(jax.random.key(0), real, generated, **options)
    assert whole == pytest.approx(alone, rel=1e-12)


def test_ties_fall_into_the_halves_of_their_examples(key):
    # Copies: whichever of them comes first in order, the numbers are the same.
    real = np.repeat(normal(5), 4, axis=0)
    rows = np.tile([True, False, True, False], 5)[np.newaxis]
    some = Halves(rows, ~rows)
    _, found = sliced_wasserstein_with_replicates(
        key, real, real.copy(), some, num_projections=3
    )
    assert found.power == pytest.approx(0, abs=1e-25)


@pytest.mark.parametrize("kinds", [(np.float32, np.float32), (np.float32, np.float64)])
def test_float32_features_give_the_distance_of_float64(kinds):
    sets = normal(300, 64), normal(300, 64, seed=1, mean=0.3)
    rounded = [each.astype(kind) for each, kind in zip(sets, kinds, strict=True)]
    single, double = (
        sliced_wasserstein(jax.random.key(0), *pair, num_projections=20)
        for pair in (rounded, sets)
    )
    assert single.power == pytest.approx(double.power, rel=1e-5)


def test_whole_numbers_are_projected_on_floats(key):
    # In the type of the numbers, directions would be rounded to 0.
    counts = np.random.default_rng(0).integers(0, 9, (30, 4)).astype(np.int8)
    found = sliced_wasserstein(key, counts, counts + np.int8(2), num_projections=400)
    assert abs(found.power - 4) < 5 * found.standard_error


def test_float32_features_have_no_copy_in_float64(key, monkeypatch):
    monkeypatch.setattr(transport, "_BLOCK", 2)
    real = normal(1000, 300).astype(np.float32)
    generated = real[::-1] + np.float32(1)
    tracemalloc.start()
    sliced_wasserstein(key, real, generated, num_projections=4)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # All of one set at once, counted from the centre, in its own type.
    assert peak < 1.6 * real.nbytes


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda _: wasserstein_1d(X, Y, order=0.5),
            "order=0.5: give a number of at least 1",
        ),
        (lambda _: wasserstein_1d(X, []), "There are 0 y features"),
        (
            lambda _: wasserstein_1d(X, [np.nan]),
            "1 of 1 rows of the y features are not",
        ),
        (
            lambda key: sliced_wasserstein(
                key, normal(9), normal(9), num_projections=1
            ),
            "num_projections=1",
        ),
        (
            lambda key: sliced_wasserstein(key, normal(9), normal(9, 2)),
            "real features have 3 dimensions",
        ),
        (
            lambda key: sliced_wasserstein_with_replicates(
                key, normal(4), normal(4), Halves(np.tri(4) > 0, np.tri(4) > 0)
            ),
            "real half-samples have from 1 to 4 examples",
        ),
    ],
)
def test_bad_input_gets_a_sentence(key, call, sentence):
    with pytest.raises(InputError, match=sentence):
        call(key)

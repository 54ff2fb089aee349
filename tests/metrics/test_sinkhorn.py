import sys

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from scipy.special import logsumexp

from jaxgen.errors import InputError
from jaxgen.metrics import sinkhorn
from jaxgen.metrics.sinkhorn import sinkhorn_distance, sinkhorn_divergence

REAL = np.random.default_rng(0).normal(size=(24, 2))
GENERATED = np.random.default_rng(1).normal(1.0, size=(24, 2))


def entropic(x, y, order, epsilon):
    """Transport cost, and the cost with the divergence, of 600 float64 steps."""
    cost = cdist(x, y) ** order
    a, b = -np.log(len(x)), -np.log(len(y))
    g = np.zeros(len(y))
    for _ in range(600):
        f = -epsilon * logsumexp(g / epsilon - cost / epsilon + b, axis=1)
        g = -epsilon * logsumexp(f[:, None] / epsilon - cost / epsilon + a, axis=0)
    log_plan = (f[:, None] + g - cost) / epsilon + a + b
    plan = np.exp(log_plan)
    transport = (plan * cost).sum()
    return transport, transport + epsilon * (plan * (log_plan - a - b)).sum()


@pytest.mark.parametrize("order", [1, 2])
def test_both_are_those_of_float64_iterations(order):
    options = {"order": order, "epsilon": 0.3, "threshold": 1e-5}
    transport, between = entropic(REAL, GENERATED, order, 0.3)
    found = sinkhorn_distance(REAL, GENERATED, **options)
    assert found.converged
    assert found.epsilon == pytest.approx(0.3)
    assert found.cost == pytest.approx(transport, rel=1e-4)
    assert found.distance == pytest.approx(transport ** (1 / order), rel=1e-4)

    within = [entropic(x, x, order, 0.3)[1] for x in (REAL, GENERATED)]
    found = sinkhorn_divergence(REAL, GENERATED, **options)
    assert found.converged
    assert found.cost == pytest.approx(between - sum(within) / 2, rel=1e-4)
    assert found.distance == pytest.approx(found.cost ** (1 / order))


def test_with_little_regularisation_it_is_the_best_assignment():
    costs = cdist(REAL, GENERATED)
    truth = costs[linear_sum_assignment(costs)].mean()
    found = sinkhorn_distance(REAL, GENERATED, order=1, relative_epsilon=0.005)
    assert found.converged
    assert found.cost == pytest.approx(truth, rel=0.01)
    # The plan is not the cheapest one.
    assert found.cost > truth - 2e-3


@pytest.mark.parametrize("order", [1, 2])
def test_parallel_segments_are_their_gap_apart(order):
    height = np.linspace(0, 1, 24)
    left = np.stack([np.zeros(24), height], axis=1)
    found = sinkhorn_divergence(left, left + [0.7, 0.0], order=order, epsilon=0.004)
    assert found.converged
    assert found.distance == pytest.approx(0.7, rel=0.02)


def test_a_set_is_no_divergence_from_itself_but_some_distance():
    divergence = sinkhorn_divergence(REAL, REAL, order=1)
    assert divergence.cost == pytest.approx(0, abs=2e-3)
    truth, _ = entropic(REAL, REAL, 1, divergence.epsilon)
    distance = sinkhorn_distance(REAL, REAL, order=1)
    assert distance.cost == pytest.approx(truth, rel=0.1)
    assert truth > 0.01


@pytest.mark.parametrize(
    ("function", "order", "sizes"),
    [(sinkhorn_distance, 1, (2, 3)), (sinkhorn_divergence, 2, (1, 1))],
)
def test_sets_of_one_point_cost_what_the_way_between_them_costs(function, order, sizes):
    here, there = (np.repeat([point], 3, axis=0) for point in ([1.0, 2.0], [4.0, 6.0]))
    for end, distance in ((here, 0.0), (there, 5.0)):
        found = function(here[: sizes[0]], end[: sizes[1]], order=order)
        assert found.converged
        assert found.cost == pytest.approx(distance**order, rel=1e-5, abs=1e-6)
        assert found.distance == pytest.approx(distance, rel=1e-5, abs=1e-6)


def test_the_place_of_both_sets_does_not_matter():
    near = sinkhorn_divergence(REAL, GENERATED)
    far = sinkhorn_divergence(REAL + 1e4, GENERATED + 1e4)
    assert far.cost == pytest.approx(near.cost, rel=1e-4)


def test_too_few_iterations_are_not_called_converged():
    for function in (sinkhorn_distance, sinkhorn_divergence):
        found = function(REAL, GENERATED, relative_epsilon=1e-3, max_iterations=10)
        assert not found.converged
        assert found.iterations == 10


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"order": 3}, "order=3 is unknown: choose one of 1, 2"),
        ({"epsilon": 0.0}, "epsilon=0: give a number above 0"),
        ({"relative_epsilon": -1.0}, "relative_epsilon=-1: give a number above 0"),
        ({"threshold": np.nan}, "threshold=nan"),
        ({"max_iterations": 0}, "max_iterations=0"),
    ],
)
def test_bad_settings_get_a_sentence(options, sentence):
    with pytest.raises(InputError, match=sentence):
        sinkhorn_divergence(REAL, GENERATED, **options)


def test_sets_whose_costs_do_not_fit_are_refused(monkeypatch):
    monkeypatch.setattr(sinkhorn, "_MOST_COSTS", 500)
    with pytest.raises(InputError, match="24 generated .* give at most 22 of each"):
        sinkhorn_distance(REAL, GENERATED)


def test_without_ott_the_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ott", None)
    with pytest.raises(InputError, match=r'pip install "jaxgen\[metrics\]"'):
        sinkhorn_distance(REAL, GENERATED)

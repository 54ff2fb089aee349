"""Objectives: each loss, and what its multiplier does, by hand."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgen.errors import InputError
from jaxgen.losses.vae import objectives

MEAN = partial(jnp.mean, axis=0)
FIT = jnp.array([-3.0, -5.0])
PARTS = jnp.array([[0.1, 2.0, 0.4], [0.5, 3.0, 0.2]])
STEP = jnp.int32(5)


def loss_of(objective, parts=PARTS, *, state=None, step=STEP):
    state = objective.init() if state is None else state
    return objective.loss(state, step, FIT, parts, MEAN)


def test_beta_follows_its_schedule():
    objective = objectives.beta(optax.linear_schedule(0.0, 1.0, 10))
    np.testing.assert_allclose(loss_of(objective), [3 + 0.5 * 2.5, 5 + 0.5 * 3.7])
    np.testing.assert_allclose(objective.report((), STEP)["beta"], 0.5)
    assert objectives.beta(2.0).report((), STEP) == {}


@pytest.mark.parametrize(
    "make",
    [
        lambda: objectives.beta(float("nan")),
        lambda: objectives.free_bits(0.1, weight=float("inf")),
        lambda: objectives.constrained(-1.0),
        lambda: objectives.constrained(5.0, rate=float("nan")),
        lambda: objectives.capacity(1.0, float("nan")),
    ],
)
def test_numbers_that_no_objective_has_are_named(make):
    with pytest.raises(InputError, match="="):
        make()


def test_nothing_is_missing_before_anything_was_seen():
    for objective in (objectives.constrained(5.0), objectives.geco(90.0)):
        assert objective.report(objective.init(), STEP)["slack"] == 0


def test_free_bits_cost_at_least_their_nats_per_latent_in_the_mean():
    # The means are 0.3, 2.5 and 0.3.
    objective = objectives.free_bits(0.35, weight=2.0)
    expected = 2.0 * (0.35 + 2.5 + 0.35) + 4.0
    np.testing.assert_allclose(loss_of(objective).mean(), expected, rtol=1e-6)
    gradient = jax.grad(lambda parts: loss_of(objective, parts).mean())(PARTS)
    # What is below its allowance is not pushed.
    np.testing.assert_allclose(gradient, [[0.0, 1.0, 0.0]] * 2)


@pytest.mark.parametrize("target", [1.0, 3.1, 9.0])
def test_capacity_costs_the_distance_of_the_mean_from_its_target(target):
    objective = objectives.capacity(4.0, target)
    # The mean divergence is 3.1.
    expected = 4.0 * abs(3.1 - target) + 4.0
    np.testing.assert_allclose(loss_of(objective).mean(), expected, atol=1e-5)
    if target != 3.1:
        gradient = jax.grad(lambda parts: loss_of(objective, parts).mean())(PARTS)
        np.testing.assert_allclose(gradient, np.full((2, 3), 2.0 * np.sign(3 - target)))


def test_capacity_follows_its_schedule():
    objective = objectives.capacity(1.0, optax.linear_schedule(0.0, 20.0, 10))
    np.testing.assert_allclose(objective.report((), STEP)["capacity"], 10.0)
    np.testing.assert_allclose(loss_of(objective).mean(), 4.0 + 10.0 - 3.1, rtol=1e-6)


def test_the_constrained_loss_is_the_lagrangian():
    objective = objectives.constrained(2.0, start=3.0)
    np.testing.assert_allclose(
        loss_of(objective), [3 + 3 * (2.5 - 2), 5 + 3 * (3.7 - 2)], rtol=1e-6
    )
    np.testing.assert_allclose(
        objective.report(objective.init(), STEP)["beta"], 3.0, rtol=1e-6
    )


def test_the_geco_loss_is_the_lagrangian():
    objective = objectives.geco(2.5, start=0.5)
    np.testing.assert_allclose(
        loss_of(objective), [2.5 + 0.5 * (3 - 2.5), 3.7 + 0.5 * (5 - 2.5)], rtol=1e-6
    )


@pytest.mark.parametrize("kl", [1.0, 4.0])
def test_the_multiplier_climbs_while_the_constraint_is_broken_and_falls_else(kl):
    objective = objectives.constrained(2.0, rate=0.1)
    state = objective.update(objective.init(), jnp.array(-9.0), jnp.array(kl))
    # The average has no bias towards the start: it is the first value itself.
    np.testing.assert_allclose(state.log_multiplier, 0.1 * (kl - 2), rtol=1e-5)
    np.testing.assert_allclose(objective.report(state, STEP)["slack"], 2 - kl)


@pytest.mark.parametrize("reconstruction", [50.0, 90.0])
def test_geco_climbs_while_the_reconstruction_is_too_poor(reconstruction):
    objective = objectives.geco(70.0, rate=0.01)
    fit, kl = jnp.array(-reconstruction), jnp.array(1.0)
    state = objective.update(objective.init(), fit, kl)
    expected = 0.01 * (reconstruction - 70)
    np.testing.assert_allclose(state.log_multiplier, expected, rtol=1e-5)
    slack = objective.report(state, STEP)["slack"]
    np.testing.assert_allclose(slack, 70 - reconstruction, rtol=1e-5)


def test_the_second_step_follows_the_average():
    objective = objectives.constrained(2.0, rate=0.1, decay=0.75)
    state = objective.init()
    for kl in (5.0, 1.0):
        state = objective.update(state, jnp.zeros(()), jnp.array(kl))
    average = (0.75 * 0.25 * 5 + 0.25 * 1) / (0.75 * 0.25 + 0.25)
    expected = 0.1 * (5 - 2) + 0.1 * (average - 2)
    np.testing.assert_allclose(state.log_multiplier, expected, rtol=1e-5)


def test_a_multiplier_that_vanished_can_come_back():
    objective = objectives.constrained(10.0, rate=1.0, decay=0.0)
    state = objective.init()
    for kl in (0.0, 0.0, 0.0, 12.0):
        state = objective.update(state, jnp.zeros(()), jnp.array(kl))
    np.testing.assert_allclose(state.log_multiplier, -12.0 + 2.0, rtol=1e-6)


def test_dual_ascent_finds_the_optimum_of_a_problem_solved_by_hand():
    # max -d s.t. r <= 1 with d = exp(-r): the Lagrangian is stationary at
    # beta = exp(-r), so r = 1 and beta = exp(-1).
    objective = objectives.constrained(1.0, rate=0.05, decay=0.9)

    def step(carry, _):
        rate, state = carry
        slope = jax.grad(
            lambda r: objective.loss(
                state, STEP, -jnp.exp(-r)[None], r[None, None], MEAN
            )[0]
        )(rate)
        rate = rate - 0.1 * slope
        return (rate, objective.update(state, -jnp.exp(-rate), rate)), None

    start = (jnp.array(3.0), objective.init())
    (rate, state), _ = jax.lax.scan(step, start, length=3000)
    beta = jnp.exp(state.log_multiplier)
    np.testing.assert_allclose(beta, np.exp(-1), rtol=1e-3)
    residuals = objectives.kkt_residuals(beta, rate, target=1.0)
    np.testing.assert_allclose(residuals, np.zeros(3), atol=1e-3)


@pytest.mark.parametrize(
    ("beta", "kl", "expected"),
    [
        (2.0, 26.0, (1.0, 0.0, 2.0)),
        (0.0, 20.0, (0.0, 0.0, 0.0)),
        (0.5, 20.0, (0.0, 0.0, 2.5)),
        (-0.5, 25.0, (0.0, 0.5, 0.0)),
    ],
)
def test_kkt_residuals_by_hand(beta, kl, expected):
    np.testing.assert_allclose(
        objectives.kkt_residuals(beta, kl, target=25.0), expected
    )


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: objectives.free_bits(0.0), "nats=0"),
        (lambda: objectives.capacity(-1.0, 2.0), "gamma=-1"),
        (lambda: objectives.constrained(1.0, start=0.0), "start=0"),
        (lambda: objectives.geco(1.0, start=-1.0), "start=-1"),
    ],
)
def test_what_must_be_positive_is_named(make, name):
    with pytest.raises(InputError, match=f"{name}: give a number above 0"):
        make()

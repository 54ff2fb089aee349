"""Measured gradients of discrete latents against sums over all codes."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import discrete_gradients as gradients
from experiments.discrete_gradients import BLOCK_REACH, Entrant, Measured
from jaxgen.estimators import (
    VIMCO,
    DisARM,
    Enumerate,
    GumbelRao,
    GumbelSoftmax,
    Rebar,
    ScoreFunction,
    StraightThrough,
)
from jaxgen.losses.vae import priors

D, IMAGES, PIXELS = 3, 4, 5
RNG = np.random.default_rng(0)
WEIGHTS = RNG.normal(size=(D, PIXELS))
LOGITS = RNG.normal(size=(IMAGES, D))
PICTURES = (RNG.random((IMAGES, PIXELS)) < 0.5).astype(np.float64)


def log_likelihood(params, latents, images):
    shown = (latents - 0.5) @ params
    return jnp.sum(images * shown - jnp.logaddexp(0, shown), axis=-1) - 2


@pytest.fixture(scope="module")
def place() -> gradients.Place:
    numbers = (np.asarray(x, np.float32) for x in (WEIGHTS, LOGITS, PICTURES))
    params, logits, images = map(jnp.asarray, numbers)
    prior = priors.uniform_bernoulli(D)
    return gradients.Place(log_likelihood, prior, params, logits, images)


def measured(place, entrant: Entrant, draws: int = 4000) -> gradients.Measured:
    reference = gradients.exact_gradient(place, Enumerate())
    return gradients.measure(jax.random.key(1), place, entrant, draws, reference)


class Sums:
    """Sums over all codes in float64: probabilities, values, slopes in the code."""

    def __init__(self):
        self.p = 1 / (1 + np.exp(-LOGITS))
        self.codes = np.array(list(itertools.product((0.0, 1.0), repeat=D)))
        shown = (self.codes - 0.5) @ WEIGHTS
        each = np.log1p(np.exp(shown)).sum(-1)
        self.f = PICTURES @ shown.T - each[None] - 2
        error = PICTURES[:, None] - 1 / (1 + np.exp(-shown))[None]
        self.slopes = error @ WEIGHTS.T
        self.score = self.codes[None] - self.p[:, None]
        ones = np.where(self.codes[None] > 0, self.p[:, None], 1 - self.p[:, None])
        self.mass = ones.prod(-1)
        self.kl = self.p * (1 - self.p) * LOGITS
        self.fit = self.mean(self.f[..., None] * self.score)

    def mean(self, values: np.ndarray) -> np.ndarray:
        return np.sum(self.mass[..., None] * values, axis=1)


SUMS = Sums()


def test_the_exact_gradient_is_the_sum_over_codes(place):
    found = gradients.exact_gradient(place, Enumerate())
    np.testing.assert_allclose(found.gradient, SUMS.fit - SUMS.kl, atol=1e-5)
    assert not found.variance.any()


def test_the_variance_of_the_score_function_is_the_sum_over_codes(place):
    found = measured(place, Entrant(ScoreFunction()))
    second = SUMS.mean((SUMS.f[..., None] * SUMS.score) ** 2)
    wanted = np.sum(second - SUMS.fit**2, axis=-1).mean()
    assert abs(found.variance - wanted) < 5 * found.variance_error
    truth = np.sum((SUMS.fit - SUMS.kl) ** 2)
    wanted_snr = np.sqrt(truth / (IMAGES * wanted))
    np.testing.assert_allclose(found.snr, wanted_snr, rtol=0.05)


def test_the_bias_of_straight_through_is_the_sum_over_codes(place):
    found = measured(place, Entrant(StraightThrough()))
    mean = SUMS.p * (1 - SUMS.p) * SUMS.mean(SUMS.slopes)
    truth = SUMS.fit - SUMS.kl
    wanted = np.sum((mean - SUMS.fit) ** 2) / np.sum(truth**2)
    assert abs(found.bias**2 - wanted) < 5 * found.bias_error
    low, high = found.bias_range
    assert 0 < low < wanted**0.5 < high
    assert abs(found.z) > 5


def test_the_interval_of_a_bias_is_that_of_student():
    found = Measured(1.0, 0.1, 1.0, bias=0.5, bias_error=0.01)
    wanted = np.sqrt(0.25 + 0.01 * 2.8609 * np.array([-1, 1]))
    np.testing.assert_allclose(found.bias_range, wanted, rtol=1e-4)


@pytest.mark.parametrize(
    "entrant",
    [
        Entrant(Rebar(0.5)),
        Entrant(DisARM()),
        Entrant(ScoreFunction("leave_one_out"), 2),
    ],
    ids=lambda entrant: type(entrant.estimator).__name__,
)
def test_the_unbiased_have_no_bias(place, entrant):
    found = measured(place, entrant)
    assert abs(found.z) < 5
    assert abs(found.bias) * found.bias < 5 * found.bias_error
    assert found.bias_range[0] < 0.1


@pytest.mark.parametrize(
    ("less", "more"),
    [
        (Entrant(DisARM()), Entrant(ScoreFunction("leave_one_out"), 2)),
        (Entrant(GumbelRao(0.5, 16)), Entrant(GumbelSoftmax(0.5, hard=True))),
    ],
    ids=["DisARM below RLOO-2", "Gumbel-Rao below ST-GS"],
)
def test_who_has_less_variance_at_equal_evaluations(place, less, more):
    one, other = measured(place, less), measured(place, more)
    assert one.variance + BLOCK_REACH * one.variance_error < other.variance
    assert one.variance < other.variance - BLOCK_REACH * other.variance_error


def test_another_objective_has_no_bias_to_tell(place):
    found = measured(place, Entrant(VIMCO(), 2), draws=100)
    assert np.isfinite([found.variance, found.snr]).all()
    assert np.isnan([found.bias, found.z]).all()


def test_the_pooled_gradient_is_near_the_exact_one_and_says_how_near(place):
    exact = gradients.exact_gradient(place, Enumerate())
    pooled = gradients.pooled_gradient(jax.random.key(2), place, 100)
    z = (pooled.gradient - exact.gradient) / np.sqrt(pooled.variance)
    assert np.abs(z).max() < 5


def test_the_parameters_of_a_run_that_is_resumed_stay(tmp_path):
    class Net:
        params = {"a": np.zeros(2), "b": np.ones(3)}

    class State:
        net = Net()

    path = tmp_path / "parts" / "parameters.npz"
    keep = gradients.KeepParameters(path, Net.params, [0, 5, 10])
    for step in (0, 3, 5):
        keep(State(), step)
    again = gradients.KeepParameters(path, Net.params, [0, 5, 10])
    Net.params = {"a": np.full(2, 7.0), "b": np.ones(3)}
    again(State(), 10)
    found = again.all()
    assert list(found) == [0, 5, 10]
    np.testing.assert_array_equal(found[5]["a"], 0)
    np.testing.assert_array_equal(found[10]["a"], 7)

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dists
import pytest

from jaxgen.errors import InputError
from jaxgen.estimators.base import expectation
from jaxgen.estimators.bounds import (
    VIMCO,
    DReG,
    StickingTheLanding,
    multi_sample_bound,
)
from jaxgen.estimators.measure_valued import MeasureValued
from jaxgen.estimators.pathwise import Pathwise
from jaxgen.estimators.score_function import ScoreFunction
from tests.estimators.moments import assert_mean, standard_errors

SCORED = (VIMCO(), ScoreFunction(), ScoreFunction("leave_one_out"))
Y = np.array([0.7, -1.2], np.float32)


@pytest.fixture(autouse=True)
def numpyro_may_promote_ranks():
    with jax.numpy_rank_promotion("allow"):
        yield


def gaussian(params, shape):
    """z ~ N(theta, 1), y | z ~ N(z, 1), two of them; q(z) = N(loc, scale)."""

    def log_joint(z):
        prior = dists.Normal(params["theta"], 1.0).log_prob(z)
        return prior + dists.Normal(z, 1.0).log_prob(Y)

    return log_joint, dists.Normal(*(jnp.broadcast_to(params[n], shape) for n in "ls"))


GAUSSIAN = {"theta": jnp.float32(0.3), "l": jnp.float32(0.1), "s": jnp.float32(0.9)}


def bound_draws(key, params, make, estimator, num_samples, repeats):
    def value(params, key):
        log_joint, dist = make(params)
        return multi_sample_bound(key, log_joint, dist, estimator, num_samples).sum()

    keys = jax.random.split(key, repeats)
    both = jax.jit(jax.vmap(jax.value_and_grad(value), in_axes=(None, 0)))
    return jax.tree.map(lambda x: np.asarray(x, np.float64), both(params, keys))


def two_gaussians(params):
    return gaussian(params, (2,))


def exact_bound(params, num_samples):
    """The bound's mean by a product of Gauss-Hermite rules, K <= 2."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(48)
    weights = jnp.asarray(weights / weights.sum())
    z = params["l"] + params["s"] * jnp.asarray(nodes)
    log_q = -((z - params["l"]) ** 2) / (2 * params["s"] ** 2) - jnp.log(params["s"])
    log_p = -((z - params["theta"]) ** 2) / 2 - jnp.log(2 * jnp.pi) / 2
    total = 0.0
    for y in Y:
        log_weights = log_p - (z - y) ** 2 / 2 - log_q
        if num_samples == 1:
            total += weights @ log_weights
        else:
            pairs = jnp.logaddexp(log_weights[:, None], log_weights) - jnp.log(2)
            total += weights @ pairs @ weights
    return total


def exact_value_and_gradient(num_samples):
    with jax.enable_x64(True):
        wide = {n: jnp.float64(float(x)) for n, x in GAUSSIAN.items()}
        found = jax.value_and_grad(exact_bound)(wide, num_samples)
        return jax.tree.map(np.asarray, found)


@pytest.mark.parametrize("estimator", [DReG(), Pathwise(), *SCORED], ids=str)
def test_the_mean_is_the_bound_and_its_gradient(key, estimator):
    found = bound_draws(key, GAUSSIAN, two_gaussians, estimator, 2, 20_000)
    assert_mean(found, exact_value_and_gradient(2))


def test_sticking_the_landing_is_right_for_one_sample_and_biased_for_two(key):
    one, two = jax.random.split(key)
    estimator = StickingTheLanding()
    found = bound_draws(one, GAUSSIAN, two_gaussians, estimator, 1, 20_000)
    assert_mean(found, exact_value_and_gradient(1))
    _, biased = bound_draws(two, GAUSSIAN, two_gaussians, estimator, 2, 50_000)
    _, truth = exact_value_and_gradient(2)
    assert standard_errors(biased["theta"], truth["theta"]) < 5
    assert standard_errors(biased["s"], truth["s"]) > 10


@pytest.mark.parametrize("estimator", [DReG(), StickingTheLanding()], ids=str)
def test_at_the_posterior_the_gradient_in_q_has_no_variance(key, estimator):
    # The posterior of theta = 0.3 and y is N((theta + y) / 2, 1 / 2).
    params = {
        "theta": jnp.float32(0.3),
        "l": jnp.asarray((0.3 + Y) / 2),
        "s": jnp.float32(np.sqrt(0.5)),
    }
    value, found = bound_draws(key, params, two_gaussians, estimator, 5, 100)
    np.testing.assert_allclose(found["l"], 0, atol=1e-5)
    np.testing.assert_allclose(found["s"], 0, atol=1e-5)
    evidence = -0.5 * np.log(4 * np.pi) - (Y - 0.3) ** 2 / 4
    np.testing.assert_allclose(value, evidence.sum(), rtol=1e-5)


def test_more_samples_make_a_higher_bound(key):
    evidence = (-0.5 * np.log(4 * np.pi) - (Y - 0.3) ** 2 / 4).sum()
    levels = []
    for one, count in zip(jax.random.split(key, 3), (1, 5, 50), strict=True):
        keys = jax.random.split(one, 4_000)

        def value(key, count=count):
            return multi_sample_bound(
                key, *two_gaussians(GAUSSIAN), Pathwise(), count
            ).sum()

        values = np.asarray(jax.jit(jax.vmap(value))(keys), np.float64)
        levels.append((values.mean(), values.std() / np.sqrt(len(values))))
    means, errors = np.array(levels).T
    assert (np.diff(means) > 5 * np.hypot(errors[1:], errors[:-1])).all()
    assert means[-1] < evidence + 5 * errors[-1]
    np.testing.assert_array_less(
        np.abs(means[0] - exact_value_and_gradient(1)[0]), 5 * errors[0]
    )


def binary(params):
    """Two latents of a Bernoulli prior, tied together by what they explain."""
    weight = np.array([0.8, -0.5], np.float32)

    def log_joint(b):
        prior = dists.Bernoulli(logits=params["prior"]).to_event(1).log_prob(b)
        return prior + dists.Normal(b @ weight, 0.5).log_prob(0.6)

    return log_joint, dists.Bernoulli(logits=params["q"]).to_event(1)


BINARY = {"prior": jnp.array([0.2, -0.4]), "q": jnp.array([0.0, 0.7])}


@pytest.mark.parametrize(
    ("estimator", "num_samples"), [(VIMCO(), 3), *((one, 2) for one in SCORED)], ids=str
)
def test_discrete_latents_agree_with_enumeration(key, estimator, num_samples):
    points = jnp.array(list(itertools.product((0.0, 1.0), repeat=2)))
    places = np.array(list(itertools.product(range(4), repeat=num_samples)))

    def value(params):
        log_joint, q = binary(params)
        # numpyro's derivative at a logit of 0 is another function's.
        log_q = jnp.sum(points * params["q"] - jax.nn.softplus(params["q"]), axis=-1)
        log_weights = (jax.vmap(log_joint)(points) - log_q)[places]
        bounds = jax.nn.logsumexp(log_weights, axis=1) - np.log(num_samples)
        return jnp.exp(log_q[places].sum(axis=1)) @ bounds

    truth = jax.jit(jax.value_and_grad(value))(BINARY)
    found = bound_draws(key, BINARY, binary, estimator, num_samples, 20_000)
    assert_mean(found, truth)


def test_the_signal_of_each_sample_is_that_of_the_formula(key):
    # L - L_{-k}, from the definition in float64; the weights are far from 1.
    def make(params):
        def log_joint(x):
            return 1e3 + 3 * jnp.sin(7 * x)

        return log_joint, dists.Normal(params, 1.0)

    samples = np.asarray(make(0.3)[1].sample(jax.random.clone(key), (6,)), np.float64)
    log_weights = 1e3 + 3 * np.sin(7 * samples) + (samples - 0.3) ** 2 / 2
    log_weights += np.log(2 * np.pi) / 2
    bound = np.logaddexp.reduce(log_weights) - np.log(6)
    expected = {"VIMCO": 0.0, "arithmetic": 0.0}
    shares = np.exp(log_weights - np.logaddexp.reduce(log_weights))
    for k, x in enumerate(samples):
        others = np.delete(log_weights, k)
        replaced = np.logaddexp.reduce([*others, others.mean()]) - np.log(6)
        without = np.logaddexp.reduce(others) - np.log(5)
        score = x - 0.3
        expected["VIMCO"] += (bound - replaced - shares[k]) * score
        expected["arithmetic"] += (bound - without - shares[k]) * score

    def gradient(estimator, key):
        def value(loc):
            return multi_sample_bound(key, *make(loc), estimator, 6)

        return jax.jit(jax.value_and_grad(value))(0.3)

    one = jax.random.clone(key)
    value, found = gradient(VIMCO(), one)
    np.testing.assert_allclose(value, bound, rtol=1e-6)
    # float32 knows a log weight of 1e3 to 6e-5.
    np.testing.assert_allclose(found, expected["VIMCO"], atol=2e-3)
    _, found = gradient(ScoreFunction("leave_one_out"), jax.random.clone(key))
    np.testing.assert_allclose(found, expected["arithmetic"], atol=2e-3)


@pytest.mark.parametrize("level", [-1e3, 1e3])
def test_vimco_stays_finite_where_one_weight_is_all(key, level):
    def value(loc):
        q = dists.Normal(jnp.full(3, loc), 1.0)
        return multi_sample_bound(
            key, lambda x: level * jnp.abs(x), q, VIMCO(), 2
        ).sum()

    assert jnp.isfinite(jax.jit(jax.grad(value))(0.5))


def test_the_weights_of_dreg_scale_whole_events(key):
    def make(params):
        def log_joint(z):
            return -jnp.sum((z - Y) ** 2, axis=-1) * jnp.array([0.2, 1.0])

        return log_joint, dists.Normal(params, 0.8).to_event(1)

    loc = jnp.array([[0.1, 0.4], [-0.3, 0.0]])
    keys = jax.random.split(key)
    dreg, plain = (
        bound_draws(k, loc, make, estimator, 4, 10_000)[1]
        for k, estimator in zip(keys, (DReG(), Pathwise()), strict=True)
    )
    error = np.sqrt((dreg.var(axis=0) + plain.var(axis=0)) / 10_000)
    far = np.abs(dreg.mean(axis=0) - plain.mean(axis=0)) / error
    np.testing.assert_array_less(far, 5)


def test_what_cannot_be_is_said_in_a_sentence(key):
    log_joint, q = binary(BINARY)
    for estimator in (DReG(), StickingTheLanding(), Pathwise()):
        with pytest.raises(InputError, match="move smoothly .* Bernoulli"):
            multi_sample_bound(key, log_joint, q, estimator, 2)
    with pytest.raises(InputError, match="num_samples=1: VIMCO"):
        multi_sample_bound(key, log_joint, q, VIMCO(), 1)
    with pytest.raises(InputError, match="a bound takes"):
        multi_sample_bound(key, log_joint, q, MeasureValued(), 2)
    with pytest.raises(InputError, match="a bound takes"):
        multi_sample_bound(key, log_joint, q, ScoreFunction("optimal"), 2)
    with pytest.raises(InputError, match="call multi_sample_bound"):
        expectation(key, jnp.cos, dists.Normal(0.0, 1.0), DReG(), 2)
    with pytest.raises(InputError, match="one value per batch element"):
        multi_sample_bound(key, lambda b: b, q, VIMCO(), 2)
    with pytest.raises(InputError, match="jumps"):
        multi_sample_bound(key, jnp.floor, dists.Normal(0.0, 1.0), DReG(), 2)

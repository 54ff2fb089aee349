"""Moments of streams: right, and the same whatever the chunks and the devices."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dists
import pytest

from jaxgen.errors import InputError
from jaxgen.estimators import (
    Moments,
    ScoreFunction,
    check_mean,
    check_unbiased,
    exact_grad,
    grad_samples,
    moments,
)
from jaxgen.estimators.problem import Gradient
from jaxgen.estimators.streaming import merge_moments

COUNT = 1000


def draw(key):
    return {
        "skewed": jax.random.exponential(key, (3,)) ** 2,
        "scalar": 5 + jax.random.normal(jax.random.fold_in(key, 1)),
    }


def by_hand(key):
    keys = [jax.random.fold_in(key, i) for i in range(COUNT)]
    draws = [jax.device_get(draw(jax.random.clone(one))) for one in keys]
    return jax.tree.map(lambda *leaves: np.stack(leaves).astype(np.float64), *draws)


def test_moments_are_those_of_the_draws(key):
    draws = by_hand(jax.random.clone(key))
    found = moments(key, draw, COUNT, chunk=96)
    for name, values in draws.items():
        apart = values - values.mean(0)
        np.testing.assert_allclose(found.mean[name], values.mean(0), rtol=1e-5)
        for power, moment in ((2, found.second), (3, found.third), (4, found.fourth)):
            np.testing.assert_allclose(
                moment[name], (apart**power).mean(0), rtol=2e-4, atol=2e-4
            )
        np.testing.assert_allclose(
            found.variance[name], values.var(0, ddof=1), rtol=1e-5
        )


def test_devices_give_equal_results_to_the_bit(key):
    assert len(jax.devices()) == 8
    one = moments(
        jax.random.clone(key), draw, COUNT, chunk=96, devices=jax.devices()[:1]
    )
    eight = moments(key, draw, COUNT, chunk=96)
    jax.tree.map(np.testing.assert_array_equal, one, eight)


def test_the_chunk_does_not_matter(key):
    first = moments(jax.random.clone(key), draw, COUNT, chunk=96)
    second = moments(key, draw, COUNT, chunk=COUNT)
    assert first.count == second.count == COUNT
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5),
        first,
        second,
    )


def test_merging_is_the_moments_of_the_union():
    generator = np.random.default_rng(0)
    a, b = generator.gamma(0.5, size=700), 3 + generator.normal(size=300)

    def moments_of(values):
        apart = values - values.mean()
        return Moments(
            len(values), values.mean(), *((apart**k).mean() for k in (2, 3, 4))
        )

    both = moments_of(np.concatenate([a, b]))
    for found, right in zip(
        merge_moments(moments_of(a), moments_of(b)), both, strict=True
    ):
        np.testing.assert_allclose(found, right, rtol=1e-12)


def test_the_same_function_is_compiled_once(key):
    traces = []

    def counted(key):
        traces.append(1)
        return jax.random.normal(key)

    moments(jax.random.clone(key), counted, 1000, chunk=100)
    first = len(traces)
    moments(key, counted, 5000, chunk=100)
    # The size of one draw is looked at again, nothing is compiled again.
    assert len(traces) <= first + 1


def test_progress_is_told_to_the_end(key):
    told = []
    moments(key, draw, COUNT, chunk=100, progress=lambda *at: told.append(at))
    assert told[-1] == (COUNT, COUNT)


def test_gradients_are_those_of_the_folded_keys(key):
    def dist_fn(mean):
        return dists.Normal(mean, 1.0)

    gradient = Gradient(jnp.square, dist_fn, ScoreFunction())
    alone = [
        gradient(jax.random.fold_in(jax.random.clone(key), i), jnp.float32(2.0), ())
        for i in range(3)
    ]
    many = grad_samples(key, jnp.square, dist_fn, 2.0, ScoreFunction(), 3)
    np.testing.assert_allclose(many, alone, rtol=1e-6)


def test_params_may_be_any_pytree_and_f_may_depend_on_them(key):
    params = {"mean": jnp.ones(2), "gain": (jnp.float32(3.0),)}

    def f(x, params):
        return params["gain"][0] * jnp.sum(x**2, -1)

    def dist_fn(params):
        return dists.Normal(params["mean"], 0.5).to_event(1)

    exact = exact_grad(f, dist_fn, params)
    np.testing.assert_allclose(exact["mean"], [6.0, 6.0])
    np.testing.assert_allclose(exact["gain"][0], 2.5)
    samples = grad_samples(key, f, dist_fn, params, ScoreFunction(), 7)
    assert jax.tree.map(jnp.shape, samples) == {"mean": (7, 2), "gain": ((7,),)}


@pytest.mark.parametrize(
    ("dist_fn", "f", "params", "truth"),
    [
        # E x^2 of a gamma is a (a + 1) / b^2; of the others as written.
        (lambda p: dists.Gamma(p[0], p[1]), jnp.square, (0.5, 2.0), (0.5, -0.1875)),
        (lambda p: dists.Exponential(p), jnp.square, 2.0, -0.5),
        (lambda p: dists.Poisson(p), jnp.square, 3.0, 7.0),
        (lambda p: dists.Geometric(probs=p), lambda x: x, 0.25, -16.0),
        (lambda p: dists.Beta(p, 2.0), lambda x: x, 1.0, 2 / 9),
        (lambda p: dists.Laplace(p[0], p[1]), jnp.square, (0.5, 2.0), (1.0, 8.0)),
        (lambda p: dists.Normal(p[0], p[1]), jnp.abs, (0.0, 1.0), (0.0, 0.7978846)),
        (
            lambda p: dists.Normal(p, 1.0),
            lambda x: jnp.cos(5 * x),
            1.0,
            -5 * np.sin(5) * np.exp(-12.5),
        ),
    ],
)
def test_exact_gradients_against_closed_forms(dist_fn, f, params, truth):
    # |x| has a kink: its integral converges slowly.
    tolerance = 1e-3 if f is jnp.abs else 1e-8
    found = exact_grad(f, dist_fn, params, tolerance=tolerance)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(truth), strict=True):
        np.testing.assert_allclose(a, b, rtol=10 * tolerance, atol=1e-9)


def test_an_integral_that_does_not_settle_is_refused():
    with pytest.raises(InputError, match="did not settle"):
        exact_grad(
            lambda x: jnp.where(x > 0.123, 1.0, 0.0),
            lambda m: dists.Normal(m, 1.0),
            0.0,
            tolerance=1e-12,
        )


def test_a_biased_gradient_is_told_with_its_place(key):
    def biased(key, params):
        drawn = jax.random.normal(key, (3,))
        return {"w": drawn.at[1].add(0.1), "b": drawn[0]}

    truth = {"w": np.zeros(3), "b": np.zeros(())}
    with pytest.raises(AssertionError, match=r"entry 1 of params\['w'\]"):
        check_mean(key, biased, truth, {}, repeats=20_000)


def test_own_samples_counted_in_the_mean_are_a_bias(key):
    # (K-1)/K of the gradient is what is left when the baseline sees its own sample.
    class OwnMean(ScoreFunction):
        def estimate(self, key, f, dist, num_samples, state):
            done = ScoreFunction("leave_one_out").estimate(
                key, f, dist, num_samples, state
            )
            shrunk = (num_samples - 1) / num_samples * done.value
            return done._replace(
                value=jax.lax.stop_gradient(done.value - shrunk) + shrunk
            )

    problem = (jnp.square, lambda m: dists.Normal(m, 1.0), 1.0)
    with pytest.raises(AssertionError, match="biased"):
        check_unbiased(key, *problem, OwnMean(), num_samples=2, repeats=20_000)


@pytest.mark.slow
def test_a_hundred_million_draws_stream_in_constant_memory(key):
    import resource

    def peak():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    moments(jax.random.clone(key), jax.random.normal, 10**6)
    before = peak()
    found = moments(key, jax.random.normal, 10**8)
    assert found.count == 10**8
    assert abs(found.variance - 1) < 5 * found.variance_standard_error
    assert peak() - before < 50_000  # KiB; the draws alone would take 390,000

"""The contract of the one call: its gradient, under every transformation."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dists
import pytest
from jax.sharding import AxisType, PartitionSpec

from jaxgen.errors import InputError
from jaxgen.estimators import (
    Enumerate,
    Estimator,
    OneHotCategorical,
    Pathwise,
    Quadrature,
    ScoreFunction,
    check_unbiased,
    expectation,
    why_not,
)


def bernoulli(logits):
    return dists.Bernoulli(logits=logits).to_event(1)


def squares(b):
    return ((b - 0.4) ** 2) @ jnp.arange(1.0, b.shape[-1] + 1)


def test_the_gradient_reaches_the_parameters_of_a_network_and_of_f(key):
    params = {"w": jnp.array([[0.3, -0.2], [0.1, 0.5]]), "scale": jnp.float32(2.0)}
    inputs = jnp.array([[1.0, 2.0], [-1.0, 0.5], [0.0, 1.0]])

    def objective(params, estimator, key):
        dist = bernoulli(inputs @ params["w"])
        f = lambda b: params["scale"] * squares(b)  # noqa: E731
        return expectation(key, f, dist, estimator, 512).sum()

    exact = jax.grad(objective)(params, Enumerate(), key)
    probs = jax.nn.sigmoid(inputs @ params["w"])
    # d/dlogit of E (b - t)^2 is (1 - 2t) p (1 - p).
    by_logit = 0.4 * probs * (1 - probs) * jnp.arange(1.0, 3.0)[None]
    np.testing.assert_allclose(exact["w"], inputs.T @ by_logit, rtol=1e-5)
    draws = jax.vmap(
        lambda one: jax.grad(objective)(params, ScoreFunction("leave_one_out"), one)
    )(jax.random.split(jax.random.clone(key), 200))
    for name in params:
        error = np.std(draws[name], axis=0) / np.sqrt(200)
        assert np.all(np.abs(draws[name].mean(0) - exact[name]) < 5 * error)


@pytest.mark.parametrize(
    "estimator", [ScoreFunction("leave_one_out"), Pathwise()], ids=str
)
def test_jit_vmap_scan_pmap_and_shard_map_give_what_one_call_gives(key, estimator):
    if isinstance(estimator, Pathwise):
        dist, f = (lambda m: dists.Normal(m, 1.0).to_event(1)), squares
    else:
        dist, f = bernoulli, squares
    keys = jax.random.split(key, 8)
    params = jnp.linspace(-1, 1, 24).reshape(8, 3)

    def gradient(key, p):
        return jax.grad(lambda q: expectation(key, f, dist(q), estimator, 4))(p)

    one = jnp.stack([gradient(k, p) for k, p in zip(keys, params, strict=True)])
    clones = [jax.random.clone(keys) for _ in range(4)]
    ways = {
        "vmap": jax.jit(jax.vmap(gradient))(clones[0], params),
        "scan": jax.lax.scan(lambda c, kp: (c, gradient(*kp)), 0, (clones[1], params))[
            1
        ],
        "pmap": jax.pmap(gradient)(clones[2], params),
        "shard_map": jax.jit(
            jax.shard_map(
                jax.vmap(gradient),
                mesh=jax.make_mesh((8,), ("data",), axis_types=(AxisType.Auto,)),
                in_specs=PartitionSpec("data"),
                out_specs=PartitionSpec("data"),
            )
        )(clones[3], params),
    }
    for name, found in ways.items():
        np.testing.assert_allclose(found, one, rtol=2e-5, atol=1e-6, err_msg=name)


def test_batch_elements_do_not_mix(key):
    logits = jnp.array([[0.2, -1.0, 3.0], [0.0, 1.0, 2.0]])
    for estimator in (Enumerate(), ScoreFunction("leave_one_out")):
        jacobian = jax.jacobian(
            lambda x, e=estimator: expectation(
                jax.random.clone(key), squares, bernoulli(x), e, 8
            )
        )(logits)
        assert jacobian.shape == (2, 2, 3)
        assert not jacobian[0, 1].any()
        assert not jacobian[1, 0].any()
        assert jacobian[0, 0].any()


@pytest.mark.parametrize(
    ("dist_fn", "params"),
    [
        (
            lambda p: dists.Bernoulli(probs=p["probs"]).to_event(1),
            {"probs": [0.2, 0.7]},
        ),
        (lambda p: dists.Categorical(logits=p), jnp.array([0.5, -1.0, 0.0])),
        (lambda p: dists.Categorical(probs=jax.nn.softmax(p)), jnp.array([0.5, -1.0])),
        (lambda p: OneHotCategorical(logits=p), jnp.array([0.5, -1.0, 0.0])),
        (lambda p: dists.Poisson(p), 2.5),
        (lambda p: dists.Gamma(p[0], p[1]), jnp.array([1.5, 2.0])),
        (lambda p: dists.Exponential(p), 0.7),
        (lambda p: dists.Weibull(p[0], p[1]), jnp.array([1.5, 2.0])),
        (lambda p: dists.Normal(p[0], p[1]).expand((2,)).to_event(1), [0.5, 1.5]),
        (lambda p: dists.Laplace(p[0], p[1]), jnp.array([0.5, 1.5])),
        (lambda p: dists.Beta(p[0], p[1]), jnp.array([0.5, 1.5])),
        (lambda p: dists.Binomial(4, logits=p), 0.3),
        (lambda p: dists.LogNormal(p[0], p[1]), jnp.array([0.1, 0.5])),
    ],
)
def test_the_score_function_is_unbiased(key, dist_fn, params):
    params = jax.tree.map(
        jnp.float32, params, is_leaf=lambda leaf: isinstance(leaf, list)
    )

    def f(x, params):
        x = x.astype(jnp.float32)
        per = jnp.sin(x) + 0.3 * x
        return sum(map(jnp.sum, jax.tree.leaves(params))) * (
            jnp.sum(per, -1) if per.ndim else per
        )

    check_unbiased(
        key,
        f,
        dist_fn,
        params,
        ScoreFunction("leave_one_out"),
        num_samples=3,
        repeats=20_000,
    )


def test_what_an_estimator_cannot_do_is_refused_with_the_reason(key):
    zero = jnp.float32(0.0)
    refused = {
        "moves": (ScoreFunction(), jnp.sin, lambda p: dists.Uniform(0.0, 1.0 + p), 1),
        "smoothly": (Pathwise(), jnp.sin, lambda p: dists.Bernoulli(logits=p), 1),
        "jumps": (
            Pathwise(),
            lambda x: jnp.where(x > 0, 1.0, 0.0),
            lambda p: dists.Normal(p, 1.0),
            1,
        ),
        "at least 2": (
            ScoreFunction("leave_one_out"),
            jnp.sin,
            lambda p: dists.Normal(p, 1.0),
            1,
        ),
        "Quadrature": (Enumerate(), jnp.sin, lambda p: dists.Normal(p, 1.0), 1),
        "keeps a state": (
            ScoreFunction("moving_average"),
            jnp.sin,
            lambda p: dists.Normal(p, 1.0),
            1,
        ),
    }
    del refused["Quadrature"]
    for said, (estimator, f, dist_fn, samples) in refused.items():
        with pytest.raises(InputError, match=said):
            expectation(jax.random.clone(key), f, dist_fn(zero), estimator, samples)
    assert "Bernoulli" in why_not(Enumerate(), jnp.sin, dists.Normal(0.0, 1.0))
    with pytest.raises(InputError, match="none of leave_one_out"):
        ScoreFunction("rloo")


def test_a_slope_beside_a_jump_is_not_refused():
    normal = dists.Normal(0.0, 1.0)
    for f in (jax.nn.relu, lambda x: jnp.where(x > 0, x, 0.0), lambda x: x + (x > 0)):
        assert why_not(Pathwise(), f, normal) is None
    for f in (jnp.round, jnp.sign, lambda x: (x > 0).astype(jnp.float32)):
        assert "jumps" in why_not(Pathwise(), f, normal)


def test_f_must_give_one_value_per_batch_element(key):
    with pytest.raises(InputError, match=r"shape \(\).*to_event\(1\)"):
        expectation(key, jnp.sum, dists.Normal(jnp.zeros(3), 1.0), Pathwise())


def test_quadrature_of_a_program_without_derivative():
    def f(x):
        shape = jax.ShapeDtypeStruct(x.shape, x.dtype)
        return jax.pure_callback(np.square, shape, x, vmap_method="expand_dims")

    def value(mean):
        return expectation(
            jax.random.key(0), f, dists.Normal(mean, 1.0), Quadrature(64)
        )

    np.testing.assert_allclose(jax.grad(value)(1.5), 3.0, rtol=1e-5)


def test_estimators_are_data():
    assert ScoreFunction("leave_one_out") == ScoreFunction("leave_one_out")
    assert hash(ScoreFunction(0.5)) != hash(ScoreFunction(0.25))
    assert str(ScoreFunction("optimal", pilot=8)) == (
        "ScoreFunction(baseline='optimal', pilot=8)"
    )
    assert isinstance(Pathwise(), Estimator)
    assert functools.reduce(lambda a, b: a and b, [Pathwise.unbiased])

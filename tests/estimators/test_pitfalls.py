"""Where a gradient could be wrong without a word."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dists
import pytest

from jaxgen.errors import InputError
from jaxgen.estimators import (
    ARM,
    ARMS,
    Auto,
    DisARM,
    DoubleCV,
    Enumerate,
    MeasureValued,
    MuProp,
    Pathwise,
    Rebar,
    ReinMax,
    ScoreFunction,
    StraightThrough,
    check_mean,
    check_unbiased,
    compare,
    expectation,
    grad_samples,
    why_not,
)


def normal(mean):
    return dists.Normal(mean, 1.0)


def coin(logit):
    return dists.Bernoulli(logits=logit)


def root(x):
    # The derivative of the branch not taken is nan.
    return jnp.where(x > 0, jnp.sqrt(jnp.maximum(x, 0.0)), 0.0)


def test_a_gradient_that_is_not_finite_is_no_gradient(key):
    def sample(key):
        drawn = jax.random.normal(key)
        return {"a": jnp.nan * drawn, "b": drawn}

    with pytest.raises(AssertionError, match="not finite"):
        check_mean(jax.random.clone(key), sample, {"a": 0.0, "b": 0.0}, repeats=1000)
    report = compare(
        key, root, normal, 1.0, estimators=[Pathwise(), ScoreFunction()], repeats=2000
    )
    rows = {row.name: row for row in report.rows}
    assert rows["Pathwise()"].biased
    assert report.best().name == "ScoreFunction()"
    assert "NOT FINITE" in report.table()
    assert "NaN" not in report.to_json()


def test_the_truth_of_a_function_with_jumps_is_not_pathwise(key):
    def f(x):
        return jnp.sum(x, -1) + 3.0 * (x[..., 0] > 0.3)

    report = compare(
        key,
        f,
        lambda m: dists.Normal(m, 1).to_event(1),
        jnp.zeros(8),
        estimators=[Pathwise(), ScoreFunction()],
        repeats=2000,
    )
    rows = {row.name: row for row in report.rows}
    step = 3 * np.exp(-0.045) / np.sqrt(2 * np.pi)
    np.testing.assert_allclose(report.truth[0], 1 + step, atol=0.05)
    assert rows["Pathwise()"].biased
    assert not rows["ScoreFunction()"].biased


@pytest.mark.parametrize(
    "estimator", [ARM(), DisARM(), Rebar(), MeasureValued()], ids=str
)
def test_a_second_derivative_that_would_be_zero_is_refused(key, estimator):
    def value(logit):
        return expectation(key, lambda b: (b - 0.45) ** 2, coin(logit), estimator, 2)

    with pytest.raises(InputError, match="first derivatives"):
        jax.grad(jax.grad(value))(0.5)


def test_the_optimal_baseline_has_higher_derivatives(key):
    def hessian(key, mean):
        return jax.hessian(
            lambda m: expectation(
                key, lambda x: x**3, normal(m), ScoreFunction("optimal"), 1
            )
        )(mean)

    check_mean(key, hessian, 6.0, jnp.float32(1.0), repeats=20_000)


@pytest.mark.parametrize(
    "estimator",
    [
        ScoreFunction(),
        Enumerate(),
        DisARM(),
        ARMS(),
        Rebar(),
        ReinMax(),
        StraightThrough(),
        DoubleCV(),
        MuProp(),
        MeasureValued(),
    ],
    ids=str,
)
def test_a_probability_that_has_rounded_to_one_stays_finite(key, estimator):
    def value(logit):
        dist = dists.Bernoulli(probs=jax.nn.sigmoid(logit))
        return expectation(key, lambda b: (b - 0.3) ** 2, dist, estimator, 2)

    value, gradient = jax.value_and_grad(value)(20.0)
    assert np.isfinite(gradient)
    np.testing.assert_allclose(value, 0.49, rtol=1e-5)


def test_sixteen_bits_draw_from_the_right_distribution(key):
    # jax.random.bernoulli compares a uniform of the width of the probability.
    drawn = grad_samples(
        key, lambda b: b, coin, jnp.bfloat16(-6.0), ScoreFunction(), 100_000
    )
    truth = 0.00247 * (1 - 0.00247)
    drawn = np.asarray(drawn, np.float64)
    assert abs(drawn.mean() - truth) < 5 * drawn.std() / np.sqrt(len(drawn))


def test_all_agree_on_what_a_probability_of_a_category_is(key):
    # `probs` need not sum to 1: it is the normalised ones that are differentiated.
    def gradient(estimator, samples):
        return jax.grad(
            lambda p: expectation(
                jax.random.clone(key),
                lambda x: (x + 1.0) ** 2,
                dists.Categorical(probs=p),
                estimator,
                samples,
            )
        )(jnp.array([0.2, 0.3, 0.5]))

    right = [-4.9, -1.9, 3.1]
    np.testing.assert_allclose(gradient(Enumerate(), 1), right, rtol=1e-4)
    for estimator in (MeasureValued(), ScoreFunction("leave_one_out")):
        np.testing.assert_allclose(gradient(estimator, 20_000), right, atol=0.3)


def test_a_support_that_moves_is_seen_through_a_transform():
    shift = dists.transforms.AffineTransform(1.0, 2.0)
    moved = dists.TransformedDistribution(dists.Exponential(1.0), shift)
    assert "moves" in why_not(ScoreFunction(), jnp.sin, moved)
    still = dists.TransformedDistribution(dists.Normal(0.0, 1.0), shift)
    assert why_not(ScoreFunction(), jnp.sin, still) is None


def test_auto_looks_at_the_parameters_that_are_trained(key):
    # The concentration, a plain number, has no weak derivative and needs none.
    auto = Auto((MeasureValued(coupling=True), ScoreFunction()))
    check_unbiased(
        key,
        jnp.square,
        lambda rate: dists.Gamma(2.0, rate),
        2.0,
        auto,
        repeats=5000,
    )
    with pytest.raises(InputError, match="None of the candidates"):
        expectation(jax.random.clone(key), jnp.sin, normal(0.0), Auto((ARM(),)), 2)


def test_rare_draws_raise_no_false_alarm(key):
    def rare(key):
        return (jax.random.uniform(key) < 1e-3).astype(jnp.float32)

    keys = jax.random.split(key, 40)
    for one in keys:
        check_mean(one, rare, 1e-3, repeats=10_000)


@pytest.mark.parametrize(
    ("said", "call"),
    [
        ("Write Pathwise()", lambda k: expectation(k, jnp.sin, normal(0.0), Pathwise)),
        ("is no distribution", lambda k: expectation(k, jnp.sin, 1.0, Pathwise())),
        (
            "num_samples=0",
            lambda k: expectation(k, jnp.sin, normal(0.0), Pathwise(), 0),
        ),
        ("dist_fn is", lambda k: compare(k, jnp.sin, normal(0.0), 1.0)),
        (
            "estimators has",
            lambda k: compare(k, jnp.sin, normal, 1.0, estimators=["x"]),
        ),
        (
            "of the shapes",
            lambda k: compare(k, jnp.sin, normal, 1.0, reference=np.ones(3)),
        ),
        ("params is empty", lambda k: compare(k, jnp.sin, normal, {})),
        (
            "f takes 3",
            lambda k: grad_samples(k, lambda a, b, c: a, normal, 1.0, Pathwise()),
        ),
        ("repeats=0", lambda k: grad_samples(k, jnp.sin, normal, 1.0, Pathwise(), 0)),
    ],
)
def test_misuse_gets_a_sentence(key, said, call):
    with pytest.raises(InputError) as caught:
        call(key)
    assert said in str(caught.value)

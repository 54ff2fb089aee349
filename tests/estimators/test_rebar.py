import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dists
import pytest

from jaxgen.errors import InputError
from jaxgen.estimators import gumbel, rebar
from jaxgen.estimators.base import expectation
from jaxgen.estimators.one_hot import OneHotCategorical
from jaxgen.estimators.pathwise import Pathwise
from jaxgen.estimators.rebar import Rebar, Relax
from tests.estimators.moments import (
    assert_mean,
    assert_variance,
    exact_gradient,
    gradient_draws,
    standard_errors,
)


@pytest.fixture(autouse=True)
def numpyro_may_promote_ranks():
    with jax.numpy_rank_promotion("allow"):
        yield


def bernoulli(params):
    return dists.Bernoulli(logits=params)


def many_bernoullis(params):
    return dists.Bernoulli(logits=params["logits"]).to_event(1)


def one_hot(params):
    return OneHotCategorical(logits=params["logits"]).to_event(1)


TARGETS = np.array([0.45, 0.49, 0.499])


def toy(params, b):
    return (b - jnp.asarray(TARGETS, jnp.float32)) ** 2


@pytest.mark.parametrize(
    ("eta", "variance"),
    [
        (1.0, [0.022653, 0.022305, 0.022290]),
        # Nothing of the control variate: the score function.
        (0.0, [0.0159391, 0.0156375, 0.0156251]),
    ],
)
def test_rebar_of_the_toy_has_the_tabled_variance(key, eta, variance):
    estimator = Rebar(0.5, eta)
    draws = gradient_draws(
        key, estimator, toy, bernoulli, jnp.zeros(3), num_samples=1, repeats=200_000
    )
    assert_mean(draws, (1 - 2 * TARGETS) / 4)
    assert_variance(draws, np.array(variance))


LOGITS = np.random.default_rng(3).normal(size=(2, 2, 3)).astype(np.float32)
W = jnp.array([1.0, -0.5, 0.8])
CASES = {
    "bernoulli": (many_bernoullis, {"logits": jnp.asarray(LOGITS[:, 0]), "w": W}),
    "one-hot": (one_hot, {"logits": jnp.asarray(LOGITS), "w": W}),
}


def joint(params, x):
    codes = (x * params["w"]).reshape(2, -1)
    return jnp.sin(2 * codes.sum(-1)) + 2 * codes[:, 0] * codes[:, 1] ** 2


def in_jumps(params, x):
    flat = x.reshape(2, -1)
    return jnp.floor(1.5 * flat[:, 0] + flat[:, 1] - 0.6 * flat[:, 2]) * params["w"][0]


def control_variate(params, z):
    squashed = jnp.tanh(z.reshape(2, -1) * params["scale"])
    return jnp.sum(squashed, axis=-1) ** 2 * params["gain"]


CONTROL = {"scale": jnp.array(0.7), "gain": jnp.array(0.6)}


def relax_draws(key, f, make, params, repeats):
    estimator = Relax(control_variate, CONTROL)
    unused = jax.random.key(0)
    state = estimator.init(unused, make(params))
    return gradient_draws(
        key, estimator, f, make, params, num_samples=2, repeats=repeats, state=state
    )


@pytest.mark.parametrize("case", CASES)
def test_rebar_is_unbiased_in_the_logits_and_in_f(key, case):
    make, params = CASES[case]
    draws = gradient_draws(
        key, Rebar(0.4, 0.8), joint, make, params, num_samples=2, repeats=50_000
    )
    assert_mean(draws, exact_gradient(joint, make, params))


@pytest.mark.parametrize("case", CASES)
def test_relax_is_unbiased_for_jumps_with_any_control_variate(key, case):
    make, params = CASES[case]
    draws = relax_draws(key, in_jumps, make, params, 50_000)
    assert_mean(draws, exact_gradient(in_jumps, make, params))


@pytest.mark.parametrize("case", CASES)
def test_stopping_the_path_of_the_conditional_noise_biases(key, case, monkeypatch):
    kept = gumbel.conditional

    def stopped(*args):
        return jax.lax.stop_gradient(kept(*args))

    monkeypatch.setattr(gumbel, "conditional", stopped)
    make, params = CASES[case]
    first, second = jax.random.split(key)
    draws = gradient_draws(
        first, Rebar(0.4, 0.8), joint, make, params, num_samples=2, repeats=20_000
    )
    far = standard_errors(
        draws["logits"], exact_gradient(joint, make, params)["logits"]
    )
    assert far.max() > 10
    draws = relax_draws(second, in_jumps, make, params, 20_000)
    exact = exact_gradient(in_jumps, make, params)
    assert standard_errors(draws["logits"], exact["logits"]).max() > 10


@pytest.mark.parametrize("case", CASES)
def test_relax_with_f_for_its_control_variate_is_rebar(case):
    make, params = CASES[case]
    dist = make(params)

    def f(x):
        return joint(params, x)

    def relaxed(temperature, z):
        return 0.8 * f(gumbel.soften(z, temperature, dist))

    estimator = Relax(relaxed, jnp.array(0.4))

    def values(logits):
        dist = make(params | {"logits": logits})
        state = estimator.init(jax.random.key(0), dist)
        one, _ = expectation(jax.random.key(1), f, dist, estimator, 3, state)
        other = expectation(jax.random.key(1), f, dist, Rebar(0.4, 0.8), 3)
        return one, other

    one, other = jax.jit(jax.jacrev(values))(params["logits"])
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


class Recorder:
    """An optimizer whose step is the slope itself."""

    def init(self, params):
        return jnp.zeros((), jnp.int32)

    def update(self, grads, opt_state, params):
        return jax.tree.map(jnp.negative, grads), opt_state + 1


def test_relax_steps_down_the_square_of_the_gradient_it_returns():
    def control(params, z):
        return params[0] * jnp.tanh(params[1] * z)

    def gradient(params):
        estimator = Relax(control, params, Recorder())

        def value(logits):
            return expectation(
                jax.random.key(3),
                lambda b: 3 * b - 1,
                dists.Bernoulli(logits=logits),
                estimator,
                num_samples=1,
                state=rebar.RelaxState(params, jnp.zeros((), jnp.int32)),
            )

        def total(logits):
            values, state = value(logits)
            return values.sum(), state

        return jax.grad(total, has_aux=True)(jnp.array([0.4, -0.7], jnp.float64))

    with jax.enable_x64(True):
        params, step = jnp.array([0.8, -1.3]), 1e-5
        offsets = step * jnp.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]])
        found, state = jax.jit(jax.vmap(gradient))(params[None] + offsets)
    # One step for the mean over the batch.
    squares = np.mean(np.asarray(found) ** 2, axis=1)
    expected = (squares[1::2] - squares[2::2]) / (2 * step)
    assert np.abs(expected).min() > 1e-3
    np.testing.assert_allclose(params - state.params[0], expected, rtol=1e-6)
    np.testing.assert_array_equal(state.opt_state, np.ones(5))


def test_relax_learns_a_control_variate_of_less_variance(key):
    def control(params, z):
        return params["gain"] * jax.nn.sigmoid(2 * z).sum(-1) + params["level"]

    def f(params, b):
        return jnp.floor(2 * b.sum(-1)) + 3.0

    zeros = {"gain": jnp.array(0.0), "level": jnp.array(0.0)}
    estimator, logits = Relax(control, zeros), jnp.zeros(3)
    dist = dists.Bernoulli(logits=logits).to_event(1)
    first, train, *later = jax.random.split(key, 4)
    start = estimator.init(first, dist)

    def step(state, one):
        _, state = expectation(one, lambda b: f(None, b), dist, estimator, 10, state)
        return state, None

    trained, _ = jax.jit(lambda s, k: jax.lax.scan(step, s, jax.random.split(k, 300)))(
        start, train
    )
    exact, totals = np.full(3, 0.5), []
    for one, state in zip(later, (start, trained), strict=True):
        draws = gradient_draws(
            one,
            estimator,
            f,
            lambda x: dists.Bernoulli(logits=x).to_event(1),
            logits,
            num_samples=1,
            repeats=20_000,
            state=state,
        )
        assert_mean(draws, exact)
        totals.append(draws.var(axis=0).sum())
    assert totals[1] < totals[0] / 4


def test_estimate_does_not_depend_on_the_step_and_its_params_get_no_gradient():
    make, params = CASES["bernoulli"]

    def value(logits, control, optimizer):
        estimator = Relax(control_variate, control, optimizer)
        dist = make({"logits": logits})
        state = estimator.init(jax.random.key(0), dist)
        done, following = expectation(
            jax.random.key(1),
            lambda x: in_jumps(params, x),
            dist,
            estimator,
            2,
            state,
        )
        learned = sum(jnp.sum(leaf) for leaf in jax.tree.leaves(following.params))
        return done.sum(), learned

    def everything(logits, control):
        both = []
        for optimizer in (None, Recorder()):
            both.append(
                jax.grad(value, argnums=(0, 1), has_aux=True)(
                    logits, control, optimizer
                )
            )
        leak = jax.grad(lambda x: value(x, control, None)[1])(logits)
        return both, leak

    (small, large), leak = jax.jit(everything)(params["logits"], CONTROL)
    np.testing.assert_array_equal(small[0][0], large[0][0])
    assert small[1] != large[1]
    jax.tree.map(lambda g: np.testing.assert_array_equal(g, 0.0), small[0][1])
    np.testing.assert_array_equal(leak, jnp.zeros_like(leak))


def test_relax_of_a_continuous_variable_with_c_of_f_is_pathwise():
    def f(x):
        return jnp.sum(jnp.sin(2 * x), axis=-1)

    estimator = Relax(lambda params, x: f(x), ())

    def values(mean, scale):
        dist = dists.Normal(mean, scale).to_event(1)
        state = estimator.init(jax.random.key(0), dist)
        one, _ = expectation(jax.random.key(1), f, dist, estimator, 3, state)
        return one, expectation(jax.random.key(1), f, dist, Pathwise(), 3)

    arguments = jnp.arange(6.0).reshape(2, 3), jnp.array(0.7)
    one, other = jax.jit(jax.jacrev(values, argnums=(0, 1)))(*arguments)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), one, other
    )


def test_relax_of_continuous_variables_is_unbiased_for_jumps(key):
    def f(params, x):
        return params["w"] * jnp.where(x > 1.0, 1.0, 0.0)

    def control(params, x):
        return jax.nn.sigmoid(2 * (x - 0.8))

    estimator = Relax(control, ())
    params = {"first": jnp.array([0.7, 0.2]), "second": jnp.array(1.3), "w": 2.0}
    kinds = [
        lambda p: dists.Normal(p["first"], p["second"]),
        lambda p: dists.Gamma(1 + p["first"], p["second"]),
    ]
    for one, make in zip(jax.random.split(key), kinds, strict=True):
        draws = gradient_draws(
            one,
            estimator,
            f,
            make,
            params,
            num_samples=1,
            repeats=10_000,
            state=estimator.init(jax.random.key(0), make(params)),
        )
        with jax.enable_x64(True):
            wide = jax.tree.map(lambda x: jnp.asarray(x, jnp.float64), params)
            exact = jax.grad(lambda p, of=make: jnp.sum(p["w"] * tail(of(p))))(wide)
        assert_mean(draws, exact)


def tail(dist):
    """P(x > 1), by the midpoint rule over [1, 40] in float64."""
    x = 1 + 39 * (jnp.arange(200_000.0)[:, None] + 0.5) / 200_000
    return jnp.exp(dist.log_prob(x)).sum(axis=0) * 39 / 200_000


FAR = jnp.array([[50.0, -50.0, 0.0], [-50.0, 50.0, 50.0], [1e4, 0.0, -1e4]])


@pytest.mark.parametrize("family", [dists.Bernoulli, OneHotCategorical])
def test_far_logits_and_cold_relaxations_give_finite_gradients(family):
    relax = Relax(lambda params, z: jnp.sum(jnp.tanh(params * z), -1), 0.5)

    def values(logits, temperature):
        dist = family(logits=logits)
        dist = dist.to_event(1) if family is dists.Bernoulli else dist

        def f(x):
            return jnp.sum(x**3, axis=-1)

        state = relax.init(jax.random.key(2), dist)
        learned, state = expectation(jax.random.key(1), f, dist, relax, 8, state)
        value = expectation(jax.random.key(0), f, dist, Rebar(temperature), 8)
        return (value, learned), state.params

    both = jax.jit(jax.jacrev(values, has_aux=True))
    for temperature in (1e-3, 0.5):
        for leaf in jax.tree.leaves(both(FAR, temperature)):
            assert jnp.isfinite(leaf).all()


def test_costs():
    dist = dists.Bernoulli(logits=0.0)
    assert Rebar().cost(dist, 3) == (3, 6)
    assert Relax(control_variate, CONTROL).cost(dist, 3) == (3, 0)


@pytest.mark.parametrize(
    ("estimator", "dist", "sentence"),
    [
        (Rebar(), dists.Normal(), r"Rebar\(\) is for Bernoulli and OneHot"),
        (Relax(control_variate, CONTROL), dists.Bernoulli(0.5), "keeps a state"),
        (
            Relax(control_variate, CONTROL),
            dists.Categorical(logits=jnp.zeros(3)),
            r"Relax\(control_variate, ...\) needs .* Use jaxgen.estimators.OneHot",
        ),
        (Relax(control_variate, CONTROL), dists.Poisson(1.0), "Use ScoreFunction"),
        (Relax(control_variate, CONTROL), dists.Uniform(0.0, 2.0), "Use Pathwise"),
    ],
)
def test_refusals_are_sentences(estimator, dist, sentence):
    with pytest.raises(InputError, match=sentence):
        expectation(jax.random.key(0), lambda x: 1.0 * x, dist, estimator)


def test_rebar_refuses_a_function_of_jumps_and_a_temperature_of_zero():
    dist = dists.Bernoulli(logits=0.0)
    with pytest.raises(InputError, match="f changes in jumps only"):
        expectation(jax.random.key(0), lambda b: jnp.floor(b), dist, Rebar())
    with pytest.raises(InputError, match="temperature=0"):
        Rebar(0)

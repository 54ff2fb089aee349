import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dists
import pytest

from jaxgen.errors import InputError
from jaxgen.estimators import measure_valued
from jaxgen.estimators.base import expectation
from jaxgen.estimators.exact import Enumerate, Quadrature
from jaxgen.estimators.measure_valued import MeasureValued, each_coordinate
from jaxgen.estimators.one_hot import OneHotCategorical
from tests.estimators.moments import assert_mean, assert_variance, gradient_draws

PI = np.pi


@pytest.fixture(autouse=True)
def numpyro_may_promote_ranks():
    with jax.numpy_rank_promotion("allow"):
        yield


def normal(params):
    return dists.Normal(*params)


def exact(f, make, params, rule):
    def value(params):
        unused = jax.random.key(0)
        return expectation(unused, lambda x: f(params, x), make(params), rule).sum()

    with jax.enable_x64(True):
        wide = jax.tree.map(lambda x: jnp.asarray(np.asarray(x), jnp.float64), params)
        return jax.tree.map(np.asarray, jax.jit(jax.grad(value))(wide))


# Variance in mu and sigma, coupled and free, at mu = sigma = 1, of Mohamed et al. 2020,
# figures 2 and 3; of m z and (m z)^2 too, with m = 3. For these in sigma, with the
# Maxwell M and N = U M: Var(M - N) = 3 + 1 - 2 * 3 / 2 = 1 of a linear f.
TABLE = (
    (lambda x: (x + 3) ** 2, (17.487, 68), (10.017, 264)),
    (lambda x: x**2, (1.0930, 8), (1.8197, 24)),
    (lambda x: jnp.exp(-0.1 * x**2), (0.0025091, 0.021971), (0.0050713, 0.087306)),
    (lambda x: jnp.cos(0.5 * x), (0.0082755, 0.065266), (0.015163, 0.22668)),
    (lambda x: jnp.cos(5 * x), (0.29572, 0.99999), (0.16048, 1.0)),
    (lambda x: 3 * x, (9 * (4 / PI - 1), 9), (9 * (2 / PI - 0.5), 36)),
    (
        lambda x: (3 * x) ** 2,
        (81 * (16 / PI - 4), 81 * 8),
        (81 * (12 - 2 * PI) / PI, 81 * 24),
    ),
)


def each_of_the_table(_, x):
    """The functions side by side, one for each batch element."""
    return jnp.stack([f(x[i]) for i, (f, _, _) in enumerate(TABLE)])


@pytest.mark.parametrize("coupling", [True, False, "auto"])
def test_normal_has_its_exact_mean_and_variance(key, coupling):
    params = (jnp.ones(len(TABLE)), jnp.ones(len(TABLE)))
    mean = exact(each_of_the_table, normal, params, Quadrature())
    coupled, free = (np.array([row[i] for row in TABLE]).T for i in (1, 2))
    # "auto": the better one for each batch element and each parameter.
    variance = {True: coupled, False: free}.get(coupling, np.minimum(coupled, free))
    estimator = MeasureValued(coupling=coupling)
    draws = gradient_draws(
        key,
        estimator,
        each_of_the_table,
        normal,
        params,
        num_samples=1,
        repeats=20_000,
    )
    assert_mean(draws, mean)
    # At cos 5x in sigma the two couplings differ in the fifth digit; either is right.
    for values, value in zip(draws, variance, strict=True):
        assert_variance(values, value * (1 + 3e-5))


def test_auto_chooses_for_each_coordinate_and_samples_are_averaged(key):
    # A linear coordinate beside an even one, the other way round in the second row.
    even = np.array([[0, 1], [1, 0]])

    def f(_, x):
        return jnp.sum(jnp.where(even == 1, x**2, x), axis=-1)

    def make(params):
        return dists.Normal(params, 1.0).to_event(1)

    draws = gradient_draws(
        key,
        MeasureValued("auto"),
        f,
        make,
        jnp.ones((2, 2)),
        num_samples=4,
        repeats=10_000,
    )
    # What the other coordinate adds to f is common to both terms and falls out.
    exact_variance = np.where(even == 1, 16 / PI - 4, 2 / PI - 0.5) / 4
    assert_variance(draws, exact_variance)


def weighted(params, x):
    # It depends on the parameters itself, and ties the coordinates together.
    first, weight = next(iter(params.values())), np.array([0.5, -0.3])
    return jnp.sin(x @ weight) + 0.1 * x[..., 0] * x[..., 1] * jnp.sum(first)


FAMILIES = {
    "Poisson": (
        lambda p: dists.Poisson(p["rate"]).to_event(1),
        {"rate": jnp.array([[1.5, 0.4], [0.8, 2.0]])},
    ),
    "Exponential": (
        lambda p: dists.Exponential(p["rate"]).to_event(1),
        {"rate": jnp.array([[1.5, 0.6], [0.8, 2.0]])},
    ),
    "Gamma": (
        lambda p: dists.Gamma(jnp.array([2.5, 0.7]), p["rate"]).to_event(1),
        {"rate": jnp.array([[1.5, 0.6], [0.8, 2.0]])},
    ),
    "Weibull": (
        lambda p: dists.Weibull(p["scale"], jnp.array([1.7, 0.9])).to_event(1),
        {"scale": jnp.array([[1.5, 0.6], [0.8, 0.9]])},
    ),
    "Bernoulli by probs": (
        lambda p: dists.Bernoulli(probs=p["probs"]).to_event(1),
        {"probs": jnp.array([[0.2, 0.5], [0.7, 0.9]])},
    ),
    "Categorical": (
        lambda p: dists.Categorical(logits=p["logits"]).to_event(1),
        {"logits": jnp.array([[[0.0, 1.0, -0.5], [0.3, 0.0, 0.2]]])},
    ),
}


# An exponential is a gamma of concentration 1, and is tried without coupling below.
@pytest.mark.parametrize("name", sorted(set(FAMILIES) - {"Exponential"}))
def test_the_mean_is_the_gradient(key, name):
    make, params = FAMILIES[name]
    finite = name.startswith(("Bernoulli", "Categorical"))
    truth = exact(weighted, make, params, Enumerate() if finite else Quadrature(128))
    draws = gradient_draws(
        key,
        MeasureValued(coupling=True),
        weighted,
        make,
        params,
        num_samples=4,
        repeats=4_000,
    )
    assert_mean(draws, truth)


@pytest.mark.parametrize("name", ["Exponential", "Weibull"])
def test_the_mean_does_not_depend_on_the_coupling(key, name):
    make, params = FAMILIES[name]
    draws = gradient_draws(
        key,
        MeasureValued(coupling=False),
        weighted,
        make,
        params,
        num_samples=4,
        repeats=4_000,
    )
    assert_mean(draws, exact(weighted, make, params, Quadrature(128)))


def test_one_hot_samples_are_replaced_as_vectors(key):
    logits = jnp.array([[[0.0, 1.0, -0.5], [0.3, 0.0, 0.2]]] * 2)

    def f(params, x):
        return jnp.sin(x[..., 0, :] @ np.array([0.1, 1, 2])) * x[..., 1, 2]

    def make(params):
        return OneHotCategorical(logits=params).to_event(1)

    draws = gradient_draws(
        key, MeasureValued(), f, make, logits, num_samples=1, repeats=5_000
    )
    assert_mean(draws, exact(f, make, logits, Enumerate()))


@pytest.mark.parametrize(
    ("make", "params", "f"),
    [
        (dists.Bernoulli, 0.3, lambda p, b: (b - 0.4) ** 3),
        (lambda p: dists.Bernoulli(logits=p), 0.0, lambda p, b: (b - 0.4) ** 3),
        (
            lambda p: dists.Categorical(logits=p),
            np.array([0.0, 0.5, 2.0]),
            lambda p, i: jnp.cos(3.0 * i),
        ),
        (
            lambda p: dists.Categorical(probs=jax.nn.softmax(p)),
            np.array([0.0, 0.5, 2.0]),
            lambda p, i: jnp.cos(3.0 * i),
        ),
    ],
)
def test_one_finite_coordinate_is_exact(key, make, params, f):
    params = jnp.asarray(params)
    draws = gradient_draws(
        key, MeasureValued(), f, make, params, num_samples=1, repeats=100
    )
    truth = np.broadcast_to(exact(f, make, params, Enumerate()), draws.shape)
    np.testing.assert_allclose(draws, truth, rtol=1e-5, atol=1e-6)


def test_a_program_with_jumps_is_no_trouble(key):
    def f(_, x):
        return jax.pure_callback(
            lambda x: np.floor(x).astype(np.float32),
            jax.ShapeDtypeStruct(x.shape, jnp.float32),
            x,
            vmap_method="expand_dims",
        )

    draws = gradient_draws(
        key,
        MeasureValued(),
        f,
        normal,
        (jnp.float32(0.3), jnp.float32(0.7)),
        num_samples=10,
        repeats=2_000,
    )

    steps = np.arange(-20, 21)
    # E floor(x) = sum over k > 0 of P(x >= k) - sum over k <= 0 of P(x < k).
    pdf = np.exp(-(((steps - 0.3) / 0.7) ** 2) / 2) / (0.7 * np.sqrt(2 * PI))
    truth = (pdf.sum(), (pdf * (steps - 0.3) / 0.7).sum())
    assert_mean(draws, truth)


def shapes_of_gradient(argument, transform):
    def value(concentration, rate):
        dist = dists.Gamma(concentration, rate)
        return expectation(jax.random.key(3), jnp.cos, dist, MeasureValued(), 2).sum()

    params = (jnp.array([2.0, 1.0]), jnp.array([1.5, 1.0]))
    return jax.eval_shape(jax.grad(transform(value), argnums=argument), *params)


def mapped(f):
    return lambda *xs: jax.vmap(f)(*xs).sum()


@pytest.mark.parametrize("transform", [lambda f: f, jax.jit, jax.checkpoint, mapped])
def test_a_derivative_that_is_not_known_is_refused_and_no_other(transform):
    assert shapes_of_gradient(1, transform).shape == (2,)
    with pytest.raises(InputError, match="concentration"):
        shapes_of_gradient(0, transform)


def test_blocks_of_coordinates_give_what_all_at_once_give(key, monkeypatch):
    def gradient():
        def value(logits):
            dist = dists.Bernoulli(logits=logits).to_event(1)
            return expectation(
                jax.random.clone(key),
                lambda b: jnp.sum(logits) * jnp.prod(b + 0.5, axis=-1),
                dist,
                MeasureValued(),
                3,
            )

        return jax.jit(jax.grad(value))(jnp.linspace(-1, 1, 10))

    at_once = gradient()
    monkeypatch.setattr(measure_valued, "AT_ONCE", 100)
    np.testing.assert_allclose(gradient(), at_once, rtol=1e-5)


def test_ten_thousand_coordinates_fit():
    def value(loc):
        dist = dists.Normal(loc, 1.0).to_event(1)
        f = lambda x: jnp.sum(jnp.sin(loc)) + jnp.sum(x**2, axis=-1)  # noqa: E731
        estimator = MeasureValued(coupling=True)
        return expectation(jax.random.key(0), f, dist, estimator, 1)

    compiled = jax.jit(jax.grad(value)).lower(jnp.ones(10_000)).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < 2**27
    pieces = each_coordinate(lambda i: i * 2, 10_000, 10_000)
    np.testing.assert_array_equal(pieces, 2 * np.arange(10_000))


def unit_normals(params):
    return dists.Normal(params["loc"], 1.0).to_event(1)


@pytest.mark.parametrize(
    ("make", "params"),
    [
        *(FAMILIES[n] for n in ("Exponential", "Bernoulli by probs", "Categorical")),
        (unit_normals, {"loc": jnp.zeros((2, 3))}),
    ],
)
def test_the_cost_is_the_number_of_evaluations_of_a_gradient(make, params):
    shape, estimator = make(params).batch_shape, MeasureValued(coupling=True)
    seen = 0

    def f(x):
        def count(x):
            nonlocal seen
            seen += 1
            return np.zeros(shape, np.float32)

        out = jax.ShapeDtypeStruct(shape, jnp.float32)
        return jax.pure_callback(count, out, x, vmap_method="sequential")

    def value(params, key):
        return expectation(key, f, make(params), estimator, 3).sum()

    jax.block_until_ready(jax.jit(jax.grad(value))(params, jax.random.key(0)))
    moving = ["loc"] if "loc" in params else None
    assert seen == estimator.cost(make(params), 3, moving).evaluations

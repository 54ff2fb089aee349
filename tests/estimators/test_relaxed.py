import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dists
import pytest

from jaxgen.errors import InputError
from jaxgen.estimators import gumbel
from jaxgen.estimators.base import expectation
from jaxgen.estimators.one_hot import OneHotCategorical
from jaxgen.estimators.relaxed import (
    GumbelRao,
    GumbelSoftmax,
    ReinMax,
    StraightThrough,
)
from tests.estimators.moments import (
    assert_mean,
    assert_variance,
    exact_gradient,
    gradient_draws,
)

EVERY = [
    GumbelSoftmax(0.5),
    GumbelSoftmax(0.5, hard=True),
    StraightThrough(),
    GumbelRao(0.5, 3),
    ReinMax(),
]


@pytest.fixture(autouse=True)
def numpyro_may_promote_ranks():
    with jax.numpy_rank_promotion("allow"):
        yield


def bernoulli(params):
    return dists.Bernoulli(logits=params)


def one_hot(params):
    return OneHotCategorical(logits=params["logits"]).to_event(1)


def many_bernoullis(params):
    return dists.Bernoulli(logits=params["logits"]).to_event(1)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


LOGITS = jnp.array([-1.5, 0.0, 0.8])
UNIFORM = (np.arange(2_000_000) + 0.5) / 2_000_000


def relaxation_moments(slope_at, temperature):
    """Mean and variance over the uniform behind z, by the midpoint rule in float64."""
    found = []
    for logit in np.asarray(LOGITS, np.float64):
        z = logit + np.log(UNIFORM) - np.log1p(-UNIFORM)
        soft = sigmoid(z / temperature)
        gradient = slope_at(z, soft) * soft * (1 - soft) / temperature
        found.append((gradient.mean(), gradient.var()))
    return np.array(found).T


@pytest.mark.parametrize("hard", [False, True])
def test_gumbel_softmax_has_the_mean_and_variance_of_its_integral(key, hard):
    def slope(z, soft):
        return 3 * np.where(hard, z > 0, soft) ** 2 - 0.4

    draws = gradient_draws(
        key,
        GumbelSoftmax(0.5, hard=hard),
        lambda params, b: b**3 - 0.4 * b,
        bernoulli,
        LOGITS,
        num_samples=1,
        repeats=100_000,
    )
    mean, variance = relaxation_moments(slope, 0.5)
    assert_mean(draws, mean)
    assert_variance(draws, variance)


def test_gumbel_softmax_of_the_toy_has_the_tabled_bias(key):
    targets = np.array([0.45, 0.49, 0.499])
    draws = gradient_draws(
        key,
        GumbelSoftmax(0.5),
        lambda params, b: (b - jnp.asarray(targets, jnp.float32)) ** 2,
        bernoulli,
        jnp.zeros(3),
        num_samples=1,
        repeats=100_000,
    )
    assert_mean(draws, [0.02146, 0.004292, 0.000429])
    assert_variance(draws, [0.014244, 0.013941, 0.013929])


def slanted(params, x):
    """A cubic over two one-hot vectors that depends on a parameter."""
    first, second = x[..., 0, :] @ params["w"], x[..., 1, :] @ params["w"]
    return first * second + first**3 - 2 * second


ONE_HOT = {
    "logits": jnp.asarray(np.random.default_rng(2).normal(size=(2, 2, 3)), jnp.float32),
    "w": jnp.array([1.0, -0.5, 0.7]),
}


def test_gumbel_rao_is_straight_through_averaged_over_its_noise(key):
    kept = {}
    pair = GumbelSoftmax(0.7, hard=True), GumbelRao(0.7, 8)
    for one, estimator in zip(jax.random.split(key), pair, strict=True):
        kept[type(estimator)] = gradient_draws(
            one, estimator, slanted, one_hot, ONE_HOT, num_samples=1, repeats=20_000
        )
    hard, rao = kept[GumbelSoftmax], kept[GumbelRao]
    for name in ONE_HOT:
        apart = hard[name].mean(axis=0) - rao[name].mean(axis=0)
        error = np.sqrt((hard[name].var(axis=0) + rao[name].var(axis=0)) / 20_000)
        np.testing.assert_array_less(np.abs(apart), 5 * error)
    ratio = rao["logits"].var(axis=0).sum() / hard["logits"].var(axis=0).sum()
    assert ratio < 0.9


def test_gumbel_rao_of_a_bernoulli_has_the_mean_of_the_integral(key):
    draws = gradient_draws(
        key,
        GumbelRao(0.5, 10),
        lambda params, b: b**3 - 0.4 * b,
        bernoulli,
        LOGITS,
        num_samples=1,
        repeats=50_000,
    )
    assert_mean(draws, relaxation_moments(lambda z, _: 3 * (z > 0) - 0.4, 0.5)[0])


def test_straight_through_is_the_jacobian_of_the_probabilities_times_the_slope():
    logits = jnp.array([0.3, -1.0, 2.0])
    slope = jnp.array([1.0, 4.0, -2.0])

    def value(logits):
        return expectation(
            jax.random.key(0),
            lambda x: x @ slope,
            OneHotCategorical(logits=logits),
            StraightThrough(),
            1,
        )

    p = jax.nn.softmax(logits)
    expected = p * slope - p * (p @ slope)
    np.testing.assert_allclose(jax.jit(jax.grad(value))(logits), expected, rtol=1e-5)


def quadratic(params, x):
    flat = x.reshape(2, -1)
    size = flat.shape[1]
    matrix = jnp.sin(jnp.arange(1.0, 1 + size**2).reshape(size, size))
    return ((flat @ matrix) * flat).sum(-1) + flat[:, :3] @ params["w"]


@pytest.mark.parametrize("make", [one_hot, many_bernoullis])
def test_reinmax_is_exact_for_a_quadratic(key, make):
    logits = ONE_HOT["logits"] if make is one_hot else ONE_HOT["logits"][:, 0]
    params = ONE_HOT | {"logits": 1.5 * logits}
    draws = gradient_draws(
        key, ReinMax(), quadratic, make, params, num_samples=1, repeats=100_000
    )
    assert_mean(draws, exact_gradient(quadratic, make, params))


def test_reinmax_of_two_classes_is_that_of_a_bernoulli(key):
    def of_bernoulli(params, b):
        return b**4 - b

    def of_classes(params, x):
        return of_bernoulli(params, x[..., 0])

    def classes(params):
        return OneHotCategorical(logits=jnp.stack([params, 0 * params], axis=-1))

    first, second = jax.random.split(key)
    settings = {"num_samples": 1, "repeats": 50_000}
    binary = gradient_draws(
        first, ReinMax(1.5), of_bernoulli, bernoulli, LOGITS, **settings
    )
    double = gradient_draws(
        second, ReinMax(1.5), of_classes, classes, LOGITS, **settings
    )
    error = np.sqrt((binary.var(axis=0) + double.var(axis=0)) / 50_000)
    apart = np.abs(binary.mean(axis=0) - double.mean(axis=0))
    np.testing.assert_array_less(apart, 5 * error)


@pytest.mark.parametrize("make", [one_hot, many_bernoullis])
def test_hard_samples_are_what_f_sees(make):
    logits = ONE_HOT["logits"] if make is one_hot else ONE_HOT["logits"][:, 0]
    dist = make({"logits": logits})

    def misses(x):
        return jnp.abs(x * (1 - x)).reshape(2, -1).sum(-1)

    def values(root):
        keys = jax.random.split(root, len(EVERY))
        return [
            expectation(key, misses, dist, estimator, 50)
            for key, estimator in zip(keys, EVERY, strict=True)
        ]

    relaxed, *hard = jax.jit(values)(jax.random.key(0))
    assert (relaxed > 0).all()
    for value in hard:
        np.testing.assert_array_equal(value, jnp.zeros(2))


def moments_of(z):
    centred = z - z.mean(axis=0)
    return np.stack([z, centred**2, np.abs(centred) ** 3], axis=-1)


@pytest.mark.parametrize("make", [one_hot, many_bernoullis])
def test_noise_given_its_sample_is_the_noise_of_the_sample(key, make):
    logits = ONE_HOT["logits"] if make is one_hot else ONE_HOT["logits"][:, 0]
    dist = make({"logits": logits})
    keys = jax.random.split(key, 3)
    free, other, fresh = (gumbel.noise(one, dist, 50_000) for one in keys)
    free = gumbel.free(free, logits[None], dist)
    hard = gumbel.harden(gumbel.free(other, logits[None], dist), dist)
    tied = gumbel.conditional(fresh, logits[None], hard, dist)
    np.testing.assert_array_equal(gumbel.harden(tied, dist), hard)
    first, second = (moments_of(np.asarray(z, np.float64)) for z in (free, tied))
    error = np.sqrt((first.var(axis=0) + second.var(axis=0)) / 50_000)
    apart = np.abs(first.mean(axis=0) - second.mean(axis=0))
    np.testing.assert_array_less(apart, 5 * error)


FAR = jnp.array([[50.0, -50.0, 0.0], [-50.0, 50.0, 50.0], [1e4, 0.0, -1e4]])


@pytest.mark.parametrize("temperature", [1e-3, 1.0])
@pytest.mark.parametrize("family", [dists.Bernoulli, OneHotCategorical])
def test_far_logits_and_cold_relaxations_give_finite_gradients(family, temperature):
    def values(logits, temperature):
        dist = family(logits=logits)
        dist = dist.to_event(1) if family is dists.Bernoulli else dist
        every = [
            GumbelSoftmax(temperature),
            GumbelSoftmax(temperature, hard=True),
            StraightThrough(),
            GumbelRao(temperature, 4),
            ReinMax(temperature),
        ]
        return [
            expectation(one, lambda x: jnp.sum(x**3, axis=-1), dist, estimator, 8)
            for one, estimator in zip(
                jax.random.split(jax.random.key(0), len(every)), every, strict=True
            )
        ]

    both = jax.jit(lambda x, t: (values(x, t), jax.jacrev(values)(x, t)))
    for leaf in jax.tree.leaves(both(FAR, temperature)):
        assert jnp.isfinite(leaf).all()


@pytest.mark.parametrize("family", [dists.Bernoulli, OneHotCategorical])
def test_far_logits_give_finite_and_true_conditional_noise(family):
    dist = family(logits=FAR)
    noise = gumbel.noise(jax.random.key(0), dist, 100)
    # The sample that all but never comes.
    rare = jnp.zeros_like(FAR).at[:, 2].set(1.0)
    hard = (1 - gumbel.harden(FAR, dist)) if family is dists.Bernoulli else rare
    hard = jnp.broadcast_to(hard[None], noise.shape)
    tied = gumbel.conditional(noise, FAR[None], hard, dist)
    assert jnp.isfinite(tied).all()
    assert (gumbel.harden(tied, dist) == hard).all()


def test_temperature_may_be_traced_and_learned():
    def value(temperature, logit):
        dist = dists.Bernoulli(logits=logit)
        return expectation(
            jax.random.key(0), lambda b: b**2, dist, GumbelSoftmax(temperature), 100
        )

    slope = jax.jit(jax.grad(value))(0.5, 0.3)
    step = (value(0.51, 0.3) - value(0.49, 0.3)) / 0.02
    np.testing.assert_allclose(slope, step, rtol=1e-2)


def test_multinomial_of_one_draw_is_a_one_hot_category():
    def gradient(make, estimator):
        def value(logits):
            f = lambda x: jnp.sum(x**2, axis=-1)  # noqa: E731
            return expectation(jax.random.key(1), f, make(logits), estimator, 3).sum()

        return jax.jit(jax.grad(value))(ONE_HOT["logits"][0])

    for estimator in (EVERY[0], EVERY[3]):
        np.testing.assert_allclose(
            gradient(lambda x: OneHotCategorical(logits=x), estimator),
            gradient(lambda x: dists.Multinomial(logits=x, total_count=1), estimator),
        )


@pytest.mark.parametrize(
    ("estimator", "dist", "f", "sentence"),
    [
        (
            GumbelSoftmax(0.5),
            dists.Categorical(logits=jnp.zeros(3)),
            lambda z: 1.0 * z,
            r"GumbelSoftmax\(temperature=0.5\) is for .*Use jaxgen.estimators.OneHot",
        ),
        (ReinMax(), dists.Normal(), lambda x: x, "not for Normal"),
        (
            ReinMax(),
            dists.Bernoulli(logits=0.0),
            lambda b: jnp.where(b > 0.5, 1.0, 0.0),
            "f changes in jumps only",
        ),
    ],
)
def test_refusals_are_sentences(estimator, dist, f, sentence):
    with pytest.raises(InputError, match=sentence):
        expectation(jax.random.key(0), f, dist, estimator)


def test_settings_out_of_range_are_refused():
    for make in (GumbelSoftmax, ReinMax, lambda t: GumbelRao(t, 1)):
        with pytest.raises(InputError, match="temperature=0:"):
            make(0.0)
    with pytest.raises(InputError, match="num_inner=0"):
        GumbelRao(1.0, 0)

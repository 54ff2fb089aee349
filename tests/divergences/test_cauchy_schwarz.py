import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxgen import divergences

GRID = np.linspace(-30, 30, 60_001)


def by_quadrature(q, p):
    cross, of_q, of_p = (np.trapezoid(f, GRID) for f in (q * p, q * q, p * p))
    return -np.log(cross) + 0.5 * np.log(of_q) + 0.5 * np.log(of_p)


@pytest.mark.parametrize(
    ("q", "p", "golden"),
    [
        ((0.7, np.log(0.3)), (-1.1, np.log(2.0)), 0.90193520),
        ((1.0, -1.0), (0.0, 0.0), 0.42558654),
    ],
)
def test_gaussian_divergence_has_the_golden_values_and_those_of_quadrature(
    q, p, golden
):
    with jax.enable_x64(True):
        arrays = [jnp.array([value]) for value in (*q, *p)]
        actual = divergences.gaussian_cauchy_schwarz(*arrays)
        backwards = divergences.gaussian_cauchy_schwarz(*arrays[2:], *arrays[:2])
    np.testing.assert_allclose(actual, golden, atol=1e-8)
    np.testing.assert_allclose(actual, backwards, rtol=1e-14)
    densities = [stats.norm(m, np.exp(v / 2)).pdf(GRID) for m, v in (q, p)]
    np.testing.assert_allclose(actual, by_quadrature(*densities), rtol=1e-9)


def test_it_is_half_the_kl_for_equal_variances(key):
    mean, other_mean, log_variance = jax.random.normal(key, (3, 4, 6))
    arguments = mean, log_variance, other_mean, log_variance
    np.testing.assert_allclose(
        divergences.gaussian_cauchy_schwarz(*arguments),
        0.5 * divergences.gaussian_kl_between(*arguments),
        rtol=1e-5,
    )


def test_near_the_prior_it_is_half_the_kl_in_the_mean_a_quarter_in_the_log_variance():
    small, zero = jnp.full(1, 1e-3), jnp.zeros(1)
    for q, share in (((small, zero), 1 / 2), ((zero, small), 1 / 4)):
        divergence = divergences.gaussian_cauchy_schwarz(*q, zero, zero)
        np.testing.assert_allclose(
            divergence, share * divergences.gaussian_kl(*q), rtol=1e-3
        )


@pytest.mark.parametrize("log_variance", [-160.0, 0.0, 160.0])
def test_gaussian_divergence_has_finite_gradients_at_extremes(log_variance):
    arguments = [jnp.array([x]) for x in (30.0, log_variance, 0.0, 0.0)]
    gradient = jax.grad(
        lambda x: divergences.gaussian_cauchy_schwarz_per_dimension(*x).sum()
    )(arguments)
    assert np.isfinite(gradient).all()


MIXTURE = (
    np.log([0.2, 0.5, 0.3]),
    np.array([[-2.0], [0.5], [3.0]]),
    np.log([[0.5], [1.5], [0.2]]),
)


def test_gaussian_against_a_mixture_agrees_with_quadrature():
    q = (np.array([[0.4], [-3.0]]), np.log([[0.7], [2.0]]))
    with jax.enable_x64(True):
        actual = divergences.gaussian_mixture_cauchy_schwarz(
            *(jnp.asarray(x) for x in (*q, *MIXTURE))
        )
    mixture = sum(
        np.exp(w) * stats.norm(m[0], np.exp(v[0] / 2)).pdf(GRID)
        for w, m, v in zip(*MIXTURE, strict=True)
    )
    gaussians = [
        stats.norm(m[0], np.exp(v[0] / 2)).pdf(GRID) for m, v in zip(*q, strict=True)
    ]
    expected = [by_quadrature(gaussian, mixture) for gaussian in gaussians]
    np.testing.assert_allclose(actual, expected, rtol=1e-9)


def test_a_mixture_that_is_one_gaussian_gives_the_form_for_two_gaussians(key):
    mean, log_variance = jax.random.normal(key, (2, 4, 5))
    m, v = mean[:1] + 1.0, log_variance[:1] - 0.5
    expected = divergences.gaussian_cauchy_schwarz(mean, log_variance, m[0], v[0])
    mixture = divergences.gaussian_mixture_cauchy_schwarz
    # Split in two halves, weights of any sum, and a component that is left out.
    weights = jnp.array([0.4, 0.4, -jnp.inf])
    actual, gradient = jax.value_and_grad(
        lambda w, m, v: mixture(mean, log_variance, w, m, v).sum(), argnums=(0, 1, 2)
    )(weights, jnp.tile(m, (3, 1)), jnp.tile(v, (3, 1)))
    np.testing.assert_allclose(actual, expected.sum(), rtol=1e-5)
    assert all(np.isfinite(g).all() for g in gradient)
    itself = mixture(m, v, jnp.zeros(1), m, v)
    np.testing.assert_allclose(itself, 0.0, atol=1e-6)


def test_discrete_forms_agree_with_their_sums(key):
    a, b = jax.random.normal(key, (2, 3, 4, 5))
    q, p = jax.nn.softmax(a), jax.nn.softmax(b)

    def by_sums(q, p):
        cross, of_q, of_p = ((x * y).sum(-1) for x, y in ((q, p), (q, q), (p, p)))
        return -np.log(cross) + 0.5 * np.log(of_q) + 0.5 * np.log(of_p)

    of = divergences.categorical_cauchy_schwarz
    np.testing.assert_allclose(of(a, b), by_sums(q, p).sum(-1), rtol=1e-4)
    uniform = jnp.full_like(q, 0.2)
    np.testing.assert_allclose(of(a), by_sums(q, uniform).sum(-1), rtol=1e-4)
    np.testing.assert_allclose(of(a), of(a, jnp.zeros(5)), rtol=1e-4)
    np.testing.assert_allclose(of(a, a), 0.0, atol=1e-6)
    q, p = (jnp.stack([jax.nn.sigmoid(x), jax.nn.sigmoid(-x)], -1) for x in (a, b))
    actual = divergences.bernoulli_cauchy_schwarz(a, b)
    np.testing.assert_allclose(actual, by_sums(q, p).sum(-1), rtol=1e-4)


@pytest.mark.parametrize("logit", [-np.inf, -1e30, 1e30, np.inf])
def test_a_sure_coin_is_half_of_log_two_from_a_fair_one(logit):
    logits, fair = jnp.array([logit]), jnp.zeros(1)
    value, slopes = jax.value_and_grad(divergences.bernoulli_cauchy_schwarz, (0, 1))(
        logits, fair
    )
    np.testing.assert_allclose(value, 0.5 * np.log(2), rtol=1e-6)
    assert np.isfinite(slopes).all()
    itself = divergences.bernoulli_cauchy_schwarz(logits, logits)
    np.testing.assert_allclose(itself, 0.0, atol=1e-6)


@pytest.mark.parametrize("low", [-np.inf, -1e30])
def test_a_class_that_never_occurs_leaves_gradients_finite(low):
    logits = jnp.array([[low, 0.0, 1.0]])
    for other in (None, jnp.zeros(3), logits):
        slope = jax.grad(divergences.categorical_cauchy_schwarz)(logits, other)
        assert np.isfinite(slope).all()

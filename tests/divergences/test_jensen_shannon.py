import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon

from jaxgen import divergences

LOG_2 = np.log(2)
# Compiled whole: one program in place of many.
bernoulli_js, categorical_js, gaussian_js, sampled_js = map(
    jax.jit,
    (
        divergences.bernoulli_js,
        divergences.categorical_js,
        divergences.gaussian_js,
        divergences.sampled_js,
    ),
)


def quadrature(m, v, other_m, other_v):
    """JS of two normals on a grid, in float64."""
    x = np.linspace(-60, 60, 2_000_001)
    q, p = (
        np.exp(-0.5 * (x - m) ** 2 / v) / np.sqrt(2 * np.pi * v)
        for m, v in ((m, v), (other_m, other_v))
    )
    with np.errstate(all="ignore"):
        parts = [np.nan_to_num(d * np.log(2 * d / (q + p))) for d in (q, p)]
    return 0.5 * np.trapezoid(sum(parts), x)


def test_categorical_js_agrees_with_scipy_and_is_symmetric(key):
    logits, other = 3 * jax.random.normal(key, (2, 6, 5))
    q, p = (np.asarray(jax.nn.softmax(x), np.float64) for x in (logits, other))
    found = categorical_js(logits, other)
    np.testing.assert_allclose(found, jensenshannon(q, p, axis=-1) ** 2, rtol=2e-5)
    np.testing.assert_allclose(found, categorical_js(other, logits))
    uniform = divergences.categorical_js(logits)
    expected = jensenshannon(q, np.full_like(q, 0.2), axis=-1) ** 2
    np.testing.assert_allclose(uniform, expected, rtol=2e-5)


def test_classes_that_never_occur_count_for_nothing():
    q = jnp.array([[0.0, 0.0, -jnp.inf, -jnp.inf]])
    p = jnp.array([0.0, -jnp.inf, 0.0, -jnp.inf])
    of_q = jax.value_and_grad(lambda logits: categorical_js(logits, p).sum())
    value, gradient = jax.jit(of_q)(q)
    np.testing.assert_allclose(value, LOG_2 / 2, rtol=1e-6)
    assert jnp.isfinite(gradient).all()
    np.testing.assert_allclose(categorical_js(q, q), 0.0)


def test_bernoulli_js_is_that_of_two_classes(key):
    a, b = 4 * jax.random.normal(key, (2, 7))
    pair = [jnp.stack([x, jnp.zeros(7)], axis=-1) for x in (a, b)]
    expected = categorical_js(*pair)
    np.testing.assert_allclose(bernoulli_js(a, b), expected, rtol=1e-4)
    ends = bernoulli_js(jnp.array([jnp.inf, 1e9]), jnp.array(-jnp.inf))
    np.testing.assert_allclose(ends, LOG_2, rtol=1e-6)


SETTINGS = [
    (0.0, 1.0, 2.0, 1.0),
    (0.0, 1.0, 6.0, 1.0),
    (0.5, 4.0, 0.0, 1.0),
    (0.3, 1e-4, 0.0, 1.0),
    (3.0, 1e-2, 0.0, 9.0),
]


def test_gaussian_js_agrees_with_quadrature():
    expected = [quadrature(*setting) for setting in SETTINGS]
    m, v, other_m, other_v = jnp.array(SETTINGS).T
    found = gaussian_js(m, jnp.log(v), other_m, jnp.log(other_v))
    np.testing.assert_allclose(found, expected, rtol=2e-5)
    swapped = gaussian_js(other_m, jnp.log(other_v), m, jnp.log(v))
    np.testing.assert_allclose(swapped, found, rtol=1e-5)


def test_gaussian_js_has_the_gradient_of_finite_differences():
    with jax.enable_x64(True):
        at = jnp.array([[0.0, 0.1, 2.0, -0.3], [9.0, 0.0, 0.0, 0.2]]).T

        def total(at):
            return gaussian_js(*at).sum()

        gradient, step = jax.jit(jax.grad(total))(at), 1e-5
        value = jax.jit(total)
        for i, j in np.ndindex(at.shape):
            ends = [value(at.at[i, j].add(sign * step)) for sign in (1, -1)]
            expected = (ends[0] - ends[1]) / (2 * step)
            np.testing.assert_allclose(gradient[i, j], expected, rtol=1e-6, atol=1e-10)


def test_gaussian_js_keeps_its_digits_near_equality():
    # JS = d^2 / 8 - ... for equal variances: a difference to log 2 would leave none.
    shift, zero = jnp.array([1e-3]), jnp.zeros(1)
    of_mean = jax.value_and_grad(lambda m: gaussian_js(m, zero, zero, zero).sum())
    value, slope = jax.jit(of_mean)(shift)
    np.testing.assert_allclose(value, 1e-6 / 8, rtol=1e-4)
    np.testing.assert_allclose(slope, 1e-3 / 4, rtol=1e-3)


def test_sampled_js_is_unbiased_and_bounded(key):
    of_q, of_p = jax.random.split(key)
    x, y = jax.random.normal(of_q, (20_000,)), 2 + jax.random.normal(of_p, (20_000,))
    log_q, log_p = (lambda x: -0.5 * x**2), (lambda x: -0.5 * (x - 2) ** 2)
    terms = jax.vmap(sampled_js)(
        *(z[:, None] for z in (log_q(x), log_p(x), log_q(y), log_p(y)))
    )
    error = terms.std() / np.sqrt(len(terms))
    assert abs(terms.mean() - quadrature(0, 1, 2, 1)) < 5 * error
    assert terms.max() <= LOG_2
    np.testing.assert_allclose(sampled_js(x, x, y, y), 0.0, atol=1e-7)


@pytest.mark.parametrize("ratio", [0.0, 1.9999, 2.0001, 3e38])
def test_the_parts_of_js_meet_where_their_formulas_change(ratio):
    logits = jnp.array([0.0, -ratio])
    p = np.exp(-np.float64(ratio)) / (1 + np.exp(-np.float64(ratio)))
    expected = jensenshannon([0.5, 0.5], [1 - p, p]) ** 2
    found = categorical_js(jnp.zeros(2), logits)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-12)

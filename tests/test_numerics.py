from decimal import Decimal, localcontext

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import numerics


def test_softplus_is_exact_where_the_naive_form_overflows_or_vanishes():
    x = np.array([-1e4, -80.0, -1.0, 0.0, 1.0, 80.0, 1e4])
    np.testing.assert_allclose(
        numerics.softplus(jnp.asarray(x)), np.logaddexp(0, x), rtol=1e-6
    )


@pytest.mark.parametrize("x", [-2.0, 0.0, 2.0])
def test_derivatives_of_softplus_are_those_of_the_sigmoid(x):
    s = 1 / (1 + np.exp(-x))
    first = jax.grad(numerics.softplus)
    second = jax.grad(first)
    np.testing.assert_allclose(first(x), s, rtol=1e-6)
    np.testing.assert_allclose(second(x), s * (1 - s), rtol=1e-6)
    np.testing.assert_allclose(
        jax.grad(second)(x), s * (1 - s) * (1 - 2 * s), atol=1e-6
    )


def decimal_sinh(x):
    return (x.exp() - (-x).exp()) / 2


def decimal_cosh(x):
    return (x.exp() + (-x).exp()) / 2


# Each function, then its derivative, in 60 decimal digits.
EXACT = {
    "expm1_minus": (lambda x: x.exp() - 1 - x, lambda x: x.exp() - 1),
    "logcosh": (
        lambda x: decimal_cosh(x).ln(),
        lambda x: decimal_sinh(x) / decimal_cosh(x),
    ),
    "log_sinhc": (
        lambda x: (decimal_sinh(x) / x).ln(),
        lambda x: decimal_cosh(x) / decimal_sinh(x) - 1 / x,
    ),
    "langevin": (
        lambda x: decimal_cosh(x) / decimal_sinh(x) - 1 / x,
        lambda x: 1 / x**2 - 1 / decimal_sinh(x) ** 2,
    ),
}


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 3e-6), ("float64", 3e-14)])
def test_values_and_derivatives_keep_their_digits_everywhere(name, dtype, rtol):
    # On both sides of every seam between a series and a closed form.
    sizes = [1e-9, 1e-6, 1e-3, 0.03, 0.3, 0.499, 0.501, 0.999, 1.001, 2.0, 4.0]
    with jax.enable_x64(dtype == "float64"), localcontext(prec=60):
        x = np.array([*sizes, *(-size for size in sizes)], dtype)
        value, derivative = jax.vmap(jax.value_and_grad(getattr(numerics, name)))(x)
        f, df = EXACT[name]
        exact = [[float(g(Decimal(float(a)))) for a in x] for g in (f, df)]
    np.testing.assert_allclose(value, exact[0], rtol=rtol)
    np.testing.assert_allclose(derivative, exact[1], rtol=rtol)


@pytest.mark.parametrize("name", ["logcosh", "log_sinhc", "langevin"])
def test_values_and_derivatives_are_finite_at_zero_and_far_out(name):
    x = jnp.array([-1e30, -1e4, 0.0, 1e4, 1e30])
    both = jax.vmap(jax.value_and_grad(getattr(numerics, name)))(x)
    assert np.isfinite(both).all()


def test_a_soft_floor_is_the_identity_above_and_never_flat():
    x = jnp.array([-20.0, -6.0, 20.0])
    floored = numerics.soft_floor(x, -6.0)
    np.testing.assert_allclose(floored, [-6, -6 + np.log(2), 20], rtol=1e-6)
    assert (jax.vmap(jax.grad(lambda v: numerics.soft_floor(v, -6.0)))(x) > 0).all()


def test_the_log_of_a_mean_of_exponentials_does_not_overflow():
    actual = numerics.log_mean_exp(jnp.array([[1000.0], [1000.0 + np.log(3.0)]]))
    np.testing.assert_allclose(actual, [1000 + np.log(2)], rtol=1e-6)


@pytest.mark.parametrize(
    ("number", "group", "groups"),
    [
        (8, 4, [(0, 2, 4, 6), (1, 3, 5, 7)]),
        (6, 3, [(0, 2, 4), (1, 3, 5)]),
        (6, 2, [(0, 3), (1, 4), (2, 5)]),
        (4, 4, [(0, 1, 2, 3)]),
        # A batch smaller than a group is one.
        (3, 4, [(0, 1, 2)]),
        (2, 32, [(0, 1)]),
        # The largest groups that are equal.
        (6, 4, [(0, 3), (1, 4), (2, 5)]),
    ],
)
def test_groups_of_the_deviation_are_strided(number, group, groups):
    images = np.random.default_rng(0).normal(size=(number, 2, 3, 2))
    found = numerics.minibatch_deviation(jnp.asarray(images), group, neighbours=False)
    np.testing.assert_allclose(found[..., :2], images, rtol=1e-6)
    for members in groups:
        expected = np.std(images[list(members)], axis=0).mean()
        np.testing.assert_allclose(
            found[np.array(members), ..., 2], expected, rtol=1e-4
        )

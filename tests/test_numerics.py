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

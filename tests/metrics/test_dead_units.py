import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.metrics.dead_units import dead_unit_share, zero_gradient_share


def test_a_dead_rectified_unit_passes_nothing_back(key):
    inputs = jax.random.normal(key, (6, 5)).at[:, 1].set(-1.0).at[:, 3].set(0.0)
    gradient = jax.grad(lambda x: jax.nn.relu(x).sum())(inputs)
    share = jnp.mean(jnp.all(gradient == 0, axis=0))
    np.testing.assert_allclose(dead_unit_share(inputs), share)
    assert share >= 0.4


def test_a_channel_is_dead_where_it_is_off_everywhere():
    inputs = -jnp.ones((2, 3, 3, 4)).at[1, 2, 2, 0].set(-1.0)
    np.testing.assert_allclose(dead_unit_share(inputs), 0.75)


def test_only_examples_whose_whole_gradient_is_zero_count():
    gradients = jnp.zeros((4, 2, 2)).at[0, 1, 1].set(1e-30).at[1].set(-2.0)
    np.testing.assert_allclose(zero_gradient_share(gradients), 0.5)

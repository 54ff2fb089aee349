import jax
import jax.numpy as jnp
import numpy as np

from jaxgen import divergences


def test_only_the_wasserstein_distance_has_a_gradient_to_follow():
    theta = jnp.array([-0.5, 1e-6, 0.0])
    found = divergences.parallel_lines(theta)
    np.testing.assert_allclose(found.js, [np.log(2), np.log(2), 0.0], rtol=1e-6)
    np.testing.assert_array_equal(found.kl, [np.inf, np.inf, 0.0])
    np.testing.assert_array_equal(found.total_variation, [1.0, 1.0, 0.0])
    np.testing.assert_array_equal(found.wasserstein, jnp.abs(theta))
    slopes = jax.jacrev(divergences.parallel_lines)(theta[0])
    assert slopes.wasserstein == -1
    assert slopes.js == slopes.kl == slopes.total_variation == 0


def test_wide_lines_on_a_grid_give_the_same_as_histograms():
    # Both lines cross every height: a histogram of the other coordinate says it all.
    one, other = jnp.array([1.0, 0.0]), jnp.array([0.0, 1.0])
    found = divergences.parallel_lines(jnp.array(0.7))
    js = divergences.categorical_js(jnp.log(one), jnp.log(other))
    at = jnp.array([0.0, 0.7])
    distance = divergences.histogram_wasserstein_1(one, other, at)
    np.testing.assert_allclose(found.js, js, rtol=1e-6)
    np.testing.assert_allclose(found.wasserstein, distance, rtol=1e-6)

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.losses import translation


def test_distances_are_means_over_pixels_and_channels():
    images = jnp.arange(12.0).reshape(1, 2, 3, 2)
    np.testing.assert_allclose(translation.l1(images, -images), [11.0])
    np.testing.assert_allclose(
        translation.mse(images, -images), [4 * 506 / 12], rtol=1e-6
    )


def test_the_gradient_of_l1_is_finite_where_images_are_equal():
    images = jnp.ones((1, 2, 2, 1))
    slope = jax.grad(lambda x: translation.l1(x, images)[0])(images)
    assert np.isfinite(slope).all()

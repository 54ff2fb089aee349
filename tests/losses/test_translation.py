import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.losses import gan, translation


def test_the_squared_errors_are_twice_those_of_mao_et_al():
    real, fake = jnp.array([0.3, -2.0]), jnp.array([1.5, 0.25])
    pair, halves = translation.least_squares(), gan.least_squares()
    assert pair.name != halves.name
    for name in ("critic", "generator"):
        ours, theirs = (getattr(one, name)(real, fake) for one in (pair, halves))
        np.testing.assert_allclose(ours, 2 * theirs, rtol=1e-6)
    np.testing.assert_allclose(pair.critic(real, fake), [2.74, 9.0625], rtol=1e-6)
    np.testing.assert_allclose(pair.generator(real, fake), [0.25, 0.5625], rtol=1e-6)


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

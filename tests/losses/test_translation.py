import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.errors import InputError
from jaxgen.losses import translation

IMAGES = jnp.arange(12.0).reshape(1, 2, 3, 2)


def test_distances_are_means_over_pixels_and_channels():
    absolute = translation.mean_absolute_error(IMAGES, -IMAGES)
    np.testing.assert_allclose(absolute, [11.0])
    squared = translation.mean_squared_error(IMAGES, -IMAGES)
    np.testing.assert_allclose(squared, [4 * 506 / 12], rtol=1e-6)


@pytest.mark.parametrize(
    "loss",
    [
        translation.l1_reconstruction,
        translation.cycle_consistency,
        translation.identity_mapping,
    ],
)
def test_terms_are_mean_absolute_differences_of_each_image(loss):
    images = jnp.array([[[[1.0], [-0.5]]], [[[0.0], [0.25]]]])
    others = jnp.array([[[[0.0], [0.5]]], [[[0.5], [0.25]]]])
    np.testing.assert_allclose(loss(images, others), [1.0, 0.25])
    np.testing.assert_allclose(loss(others, images), [1.0, 0.25])


def test_the_distance_after_a_cycle_can_be_chosen():
    squared = translation.mean_squared_error
    found = translation.cycle_consistency(IMAGES, -IMAGES, distance=squared)
    np.testing.assert_allclose(found, [4 * 506 / 12], rtol=1e-6)


def test_the_gradient_of_the_absolute_error_is_finite_where_images_are_equal():
    images = jnp.ones((1, 2, 2, 1))
    slope = jax.grad(lambda x: translation.mean_absolute_error(x, images)[0])(images)
    assert np.isfinite(slope).all()


def test_objectives_are_weighed_sums_of_their_terms():
    ones = [jnp.array([float(n), 0.5]) for n in range(1, 7)]
    found = translation.cyclegan_objective(*ones)
    np.testing.assert_allclose(found, [3 + 10 * 7 + 5 * 11, 1 + 10 + 5])
    found = translation.cyclegan_objective(*ones[:4], cycle_weight=2.0)
    np.testing.assert_allclose(found, [3 + 2 * 7, 1 + 2])
    found = translation.pix2pix_objective(*ones[:2])
    np.testing.assert_allclose(found, [1 + 200, 50.5])
    found = translation.pix2pix_objective(
        ones[0], ones[1], adversarial_weight=0.0, l1_weight=3.0
    )
    np.testing.assert_allclose(found, [6.0, 1.5])


def test_terms_of_other_shapes_are_refused():
    with pytest.raises(InputError, match="l1 has shape"):
        translation.pix2pix_objective(jnp.ones(2), jnp.ones((2, 1)))
    with pytest.raises(InputError, match="cycle_b has shape"):
        translation.cyclegan_objective(*[jnp.ones(2)] * 3, jnp.ones(3))

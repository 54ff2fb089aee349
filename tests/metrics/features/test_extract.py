import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import data
from jaxgen.errors import InputError
from jaxgen.metrics.features import Activations, FeatureNet, extract

IMAGES = np.arange(7 * 4, dtype=np.uint8).reshape(7, 2, 2, 1) * 9
FLAT = IMAGES.reshape(7, 4) / 255


def _flatten(images):
    return images.reshape(len(images), -1)


PIXELS = FeatureNet("pixels", 4, lambda images: Activations(_flatten(images)), "1")
CLASSES = FeatureNet(
    "classes",
    4,
    lambda images: Activations(2 * _flatten(images), -_flatten(images)[:, :2]),
    "2",
)
INVERSE = FeatureNet(
    "inverse", 4, lambda images: Activations(1 / _flatten(images)), "3"
)


@pytest.mark.parametrize("batch_size", [3, 7, 10])
def test_batches_of_any_size_give_the_features_of_all_images(batch_size):
    done = []
    pixels, classes = extract(
        [PIXELS, CLASSES], IMAGES, batch_size=batch_size, progress=done.append
    )
    np.testing.assert_allclose(pixels.features, FLAT, rtol=1e-6)
    assert pixels.log_probabilities is None
    np.testing.assert_allclose(classes.features, 2 * FLAT, rtol=1e-6)
    np.testing.assert_allclose(classes.log_probabilities, -FLAT[:, :2], rtol=1e-6)
    assert sum(done) == 7


def test_bytes_floats_and_a_set_are_the_same_images():
    (by_bytes,) = extract([PIXELS], IMAGES, batch_size=3)
    for images in (
        IMAGES / np.float32(255),
        jnp.asarray(IMAGES),
        data.from_arrays(IMAGES),
    ):
        (found,) = extract([PIXELS], images, batch_size=3)
        np.testing.assert_allclose(found.features, by_bytes.features, rtol=1e-6)


def test_features_come_in_the_order_of_the_indices():
    indices = np.array([5, 0, 5, 2])
    (found,) = extract([PIXELS], IMAGES, indices=indices, batch_size=3)
    np.testing.assert_allclose(found.features, FLAT[indices], rtol=1e-6)


def test_no_image_is_read_twice_for_several_networks():
    reads = []

    class Counted:
        def __len__(self):
            return len(IMAGES)

        def read(self, indices):
            reads.extend(indices)
            return {"image": IMAGES[indices]}

    extract([PIXELS, CLASSES], Counted(), batch_size=3)
    assert sorted(reads) == list(range(7))


def test_the_image_whose_features_are_not_finite_is_named():
    images = IMAGES + np.uint8(1)
    images[4] = 0
    match = "'inverse' makes of the real image 4 are not finite"
    with pytest.raises(InputError, match=match):
        extract([INVERSE], images, name="real", batch_size=3)


def test_no_images_at_all_are_told():
    with pytest.raises(InputError, match="There are no real images"):
        extract([PIXELS], IMAGES[:0], name="real")

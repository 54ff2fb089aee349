import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.data import transforms
from jaxgen.errors import InputError

IMAGES = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype(np.float32)


@pytest.mark.parametrize(
    "made",
    [transforms.rotations(), transforms.flips_and_rotation(), transforms.crops()],
)
def test_the_identity_comes_first_and_all_transforms_differ(made):
    assert made[0].name == "identity"
    np.testing.assert_array_equal(made[0](IMAGES), IMAGES)
    assert len({transform.name for transform in made}) == len(made)
    assert len({np.asarray(transform(IMAGES)).tobytes() for transform in made}) == len(
        made
    )


@pytest.mark.parametrize(
    "transform", [*transforms.rotations(), *transforms.flips_and_rotation()]
)
def test_an_inverse_undoes_its_transform_from_both_sides(transform):
    np.testing.assert_array_equal(transform.inverse(transform(IMAGES)), IMAGES)
    np.testing.assert_array_equal(transform(transform.inverse(IMAGES)), IMAGES)


def test_rotations_are_counter_clockwise():
    for place, transform in enumerate(transforms.rotations()):
        np.testing.assert_array_equal(transform(IMAGES)[0], np.rot90(IMAGES[0], place))


def test_a_crop_stretches_its_corner_and_cannot_be_undone():
    rows, columns = np.meshgrid(np.arange(8.0), np.arange(8.0), indexing="ij")
    image = np.stack([rows, columns], axis=-1)[None].astype(np.float32)
    for transform, (top, left) in zip(
        transforms.crops()[1:], [(0, 0), (0, 2), (2, 0), (2, 2)], strict=True
    ):
        assert transform.inverse is None
        found = np.asarray(transform(image))[0]
        # 6 of 8 pixels, end to end, of a ramp: a ramp.
        np.testing.assert_allclose(
            found[:, 0, 0], top + np.linspace(0, 5, 8), atol=1e-5
        )
        np.testing.assert_allclose(
            found[0, :, 1], left + np.linspace(0, 5, 8), atol=1e-5
        )


def test_each_example_gets_one_transform_and_all_are_as_likely(key):
    made = transforms.rotations()
    images = jnp.tile(IMAGES[:1], (400, 1, 1, 1))
    found = np.asarray(transforms.any_of(made)(key, images))
    known = [np.asarray(transform(IMAGES[:1])[0]) for transform in made]
    counts = [sum((image == one).all() for image in found) for one in known]
    assert sum(counts) == 400
    assert np.abs(np.array(counts) - 100).max() < 5 * 10


def test_what_cannot_be_turned_or_cropped_is_refused():
    with pytest.raises(InputError, match=r"shape \(2, 8, 4, 3\)"):
        transforms.rotations()[1](IMAGES[:, :, :4])
    with pytest.raises(InputError, match="share=1"):
        transforms.crops(1)

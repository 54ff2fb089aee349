import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from jaxgen import data
from jaxgen.errors import InputError
from jaxgen.metrics.features import extract
from jaxgen.metrics.features.random_convolutions import (
    _cells,
    random_convolution_features,
)

SHAPE = (8, 8, 1)


@pytest.fixture(scope="module")
def digits():
    return data.load("digits").in_memory()


@pytest.fixture(scope="module")
def nets(digits):
    return random_convolution_features(
        SHAPE, seeds=(0, 1), dimension=16, reference=digits["image"][:800]
    )


def frechet(first, second):
    means = first.mean(0), second.mean(0)
    one, two = np.cov(first.T), np.cov(second.T)
    values, vectors = np.linalg.eigh(one)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ two @ root), 0)).sum()
    difference = means[0] - means[1]
    return difference @ difference + np.trace(one) + np.trace(two) - 2 * cross


def distances(nets, real, others):
    """Returns the mean over networks of the Frechet distance to each of the others."""
    return [
        np.mean(
            [
                frechet(a.features.astype(float), b.features.astype(float))
                for a, b in zip(extract(nets, real), extract(nets, other), strict=True)
            ]
        )
        for other in others
    ]


def grades(kind, images, labels):
    """Returns images that get worse, the untouched ones first."""
    rng = np.random.default_rng(0)
    if kind == "blur":
        return [
            ndimage.gaussian_filter(images.astype(float), (0, s, s, 0))
            .round()
            .astype(np.uint8)
            for s in (0, 0.5, 1, 2)
        ]
    if kind == "noise":
        noise = rng.normal(size=images.shape)
        return [
            np.clip(images + s * noise, 0, 255).astype(np.uint8)
            for s in (0, 20, 60, 120)
        ]
    if kind == "classes":
        return [images[labels < kept] for kept in (10, 8, 5, 2)]
    if kind == "copies":
        return [
            images[np.arange(len(images)) % distinct]
            for distinct in (len(images), 200, 50, 10)
        ]
    return [images, 255 - images]


@pytest.mark.parametrize("kind", ["blur", "noise", "classes", "copies", "inversion"])
def test_the_worse_the_images_the_farther_they_are(nets, digits, kind):
    images, labels = digits["image"], digits["label"]
    worse = grades(kind, images[800:], labels[800:])
    found = distances(nets, images[:800], worse)
    assert found == sorted(found)
    assert found[1] > 1.2 * found[0]


def test_over_the_reference_features_have_mean_zero_and_mean_variance_one(nets, digits):
    for found in extract(nets, digits["image"][:800]):
        np.testing.assert_allclose(found.features.mean(axis=0), 0, atol=1e-4)
        np.testing.assert_allclose(found.features.var(axis=0).mean(), 1, rtol=1e-4)


def test_a_seed_decides_the_network_and_its_identity(nets, digits):
    again = random_convolution_features(
        SHAPE, seeds=(1, 0), dimension=16, reference=digits["image"][:800]
    )
    assert [net.identity for net in again] == [nets[1].identity, nets[0].identity]
    assert nets[0].identity != nets[1].identity
    images = digits["image"][:10]
    first, second = extract(nets, images)
    other, same = extract(again, images)
    np.testing.assert_array_equal(first.features, same.features)
    np.testing.assert_array_equal(second.features, other.features)
    assert not np.allclose(first.features, second.features)


def test_every_option_and_the_reference_count_for_the_identity(digits):
    options = [
        {},
        {"dimension": 8},
        {"grid": 2},
        {"reference": digits["image"][:10]},
        {"reference": digits["image"][:20]},
    ]
    found = {
        random_convolution_features(SHAPE, seeds=(0,), **option)[0].identity
        for option in options
    }
    assert len(found) == len(options)


def test_cells_average_all_pixels_also_where_they_do_not_divide():
    np.testing.assert_allclose(_cells(3, 2), [[0.5, 0.5, 0], [0, 0.5, 0.5]], rtol=1e-6)
    np.testing.assert_allclose(_cells(4, 2) @ np.arange(4), [0.5, 2.5])
    np.testing.assert_allclose(_cells(14, 4).sum(axis=1), 1, rtol=1e-6)


def test_gradients_are_finite_where_an_image_is_of_one_colour(nets):
    total = jax.jit(jax.grad(lambda images: jnp.sum(nets[0].apply(images).features)))
    assert np.isfinite(total(jnp.zeros((1, *SHAPE)))).all()


def test_what_cannot_be_used_is_told(nets):
    with pytest.raises(InputError, match=r"shape \(8, 8, 3\).*for \(8, 8, 1\)"):
        nets[0].apply(jnp.zeros((2, 8, 8, 3)))
    with pytest.raises(InputError, match="expected height, width and channels"):
        random_convolution_features((8, 8))
    with pytest.raises(InputError, match="each only once"):
        random_convolution_features(SHAPE, seeds=(1, 1))
    with pytest.raises(InputError, match="dimension=0: give a whole number"):
        random_convolution_features(SHAPE, dimension=0)
    flat = np.zeros((3, *SHAPE), np.uint8)
    with pytest.raises(InputError, match="give images that differ"):
        random_convolution_features(SHAPE, seeds=(0,), reference=flat)

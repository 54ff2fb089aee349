"""The worse the images, the worse the numbers: on digits of 8 x 8, by their pixels."""

import functools

import jax
import numpy as np
import pytest
from scipy import ndimage

from jaxgen.metrics.frechet import frechet_distance_of_features
from jaxgen.metrics.kernel import mmd
from jaxgen.metrics.neighbour_metrics import neighbour_metrics
from jaxgen.metrics.prd import precision_recall_distribution
from jaxgen.metrics.transport import sliced_wasserstein

COUNT = 300


@functools.cache
def digits():
    """Images from 0 to 1 and their labels: one set of 300, and the others."""
    datasets = pytest.importorskip("sklearn.datasets")
    images, labels = datasets.load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(images))
    images, labels = images[order].reshape(-1, 8, 8) / 16, labels[order]
    return (images[:COUNT], labels[:COUNT]), (images[COUNT:], labels[COUNT:])


def blurred(images, labels, level):
    some = images[:COUNT]
    return some if not level else ndimage.gaussian_filter(some, (0, level, level))


def noisy(images, labels, level):
    some = images[:COUNT]
    return some + level * np.random.default_rng(1).normal(size=some.shape)


def without_classes(images, labels, level):
    return images[labels >= level][:COUNT]


def duplicated(images, labels, level):
    return images[np.arange(COUNT) % (COUNT // level)]


CORRUPTIONS = {
    blurred: (0, 0.6, 1, 2),
    noisy: (0, 0.2, 0.4, 0.8),
    without_classes: (0, 3, 5, 7),
    duplicated: (1, 2, 5, 20),
}


@functools.cache
def scores(corruption):
    """Every metric at every level, the corruption growing."""
    (real, _), others = digits()
    found = []
    for level in CORRUPTIONS[corruption]:
        sets = [
            each.reshape(COUNT, -1).astype(np.float32)
            for each in (real, corruption(*others, level))
        ]
        near = neighbour_metrics(*sets)
        sliced = sliced_wasserstein(jax.random.key(1), *sets, num_projections=100)
        prd = precision_recall_distribution(jax.random.key(0), *sets, num_runs=3)
        found.append(
            {
                "FD": frechet_distance_of_features(*sets),
                "MMD": mmd(*sets).unbiased,
                "sliced Wasserstein": sliced.distance,
                "precision": near.precision,
                "recall": near.recall,
                "density": near.density,
                "coverage": near.coverage,
                "F_8": prd.f_8,
                "F_1/8": prd.f_eighth,
            }
        )
    return {name: [one[name] for one in found] for name in found[0]}


GROW = ("FD", "MMD", "sliced Wasserstein")
SEEN = {
    blurred: ("recall", "coverage", "F_8", "F_1/8"),
    noisy: ("precision", "density", "coverage", "F_1/8"),
    without_classes: ("recall", "coverage", "F_8", "F_1/8"),
    duplicated: ("recall", "coverage", "F_8", "F_1/8"),
}


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_distances_grow_with_any_corruption(corruption):
    found = scores(corruption)
    for name in GROW:
        assert np.all(np.diff(found[name]) > 0), (name, found[name])


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_scores_fall_with_the_corruption_that_they_are_for(corruption):
    found = scores(corruption)
    for name in SEEN[corruption]:
        # A score that has reached 0 can fall no further.
        steps = np.diff(found[name])
        assert np.all((steps < 0) | (np.array(found[name][1:]) == 0)), (name, found)
        assert found[name][-1] < found[name][0] - 0.03


@pytest.mark.parametrize("corruption", [without_classes, duplicated])
def test_what_is_left_of_good_images_stays_precise(corruption):
    found = scores(corruption)
    assert np.ptp(found["precision"]) < 0.1
    assert np.ptp(found["density"]) < 0.2


def test_a_little_blur_looks_precise_and_much_noise_recalls_everything():
    # Blurred digits lie between the real ones; noisy ones have balls that hold all.
    assert scores(blurred)["density"][1] > 1.5
    assert scores(noisy)["recall"][-1] == 1

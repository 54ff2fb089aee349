import numpy as np
import pytest

from jaxgen.errors import InputError
from jaxgen.metrics import neighbour_agreement


def test_agreement_is_that_of_brute_force():
    rng = np.random.default_rng(0)
    points, labels = rng.normal(size=(60, 3)), rng.integers(0, 4, 60)
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    nearest = np.argsort(distances, axis=1)[:, :7]
    expected = (labels[nearest] == labels[:, None]).mean(axis=1)
    found = neighbour_agreement(points, labels, neighbours=7)
    np.testing.assert_allclose(found, expected)


def test_separate_classes_agree_and_labels_by_chance_agree_by_chance():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 5, 2000)
    apart = rng.normal(size=(2000, 2)) + 100 * labels[:, None]
    assert neighbour_agreement(apart, labels).mean() == 1
    found = neighbour_agreement(rng.normal(size=(2000, 2)), labels)
    assert abs(found.mean() - 0.2) < 5 * found.std() / 2000**0.5


def test_copies_of_a_point_are_its_neighbours():
    points = np.zeros((20, 2))
    assert neighbour_agreement(points, np.zeros(20), neighbours=3).tolist() == [1] * 20


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="points has shape"):
        neighbour_agreement(np.zeros((4, 2)), np.zeros(3))
    with pytest.raises(InputError, match="there are 4 points"):
        neighbour_agreement(np.zeros((4, 2)), np.zeros(4), neighbours=4)

import numpy as np
import pytest

from jaxgen.errors import InputError
from jaxgen.metrics.precision_recall import improved_precision_recall
from tests.metrics.test_neighbours import exact_distances, exact_others


def test_prdc_agrees():
    prdc = pytest.importorskip("prdc")
    rng = np.random.default_rng(0)
    real = rng.normal(size=(90, 3)).astype(np.float32)
    generated = (0.9 * rng.normal(size=(70, 3)) + 0.2).astype(np.float32)
    expected = prdc.compute_prdc(real, generated, nearest_k=3)
    found = improved_precision_recall(real, generated, tie="prdc")
    np.testing.assert_allclose(
        found, [expected["precision"], expected["recall"]], rtol=1e-5
    )


def test_unlike_sets_of_unlike_sizes_swap_with_their_roles():
    rng = np.random.default_rng(1)
    real, generated = rng.normal(size=(90, 3)), 0.5 * rng.normal(size=(70, 3))
    found = improved_precision_recall(real, generated)
    swapped = improved_precision_recall(generated, real)
    assert found == swapped[::-1]
    assert found.precision > found.recall


def test_no_more_than_k_examples_are_refused_with_a_sentence():
    with pytest.raises(InputError, match="There are 3 real features: this needs at le"):
        improved_precision_recall(np.ones((3, 2)), np.ones((9, 2)))

import numpy as np
import pytest

from jaxgen.errors import InputError
from jaxgen.metrics.density_coverage import density_coverage, expected_coverage


def test_prdc_agrees():
    prdc = pytest.importorskip("prdc")
    rng = np.random.default_rng(0)
    real = rng.normal(size=(90, 3)).astype(np.float32)
    generated = (0.9 * rng.normal(size=(70, 3)) + 0.2).astype(np.float32)
    expected = prdc.compute_prdc(real, generated, nearest_k=5)
    found = density_coverage(real, generated, tie="prdc")
    np.testing.assert_allclose(
        found, [expected["density"], expected["coverage"]], rtol=1e-5
    )


@pytest.mark.parametrize("k", [1, 5])
def test_samples_of_one_distribution_get_what_is_expected(k):
    rng = np.random.default_rng(1)
    found = np.array(
        [
            density_coverage(rng.normal(size=(60, 2)), rng.normal(size=(40, 2)), k=k)
            for _ in range(60)
        ]
    )
    error = found.std(axis=0, ddof=1) / np.sqrt(len(found))
    expected = np.array([1.0, expected_coverage(60, 40, k=k)])
    assert (np.abs(found.mean(axis=0) - expected) < 4 * error).all()


def test_expected_coverage_tends_to_its_limit_and_is_exact_for_two():
    assert expected_coverage(10**7, 10**7, k=5) == pytest.approx(1 - 2**-5, abs=1e-6)
    # Of the other real example and one generated, either is the nearer.
    assert expected_coverage(2, 1, k=1) == 0.5


def test_a_stray_example_raises_neither():
    rng = np.random.default_rng(2)
    real, generated = rng.normal(size=(60, 2)), rng.normal(size=(40, 2))
    stray = np.concatenate([generated[:-1], [[1e3, 1e3]]])
    found, with_stray = (density_coverage(real, some) for some in (generated, stray))
    assert with_stray.density <= found.density
    assert with_stray.coverage <= found.coverage


def test_sizes_without_balls_are_refused_with_a_sentence():
    with pytest.raises(InputError, match="k=5: give a whole number from 1 to 4"):
        expected_coverage(5, 9)
    with pytest.raises(InputError, match="There are 5 real features: this needs at le"):
        density_coverage(np.ones((5, 2)), np.ones((9, 2)))

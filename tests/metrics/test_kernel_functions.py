import numpy as np
import pytest

from jaxgen.errors import InputError
from jaxgen.metrics.kernel_functions import (
    gaussian_kernel,
    median_distance,
    polynomial_kernel,
)

X = np.random.default_rng(0).normal(size=(4, 3))
Y = np.random.default_rng(1).normal(size=(5, 3))


def test_the_polynomial_kernel_is_its_formula():
    np.testing.assert_allclose(
        polynomial_kernel(X, Y), (X @ Y.T / 3 + 1) ** 3, rtol=1e-12
    )
    np.testing.assert_allclose(
        polynomial_kernel(X, Y, degree=2, scale=0.5, offset=2.0),
        (X @ Y.T / 2 + 2) ** 2,
        rtol=1e-12,
    )


def test_the_gaussian_kernel_is_the_mean_over_its_bandwidths():
    squares = ((X[:, None] - Y) ** 2).sum(axis=-1)
    np.testing.assert_allclose(
        gaussian_kernel(X, Y, bandwidths=(0.5, 2.0)),
        (np.exp(-squares / 0.5) + np.exp(-squares / 8)) / 2,
        rtol=1e-12,
    )


def test_far_from_the_origin_a_point_is_still_near_itself():
    values = gaussian_kernel(X + 1e6, X + 1e6, bandwidths=(1.0,))
    near = gaussian_kernel(X, X, bandwidths=(1.0,))
    np.testing.assert_allclose(values, near, atol=1e-8)


def test_the_median_distance_is_the_median():
    real, generated = np.array([[0.0], [1.0]]), np.array([[3.0], [7.0]])
    # Distances 1, 2, 3, 4, 6, 7.
    assert median_distance(real, generated) == pytest.approx(np.sqrt((9 + 16) / 2))
    many = np.random.default_rng(2).normal(size=(4000, 2))
    assert median_distance(many, many, num_examples=400) == pytest.approx(
        # |x - y|^2 is 2 chi^2 of 2 degrees of freedom.
        np.sqrt(4 * np.log(2)),
        rel=0.1,
    )


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: polynomial_kernel(X, Y, degree=0), "degree=0: give a whole number"),
        (lambda: gaussian_kernel(X, Y, bandwidths=(0,)), "bandwidth=0: give a number"),
        (lambda: gaussian_kernel(X, Y, bandwidths=()), "bandwidths is empty"),
        (lambda: median_distance(0 * X, 0 * X), "median distance .* is 0"),
    ],
)
def test_bad_input_gets_a_sentence(call, sentence):
    with pytest.raises(InputError, match=sentence):
        call()

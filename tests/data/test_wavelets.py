import numpy as np
import pytest

from jaxgen.data import wavelets


@pytest.mark.parametrize(
    ("taps", "moments"), [(wavelets.SYM2, 2), (wavelets.SYM6, 6)], ids=["sym2", "sym6"]
)
def test_filters_are_orthonormal_and_have_their_vanishing_moments(taps, moments):
    assert len(taps) == 2 * moments
    np.testing.assert_allclose(taps.sum(), np.sqrt(2), atol=1e-13)
    for shift in range(moments):
        product = taps[2 * shift :] @ taps[: len(taps) - 2 * shift]
        np.testing.assert_allclose(product, shift == 0, atol=1e-13)
    places = np.arange(len(taps)) - len(taps) / 2
    high = taps * (-1) ** np.arange(len(taps))
    for power in range(moments):
        terms = high * places**power
        np.testing.assert_allclose(terms.sum() / np.abs(terms).sum(), 0, atol=1e-12)
    # One more would be another filter.
    terms = high * places**moments
    assert np.abs(terms.sum()) > 1e-3 * np.abs(terms).sum()


def test_sym6_moves_no_frequency_of_an_image_by_a_fifth_of_a_doubled_pixel():
    # Against its largest weight: the place that `up_matrix` takes for its middle.
    frequencies = np.pi * np.linspace(0.01, 0.4, 50)
    places = np.arange(12) - np.argmax(wavelets.SYM6)
    response = np.exp(-1j * np.outer(frequencies, places)) @ wavelets.SYM6
    assert np.abs(np.angle(response) / frequencies).max() < 0.2


@pytest.mark.parametrize("size", [7, 16])
def test_halving_a_doubled_row_gives_the_row(size):
    doubled = wavelets.down_places(size) - wavelets.up_start(size)
    found = wavelets.down_matrix(size) @ wavelets.up_matrix(size)[doubled]
    np.testing.assert_allclose(found, np.eye(size), atol=1e-13)


def test_doubling_is_zeros_between_pixels_and_the_filter():
    row = np.random.default_rng(0).normal(size=9)
    wide = np.pad(row, 8, mode="reflect")
    spread = np.zeros(2 * len(wide))
    spread[::2] = wide
    # A convolution whose output n looks at n + 5 down to n - 6.
    wanted = np.sqrt(2) * np.convolve(spread, wavelets.SYM6)[5:][: len(spread)]
    found = wavelets.up_matrix(9) @ row
    np.testing.assert_allclose(found[1:-2], wanted, atol=1e-12)
    np.testing.assert_array_equal(found[[0, -2, -1]], 0)


def test_bands_sum_to_the_identity_and_hold_their_frequencies():
    for size in (1, 4, 32):
        bands = wavelets.band_matrices(size)
        np.testing.assert_allclose(bands.sum(axis=0), np.eye(size), atol=1e-12)
    size = 512
    # In the middle, cosines of the bands' own middles pass, and others do not.
    places = np.arange(size) - size // 2
    passed = [
        band[size // 2] @ np.cos(np.pi * share * places)
        for share in (0.0, 3 / 16, 3 / 8, 1.0)
        for band in wavelets.band_matrices(size)
    ]
    passed = np.reshape(passed, (4, 4))
    np.testing.assert_allclose(passed[[0, 3]], np.eye(4)[[0, 3]], atol=1e-12)
    assert (passed.argmax(axis=1) == np.arange(4)).all()
    assert (np.diag(passed) > 0.7).all()

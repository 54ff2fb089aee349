import sys

import numpy as np
import pytest

from jaxgen.errors import InputError
from jaxgen.metrics.image_similarity import (
    mean_squared_error,
    psnr,
    ssim,
    ssim_window,
)


def pairs(count=5, side=16, channels=3, noise=0.1):
    rng = np.random.default_rng(0)
    images = rng.uniform(size=(count, side, side, channels))
    # Smooth in one direction, so that windows have structure.
    images = np.cumsum(images - 0.5, axis=1)
    images = (images - images.min()) / (images.max() - images.min())
    noisy = images + noise * rng.normal(size=images.shape)
    return images.astype(np.float32), np.clip(noisy, 0, 1).astype(np.float32)


def test_errors_are_those_of_numpy_in_float64():
    images, noisy = pairs()
    exact = ((images.astype(float) - noisy) ** 2).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(mean_squared_error(images, noisy), exact, rtol=1e-5)
    np.testing.assert_allclose(psnr(images, noisy), -10 * np.log10(exact), rtol=1e-5)


def test_ssim_and_psnr_are_those_of_scikit_image():
    metrics = pytest.importorskip("skimage.metrics")
    images, noisy = pairs()
    how = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    for measure, peer, options in (
        (ssim, metrics.structural_similarity, how | {"channel_axis": -1}),
        (psnr, metrics.peak_signal_noise_ratio, {}),
    ):
        each = zip(images, noisy, strict=True)
        theirs = [peer(*pair, data_range=1, **options) for pair in each]
        np.testing.assert_allclose(measure(images, noisy), theirs, rtol=1e-5)


@pytest.mark.parametrize("side", [8, 12])
def test_ssim_is_the_mean_over_windows_of_the_formula(side):
    images, noisy = pairs(count=2, side=side, channels=2)
    width = ssim_window(side, side)
    bell = np.exp(-0.5 * ((np.arange(width) - width // 2) / 1.5) ** 2)
    weights = np.outer(bell, bell) / bell.sum() ** 2

    def mean(each):
        windows = np.lib.stride_tricks.sliding_window_view(each, (width, width), (1, 2))
        return (windows * weights).sum(axis=(-1, -2))

    a, b = images.astype(float), noisy.astype(float)
    m1, m2 = mean(a), mean(b)
    v1, v2, cross = mean(a**2) - m1**2, mean(b**2) - m2**2, mean(a * b) - m1 * m2
    likeness = (2 * m1 * m2 + 1e-4) / (m1**2 + m2**2 + 1e-4)
    structure = (2 * cross + 9e-4) / (v1 + v2 + 9e-4)
    exact = (likeness * structure).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(ssim(images, noisy), exact, rtol=1e-5)


def test_constant_images_differ_by_their_means_alone():
    dark, light = np.full((1, 16, 16, 1), 0.25), np.full((1, 16, 16, 1), 0.75)
    expected = (2 * 0.25 * 0.75 + 1e-4) / (0.25**2 + 0.75**2 + 1e-4)
    np.testing.assert_allclose(ssim(dark, light), expected, rtol=1e-4)
    np.testing.assert_allclose(mean_squared_error(dark, light), 0.25)
    np.testing.assert_allclose(psnr(dark, light), 10 * np.log10(4), rtol=1e-6)


def test_an_image_is_like_itself():
    images, _ = pairs()
    np.testing.assert_allclose(ssim(images, images), 1, rtol=1e-5)
    assert np.all(psnr(images, images) == np.inf)
    assert np.all(psnr(images, images, ceiling=100) == 100)


def test_noise_makes_images_less_alike():
    values = []
    for noise in (0.02, 0.05, 0.1, 0.3):
        images, noisy = pairs(noise=noise)
        values.append([ssim(images, noisy).mean(), psnr(images, noisy).mean()])
    assert np.all(np.diff(values, axis=0) < 0)


def test_small_images_get_the_largest_window_that_fits():
    images, noisy = pairs(side=8)
    np.testing.assert_array_equal(ssim(images, noisy), ssim(images, noisy, window=7))
    assert not np.isclose(ssim(images, noisy), ssim(images, noisy, window=5)).any()
    windows = [ssim_window(*size) for size in ((3, 9), (4, 4), (11, 12), (64, 64))]
    assert windows == [3, 3, 11, 11]


def test_bytes_are_compared_with_floats():
    images, noisy = pairs()
    rounded = np.round(images * 255).astype(np.uint8)
    exact = mean_squared_error(rounded / 255.0, noisy)
    np.testing.assert_allclose(mean_squared_error(rounded, noisy), exact, rtol=1e-5)
    assert psnr(rounded, images).mean() == pytest.approx(58.9, abs=0.2)
    one = np.zeros((1, 28, 28, 1), np.uint8)
    other = one.copy()
    other[0, 3, 3] = 1
    np.testing.assert_allclose(psnr(one, other), 77.07, atol=0.01)


@pytest.mark.parametrize("measure", [mean_squared_error, psnr, ssim])
def test_chunks_change_nothing(measure):
    images, noisy = pairs(count=5)
    whole = measure(images, noisy)
    np.testing.assert_allclose(measure(images, noisy, chunk_size=3), whole, rtol=1e-6)
    assert whole.shape == (5,)


def test_a_second_call_does_not_trace_again(monkeypatch):
    pix = pytest.importorskip("dm_pix")
    original, traced = pix.ssim, []

    def counted(*pair, **options):
        traced.append(options)
        return original(*pair, **options)

    monkeypatch.setattr(pix, "ssim", counted)
    images, noisy = pairs()
    first, again = ssim(images, noisy), ssim(images, noisy)
    assert traced == [{"filter_size": 11}]
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((5, 16, 16, 1), {}, "of the same shape"),
        ((5, 16, 16, 3), {"window": 4}, "give an odd number from 3 to 16"),
        ((5, 16, 16, 3), {"window": 17}, "window=17 for images of 16 x 16"),
        ((5, 16, 16, 3), {"window": 1}, "from 3 to 16"),
        ((5, 16, 16, 3), {"chunk_size": 0}, "chunk_size=0"),
    ],
)
def test_what_cannot_be_compared_is_refused(shape, options, message):
    images, _ = pairs()
    with pytest.raises(InputError, match=message):
        ssim(images, np.zeros(shape, np.float32), **options)


def test_other_ranges_and_tiny_images_are_refused():
    images, _ = pairs()
    with pytest.raises(
        InputError, match=r"array of reconstructed images has values from .* 255"
    ):
        psnr(images, images * 255)
    with pytest.raises(InputError, match="no window of 3 pixels"):
        ssim(images[:, :2], images[:, :2])


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "dm_pix", None)
    images, noisy = pairs()
    with pytest.raises(InputError, match=r'pip install "jaxgen\[metrics\]"'):
        psnr(images, noisy)

import sys

import numpy as np
import pytest

from jaxgen import data
from jaxgen.data import colour, degradations
from jaxgen.errors import InputError

BOTH = pytest.mark.parametrize("dtype", [np.uint8, np.uint16])


def images(dtype=np.uint8, count=3, size=12, channels=3):
    most = np.iinfo(dtype).max
    rng = np.random.default_rng(0)
    return rng.integers(0, most + 1, (count, size, size, channels), dtype)


def pairs_of(degradation, array=None):
    pairs = data.paired(images() if array is None else array, degrade=degradation)
    return tuple(side.in_memory()["image"] for side in (pairs.a, pairs.b))


@BOTH
def test_grey_is_the_luma_in_one_channel(dtype):
    most = np.iinfo(dtype).max
    primaries = (np.eye(3) * most).astype(dtype).reshape(3, 1, 1, 3)
    a, b = pairs_of(degradations.grey(), primaries)
    assert a.dtype == dtype
    np.testing.assert_allclose(a[:, 0, 0, 0] / most, [0.299, 0.587, 0.114], atol=2e-3)
    np.testing.assert_array_equal(b, primaries)


@BOTH
def test_lightness_and_colour_give_the_image_back(dtype):
    array = images(dtype)
    a, b = pairs_of(degradations.lab_colorization(), array)
    assert (a.shape[-1], b.shape[-1], a.dtype) == (1, 2, np.uint16)
    most = np.iinfo(dtype).max
    back = colour.join_lab(a / 65_535, b / 65_535)
    assert back.dtype == np.float32
    # Half a level of the image.
    np.testing.assert_allclose(back, array / most, atol=0.5 / 255)


def test_a_grey_image_is_without_colour_in_lab():
    grey = np.repeat(images(channels=1), 3, -1)
    _, b = pairs_of(degradations.lab_colorization(), grey)
    np.testing.assert_allclose(b / 65_535, 0.5, atol=1e-4)


def test_colours_that_the_screen_lacks_are_clipped():
    made = colour.join_lab(np.ones((1, 2, 2, 1)), np.ones((1, 2, 2, 2)))
    assert made.min() >= 0
    assert made.max() <= 1


@BOTH
@pytest.mark.parametrize("factor", [2, 4])
def test_low_resolution_is_the_mean_of_blocks(dtype, factor):
    array = images(dtype, size=8)
    small, b = pairs_of(degradations.low_resolution(factor, enlarged=False), array)
    assert small.shape == (3, 8 // factor, 8 // factor, 3)
    corner = array[0, :factor, :factor].astype(float).mean((0, 1))
    np.testing.assert_allclose(small[0, 0, 0], corner, atol=0.5)
    large, _ = pairs_of(degradations.low_resolution(factor), array)
    assert (large.shape, large.dtype) == (b.shape, dtype)


def test_a_flat_image_stays_flat_at_low_resolution():
    flat = np.full((1, 8, 8, 2), 77, np.uint8)
    a, _ = pairs_of(degradations.low_resolution(4), flat)
    np.testing.assert_array_equal(a, flat)


@pytest.mark.parametrize("channels", [1, 3])
def test_edges_are_black_lines_on_white(channels):
    array = np.zeros((1, 16, 16, channels), np.uint8)
    array[:, :, 8:] = 200
    a, _ = pairs_of(degradations.edges(), array)
    assert a.shape == (1, 16, 16, 1)
    assert set(np.unique(a)) == {0, 255}
    columns = np.flatnonzero((a[0, 4:12, :, 0] == 0).all(0))
    assert len(columns) == 1
    assert columns[0] in (7, 8)


@BOTH
def test_noise_has_the_deviation_and_depends_on_the_index(dtype):
    most = np.iinfo(dtype).max
    grey = np.full((2, 40, 40, 1), most // 2, dtype)
    a, _ = pairs_of(degradations.noise(0.1), grey)
    drawn = a / most - 0.5
    error = 0.1 / np.sqrt(2 * drawn.size)
    assert abs(drawn.std() - 0.1) < 5 * error
    assert (a[0] != a[1]).any()


@pytest.mark.parametrize(
    "make", [degradations.noise, degradations.low_light, degradations.mask]
)
def test_what_is_drawn_does_not_depend_on_how_it_is_read(make):
    source = data.from_arrays(images(count=5))
    pairs = data.paired(source, degrade=make())
    whole = pairs.a.in_memory()["image"]
    np.testing.assert_array_equal(
        pairs.a.read(np.array([3, 1]))["image"], whole[[3, 1]]
    )
    other = data.paired(source, degrade=make(seed=1)).a.in_memory()["image"]
    assert (other != whole).any()


@BOTH
def test_low_light_is_dark_and_blue(dtype):
    most = np.iinfo(dtype).max
    ramp = np.linspace(0, most, 64).astype(dtype)
    a, _ = pairs_of(
        degradations.low_light(0.5),
        np.broadcast_to(ramp[None, :, None, None], (500, 64, 1, 3)),
    )
    mean = a.mean(axis=(0, 2)) / most
    expected = 0.5 * (ramp[:, None] / most) ** 1.6 * np.array([0.75, 0.9, 1.1])
    # What is cut off at black is no longer Gaussian.
    bright = expected.min(axis=1) > 0.15
    error = 0.03 / np.sqrt(500) + 0.5 / most
    assert np.abs(mean - expected)[bright].max() < 5 * error


def test_a_mask_cuts_out_its_share():
    white = np.full((20, 12, 8, 3), 255, np.uint8)
    a, _ = pairs_of(degradations.mask(0.5), white)
    cut = (a == 127).all(-1)
    np.testing.assert_array_equal(cut.sum((1, 2)), 6 * 4)
    tops = cut.any(2).argmax(1)
    assert len(set(tops.tolist())) > 2
    centred, _ = pairs_of(degradations.mask(0.5, centred=True), white)
    np.testing.assert_array_equal(centred[:, 3:9, 2:6], 127)
    assert (centred == 127).all(-1).sum() == 20 * 24


@BOTH
def test_blur_keeps_the_mean_and_loses_contrast(dtype):
    array = images(dtype, size=32)
    a, _ = pairs_of(degradations.blur(2.0), array)
    assert a.dtype == dtype
    assert a.std() < 0.3 * array.std()
    assert abs(a.mean() / array.mean() - 1) < 0.05


def test_names_tell_all_options():
    made = [
        degradations.noise(0.1),
        degradations.noise(0.2),
        degradations.noise(0.1, seed=1),
        degradations.mask(),
        degradations.mask(centred=True),
        degradations.low_resolution(2),
        degradations.low_resolution(2, enlarged=False),
        degradations.edges(),
        degradations.edges(sigma=2),
    ]
    assert len({one.name for one in made}) == len(made)


def test_a_set_kept_on_disk_keeps_its_degraded_images_apart():
    source = data.Source(
        name="kept",
        split="train",
        num_examples=3,
        image_shape=(12, 12, 3),
        class_names=None,
        read=lambda indices: {"image": images()[indices]},
        cache_name="kept v1",
    )
    pairs = data.paired(source, degrade=degradations.lab_colorization())
    names = {side.cache_name for side in (source, pairs.a, pairs.b)}
    assert len(names - {None}) == 3
    # A function has no name that tells what it does.
    assert data.paired(source, degrade=lambda x: x).a.cache_name is None


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: degradations.low_resolution(1),
            "factor=1: give a whole number of at least 2",
        ),
        (lambda: degradations.noise(0.0), "noise deviation=0"),
        (lambda: degradations.low_light(1.5), "exposure=1.5"),
        (lambda: degradations.blur(-1.0), "blur sigma=-1"),
        (lambda: degradations.edges(sigma=0), "edges sigma=0"),
        (lambda: degradations.mask(1.0), "share=1"),
    ],
)
def test_options_out_of_range_are_refused(make, words):
    with pytest.raises(InputError, match=words):
        make()


@pytest.mark.parametrize(
    ("degradation", "channels", "words"),
    [
        (degradations.grey(), 1, r"1 channels: expected 3 \(RGB\) for grey"),
        (degradations.lab_colorization(), 4, "4 channels: expected 3"),
        (degradations.low_resolution(5), 3, "12x12 pixels: expected a multiple.*5"),
    ],
)
def test_images_that_cannot_be_degraded_are_refused_at_once(
    degradation, channels, words
):
    with pytest.raises(InputError, match=words):
        data.paired(images(channels=channels), degrade=degradation)


def test_a_missing_scikit_image_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage.feature", None)
    with pytest.raises(InputError, match=r'edges needs.*"jaxgen\[experiments\]"'):
        data.paired(images(), degrade=degradations.edges())

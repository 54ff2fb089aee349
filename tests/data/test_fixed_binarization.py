import numpy as np

from jaxgen import data


def grey(count=50, split="train"):
    images = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(count, axis=0)
    return data.from_arrays(images, np.arange(count) % 3, name="grey", split=split)


def test_pixels_are_binary_and_black_and_white_stay():
    images = data.fixed_binarization(grey()).in_memory()["image"]
    assert set(np.unique(images)) == {0, 255}
    assert not images[:, 0, 0].any()
    assert (images[:, 15, 15] == 255).all()


def test_each_pixel_is_one_as_often_as_its_grey_value_says():
    count = 4000
    images = data.fixed_binarization(grey(count)).in_memory()["image"] > 0
    chance = np.arange(256).reshape(16, 16, 1) / 255
    error = np.sqrt(chance * (1 - chance) / count) + 1e-9
    assert (np.abs(images.mean(axis=0) - chance) / error).max() < 5


def test_an_image_is_drawn_alike_however_it_is_read_and_keeps_its_label():
    source = data.fixed_binarization(grey())
    whole = source.in_memory()
    part = source.read(np.array([7, 3]))
    np.testing.assert_array_equal(part["image"], whole["image"][[7, 3]])
    np.testing.assert_array_equal(part["label"], [1, 0])


def test_splits_seeds_and_images_are_drawn_apart():
    first = data.fixed_binarization(grey()).in_memory()["image"]
    others = [
        data.fixed_binarization(grey(split="test")).in_memory()["image"],
        data.fixed_binarization(grey(), seed=1).in_memory()["image"],
        first[::-1],
    ]
    for other in others:
        assert 0.2 < np.mean(first != other) < 0.5

import jax
import numpy as np
import pytest

from jaxgen.data import from_arrays, load, pipeline, stacked_digits
from jaxgen.errors import InputError
from jaxgen.metrics import combine_classes


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def test_every_channel_is_a_digit_whose_class_the_label_tells(digits):
    stacked = stacked_digits(digits, num_examples=200).in_memory()
    grey = digits.in_memory()
    known = dict(
        zip([image.tobytes() for image in grey["image"]], grey["label"], strict=True)
    )
    parts = [
        [known[np.ascontiguousarray(image[..., c]).tobytes()] for c in range(3)]
        for image in stacked["image"]
    ]
    np.testing.assert_array_equal(stacked["label"], combine_classes(np.array(parts)))
    assert stacked["label"].dtype == np.int32


def test_classes_are_even(digits):
    count = 20_000
    labels = stacked_digits(digits, num_examples=count).read(np.arange(count))["label"]
    assert len(np.unique(labels)) == 1000
    share = np.bincount(digits.in_memory()["label"]) / len(digits)
    for place in (100, 10, 1):
        found = np.bincount(labels // place % 10) / count
        assert np.abs(found - share).max() < 5 * np.sqrt(0.1 * 0.9 / count)


def test_an_example_depends_on_seed_and_index_alone(digits):
    short, long = (stacked_digits(digits, num_examples=n, seed=3) for n in (10, 50))
    other = stacked_digits(digits, num_examples=50, seed=4)
    wanted = np.array([7, 2])
    for name, values in long.read(wanted).items():
        np.testing.assert_array_equal(short.read(wanted)[name], values)
        assert (other.read(wanted)[name] != values).any()
    assert long.class_names[42] == "042"


def test_the_pipeline_takes_it(digits, key):
    source = stacked_digits(digits, num_examples=40)
    data = pipeline(source, batch_size=8, key=key, train=True)
    item = jax.tree.map(lambda leaf: leaf[0], data.feed(0, 1))
    batch = data.batch(data.resident, item, 0)
    assert batch["image"].shape == (8, 8, 8, 3)
    assert data.steps_per_epoch == 5


def test_images_that_cannot_be_stacked_are_refused(digits):
    colour = from_arrays(np.zeros((2, 4, 4, 3), np.uint8), np.zeros(2, int))
    with pytest.raises(InputError, match="3 channels and labels"):
        stacked_digits(colour)
    with pytest.raises(InputError, match="1 channels and no labels"):
        stacked_digits(from_arrays(np.zeros((2, 4, 4, 1), np.uint8)))
    with pytest.raises(InputError, match="num_examples=0"):
        stacked_digits(digits, num_examples=0)

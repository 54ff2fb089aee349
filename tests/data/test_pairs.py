import sys

import jax
import numpy as np
import pytest

from jaxgen import data
from jaxgen.data import degradations
from jaxgen.errors import InputError


@pytest.fixture(scope="module")
def emoji():
    return {split: data.load_pairs("emoji", split=split) for split in ("train", "test")}


def numbered(count=20):
    image = np.zeros((count, 4, 4, 1), np.uint8)
    image[:, 0, 0, 0] = np.arange(count)
    return image


def numbers(source):
    return source.in_memory()["image"][:, 0, 0, 0].tolist()


def test_emoji_are_aligned_named_and_split(emoji):
    train, test = emoji["train"], emoji["test"]
    assert (len(train), len(test)) == (633, 158)
    assert train.a.image_shape == train.b.image_shape == (64, 64, 3)
    assert train.aligned
    assert len({*train.names, *test.names}) == 791
    assert {"heart", "pizza", "tiger"} <= {*train.names, *test.names}


def test_the_two_styles_of_an_emoji_are_the_most_alike(emoji):
    """A shifted or swapped sheet would pair a drawing with that of another thing."""
    a, b = (
        side.in_memory()["image"].reshape(158, 8, 8, 8, 8, 3).mean((2, 4))
        for side in (emoji["test"].a, emoji["test"].b)
    )
    distance = np.abs(a[:, None] - b[None]).mean((2, 3, 4))
    rank = (distance < np.diag(distance)[:, None]).sum(1)
    # By chance 1 in 158, and 79.
    assert (rank == 0).mean() > 0.3
    assert np.median(rank) < 8


@pytest.mark.parametrize("name", ["heart", "green_heart", "blue_heart"])
def test_emoji_are_what_their_names_say(emoji, name):
    (pairs,) = (pairs for pairs in emoji.values() if name in pairs.names)
    place = pairs.names.index(name)
    for side in (pairs.a, pairs.b):
        image = side[place]["image"]
        assert (image[[0, 0, -1, -1], [0, -1, 0, -1]] == 255).all()
        strongest = image[20:44, 20:44].mean((0, 1)).argmax()
        assert strongest == ["heart", "green_heart", "blue_heart"].index(name)


def test_emoji_that_look_alike_lie_in_one_split(emoji):
    hearts = {"heart", "orange_heart", "blue_heart", "green_heart", "white_heart"}
    assert sum(hearts <= set(emoji[split].names) for split in emoji) == 1
    ink = {
        split: [
            255 - side.in_memory()["image"].mean(-1).reshape(-1, 16, 4, 16, 4)
            for side in (pairs.a, pairs.b)
        ]
        for split, pairs in emoji.items()
    }
    alike = []
    for train, test in zip(ink["train"], ink["test"], strict=True):
        flat = [part.mean((2, 4)).reshape(len(part), -1) for part in (train, test)]
        flat = [part / np.linalg.norm(part, axis=1, keepdims=True) for part in flat]
        alike.append(flat[0] @ flat[1].T)
    assert np.minimum(*alike).max() < 0.981


def test_image_size_resizes_emoji(emoji):
    small = data.load_pairs("emoji", split="test", image_size=32)
    assert small.b.image_shape == (32, 32, 3)
    mean = emoji["test"].b[7]["image"].mean()
    assert abs(small.b[7]["image"].mean() - mean) < 2


def test_photographs_of_the_test_are_not_those_of_training():
    train, test = (
        data.load_pairs("photos", split=split, degrade=degradations.grey())
        for split in ("train", "test")
    )
    assert (len(train), len(test)) == (725, 94)
    assert train.b.image_shape == (64, 64, 3)
    assert train.aligned
    colour = test.b.in_memory()["image"]
    # A cat and a cup of coffee: warmer than blue.
    assert colour[..., 0].mean() > colour[..., 2].mean() + 20


def test_photographs_are_coloured_by_default():
    pairs = data.load_pairs("photos", split="test", image_size=128)
    assert (pairs.a.image_shape, pairs.b.image_shape) == ((128, 128, 1), (128, 128, 2))


def test_the_direction_swaps_the_sides(emoji):
    back = data.load_pairs("emoji", split="test", direction="b_to_a")
    forth = emoji["test"]
    np.testing.assert_array_equal(back.a[3]["image"], forth.b[3]["image"])
    np.testing.assert_array_equal(back.b[3]["image"], forth.a[3]["image"])
    assert back.names == forth.names
    assert (forth.direction, back.direction) == ("a_to_b", "b_to_a")


def test_floating_point_arrays_are_kept_in_sixteen_bits():
    a = np.linspace(0, 1, 32, dtype=np.float32).reshape(2, 4, 4, 1)
    pairs = data.from_pairs(a, np.zeros((2, 8, 8, 5), np.uint8), aligned=True)
    assert pairs.b.image_shape == (8, 8, 5)
    found = pairs.a.in_memory()["image"]
    assert found.dtype == np.uint16
    np.testing.assert_allclose(found / 65_535, a, atol=0.5 / 65_535)
    assert pairs.a.num_bytes == 2 * 32


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        (np.zeros((3, 4, 4, 1)), np.zeros((2, 4, 4, 1)), "3 images a and 2 images b"),
        (np.zeros((2, 4, 4, 1)), np.zeros((2, 6, 6, 1)), r"4x4.*\(a\) and 6x6.*whole"),
        (np.zeros((2, 4, 4, 1)), np.zeros((2, 4, 8, 1)), r"4x4.*\(a\) and 8x4.*whole"),
        (
            np.full((2, 4, 4, 1), 3.0),
            np.zeros((2, 4, 4, 1)),
            r"a' are from 3.*\[0, 1\]",
        ),
        (np.full((2, 4, 4, 1), np.nan), np.zeros((2, 4, 4, 1)), "nan.*without NaN"),
        (np.zeros((2, 4, 4, 1)), np.zeros((2, 4, 4, 1), int), "int64.*uint8 or uint16"),
        (np.zeros((0, 4, 4, 1)), np.zeros((2, 4, 4, 1)), "a' are missing"),
    ],
)
def test_arrays_that_are_no_pairs_are_refused(a, b, words):
    with pytest.raises(InputError, match=words):
        data.from_pairs(a, b, aligned=True)


def test_unaligned_sides_may_differ_in_everything():
    pairs = data.from_pairs(
        np.zeros((2, 4, 6, 1)), np.zeros((5, 9, 7, 3)), aligned=False
    )
    assert len(pairs) == 5


def test_any_function_of_images_makes_pairs():
    pairs = data.paired(numbered(), degrade=lambda images: 255 - images)
    assert numbers(pairs.a) == [255 - index for index in range(20)]
    assert numbers(pairs.b) == list(range(20))
    assert pairs.aligned


def test_pairs_of_a_labelled_set_hold_images_alone():
    pairs = data.load_pairs("digits", split="test", degrade=degradations.mask())
    assert pairs.a.in_memory().keys() == pairs.b.in_memory().keys() == {"image"}


def test_a_function_that_makes_no_images_is_refused():
    def mean(images):
        return images.mean((1, 2, 3))

    with pytest.raises(InputError, match=r"'mean' makes float64 of shape \(1,\)"):
        data.paired(numbered(), degrade=mean)


def test_shares_are_nested_and_of_the_asked_size(key):
    pairs = data.from_pairs(numbered(), numbered(), aligned=True)
    parts = [
        data.subset(pairs, share, key=jax.random.clone(key)) for share in (0.1, 0.5, 1)
    ]
    drawn = [numbers(part.a) for part in parts]
    assert list(map(len, drawn)) == [2, 10, 20]
    assert set(drawn[0]) < set(drawn[1]) < set(drawn[2])
    assert drawn[1] != list(range(10))
    for part, numbers_of_a in zip(parts, drawn, strict=True):
        assert numbers(part.b) == numbers_of_a
    other = data.subset(pairs, 0.5, key=jax.random.key(1))
    assert numbers(other.a) != drawn[1]


def test_names_follow_the_share(key, emoji):
    part = data.subset(emoji["test"], 0.1, key=key)
    whole = emoji["test"]
    place = whole.names.index(part.names[2])
    np.testing.assert_array_equal(part.a[2]["image"], whole.a[place]["image"])


def test_sides_of_an_unaligned_share_are_drawn_apart(key):
    pairs = data.from_pairs(numbered(), numbered(40), aligned=False)
    part = data.subset(pairs, 0.5, key=key)
    assert (len(part.a), len(part.b)) == (10, 20)
    assert [n for n in numbers(part.b) if n < 20] != numbers(part.a)


@pytest.mark.parametrize("share", [0, -1, 1.5, float("nan")])
def test_a_share_out_of_range_is_refused(key, share):
    pairs = data.from_pairs(numbered(), numbered(), aligned=True)
    with pytest.raises(InputError, match=r"share=.*up to 1"):
        data.subset(pairs, share, key=key)


def test_a_reversed_direction_is_said_where_it_can_be_known(emoji):
    assert data.doubtful_direction(emoji["test"]) is None
    assert data.doubtful_direction(emoji["test"].swapped()) is None
    made = data.paired(numbered(), degrade=lambda images: images)
    assert data.doubtful_direction(made) is None
    assert "give --direction a_to_b" in data.doubtful_direction(made.swapped())
    # Blocks of one colour each, and something seen through them.
    labels = np.kron(
        np.random.default_rng(0).integers(0, 256, (4, 4, 4, 3)), np.ones((1, 8, 8, 1))
    ).astype(np.uint8)
    photographs = np.random.default_rng(1).integers(0, 256, labels.shape, np.uint8)
    pairs = data.from_pairs(photographs, labels, aligned=True)
    assert "give --direction b_to_a" in data.doubtful_direction(pairs)
    assert data.doubtful_direction(pairs.swapped()) is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": "emojis"}, "'emojis' is unknown: expected 'emoji'"),
        ({"name": "emoji", "split": "val"}, "'emoji' has no split 'val'"),
        ({"name": "emoji", "split": "all"}, "split 'all' is unknown: expected one of"),
        ({"name": "emoji", "direction": "ab"}, "direction 'ab'.*'a_to_b', 'b_to_a'"),
        ({"name": "emoji", "layout": "glued"}, "layout 'glued'.*'side_by_side'"),
        ({"name": "emoji", "image_size": 0}, "image size 0"),
        ({"name": "photos", "image_size": 151}, "151 is too large.*at most 150"),
        ({"name": "no/where"}, "no/where does not exist: expected a folder of pairs"),
    ],
)
def test_what_is_not_there_is_refused(options, words):
    with pytest.raises(InputError, match=words):
        data.load_pairs(**options)


def test_the_validation_split_of_single_images_is_refused():
    with pytest.raises(InputError, match="single images has no split 'val'"):
        data.load_pairs("digits", split="val", degrade=degradations.blur())


@pytest.mark.parametrize(
    ("name", "module", "extra"),
    [
        ("photos", "skimage", "experiments"),
        ("photos", "sklearn", "experiments"),
        ("cycle_gan/maps", "tensorflow_datasets", "tfds"),
    ],
)
def test_a_missing_package_is_named_with_its_extra(monkeypatch, name, module, extra):
    # None in sys.modules makes the import fail as if the package were not there.
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=rf'pip install "jaxgen\[{extra}\]"'):
        data.load_pairs(name, split="test")

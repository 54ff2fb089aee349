import jax
import numpy as np
import pytest

from jaxgen import data
from jaxgen.data import degradations
from jaxgen.errors import InputError
from tests.data.pairs.first_pixels import numbered, numbers


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
    parts = [pairs.share(share, key=jax.random.clone(key)) for share in (0.1, 0.5, 1)]
    drawn = [numbers(part.a) for part in parts]
    assert list(map(len, drawn)) == [2, 10, 20]
    assert set(drawn[0]) < set(drawn[1]) < set(drawn[2])
    assert drawn[1] != list(range(10))
    for part, numbers_of_a in zip(parts, drawn, strict=True):
        assert numbers(part.b) == numbers_of_a
    other = pairs.share(0.5, key=jax.random.key(1))
    assert numbers(other.a) != drawn[1]


def test_names_follow_the_share(key, emoji):
    part = emoji["test"].share(0.1, key=key)
    whole = emoji["test"]
    place = whole.names.index(part.names[2])
    np.testing.assert_array_equal(part.a[2]["image"], whole.a[place]["image"])


def test_sides_of_an_unaligned_share_are_drawn_apart(key):
    pairs = data.from_pairs(numbered(), numbered(40), aligned=False)
    part = pairs.share(0.5, key=key)
    assert (len(part.a), len(part.b)) == (10, 20)
    assert [n for n in numbers(part.b) if n < 20] != numbers(part.a)


@pytest.mark.parametrize("share", [0, -1, 1.5, float("nan")])
def test_a_share_out_of_range_is_refused(key, share):
    pairs = data.from_pairs(numbered(), numbered(), aligned=True)
    with pytest.raises(InputError, match=r"share=.*above 0 and of at most 1"):
        pairs.share(share, key=key)


def test_images_of_both_sides_are_read_as_bytes_evenly_spread():
    floats = np.linspace(0, 1, 5 * 16, dtype=np.float32).reshape(5, 4, 4, 1)
    pairs = data.from_pairs(floats, np.uint8(255 * floats), aligned=True)
    a, b, aligned = data.read_pairs(pairs, 3)
    assert aligned
    np.testing.assert_array_equal(a, (255 * floats[[0, 2, 4]]).round())
    np.testing.assert_array_equal(b, np.uint8(255 * floats[[0, 2, 4]]))
    assert len(data.read_pairs(pairs, 100).a) == 5
    assert pairs.channels == (1, 1)


def test_disjoint_halves_hold_no_pair():
    pixels = np.arange(5, dtype=np.uint8)[:, None, None, None].repeat(4, 1).repeat(4, 2)
    pairs = data.from_pairs(pixels, pixels, aligned=True)
    halves = data.disjoint_halves(pairs)
    assert not halves.aligned
    a, b = (set(side.in_memory()["image"].ravel()) for side in (halves.a, halves.b))
    assert (a, b) == ({0, 2, 4}, {1, 3})
    with pytest.raises(InputError, match="disjoint=True parts images"):
        data.disjoint_halves(halves)

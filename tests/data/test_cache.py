import numpy as np
import pytest

from jaxgen.data import cache

ARRAYS = {"image": np.arange(8, dtype=np.uint8).reshape(2, 2, 2, 1)}
SHAPES = {"image": (2, 2, 2, 1)}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "jaxgen"


def load(name="set 1", shapes=SHAPES):
    """Returns the arrays and whether they had to be computed."""
    calls = []

    def compute():
        calls.append(name)
        return ARRAYS

    arrays = cache.load_or_compute(name, shapes, compute)
    np.testing.assert_array_equal(arrays["image"], ARRAYS["image"])
    return bool(calls)


def test_the_second_time_nothing_is_computed_and_nothing_else_is_left(folder):
    assert [load(), load()] == [True, False]
    assert [path.suffix for path in folder.iterdir()] == [".npz"]


def test_another_name_is_another_entry():
    assert [load("set 1"), load("set 2"), load("set 1")] == [True, True, False]


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04 half a file", b"\x93NUMPY\x01\x00 half an array"]
)
def test_a_damaged_entry_is_computed_again(folder, content):
    load()
    (entry,) = folder.iterdir()
    entry.write_bytes(content)
    assert [load(), load()] == [True, False]


def test_one_array_in_the_place_of_an_entry_is_computed_again(folder):
    load()
    (entry,) = folder.iterdir()
    with open(entry, "wb") as file:
        np.save(file, ARRAYS["image"])
    assert [load(), load()] == [True, False]


def test_a_flipped_byte_is_noticed(folder):
    load()
    (entry,) = folder.iterdir()
    content = bytearray(entry.read_bytes())
    content[content.index(bytes(range(8)))] ^= 1
    entry.write_bytes(content)
    assert load()


def test_an_entry_of_another_shape_is_not_used():
    load()
    assert load(shapes={"image": (4, 2, 1, 1)})


def test_a_folder_that_cannot_be_made_is_no_failure(folder):
    folder.parent.write_text("a file in its place")
    assert [load(), load()] == [True, True]

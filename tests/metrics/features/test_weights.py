import json
import struct
import zipfile

import numpy as np
import pytest

from jaxgen.errors import InputError
from jaxgen.metrics.features import cache
from jaxgen.metrics.features.weights import (
    FORMAT,
    Weights,
    load_weights,
    save_weights,
)

SHAPES = {("unit", "kernel"): (2, 3)}
KERNEL = np.arange(6, dtype=np.float32).reshape(2, 3)


def load(path):
    return load_weights(path, architecture="a net", shapes=SHAPES)


def write(path, array=KERNEL, **metadata):
    numpy = pytest.importorskip("safetensors.numpy")
    told = {"format": FORMAT, "architecture": "a net", **metadata}
    numpy.save_file({"unit/kernel": array}, path, told)
    return path


def test_a_file_gives_back_what_was_written(tmp_path):
    pytest.importorskip("safetensors")
    path = tmp_path / "new" / "a.safetensors"
    weights = Weights({"unit": {"kernel": KERNEL}}, ("0123", "4567"))
    save_weights(path, weights, architecture="a net")
    found = load(path)
    assert found.sources == ("0123", "4567")
    np.testing.assert_array_equal(found.params["unit"]["kernel"], KERNEL)


@pytest.mark.parametrize(
    "sources", [None, "", "[]", "{}", "7", '"0123"', "[7]", '[""]', "[", "[" * 100_000]
)
def test_weights_that_do_not_say_where_they_come_from_are_refused(tmp_path, sources):
    metadata = {} if sources is None else {"sources": sources}
    path = write(tmp_path / "a.safetensors", **metadata)
    with pytest.raises(
        InputError, match=r"a\.safetensors do not say.*convert"
    ) as error:
        load(path)
    assert len(str(error.value)) < 1000


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused(tmp_path, bad):
    array = KERNEL.copy()
    array[1, 1] = bad
    path = write(tmp_path / "a.safetensors", array, sources=json.dumps(["0123"]))
    with pytest.raises(InputError, match=r"a\.safetensors.*unit/kernel.*fetch"):
        load(path)


def test_weights_that_are_no_floats_are_refused(tmp_path):
    array = KERNEL.astype(np.int32)
    path = write(tmp_path / "a.safetensors", array, sources=json.dumps(["0123"]))
    with pytest.raises(InputError, match=r"unit/kernel \(int32\).*not finite floats"):
        load(path)


def test_types_that_numpy_lacks_are_refused(tmp_path):
    pytest.importorskip("safetensors")
    header = {
        "__metadata__": {"format": FORMAT, "architecture": "a net"},
        "unit/kernel": {"dtype": "F8_E4M3", "shape": [2, 3], "data_offsets": [0, 6]},
    }
    content = json.dumps(header).encode()
    path = tmp_path / "a.safetensors"
    path.write_bytes(struct.pack("<Q", len(content)) + content + bytes(6))
    with pytest.raises(InputError, match=r"a\.safetensors: .*Convert them again"):
        load(path)


def test_a_cache_gives_back_what_was_saved(tmp_path):
    path = tmp_path / "new" / "a.npz"
    cache.save(path, {"kernel": KERNEL})
    found = cache.load(path, {"kernel": (2, 3)})
    assert found is not None
    np.testing.assert_array_equal(found["kernel"], KERNEL)
    assert cache.load(path, {"kernel": (3, 2)}) is None


def test_a_cache_is_never_a_reason_to_fail(tmp_path):
    shapes = {"kernel": (2, 3)}
    assert cache.load(tmp_path / "missing.npz", shapes) is None
    assert cache.load(tmp_path, shapes) is None
    path = tmp_path / "a.npz"
    for content in (b"", b"text", b"PK\x03\x04 half a file"):
        path.write_bytes(content)
        assert cache.load(path, shapes) is None
    with open(path, "wb") as file:
        np.save(file, KERNEL)
    assert cache.load(path, shapes) is None
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("kernel", b"no array")
    assert cache.load(path, shapes) is None
    for array in (np.full((2, 3), np.nan), np.full((2, 3), "a"), KERNEL > 1):
        np.savez(path, kernel=array)
        assert cache.load(path, shapes) is None
    cache.save(path / "below", {"kernel": KERNEL})

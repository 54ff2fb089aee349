import io
import os
import pickle
import struct
import zipfile
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from jaxgen.errors import InputError
from jaxgen.networks import torch_pickle, torch_weights
from jaxgen.networks.torch_weights import read_state_dict

FIXTURES = Path(__file__).parent / "fixtures"

# Made by torch 2.14: torch.arange(6.).reshape(2, 3), its transpose made anew, four of
# ten int64, a torch.nn.Parameter, and so on.
_TABLE = np.arange(6, dtype=np.float32).reshape(2, 3)
EXPECTED = {
    "w": _TABLE,
    "transposed": _TABLE.T,
    "part": np.arange(3, 7),
    "half": np.array([1.5, -2], np.float16),
    "brain": np.array([1.5, -2], ml_dtypes.bfloat16),
    "count": np.array(7),
    "bytes": np.array([0, 255], np.uint8),
    "parameter": np.array([0.25]),
    "empty": np.zeros((0, 3), np.float32),
}


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def long(value: int) -> bytes:
    return b"\x8a\x10" + value.to_bytes(16, "little", signed=True)


def integers(values) -> bytes:
    return b"(" + b"".join(map(long, values)) + b"t"


def tensor(size=6, offset=0, shape=(2, 3), strides=(3, 1), kind="FloatStorage"):
    """The pickle of one tensor whose numbers are storage 0."""
    storage = b"(" + text("storage") + f"ctorch\n{kind}\n".encode() + text("0")
    storage += text("cpu") + long(size) + b"tQ"
    arguments = storage + b"J" + struct.pack("<i", offset)
    arguments += integers(shape) + integers(strides) + b"\x89N"
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + arguments + b"tR"


def entries(**values: bytes) -> bytes:
    return b"}(" + b"".join(text(k) + v for k, v in values.items()) + b"u"


def legacy(path, content: bytes, *, size=6, data=None):
    """A file of before PyTorch 1.6 with one storage, 0."""
    numbers = np.arange(6, dtype="<f4").tobytes() if data is None else data
    facts = {"little_endian": True}
    path.write_bytes(
        b"".join(pickle.dumps(o, 2) for o in (0x1950A86A20F9469CFC6C, 1001, facts))
        + b"\x80\x02"
        + content
        + b"."
        + pickle.dumps(["0"], 2)
        + struct.pack("<Q", size)
        + numbers
    )
    return path


def archive(path, content: bytes, *, compression=zipfile.ZIP_STORED, **members):
    with zipfile.ZipFile(path, "w", compression) as file:
        file.writestr("some/data.pkl", b"\x80\x02" + content + b".")
        file.writestr("some/data/0", np.arange(6, dtype="<f4").tobytes())
        for name, data in members.items():
            file.writestr(f"some/{name}", data)
    return path


@pytest.mark.parametrize("name", ["zip.pth", "before_1_6.pth"])
def test_files_of_torch_are_read(name):
    found = read_state_dict(FIXTURES / name)
    assert set(found) <= set(EXPECTED)
    assert {"w", "transposed", "brain", "parameter"} <= set(found)
    for key, array in found.items():
        assert array.dtype == EXPECTED[key].dtype
        np.testing.assert_array_equal(array, EXPECTED[key])


def test_strides_and_offsets_are_followed(tmp_path):
    content = tensor(offset=1, shape=(2, 2), strides=(1, 3))
    found = read_state_dict(archive(tmp_path / "a.pth", entries(w=content)))
    np.testing.assert_array_equal(found["w"], [[1, 4], [2, 5]])


def test_nothing_in_a_file_is_run(tmp_path):
    class Attack:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "broken_in"),)

    path = tmp_path / "attack.pth"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("some/data.pkl", pickle.dumps({"w": Attack()}))
    with pytest.raises(InputError, match=r"asks for posix\.mkdir"):
        read_state_dict(path)
    path.write_bytes(pickle.dumps({"w": Attack()}, protocol=2))
    with pytest.raises(InputError, match=r"asks for posix\.mkdir"):
        read_state_dict(path)
    assert not (tmp_path / "broken_in").exists()


def test_a_whole_module_is_refused_by_name():
    with pytest.raises(InputError, match=r"torch\.nn\.modules\.linear\.Linear.*alone"):
        read_state_dict(FIXTURES / "module.pth")


def test_python_s_own_pickles_are_taken_apart():
    deep = {"a": [1, -2.5, None, True, (), (1, 2, 3, 4)], 7: {"b": 2**70, "c": "ä"}}
    deep["again"] = deep["a"]
    for protocol in range(2, 6):
        stream = io.BytesIO(pickle.dumps(deep, protocol) + b"rest")
        assert torch_pickle.read_object(stream) == deep
        assert stream.read() == b"rest"


def test_a_checkpoint_is_asked_which_entry_is_meant(tmp_path):
    two = entries(
        g=entries(w=tensor()),
        g_ema=entries(w=tensor(offset=3, shape=(3,), strides=(1,))),
        step=b"K\x05",
    )
    path = archive(tmp_path / "two.pth", two)
    with pytest.raises(InputError, match="which entry of it is meant: g, g_ema"):
        read_state_dict(path)
    with pytest.raises(InputError, match="no state dict 'd'; it has g, g_ema"):
        read_state_dict(path, entry="d")
    found = read_state_dict(path, entry="g_ema")
    np.testing.assert_array_equal(found["w"], [3, 4, 5])
    one = archive(
        tmp_path / "one.pth", entries(state_dict=entries(w=tensor()), epoch=b"K\x05")
    )
    np.testing.assert_array_equal(read_state_dict(one)["w"], _TABLE)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (tensor(offset=1), "needs 7 numbers, and there are 6"),
        (tensor(shape=(2000, 3), strides=(0, 1)), "needs 6000 numbers"),
        (tensor(strides=(-3, 1)), "damaged"),
        (tensor(strides=(1,)), "damaged"),
        (tensor(kind="QInt8Storage"), "QInt8Storage, which cannot be read"),
        (b"K\x05", "no state dict"),
    ],
)
def test_tensors_that_cannot_be_are_refused(tmp_path, content, words):
    path = archive(tmp_path / "bad.pth", entries(w=content))
    with pytest.raises(InputError, match=words):
        read_state_dict(path)


def test_older_files_with_storages_of_another_length_are_refused(tmp_path):
    path = tmp_path / "old.pth"
    found = read_state_dict(legacy(path, entries(w=tensor())))
    np.testing.assert_array_equal(found["w"], _TABLE)
    numbers = _TABLE.tobytes()
    for data in (numbers[:-1], numbers[:-4], b""):
        with pytest.raises(InputError, match="it is damaged"):
            read_state_dict(legacy(path, entries(w=tensor()), data=data))
    for size in (7, 2**40, 2**61, 2**62, 2**63):
        content = entries(w=tensor(size=size))
        with pytest.raises(InputError, match="damaged"):
            read_state_dict(legacy(path, content, size=size, data=numbers[:-1]))
        with pytest.raises(InputError, match="damaged"):
            read_state_dict(legacy(path, entries(w=tensor()), size=size))


@pytest.mark.parametrize("write", [archive, legacy])
def test_axes_and_strides_beyond_all_numbers_are_refused(tmp_path, write):
    for shape, strides in (
        ((0, 2**62), (1, 1)),
        ((0, 2**70), (1, 1)),
        ((1,), (2**70,)),
        ((1,) * 65, (1,) * 65),
    ):
        content = entries(w=tensor(shape=shape, strides=strides))
        with pytest.raises(InputError, match="it is damaged"):
            read_state_dict(write(tmp_path / "bad.pth", content))


def test_only_the_known_instructions_are_followed(tmp_path):
    # POP, POP_MARK, DUP and INST: a state dict needs none of them.
    for content, name in (
        (b"}0}", "POP"),
        (b"}(1", "POP_MARK"),
        (b"}2", "DUP"),
        (b"(ios\nmkdir\n", "INST"),
    ):
        with pytest.raises(InputError, match=f"has the pickle instruction {name}\\."):
            read_state_dict(archive(tmp_path / "bad.pth", content))


def test_archives_that_torch_never_writes_are_refused(tmp_path):
    path, content = tmp_path / "bad.pth", entries(w=tensor())
    archive(path, content, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(InputError, match="compressed"):
        read_state_dict(path)
    archive(path, content, byteorder=b"big")
    with pytest.raises(InputError, match="not little-endian"):
        read_state_dict(path)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("readme", "")
    with pytest.raises(InputError, match="none that torch.save writes"):
        read_state_dict(path)


def test_other_files_are_refused_in_a_sentence(tmp_path):
    path = tmp_path / "other.pth"
    with pytest.raises(InputError, match="No such file"):
        read_state_dict(path)
    path.write_text("<!DOCTYPE html>")
    with pytest.raises(InputError, match=r"expected what torch\.save writes"):
        read_state_dict(path)
    path.write_bytes(pickle.dumps({"w": 1}))
    with pytest.raises(InputError, match="a pickle, but none that torch"):
        read_state_dict(path)


@pytest.mark.parametrize("name", ["zip.pth", "before_1_6.pth"])
def test_a_damaged_file_is_no_traceback(tmp_path, name):
    whole = (FIXTURES / name).read_bytes()
    path = tmp_path / "damaged.pth"
    for end in range(0, len(whole), 7):
        path.write_bytes(whole[:end])
        with pytest.raises(InputError):
            read_state_dict(path)
    survived = 0
    for place in range(0, len(whole), 3):
        changed = bytearray(whole)
        changed[place] ^= 0xFF
        path.write_bytes(changed)
        try:
            survived += len(read_state_dict(path)) > 0
        except InputError:
            continue
    # Padding and unused headers may change; numbers of the older kind have no checksum.
    assert survived < len(whole) / 3


def test_tuples_of_tuples_of_tuples_cost_nothing(tmp_path):
    # 2**60 leaves, should anyone hash or print them: as a shape, as a key.
    bomb = b")" + b"q\x00h\x00\x86" * 60
    for content in (entries(w=bomb), b"}" + bomb + b"K\x01s"):
        path = archive(tmp_path / "bomb.pth", content)
        with pytest.raises(InputError):
            read_state_dict(path)


def test_the_readers_cannot_unpickle():
    for module in (torch_pickle, torch_weights):
        assert not hasattr(module, "pickle")

import contextlib
import errno
import io
import os
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest

from jaxgen import data, files, training
from jaxgen.errors import InputError


def test_a_file_has_its_place_only_when_it_is_whole(tmp_path):
    path = tmp_path / "made" / "on the way" / "file"
    files.write_whole(path, b"old")
    with files.open_whole(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file"
    files.write_whole(path, b"old")

    def fail():
        with files.open_whole(path) as file:
            file.write(b"ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    path = tmp_path / "file"
    with files.open_whole(path) as first, files.open_whole(path) as second:
        first.write(b"first")
        second.write(b"second")
    # The outer block ends last.
    assert path.read_bytes() == b"first"


def test_a_file_and_then_its_place_are_on_disk(tmp_path, monkeypatch):
    done = []
    sync, rename = os.fsync, os.replace

    def note_sync(descriptor):
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        sync(descriptor)

    def note_rename(source, target):
        assert Path(source).read_bytes() == b"content"
        done.append("rename")
        rename(source, target)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "replace", note_rename)
    files.write_whole(tmp_path / "file", b"content")
    assert done == ["file", "rename", "folder"]


@pytest.mark.parametrize(("code", "kept"), [(errno.EINVAL, True), (errno.EIO, False)])
def test_a_file_system_that_cannot_sync_is_no_error_and_a_broken_one_is(
    code, kept, tmp_path, monkeypatch
):
    def fail(descriptor):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)
    path = tmp_path / "file"
    with contextlib.nullcontext() if kept else pytest.raises(OSError, match="error"):
        files.write_whole(path, b"content")
    assert path.exists() == kept
    assert len(list(tmp_path.iterdir())) == kept


def test_what_a_killed_process_leaves_is_taken_for_nothing(tmp_path):
    """A file whose write was cut off lies beside the whole ones, under every name."""
    for name in ("config.json", "metrics.jsonl", "1.png", "a.npz", "run"):
        (tmp_path / f".{name}.0123456789abcdef.tmp").write_bytes(b"half")
    folder = training.RunFolder(tmp_path)
    assert training.read_records(folder.metrics) == []
    with pytest.raises(InputError, match="There is no run"):
        training.open_run(
            tmp_path.parent, tmp_path.name, {"config": {}}, resume=True, free=set()
        )
    with pytest.raises(InputError, match="no pictures|no images"):
        data.load(str(tmp_path))


def test_others_may_read_what_the_users_mask_lets_them(tmp_path):
    path = tmp_path / "file"
    before = os.umask(0o022)
    try:
        files.write_whole(path, b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_place_that_cannot_be_written_to_is_an_os_error(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="file"):
        files.write_whole(tmp_path / "file" / "below", b"")


def test_the_cache_is_where_the_user_keeps_caches(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert files.cache_folder() == Path("/somewhere/jaxgen")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert files.cache_folder() == Path("/home/somebody/.cache/jaxgen")


def test_arrays_come_back_by_their_names(tmp_path):
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "file.npz", a=np.arange(3), b=np.eye(2))
        found = files.read_npz(tmp_path / "file.npz")
        assert list(found) == ["a", "b"]
        np.testing.assert_array_equal(found["b"], np.eye(2))


def test_anything_but_an_archive_of_plain_arrays_is_one_error(tmp_path):
    path = tmp_path / "file.npz"
    np.savez(path, a=np.arange(3))
    whole = path.read_bytes()
    for content in (b"", b"text", b"PK\x03\x04 half a file", whole[:-30]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="."):
            files.read_npz(path)
    np.save(tmp_path / "one.npy", np.arange(3))
    with pytest.raises(ValueError, match="one array"):
        files.read_npz(tmp_path / "one.npy")
    np.savez(path, a=np.array([None]))
    with pytest.raises(ValueError, match="Python objects"):
        files.read_npz(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme", "no array")
    with pytest.raises(ValueError, match="readme in it is not an array"):
        files.read_npz(path)
    # A header that asks for more memory than there is.
    with zipfile.ZipFile(path, "w") as archive:
        header = "{'descr': '<f8', 'fortran_order': False, 'shape': (1152921504606,)}"
        header = header.ljust(117) + "\n"
        start = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little")
        archive.writestr("a.npy", start + header.encode())
    with pytest.raises(ValueError, match="."):
        files.read_npz(path)


def test_a_file_of_arrays_that_cannot_be_opened_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        files.read_npz(tmp_path / "missing.npz")
    with pytest.raises(OSError, match="it is a folder"):
        files.read_npz(tmp_path)


def test_a_damaged_byte_or_a_new_one_anywhere_is_one_error(tmp_path):
    path = tmp_path / "file.npz"
    np.savez_compressed(path, a=np.arange(3), b=np.eye(2))
    whole = path.read_bytes()
    refused = 0
    for place in range(0, len(whole), 3):
        start, byte = whole[:place], bytes([whole[place] ^ 0x55])
        for end in (whole[place:], whole[place + 1 :]):
            path.write_bytes(start + byte + end)
            try:
                files.read_npz(path)
            except ValueError:
                refused += 1
    assert refused > len(whole) / 6


def npy(header, content=b"", version=1):
    """Returns an `.npy` file of a header that is written out."""
    text = header.encode() + b"\n"
    length = len(text).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + content


def head(shape, dtype="'<f8'"):
    return f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}, }}"


def as_npz(content, **options):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", **options) as archive:
        archive.writestr("a.npy", content)
    return stream.getvalue()


DAMAGED_ARRAYS = {
    "a huge shape": npy(head((2**40,)), bytes(8)),
    "a shape beyond all numbers": npy(head((2**70, 2**70)), bytes(8)),
    "an overflow to nothing": npy(head((2**61,)), b""),
    "a negative axis": npy(head((-1, -1)), bytes(8)),
    "too few numbers": npy(head((3,)), bytes(16)),
    "too many numbers": npy(head((3,)), bytes(32)),
    "an open bracket": npy("{'descr': '<f8', 'shape': ("),
    "an open string": npy("{'descr': '<f8"),
    "an open line of text": npy('"""'),
    "deep brackets": npy("(" * 5000),
    "deep minus signs": npy("-" * 9000 + "1"),
    "numbers of no bytes": npy(head((2**40,), "'<V0'")),
    "Python objects": npy(head((1,), "'|O'"), bytes(8)),
    "an unknown type": npy(head((1,), "'<q9'"), bytes(8)),
    "no dictionary": npy("[]"),
    "another version": npy(head((1,)), bytes(8), version=9),
    "a header without end": b"\x93NUMPY\x02\x00\xff\xff\xff\xff{",
    "a long header": npy(" " * 50_000 + head((1,)), bytes(8), version=2),
    "no header": b"\x93NUMPY",
    "nothing": b"",
}


@pytest.mark.parametrize("content", DAMAGED_ARRAYS.values(), ids=DAMAGED_ARRAYS.keys())
def test_a_damaged_array_is_one_error(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="."):
        files.map_npy(path)
    path.write_bytes(as_npz(content))
    with pytest.raises(ValueError, match="."):
        files.read_npz(path)


def test_an_archive_is_not_believed_what_it_claims(tmp_path):
    path = tmp_path / "file.npz"
    whole = as_npz(npy(head((2**20,)), bytes(2**23)), compression=zipfile.ZIP_DEFLATED)
    path.write_bytes(whole)
    assert files.read_npz(path)["a"].shape == (2**20,)
    # The size before compression, in the central directory, 46 bytes before the name.
    place = whole.index(b"PK\x01\x02") + 24
    claim = (2**31).to_bytes(4, "little")
    path.write_bytes(whole[:place] + claim + whole[place + 4 :])
    with pytest.raises(ValueError, match="a.npy claims more bytes than it can hold"):
        files.read_npz(path)
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("a.npy", "b.npy"):
            archive.writestr(name, npy(head((1,)), bytes(8)))
    content = path.read_bytes()
    place = content.index(b"PK\x01\x02") + 20
    path.write_bytes(content[:place] + claim + content[place + 4 :])
    with pytest.raises(ValueError, match="parts claim more bytes than the file has"):
        files.read_npz(path)


def test_an_archive_of_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_MOST_BYTES", 1000)
    np.savez_compressed(tmp_path / "file.npz", a=np.zeros(1000))
    with pytest.raises(ValueError, match="claims 8,128 bytes, and 1,000 are read"):
        files.read_npz(tmp_path / "file.npz")


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        np.float32(2),
        np.zeros((0, 3)),
        np.array(["a", "bc"]),
        np.array([True, False]),
    ],
)
def test_an_array_is_mapped_as_it_was_saved(tmp_path, array):
    np.save(tmp_path / "one.npy", array)
    found = files.map_npy(tmp_path / "one.npy")
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype
    np.savez(tmp_path / "one.npz", array)
    np.testing.assert_array_equal(files.read_npz(tmp_path / "one.npz")["arr_0"], array)


def test_an_archive_is_no_single_array(tmp_path):
    np.savez(tmp_path / "file.npy.npz", a=np.arange(3))
    with pytest.raises(ValueError, match="it is an archive of arrays"):
        files.map_npy(tmp_path / "file.npy.npz")


def test_what_is_no_regular_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for path, kind in (
        (tmp_path / "pipe", "a named pipe"),
        (tmp_path / "link", "a named pipe"),
        (tmp_path, "a folder"),
        (Path(os.devnull), "a device"),
    ):
        for read in (files.open_regular, files.read_npz, files.map_npy):
            with pytest.raises(OSError, match=f"it is {kind}: .*{path.name}"):
                read(path)
    (tmp_path / "file").write_bytes(b"ab")
    (tmp_path / "to_file").symlink_to("file")
    with files.open_regular(tmp_path / "to_file") as file:
        assert file.read() == b"ab"


@pytest.mark.parametrize(
    "count", [60, pytest.param(6000, marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_random_damage_of_an_array_is_one_error_or_none(tmp_path, count):
    path = tmp_path / "file"
    np.save(tmp_path / "one.npy", np.arange(3))
    whole = (tmp_path / "one.npy").read_bytes()
    draw = np.random.default_rng(0)
    refused = 0
    for _ in range(count):
        content = bytearray(whole)
        for place in draw.integers(6, 80, draw.integers(1, 4)):
            content[place] = draw.integers(256)
        for damaged, read in (
            (bytes(content), files.map_npy),
            (as_npz(bytes(content)), files.read_npz),
        ):
            path.write_bytes(damaged)
            try:
                read(path)
            except ValueError:
                refused += 1
    assert refused > count / 2

import contextlib
import errno
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
    with pytest.raises(ValueError, match="allow_pickle"):
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
    with pytest.raises(IsADirectoryError):
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

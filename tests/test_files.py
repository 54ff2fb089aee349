import os
import stat
from pathlib import Path

import pytest

from jaxgen import files


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

import os
import subprocess
import sys
import time

import pytest

from jaxgen.run import compilation_cache
from jaxgen.run.compilation_cache import use_compilation_cache

COMPILES = """
import sys, warnings
from pathlib import Path
import jax
from jaxgen.run.compilation_cache import use_compilation_cache

events = []
jax.monitoring.register_event_listener(lambda name, **more: events.append(name))
folder = use_compilation_cache(Path(sys.argv[1]) if sys.argv[1:] else None)
jax.jit(lambda x: 2 * x + 1)(jax.numpy.arange(3)).block_until_ready()
print(folder)
print(sum(name.endswith("/cache_hits") for name in events))
print(sum(name.endswith("/cache_misses") for name in events))
"""


def compiled(*folder, **environment):
    """Returns the folder, hits and misses of a process of its own, and its errors."""
    others = {k: v for k, v in os.environ.items() if not k.startswith("JAX_")}
    done = subprocess.run(
        [sys.executable, "-c", COMPILES, *map(str, folder)],
        capture_output=True,
        text=True,
        env=others | {"JAX_PLATFORMS": "cpu"} | environment,
    )
    assert done.returncode == 0, done.stderr
    where, hits, misses = done.stdout.split()
    return where, int(hits), int(misses), done.stderr


def test_a_second_process_compiles_nothing(tmp_path):
    where, hits, misses, _ = compiled(XDG_CACHE_HOME=str(tmp_path))
    assert where.startswith(str(tmp_path / "jaxgen" / "compiled"))
    assert hits == 0
    assert misses > 0
    again = compiled(XDG_CACHE_HOME=str(tmp_path))
    assert again == (where, misses, 0, "")


def test_a_damaged_program_is_compiled_without_a_word(tmp_path):
    where, _, misses, _ = compiled(tmp_path)
    for entry in os.scandir(where):
        if entry.name.endswith("-cache"):
            with open(entry.path, "r+b") as file:
                file.truncate(entry.stat().st_size // 2)
    _, hits, _, errors = compiled(tmp_path)
    assert (hits, errors) == (0, "")
    assert misses > 0


def test_the_cache_that_jax_was_given_stays(tmp_path):
    given, other = tmp_path / "given", tmp_path / "other"
    where, *_ = compiled(other, JAX_COMPILATION_CACHE_DIR=str(given))
    assert where == "None"
    assert not other.exists()


def test_a_folder_that_cannot_be_made_is_told_of(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    where, hits, misses, errors = compiled(tmp_path / "file")
    assert (where, hits, misses) == ("None", 0, 0)
    (line,) = errors.splitlines()
    assert line.startswith("Compiled programs are not kept for the next run: ")
    assert str(tmp_path / "file") in line


@pytest.fixture
def unset(monkeypatch):
    """JAX as it is where no cache was given; what is set in a test goes back."""
    settings = {}

    class Config:
        jax_compilation_cache_dir = None
        jax_logging_level = "NOTSET"
        update = settings.__setitem__

    monkeypatch.setattr(compilation_cache.jax, "config", Config)
    return settings


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="modes are those of POSIX")
def test_a_folder_that_others_may_write_to_is_not_used(unset, tmp_path, capsys):
    where = use_compilation_cache(tmp_path)
    assert where.stat().st_mode & 0o777 == 0o700
    assert unset["jax_compilation_cache_dir"] == str(where)
    unset.clear()
    where.chmod(0o777)
    assert use_compilation_cache(tmp_path) is None
    assert not unset
    assert f"others may write to {where}" in capsys.readouterr().err


def test_the_programs_used_longest_ago_make_room(unset, tmp_path, monkeypatch):
    where = use_compilation_cache(tmp_path)
    now = time.time()
    for age in range(5):
        path = where / f"{age}-cache"
        path.write_bytes(b"x" * 100)
        os.utime(path, (now - age, now - age))
    monkeypatch.setattr(compilation_cache, "MOST_BYTES", 250)
    use_compilation_cache(tmp_path)
    assert {path.name for path in where.iterdir()} == {"0-cache", "1-cache"}

import errno
import json
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgen import files, training
from jaxgen.errors import InputError
from jaxgen.training import checkpoint, digest
from jaxgen.training.digest import DamageError, read_digest
from tests import tiny


class State(NamedTuple):
    key: jax.Array
    net: dict


def state_of(number: float) -> State:
    draw = np.random.default_rng(0).normal
    net = {f"part_{i:02d}": jnp.asarray(draw(size=50), jnp.float32) for i in range(3)}
    return State(jax.random.key(7), jax.tree.map(lambda x: x + number, net))


def write(folder: Path, *steps: int, options: dict | None = None) -> Path:
    checkpoints = training.Checkpoints(folder, options=options)
    for step in steps:
        checkpoints.save(step, state_of(step), {})
    checkpoints.close()
    return folder


def read(folder: Path, **more) -> tuple[int | None, State]:
    """Returns the step and the state that a resumed run would go on from."""
    checkpoints = training.Checkpoints(folder, **more)
    try:
        return checkpoints.latest(), checkpoints.restore(state_of(0))[0]
    finally:
        checkpoints.close()


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    return write(tmp_path_factory.mktemp("saved") / "two", 10, 20)


@pytest.fixture
def folder(two, tmp_path):
    """A folder of two checkpoints, of steps 10 and 20, that a test may damage."""
    return shutil.copytree(two, tmp_path / "two")


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_digest_tells_what_a_checkpoint_is(folder):
    facts = read_digest(folder / "20")
    assert facts is not None
    assert facts["step"] == 20
    assert facts["key"] == jax.random.key_data(jax.random.key(7)).tolist()
    assert facts["versions"]["jax"] == jax.__version__


def test_260_of_260_flipped_bits_are_found(folder):
    rng = np.random.default_rng(0)
    paths = files_of(folder / "20")
    sizes = np.array([path.stat().st_size for path in paths])
    # Each file has some of them, the large ones more.
    chosen = [*range(len(paths)), *rng.choice(len(paths), 300, p=sizes / sizes.sum())]
    flips = [paths[n] for n in chosen if sizes[n]][:260]
    assert len(flips) == 260
    for path in flips:
        content = path.read_bytes()
        place, bit = rng.integers(len(content)), rng.integers(8)
        damaged = bytearray(content)
        damaged[place] ^= 1 << bit
        path.write_bytes(damaged)
        try:
            # White space of the digest has no effect; all else is found.
            assert read_digest(folder / "20")["step"] == 20
            assert path.name == "digest.json"
            assert json.loads(damaged) == json.loads(content)
        except DamageError:
            pass
        path.write_bytes(content)
    assert read(folder)[0] == 20


def truncate(folder, path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def delete(folder, path):
    path.unlink()


def zero(folder, path):
    path.write_bytes(bytes(path.stat().st_size))


def rename(folder, path):
    path.rename(path.with_name("other"))


def of_the_other(folder, path):
    shutil.copytree(folder / "10/state", folder / "20/state", dirs_exist_ok=True)


def replace_by_folder(folder, path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("file", ["largest", "manifest.ocdbt", "digest.json"])
@pytest.mark.parametrize(
    "damage",
    [truncate, delete, zero, rename, of_the_other, replace_by_folder],
)
def test_of_a_damaged_newest_the_one_before_is_used(folder, capsys, damage, file):
    paths = sorted(files_of(folder / "20"), key=lambda path: path.stat().st_size)
    path = paths[-1] if file == "largest" else next((folder / "20").rglob(file))
    damage(folder, path)
    step, state = read(folder)
    assert step == 10
    tiny.assert_equal_bits(state, state_of(10))
    assert f"The checkpoint {folder}/20 is not whole" in capsys.readouterr().err


def test_two_checkpoints_that_changed_names_are_refused_both(folder):
    (folder / "10").rename(folder / "x")
    (folder / "20").rename(folder / "10")
    (folder / "x").rename(folder / "20")
    with pytest.raises(InputError, match=r"No checkpoint .* is whole .*step 10.*step"):
        read(folder)


def test_a_deleted_checkpoint_leaves_the_one_before(folder):
    shutil.rmtree(folder / "20")
    assert read(folder)[0] == 10


def test_the_next_save_sets_damaged_ones_aside(folder, capsys):
    zero(folder, next((folder / "20").rglob("manifest.ocdbt")))
    (folder / "30.orbax-checkpoint-tmp").mkdir()
    checkpoints = training.Checkpoints(folder)
    assert checkpoints.latest() == 10
    assert (folder / "20").exists()  # reading changes nothing
    checkpoints.save(20, state_of(2), {})
    checkpoints.close()
    assert f"{folder}/20 is set aside as damaged-20" in capsys.readouterr().err
    names = {path.name for path in folder.iterdir()}
    assert names == {"10", "20", "damaged-20", "format.json"}
    tiny.assert_equal_bits(read(folder)[1], state_of(2))


def test_one_without_digest_is_removed_by_the_next_save(folder):
    (folder / "20/digest.json").unlink()
    checkpoints = training.Checkpoints(folder)
    assert checkpoints.latest() == 10
    checkpoints.save(30, state_of(3), {})
    checkpoints.close()
    assert {path.name for path in folder.iterdir()} == {"10", "30", "format.json"}


def test_the_first_save_of_all_may_be_cut_short(tmp_path):
    folder = write(tmp_path / "first", 0)
    (folder / "0/digest.json").unlink()
    checkpoints = training.Checkpoints(folder)
    assert checkpoints.latest() is None
    checkpoints.save(0, state_of(0), {})
    assert checkpoints.latest() == 0
    checkpoints.close()


@pytest.mark.parametrize("digests", [True, False])
def test_a_checkpoint_of_another_version_is_refused_by_its_version(folder, digests):
    for path in folder.rglob("digest.json"):
        facts = {"step": int(path.parent.name), "key": None, "options": None}
        path.unlink()
        if digests:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(digest, "_versions", lambda: {"jaxgen": "0.1.0"})
                digest.write_digest(path.parent, facts)
    if not digests:
        (folder / "format.json").unlink()
    version = re.escape("0.1.0" if digests else "0.1.0 or older")
    with pytest.raises(InputError, match=f"20 was written by jaxgen {version}, whose"):
        read(folder)


@pytest.mark.parametrize("keep", [1, 3])
def test_so_many_are_kept(tmp_path, keep):
    checkpoints = training.Checkpoints(tmp_path, keep=keep)
    for step in range(5):
        checkpoints.save(step, state_of(step), {})
    checkpoints.close()
    steps = sorted(int(path.name) for path in tmp_path.iterdir() if path.is_dir())
    assert steps == list(range(5))[-max(keep, 2) :]


def test_a_save_without_its_digest_is_none(tmp_path, monkeypatch):
    checkpoints = training.Checkpoints(tmp_path)
    checkpoints.save(10, state_of(10), {})
    checkpoints.wait()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(checkpoint, "write_digest", full)
        checkpoints.save(20, state_of(20), {})
        with pytest.raises(OSError, match="disk or the quota of .* is full"):
            checkpoints.wait()
    other = training.Checkpoints(tmp_path)
    assert other.latest() == 10
    other.close()
    # It is saved anew, and only then is the one before 10 given up.
    assert checkpoints.rescue(20, state_of(20), {}) == tmp_path
    assert checkpoints.latest() == 20
    checkpoints.save(30, state_of(30), {})
    checkpoints.close()
    assert {path.name for path in tmp_path.iterdir()} == {"20", "30", "format.json"}


def test_a_later_step_is_there_and_nothing_is_made(folder):
    checkpoints = training.Checkpoints(folder)
    with pytest.raises(OSError, match="holds a checkpoint of a later step"):
        checkpoints.save(15, state_of(15), {})
    checkpoints.close()
    assert not (folder / "15").exists()


@pytest.mark.parametrize("link", [True, False])
def test_what_stands_in_the_way_of_a_save_is_removed(folder, tmp_path, link):
    empty = tmp_path / "empty"
    empty.mkdir()
    if link:
        (folder / "30").symlink_to(empty)
    else:
        zero(folder, next((folder / "20").rglob("manifest.ocdbt")))
        (folder / "damaged-20").write_text("")
    checkpoints = training.Checkpoints(folder)
    last = checkpoints.latest()
    assert last == (20 if link else 10)
    checkpoints.save(30, state_of(30), {})
    checkpoints.close()
    tiny.assert_equal_bits(read(folder)[1], state_of(30))
    assert empty.is_dir()


def test_a_pipe_in_a_checkpoint_is_refused_before_it_is_read(folder):
    os.mkfifo(folder / "20" / "pipe")
    with pytest.raises(InputError, match="20/pipe is no file: remove it"):
        training.Checkpoints(folder)


def test_what_is_no_damage_is_not_called_so(folder, monkeypatch):
    def fail(*_, **__):
        raise MemoryError

    checkpoints = training.Checkpoints(folder)
    monkeypatch.setattr(checkpoint, "data_to_keys", fail)
    with pytest.raises(MemoryError):
        checkpoints.restore(state_of(0))
    checkpoints.close()


def test_without_any_place_nothing_is_rescued(tmp_path, monkeypatch):
    def nowhere():
        raise FileNotFoundError("No usable temporary directory found")

    folder = tmp_path / "a"
    checkpoints = training.Checkpoints(folder)
    shutil.rmtree(folder)
    with monkeypatch.context() as broken:
        broken.setattr(tempfile, "gettempdir", nowhere)
        broken.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        saved = checkpoints.rescue(3, state_of(3), {})
        assert saved is not None
        assert saved.is_relative_to(tmp_path / "cache")
        broken.setattr(files, "cache_folder", nowhere)
        assert checkpoints.rescue(3, state_of(3), {}) is None
    checkpoints.close()


def test_other_options_are_refused_where_they_are_given(tmp_path):
    folder = write(tmp_path, 1, options={"rate": 0.1, "widths": (8, 8)})
    assert read(folder, options={"rate": 0.1, "widths": [8, 8]})[0] == 1
    assert read(folder)[0] == 1
    with pytest.raises(InputError, match=r"rate was 0.1 and is now 0.2"):
        read(folder, options={"rate": 0.2, "widths": (8, 8)})


def test_another_root_key_is_refused(tmp_path, key):
    def fit(of):
        checkpoints = training.Checkpoints(tmp_path)
        try:
            training.fit(
                tiny.vae(), tiny.batches(), key=of, steps=2, checkpoints=checkpoints
            )
        finally:
            checkpoints.close()

    fit(key)
    fit(jax.random.clone(key))
    with pytest.raises(InputError, match="made with another key"):
        fit(jax.random.key(999))


def test_the_last_good_checkpoint_is_named_where_training_fails(key, tmp_path):
    checkpoints = training.Checkpoints(tmp_path)
    training.fit(tiny.vae(), tiny.batches(), key=key, steps=2, checkpoints=checkpoints)
    checkpoints.close()
    checkpoints = training.Checkpoints(tmp_path)
    wild = tiny.vae(optax.adam(1e30))
    with pytest.raises(training.NonFiniteError) as error:
        training.fit(wild, tiny.batches(), key=key, steps=9, checkpoints=checkpoints)
    checkpoints.close()
    assert "The last good checkpoint, step 2, is kept" in str(error.value)

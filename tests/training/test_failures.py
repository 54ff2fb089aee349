import errno
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import jax
import pytest

from jaxgen import training
from jaxgen.training import evaluation
from tests import tiny
from tests.training.test_loop import Recorder

STEPS = 23


def fit(key, folder, *, data=None, steps=STEPS, seconds=1e9, **more):
    """Trains in a folder, and returns the state and the records of this part."""
    checkpoints = training.Checkpoints(folder)
    recorder = Recorder()
    try:
        state = training.fit(
            tiny.vae(),
            tiny.batches() if data is None else data,
            key=jax.random.clone(key),
            steps=steps,
            steps_per_call=2,
            checkpoints=checkpoints,
            seconds_between_checkpoints=seconds,
            **{"writers": [recorder], "test_data": tiny.batches(train=False)} | more,
        )
    finally:
        checkpoints.close()
    return state, without_speed(recorder.records)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The state and the records of a run that does not fail."""
    return fit(jax.random.key(20260), tmp_path_factory.mktemp("whole"))


def without_speed(records):
    return [{k: v for k, v in r.items() if "per_second" not in k} for r in records]


class Data:
    """Batches that do something before those of a step are read."""

    def __init__(self, step, act):
        self._data, self._step, self._act = tiny.batches(), step, act
        for name in ("batch_size", "num_examples", "steps_per_epoch", "resident"):
            setattr(self, name, getattr(self._data, name))

    def feed(self, first, count, rows=slice(None)):
        if first <= self._step < first + count:
            self._act()
        return self._data.feed(first, count, rows)

    def batch(self, *arguments, **named):
        return self._data.batch(*arguments, **named)


class Full(Recorder):
    """A writer whose disk is full at one record."""

    def __init__(self, at):
        super().__init__()
        self.at = at

    def write(self, record):
        if len(self.records) == self.at:
            raise OSError(errno.ENOSPC, "No space left on device")
        super().write(record)


def raising(error):
    def act(*_):
        raise error

    return act


@pytest.mark.parametrize(
    "error",
    [FileNotFoundError(2, "No such file", "image.png"), ValueError("damaged image")],
    ids=["vanished", "damaged"],
)
def test_a_data_file_that_is_lost_ends_a_run_that_can_go_on(
    whole, key, tmp_path, error
):
    first = Recorder()
    with pytest.raises(training.Failed, match="The data cannot be read.*image") as stop:
        fit(key, tmp_path / "a", data=Data(12, raising(error)), writers=[first])
    assert stop.value.saved == tmp_path / "a"
    assert stop.value.step == 12
    state, records = fit(key, tmp_path / "a")
    tiny.assert_equal_bits(state, whole[0])
    assert without_speed(first.records) + records == whole[1]


@pytest.mark.parametrize("at", [0, 3])
def test_a_record_that_cannot_be_written_is_kept_in_the_checkpoint(
    whole, key, tmp_path, at
):
    full = Full(at)
    with pytest.raises(training.Failed, match="The disk or the quota is full") as stop:
        fit(key, tmp_path / "a", writers=[full])
    assert stop.value.saved == tmp_path / "a"
    state, records = fit(key, tmp_path / "a")
    tiny.assert_equal_bits(state, whole[0])
    assert without_speed(full.records) + records == whole[1]


def test_a_callback_that_failed_is_called_again(key, tmp_path):
    seen = []

    def callback(state, step):
        del state
        if step == 10 and 10 not in seen:
            seen.append(step)
            raise OSError(errno.EACCES, "Permission denied", "frames.npz")
        seen.append(step)

    with pytest.raises(training.Failed, match="Permission denied: 'frames.npz'"):
        fit(key, tmp_path / "a", callbacks=[callback])
    fit(key, tmp_path / "a", callbacks=[callback])
    assert seen == [5, 10, 10, 15, 20, 23]


def test_an_evaluation_that_failed_is_made_again(whole, key, tmp_path, monkeypatch):
    # Each call of an evaluation reads anew, as of a set too large to keep.
    monkeypatch.setattr(evaluation, "steps_that_fit", lambda data, rows: 2)
    test_data, reads = tiny.batches(train=False), []
    feed = test_data.feed

    def failing(first, count, rows=slice(None)):
        reads.append(first)
        if reads.count(0) == 2 and first:  # within the second evaluation
            raise FileNotFoundError(2, "No such file", "image.png")
        return feed(first, count, rows)

    monkeypatch.setattr(test_data, "feed", failing)
    first = Recorder()
    with pytest.raises(training.Failed, match="The data cannot be read.*image") as stop:
        fit(key, tmp_path / "a", test_data=test_data, writers=[first])
    assert stop.value.step == 10
    state, records = fit(key, tmp_path / "a")
    tiny.assert_equal_bits(state, whole[0])
    assert without_speed(first.records) + records == whole[1]


class Closed:
    """Progress on an error stream that is closed after some lines."""

    def __init__(self, lines):
        self.lines = lines

    def update(self, step, terms, rate):
        del step, terms, rate
        self.lines -= 1
        if self.lines <= 0:
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")


def test_a_closed_stream_costs_no_record_and_no_state(whole, key, tmp_path):
    first = Recorder()
    with pytest.raises(training.Failed, match="Broken pipe"):
        fit(key, tmp_path / "a", progress=Closed(4), writers=[first])
    state, records = fit(key, tmp_path / "a")
    tiny.assert_equal_bits(state, whole[0])
    assert without_speed(first.records) + records == whole[1]


def test_what_a_lost_folder_cannot_take_is_saved_elsewhere(
    whole, key, tmp_path, monkeypatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = tmp_path / "a"

    def lose(state, step):
        if step == 10:
            folder.rename(tmp_path / "moved")

    with pytest.raises(training.Failed, match=f"The folder {folder} is gone") as stop:
        fit(key, folder, callbacks=[lose])
    assert stop.value.step == STEPS
    saved = stop.value.saved
    assert saved is not None
    assert saved.is_relative_to(tmp_path)
    assert saved != folder
    tiny.assert_equal_bits(fit(key, saved)[0], whole[0])


def test_a_folder_of_which_a_file_is_gone_is_not_trusted(key, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    lines = training.JsonLines(tmp_path / "metrics.jsonl")

    def remove(state, step):
        (tmp_path / "metrics.jsonl").unlink(missing_ok=True)

    with pytest.raises(training.Failed, match="metrics.jsonl is gone") as stop:
        fit(key, tmp_path / "a", callbacks=[remove], writers=[lines])
    lines.close()
    assert stop.value.saved is not None
    assert stop.value.saved.parent.name.startswith("jaxgen-rescued-")


def test_a_signal_before_the_first_call_saves_the_first_state(whole, key, tmp_path):
    sent = []

    def send():
        if not sent:
            sent.append(signal.raise_signal(signal.SIGTERM))

    data = Data(0, send)
    with pytest.raises(training.Interrupted) as stop:
        fit(key, tmp_path / "a", data=data)
    assert stop.value.step == 0
    tiny.assert_equal_bits(fit(key, tmp_path / "a")[0], whole[0])


def test_the_record_of_an_epoch_in_which_a_run_was_extended_is_whole(key, tmp_path):
    whole = fit(key, tmp_path / "whole", steps=20)[1]
    fit(key, tmp_path / "a", steps=13)
    records = fit(key, tmp_path / "a", steps=20)[1]
    assert [record["step"] for record in records] == [15, 15, 20, 20]
    for record, expected in zip(records, whole[-4:], strict=True):
        # The calls end elsewhere, so the last bits may differ, and norms are of others.
        for term in ("loss", "kl", "reconstruction"):
            assert record[term] == pytest.approx(expected[term], rel=1e-5)


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 1.5 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk can be mounted by root only")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.parametrize(
    "kilobytes",
    [1200, *(pytest.param(1000 + 37 * n, marks=pytest.mark.slow) for n in range(10))],
)
def test_on_a_full_disk_nothing_is_lost(
    key, tmp_path, small_disk, monkeypatch, capfd, kilobytes
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def fill(state, step):
        more = kilobytes if step == 10 else 9
        (small_disk / f"fill-{step}").write_bytes(bytes(more * 1000))

    with pytest.raises(training.Failed, match="he disk or the quota.* is full") as stop:
        fit(key, small_disk / "run", steps=400, seconds=0.0, callbacks=[fill])
    assert capfd.readouterr() == ("", "")  # but for logs, which pytest takes
    saved, step = stop.value.saved, stop.value.step
    assert saved is not None
    # Room is made, and the run goes on from where it was saved, to the same end.
    for path in small_disk.glob("fill-*"):
        path.unlink()
    checkpoints = training.Checkpoints(saved)
    assert checkpoints.latest() == step
    checkpoints.close()
    whole, _ = fit(key, tmp_path / "whole", steps=step + 10)
    tiny.assert_equal_bits(fit(key, saved, steps=step + 10)[0], whole)


PLAIN = """
import os, sys
import jax
from jaxgen import training
from tests import tiny

def fill(state, step):
    if step == 15:
        at = os.statvfs(sys.argv[1])
        left = at.f_bavail * at.f_frsize - 40_000
        open(sys.argv[1] + "/fill", "wb").write(bytes(left))

checkpoints = training.Checkpoints(sys.argv[1] + "/run")
try:
    training.fit(
        tiny.vae(), tiny.batches(), key=jax.random.key(3), steps=20,
        checkpoints=checkpoints, seconds_between_checkpoints=1e9, callbacks=[fill],
    )
except training.Failed as failure:
    print("saved in", failure.saved)
checkpoints.close()
"""


def test_nothing_is_printed_of_a_last_save_that_fails(tmp_path, small_disk):
    run = subprocess.run(
        [sys.executable, "-c", PLAIN, str(small_disk)],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    saved = Path(run.stdout.removeprefix("saved in ").strip())
    assert run.stdout.count("\n") == 1
    assert run.stderr == ""
    checkpoints = training.Checkpoints(saved)
    assert checkpoints.latest() == 20
    checkpoints.close()


def test_a_record_stands_once_though_another_writer_failed(whole, key, tmp_path):
    path = tmp_path / "metrics.jsonl"
    lines = training.JsonLines(path)
    with pytest.raises(training.Failed):
        fit(key, tmp_path / "a", writers=[lines, Full(3)])
    lines.close()
    lines = training.JsonLines(path, resume_step=STEPS)
    fit(key, tmp_path / "a", writers=[lines])
    lines.close()
    assert len(path.read_text().splitlines()) == len(whole[1])
    assert without_speed(training.read_records(path)) == whole[1]

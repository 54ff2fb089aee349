"""How a script ends that does not come to its end: what is said, and what is left."""

import contextlib
import dataclasses
import errno
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import pytest

from jaxgen import run, stopping, training
from jaxgen.errors import InputError

ROOT = Path(__file__).parents[2]
DOC = "A run.\n\nClaim: It ends.\n\nMore."


@dataclasses.dataclass(frozen=True)
class Config(run.RunOptions):
    """Options of a script that does nothing but end."""

    name: str | None = "a"


def end(
    monkeypatch, capsys, error: BaseException, *words: str, save: Any = None
) -> tuple[int, str]:
    """Runs a script that opens its folder, saves something and fails."""

    def main(config: Config) -> None:
        folder = run.open_folder(config, "test", "a", title="T", claim="A.")
        if save is not None:
            save(folder)
        raise error

    monkeypatch.setattr("sys.argv", ["a", "--output", "runs", *words])
    with pytest.raises(SystemExit) as stop:
        run.command_line(main, Config, DOC)
    assert isinstance(stop.value.code, int)
    return stop.value.code, capsys.readouterr().err


def save_record(folder: training.RunFolder) -> None:
    folder.metrics.write_text('{"step": 1, "epoch": 1, "split": "train"}\n')


def save_step(step: int) -> Callable[[training.RunFolder], None]:
    return lambda folder: (folder.checkpoints / str(step)).mkdir(parents=True)


@pytest.fixture(autouse=True)
def at_home(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def runs() -> list[str]:
    return sorted(path.name for path in Path("runs/test").glob("*"))


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (InputError("seed=3: give another."), 2, "--seed=3: give another."),
        (training.NonFiniteError("Step 3: NaN."), 1, "Step 3: NaN."),
        (stopping.Stopped(signal.SIGTERM), 143, "Stopped by SIGTERM. To start: "),
        (MemoryError(), 1, "too little memory: give a smaller --batch-size (now 128)"),
        (
            jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory"),
            1,
            "too little memory",
        ),
        (OSError(errno.ENOSPC, "No space left on device"), 1, "The disk is full."),
        (PermissionError(errno.EACCES, "Permission denied", "x/y"), 1, "x/y: Permiss"),
    ],
    ids=["input", "nan", "signal", "host memory", "device memory", "disk", "file"],
)
@pytest.mark.parametrize("save", [None, save_step(0)], ids=["nothing", "step 0"])
def test_a_run_that_saved_nothing_leaves_no_folder(
    error, status, said, save, monkeypatch, capsys
):
    code, told = end(monkeypatch, capsys, error, save=save)
    assert code == status
    assert said in told
    assert "Traceback" not in told
    assert runs() == []


@pytest.mark.parametrize("save", [save_record, save_step(2)], ids=["record", "step 2"])
def test_a_run_that_saved_something_keeps_its_folder_unlocked(
    save, monkeypatch, capsys
):
    code, told = end(monkeypatch, capsys, stopping.Stopped(signal.SIGINT), save=save)
    assert code == 130
    assert runs() == ["a"]
    resumable = save is not save_record
    assert ("To go on: " in told) == resumable
    assert ("--resume" in told) == resumable
    assert not Path("runs/test/a/.lock").exists()


def test_a_full_disk_is_said_however_it_is_told(monkeypatch, capsys):
    error = InputError("runs/index.html cannot be written: give another folder.")
    error.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    code, told = end(monkeypatch, capsys, error, save=save_step(2))
    assert code == 1
    assert told.startswith("The disk is full. What was saved before is whole. Make ro")
    assert "To go on: " in told


def test_an_interrupted_run_keeps_its_folder(monkeypatch, capsys):
    stop = training.Interrupted(0, signal.SIGTERM)
    code, told = end(monkeypatch, capsys, stop, save=save_step(0))
    assert code == 143
    assert "To go on: " in told
    assert runs() == ["a"]


def test_an_error_of_ours_is_raised_and_leaves_no_folder(monkeypatch, capsys):
    with pytest.raises(ZeroDivisionError):
        end(monkeypatch, capsys, ZeroDivisionError())
    assert runs() == []


def test_a_folder_that_was_there_before_stays(monkeypatch, capsys):
    end(monkeypatch, capsys, InputError("No."), save=save_step(2))
    assert runs() == ["a"]
    kept = sorted(Path("runs/test/a").rglob("*"))
    Path("runs/test/a/checkpoints/2").rename("runs/test/a/checkpoints/0")
    code, told = end(monkeypatch, capsys, InputError("No."), "--resume")
    assert (code, told) == (2, "No.\n")
    assert len(kept) == len(sorted(Path("runs/test/a").rglob("*")))
    # A new run of that name fails beside it, and leaves no a-2.
    end(monkeypatch, capsys, InputError("No."))
    assert runs() == ["a"]


def test_signals_are_handled_as_before_when_a_script_has_ended(monkeypatch, capsys):
    before = [signal.getsignal(number) for number in stopping.SIGNALS]
    end(monkeypatch, capsys, InputError("No."))
    assert [signal.getsignal(number) for number in stopping.SIGNALS] == before


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize("lost", ["all", "own", "part"])
def test_to_resume_without_checkpoints_is_a_question_and_changes_nothing(
    lost, monkeypatch, capsys
):
    def save(folder: training.RunFolder) -> None:
        for home in (folder, training.RunFolder(folder.path / "parts" / "b")):
            (home.checkpoints / "2").mkdir(parents=True)
            save_record(home)
            (home.tensorboard).mkdir()
            (home.tensorboard / "events").write_bytes(b"events")

    end(monkeypatch, capsys, InputError("No."), save=save)
    folder = Path("runs/test/a")
    homes = {"own": [folder], "part": [folder / "parts" / "b"]}
    for home in homes.get(lost, [folder, folder / "parts" / "b"]):
        (home / "checkpoints" / "2").rmdir()
        (home / "checkpoints").rmdir()
    before = bytes_of(folder)
    # The number of epochs may change, so that it would be written to config.json.
    code, told = end(
        monkeypatch, capsys, InputError("It was opened."), "--resume", "--epochs", "7"
    )
    assert code == 2
    where = "runs/test/a/parts/b" if lost != "own" else "runs/test/a"
    assert told == (
        f"{where} has no checkpoints, so there is nothing to go on from. Were they "
        "moved? Put them back, or start anew: the same without --resume.\n"
    )
    assert bytes_of(folder) == before


def test_a_part_that_had_not_begun_begins(monkeypatch, capsys):
    def save(folder: training.RunFolder) -> None:
        (folder.path / "parts" / "a" / "checkpoints" / "2").mkdir(parents=True)
        (folder.path / "parts" / "b" / "checkpoints").mkdir(parents=True)
        # The records of parts are merged into those of the run, by their names.
        folder.metrics.write_text('{"step": 2, "epoch": 1, "split": "a"}\n')

    end(monkeypatch, capsys, InputError("No."), save=save)
    often = ("--seconds-between-checkpoints", "1")
    _, told = end(monkeypatch, capsys, InputError("It was opened."), "--resume", *often)
    assert told == "It was opened.\n"


VAE = [
    "-m",
    "experiments.vae",
    "--data",
    "digits",
    "--hidden",
    "8",
    "--steps",
    "2",
    "--batch-size",
    "32",
    "--name",
    "a",
    "--devices",
    "1",
]


@pytest.mark.parametrize(
    ("number", "line", "again"),
    [
        (signal.SIGINT, "| experiments\n", "To start: "),
        (signal.SIGTERM, "Loading the images", "To start: "),
        (signal.SIGINT, "Encoding images", "To go on: "),
    ],
    ids=["imports", "loading", "figures"],
)
def test_a_signal_at_any_time_ends_in_one_sentence(number, line, again, tmp_path):
    # Where it says which imports it has done, what comes of them is not waited for.
    options = ["-X", "importtime"] if line.endswith("experiments\n") else []
    said = []
    with subprocess.Popen(
        [sys.executable, *options, *VAE, "--output", str(tmp_path)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        for text in process.stderr:
            said.append(text)
            if line in text:
                break
        process.send_signal(number)
        said += process.stderr.readlines()
        status = process.wait(timeout=60)
    told = [text for text in said if not text.startswith("import time:")]
    assert status == 128 + number, told
    assert "Traceback" not in "".join(told)
    assert told[-1].startswith(f"Stopped by {signal.Signals(number).name}. {again}")
    assert "-m experiments.vae" in told[-1]
    if again == "To go on: ":
        assert "--resume" in told[-1]
    else:
        assert list(tmp_path.iterdir()) == []


SWALLOWED = """
import gc, os, signal
from jaxgen import run, stopping
from tests.run import test_endings

def collected(phase, info):
    os.kill(os.getpid(), signal.SIGINT)

def main(config):
    gc.callbacks.append(collected)
    gc.collect()
    print("went on")

run.command_line(main, test_endings.Config, test_endings.DOC)
"""


def test_a_signal_within_a_callback_of_the_collector_is_not_lost():
    run = subprocess.run(
        [sys.executable, "-c", SWALLOWED],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 130
    assert run.stdout == ""
    assert run.stderr.startswith("Stopped by SIGINT. To start: ")
    assert "Traceback" not in run.stderr


def test_a_page_without_its_run_is_no_success(monkeypatch, capsys):
    def draw(path, progress):
        shutil.rmtree(path)
        return path / "index.html"

    def main(config: Config) -> None:
        folder = run.open_folder(config, "test", "a", title="T", claim="A.")
        run.finish(folder, {"loss": (1.0, "nats")}, seconds=1.0)

    monkeypatch.setattr("jaxgen.report.write_page", draw)
    monkeypatch.setattr("sys.argv", ["a", "--output", "runs"])
    with pytest.raises(SystemExit) as stop:
        run.command_line(main, Config, DOC)
    assert stop.value.code == 1
    assert "runs/test/a: is gone." in capsys.readouterr().err


def test_a_signal_that_code_in_c_clears_counts_at_the_end():
    found = []
    with stopping.raising_stopped(found.append):
        with contextlib.suppress(stopping.Stopped):
            signal.raise_signal(signal.SIGINT)
        assert not found
    assert [error.signal_number for error in found] == [signal.SIGINT]

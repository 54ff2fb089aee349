"""A run that is killed again and again ends as one that was not, to the last bit."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from jaxgen import training
from tests import tiny
from tests.training import killed

ROOT = Path(__file__).parents[2]
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


def is_saving(checkpoints: Path) -> bool:
    """Whether a checkpoint is being written, or has no digest yet."""
    return any(
        "tmp" in path.name or (path.is_dir() and not (path / "digest.json").exists())
        for path in checkpoints.glob("[0-9]*")
    )


def kill(name: str, folder: Path, number: int, *, saving: bool, saves: int) -> bool:
    """Goes on with a run, kills it some saves later, and says whether it was alive."""
    run = subprocess.Popen(
        [sys.executable, "-m", "tests.training.killed", name, str(folder)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    checkpoints = folder / "checkpoints"
    former = {path.name for path in checkpoints.glob("*")}
    while run.poll() is None and saves > 0:
        time.sleep(1e-3)
        new = {path.name for path in checkpoints.glob("*")} - former
        saves, former = saves - len(new), former | new
    while run.poll() is None and is_saving(checkpoints) != saving:
        time.sleep(1e-4)
    run.send_signal(number)
    _, errors = run.communicate(timeout=120)
    stopped = {-number, 128 + number}
    assert run.returncode in stopped | {0}, errors
    return run.returncode in stopped


def records(folder: Path) -> list[dict]:
    kept = training.read_records(folder / "metrics.jsonl")
    return [{k: v for k, v in r.items() if "per_second" not in k} for r in kept]


@pytest.mark.parametrize(
    ("name", "kills"),
    [
        *((name, 2) for name in killed.MODELS),
        *(
            pytest.param(name, kills, marks=pytest.mark.slow)
            for name, kills in (
                ("vae", 67),
                ("gan", 67),
                ("cyclegan", 66),
                ("stylegan", 8),
            )
        ),
    ],
)
def test_a_run_that_is_killed_again_and_again_ends_as_one_that_was_not(
    tmp_path, name, kills
):
    folder = tmp_path / "killed"
    rng = np.random.default_rng(list(name.encode()))
    done = {(number, saving): 0 for number in SIGNALS for saving in (False, True)}
    for attempt in range(kills):
        number, saving = SIGNALS[(attempt + len(name)) % 3], attempt % 2 == 0
        saves = int(rng.integers(1, 4))
        done[number, saving] += kill(name, folder, number, saving=saving, saves=saves)
    print(
        {f"{n.name}, {'in' if s else 'between'} saves": c for (n, s), c in done.items()}
    )
    assert sum(done.values()) >= 0.9 * kills
    resumed = killed.train(name, folder)
    whole = killed.train(name, tmp_path / "whole")
    tiny.assert_equal_bits(resumed, whole)
    assert records(folder) == records(tmp_path / "whole")

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import training
from jaxgen.errors import InputError
from tests import tiny

STEPS = 40
ROOT = Path(__file__).parents[2]

RUN = """
import sys
from pathlib import Path
import jax, numpy as np
from jaxgen import training
from tests import tiny

folder = Path(sys.argv[1])
checkpoints = training.Checkpoints(folder / "checkpoints")
writer = training.JsonLines(
    folder / "metrics.jsonl", resume_step=checkpoints.latest() or 0
)
print("at", checkpoints.latest(), flush=True)
state = training.fit(
    tiny.vae(), tiny.batches(), key=jax.random.key(3), steps={steps}, steps_per_call=2,
    test_data=tiny.batches(train=False), checkpoints=checkpoints,
    seconds_between_checkpoints=0, writers=[writer],
)
checkpoints.close()
np.savez(folder / "final.npz", *map(np.asarray, jax.tree.leaves(state.net)))
"""


def start(folder: Path) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", RUN.format(steps=STEPS), str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def records(folder: Path) -> list:
    kept = training.read_records(folder / "metrics.jsonl")
    return [{k: v for k, v in r.items() if "per_second" not in k} for r in kept]


def test_killed_at_any_moment_and_resumed_gives_the_same_bits(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    _, errors = (run := start(whole)).communicate(timeout=300)
    assert run.returncode == 0, errors
    # Moments in the life of a checkpoint: none yet; being written; some are there.
    kills = 0
    moments = np.random.default_rng(0).uniform(0.0, 1.0, 4)
    for attempt, wait in enumerate(moments):
        run = start(killed)
        folder = killed / "checkpoints"
        deadline = time.monotonic() + 60
        before = set(folder.glob("*"))
        while run.poll() is None and time.monotonic() < deadline:
            fresh = set(folder.glob("*")) - before
            half_written = any("tmp" in path.name for path in fresh)
            if half_written if attempt % 2 else len(fresh) > 1:
                break
            time.sleep(1e-3)
        if not attempt % 2:
            time.sleep(0.1 * wait)
        run.kill()
        run.communicate()
        kills += run.returncode == -signal.SIGKILL
    out, errors = (run := start(killed)).communicate(timeout=300)
    assert run.returncode == 0, errors
    # It was killed indeed, and went on from somewhere.
    assert kills >= 2
    assert out.startswith("at ")
    assert out.split()[1] != "None"
    with np.load(whole / "final.npz") as a, np.load(killed / "final.npz") as b:
        assert a.files == b.files
        for name in a.files:
            np.testing.assert_array_equal(a[name], b[name])
    assert records(killed) == records(whole)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_the_resumed_run_equals_the_uninterrupted(
    number, key, tmp_path
):
    def fit(checkpoints, callbacks=()):
        return training.fit(
            tiny.vae(),
            tiny.batches(),
            key=key,
            steps=30,
            steps_per_call=2,
            checkpoints=checkpoints,
            callbacks=callbacks,
        )

    def at_step_10(state, step):
        if step == 10:
            signal.raise_signal(number)

    expected = fit(None)
    checkpoints = training.Checkpoints(tmp_path)
    with pytest.raises(training.Interrupted) as stop:
        fit(checkpoints, [at_step_10])
    assert stop.value.signal_number == number
    assert checkpoints.latest() == stop.value.step == 12
    checkpoints.close()
    checkpoints = training.Checkpoints(tmp_path)
    tiny.assert_equal_bits(fit(checkpoints), expected)
    checkpoints.close()


def test_the_root_key_and_the_step_are_saved(key, tmp_path):
    checkpoints = training.Checkpoints(tmp_path)
    state = training.fit(
        tiny.vae(), tiny.batches(), key=key, steps=3, checkpoints=checkpoints
    )
    restored, progress = checkpoints.restore(state)
    tiny.assert_equal_bits(restored, state)
    assert restored.key == key
    assert progress["loss"][1] == 3  # steps of the epoch that is not over
    checkpoints.close()


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A checkpoint of arrays that take a while to read, and what it holds."""
    folder = tmp_path_factory.mktemp("saved")
    draw = np.random.default_rng(0).normal
    state = {f"part_{i:02d}": draw(size=(500, 500)) for i in range(20)}
    state = jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), state)
    checkpoints = training.Checkpoints(folder)
    checkpoints.save(3, state, {})
    checkpoints.close()
    return folder, state


def refused(folder: Path, template) -> str:
    """Returns how a checkpoint is refused."""
    checkpoints = training.Checkpoints(folder)
    with pytest.raises(InputError) as refusal:
        checkpoints.restore(template)
    checkpoints.close()
    return str(refusal.value)


@pytest.mark.parametrize(
    ("template", "difference"),
    [
        (
            lambda state: state | {"part_00": jnp.zeros((500, 499))},
            r"its array part_00 is \(500, 500\) float32, the model's is \(500, 499\)",
        ),
        (
            lambda state: state | {"part_07": jnp.zeros((500, 500), jnp.int32)},
            r"its array part_07 is .* float32, the model's is .* int32",
        ),
        (
            lambda state: state | {"more": {"deep": state["part_00"]}},
            "it lacks the array more.deep",
        ),
        (lambda state: {"part_00": state["part_00"]}, "the model has no array part_01"),
    ],
    ids=["shape", "type", "missing", "extra"],
)
def test_a_checkpoint_of_another_model_is_told_by_its_first_difference(
    saved, template, difference
):
    message = refused(saved[0], template(saved[1]))
    assert re.search(f"3 belongs to another model: {difference}", message)

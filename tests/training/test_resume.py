import re
import signal
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import training
from jaxgen.errors import InputError
from tests import tiny


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
    assert progress["sums"]["loss"][1] == 3  # steps of the epoch that is not over
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

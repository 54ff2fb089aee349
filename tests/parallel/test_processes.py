import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]

RUN = """
import sys
import jax, numpy as np, optax
number, count, port, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
if count > 1:
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize("localhost:" + port, count, number)
from jaxgen import training
from tests import tiny
from tests.training.test_loop import Recorder

recorder = Recorder()
checkpoints = training.Checkpoints(path + "-checkpoints")
state = training.fit(
    tiny.vae(optax.sgd(1e-2)),
    tiny.batches(batch_size=16, examples=64, resident={resident}),
    key=jax.random.key(5), steps=8, steps_per_call=2, place=training.placement(),
    test_data=tiny.batches(train=False, examples=21, resident={resident}),
    writers=[recorder], checkpoints=checkpoints, seconds_between_checkpoints=0,
)
assert checkpoints.newest()[1]["step"] == 8
checkpoints.close()
losses = [recorder.curve(split, "loss") for split in ("train", "test")]
if number == 0:
    leaves = [np.asarray(x) for x in jax.tree.leaves(state.net.params)]
    np.savez(path, losses=losses, **{{str(i): x for i, x in enumerate(leaves)}})
"""


def run(count: int, path: Path, *, resident: bool) -> dict[str, np.ndarray]:
    """Runs the same training in so many processes of one CPU device each."""
    with socket.socket() as s:
        s.bind(("localhost", 0))
        port = str(s.getsockname()[1])
    code = RUN.format(resident=resident)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(n), str(count), port, str(path)],
            cwd=ROOT,
            env=os.environ | {"JAX_NUM_CPU_DEVICES": "1"},
            stderr=subprocess.PIPE,
            text=True,
        )
        for n in range(count)
    ]
    try:
        for process in processes:
            _, errors = process.communicate(timeout=240)
            assert process.returncode == 0, errors
    finally:
        for process in processes:
            process.kill()
    with np.load(path) as arrays:
        return dict(arrays)


@pytest.mark.parametrize(
    "resident", [True, pytest.param(False, marks=pytest.mark.slow)]
)
def test_two_processes_equal_one(tmp_path, resident):
    one = run(1, tmp_path / "one.npz", resident=resident)
    two = run(2, tmp_path / "two.npz", resident=resident)
    assert one.keys() == two.keys()
    for name in one:
        np.testing.assert_allclose(two[name], one[name], rtol=1e-5, atol=1e-7)

import json
import os
import platform
import socket
from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp
import pytest

from benchmarks.timing import compare, environment, peak_memory, record

STATUS = Path("/proc/self/status")


class FakeMachine:
    """A clock that candidates move on: `slow` takes twice the time of `fast`, on a
    machine that itself gets slower call by call."""

    def __init__(self):
        self.now, self.calls = 0.0, []

    def candidate(self, name, cost):
        def call():
            self.calls.append(name)
            self.now += cost * (1 + 0.01 * len(self.calls))
            return {"result": jnp.zeros(2), "note": "not an array"}

        return call


def test_candidates_take_turns_and_the_drift_leaves_the_ratio():
    machine = FakeMachine()
    candidates = {"fast": machine.candidate("f", 1), "slow": machine.candidate("s", 2)}
    result = compare(candidates, repeats=4, warmup=2, clock=lambda: machine.now)
    assert "".join(machine.calls) == "fs" + "fs" + "fs" + "sf" + "fs" + "sf"
    assert len(result.rounds["fast"]) == 4
    assert result.rounds["fast"][-1] > 1.05 * result.rounds["fast"][0]
    ratio = result.ratios["slow"]["fast"]
    assert ratio.minimum <= ratio.median <= ratio.maximum
    assert ratio.median == pytest.approx(2, rel=0.01)
    assert result.ratios["fast"]["slow"].median == pytest.approx(0.5, rel=0.01)
    assert result.first_call["slow"] == pytest.approx(2 * 1.02)


@pytest.mark.parametrize(
    "arguments", [{"candidates": {}}, {"repeats": 0}, {"warmup": 0}]
)
def test_nothing_to_measure_is_refused(arguments):
    arguments = {"candidates": {"one": lambda: 1}, **arguments}
    with pytest.raises(ValueError, match="at least one of each"):
        compare(**arguments)


@pytest.mark.skipif(not STATUS.exists(), reason="the kernel's own count is Linux's")
def test_peak_memory_is_the_high_water_mark_in_bytes():
    line = next(x for x in STATUS.read_text().splitlines() if x.startswith("VmHWM"))
    assert peak_memory() == pytest.approx(1024 * int(line.split()[1]), rel=0.02)


class Pair(NamedTuple):
    left: float
    right: tuple[int, ...]


def test_record_writes_plain_json_with_the_environment(tmp_path):
    path = record("name", {"pair": Pair(1 / 3, (1, 2))}, directory=tmp_path / "new")
    content = json.loads(path.read_text())
    assert content["results"] == {"pair": {"left": 0.3333, "right": [1, 2]}}
    assert content["environment"] == environment()
    assert {"device", "cores", "python", "versions", "date"} <= set(
        content["environment"]
    )


def test_what_is_recorded_names_neither_machine_nor_place(tmp_path):
    text = record("name", {}, directory=tmp_path).read_text()
    assert socket.gethostname() not in text
    assert platform.node() not in text
    assert str(Path.cwd()) not in text
    assert os.path.expanduser("~") not in text or os.path.expanduser("~") == "/"

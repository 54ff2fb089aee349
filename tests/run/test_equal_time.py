"""Two models of one run that are trained for the same time."""

import importlib
import json

import pytest

from jaxgen import run, training
from tests import tiny


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """Returns a folder with records of the other model, and the steps trained."""
    steps = []

    def record(rates, part):
        home = tmp_path / "parts" / part
        home.mkdir(parents=True, exist_ok=True)
        rows = [
            {"step": 5 * n, "epoch": n, "split": "train", "images_per_second": rate}
            for n, rate in enumerate(rates, start=1)
        ]
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (home / "metrics.jsonl").write_text(lines)

    def train(config, setup, folder, model, *, part, **options):
        steps.append(setup.steps)
        record((200.0, 180.0, 220.0), part)

    module = importlib.import_module("jaxgen.run.equal_time")
    monkeypatch.setattr(module, "train", train)
    return training.RunFolder(tmp_path), steps, record


def steps_of(folder, setup):
    found = run.equal_time(None, setup, folder, None, part="fast", other="slow")
    assert found._replace(steps=0) == setup._replace(steps=0)
    return found.steps


def setup_of(steps):
    batches = tiny.batches()  # of five steps an epoch
    return run.Setup(None, None, batches, None, None, None, steps)


def test_the_second_model_takes_steps_by_the_ratio_of_their_median_speeds(trained):
    folder, steps, record = trained
    record((30.0, 40.0, 50.0), "slow")
    assert steps_of(folder, setup_of(100)) == 500
    # Its speed is measured over three epochs.
    assert steps == [15]


def test_a_run_that_is_resumed_takes_the_same_steps(trained):
    folder, steps, record = trained
    record((40.0,), "slow")
    assert steps_of(folder, setup_of(100)) == 500
    record((400.0,), "slow")
    assert steps_of(folder, setup_of(100)) == 500
    assert steps == [15]
    # A longer run of the other is a new measure.
    record((100.0,), "slow")
    assert steps_of(folder, setup_of(200)) == 400
    assert steps == [15, 15]


def test_without_a_known_speed_they_take_as_many_steps(trained):
    folder, steps, record = trained
    record((), "slow")
    assert steps_of(folder, setup_of(7)) == 7
    assert steps == [7]


def test_the_steps_that_were_measured_are_not_taken_back(trained):
    folder, steps, record = trained
    record((20_000.0,), "slow")
    assert steps_of(folder, setup_of(100)) == 15

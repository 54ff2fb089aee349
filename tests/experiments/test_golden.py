"""Names and numbers of scripts at tiny settings, against those of `golden.json`."""

import json
from pathlib import Path

import pytest

import experiments
from tests.experiments import golden
from tests.experiments.tiny_settings import SETTINGS

QUICK = ("categorical_vae", "convert_weights", "dying_relu", "translate", "vae")
SCRIPTS = {
    path.stem
    for path in Path(experiments.__path__[0]).glob("*.py")
    if "__main__" in path.read_text()
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.mark.parametrize(
    "script",
    [
        script if script in QUICK else pytest.param(script, marks=pytest.mark.slow)
        for script in SETTINGS
    ],
)
def test_a_script_gives_the_names_and_numbers_that_were_kept(script, folder):
    wanted = json.loads(golden.KEPT.read_text())[script]
    found = golden.kept(script, golden.record(script, folder))
    lines = golden.differences(wanted, found)
    meant = f"If this is meant: python -m tests.experiments.golden --keep {script}"
    assert not lines, "\n".join([f"experiments.{script}:", *lines, meant])


def test_every_script_is_kept():
    assert set(SETTINGS) == SCRIPTS == set(json.loads(golden.KEPT.read_text()))


def test_a_change_of_a_name_or_a_number_is_named():
    one = {"figure losses": "name", "returned / kl": 2.0, "returned / n": 0.0}
    assert not golden.differences(one, one | {"returned / kl": 2.01})
    found = {"figure loss": "name", "returned / kl": 2.1, "returned / n": 0.0}
    assert golden.differences(one, found) == [
        "figure loss: missing -> name",
        "figure losses: name -> missing",
        "returned / kl: 2.0 -> 2.1",
    ]

"""Damaged run folders: report, evaluate and resume work, or name the file."""

import functools
import json
import shutil
import warnings

import jax
import numpy as np
import pytest

from experiments import restored_runs
from jaxgen import calls, run, training
from jaxgen.errors import InputError
from jaxgen.report import style, write_page
from tests import tampering
from tests.experiments.tampered_folders import DESCRIPTION, WRITERS

FILES = (*("*.json", "*.jsonl") * 3, "arrays/*.npz")
DRAWN = {"index.html", "figures"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Whole folders by their kind."""
    root = tmp_path_factory.mktemp("whole")
    return {kind: write(root / kind) for kind, write in WRITERS.items()}


@pytest.fixture(autouse=True)
def coarse(monkeypatch):
    """What is seen in the figures does not matter here."""
    monkeypatch.setattr(style, "png", functools.partial(style.png, dpi=20))


def uses(path):
    """What is done with a run, by name."""
    resume = {"resume": True, "free": {"steps"}, "exact": True}
    return {
        "report": lambda: write_page(path),
        "evaluate": lambda: options_of(path),
        "load": lambda: model_of(path),
        "resume": lambda: training.open_run(
            path.parent, path.name, DESCRIPTION, **resume
        ),
    }


def options_of(folder):
    saved = restored_runs.read_run(folder)["config"]
    return restored_runs.image_options(folder, saved)


def model_of(folder):
    """What `run.load_model` does before it looks for a checkpoint."""
    description = run.read_description(folder)
    model = calls.build(description.calls or {}, source=str(folder / "model.json"))
    try:
        jax.eval_shape(model.init, jax.random.key(0), description.batch)
    except Exception as error:  # restore.load_model says the same
        raise InputError(f"model.json: {error}") from error


def faults_of(rng, whole, folder, kinds):
    """Damages a copy of a run; returns what was done, and what is wrong then."""
    kind = str(rng.choice(kinds))
    shutil.copytree(whole[kind], folder)
    pattern = str(rng.choice(FILES))
    files = sorted(folder.glob(pattern)) or [folder / "config.json"]
    path = files[rng.integers(len(files))]
    told = f"{kind}: {tampering.damaged(rng, path)}"
    # A description that is damaged may ask for records that there are not.
    names = (path.name, "metrics.jsonl")
    with warnings.catch_warnings():
        # Of numbers that are too large to draw, and letters that the font lacks.
        warnings.simplefilter("ignore")
        found = {
            name: tampering.fault_of(use, *names) for name, use in uses(folder).items()
        }
    return [f"{told}: {name}: {fault}" for name, fault in found.items() if fault]


def test_a_whole_run_is_read_by_all(whole, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(whole["plain"], folder)
    for use in uses(folder).values():
        use()


@pytest.mark.parametrize(
    ("number", "kinds"),
    [
        (8, ["plain"]),
        pytest.param(100, [*WRITERS], marks=pytest.mark.slow),
    ],
)
def test_no_damage_to_a_run_is_a_traceback(whole, tmp_path, number, kinds):
    rng = np.random.default_rng(number)
    faults = []
    for one in range(number):
        faults += faults_of(rng, whole, tmp_path / f"run{one}", kinds)
    assert not faults, f"{len(faults)} faults in {number}:\n" + "\n".join(faults)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": True}, "'seed' is True; a whole number"),
        ({"seed": 1.0}, "'seed' is 1.0; a whole number"),
        ({"seed": -1}, "has an option that cannot be used: --seed=-1"),
        ({"binarize": "all"}, "'binarize' is 'all'; one of 'no', 'dynamic'"),
        ({"image_size": "2"}, "'image_size' is '2'; a whole number, or null"),
        ({"data": ["digits"]}, r"'data' is \['digits'\]; a text"),
    ],
)
def test_an_option_of_another_type_is_named_with_what_is_expected(
    whole, tmp_path, options, message
):
    config = DESCRIPTION["config"] | options
    text = json.dumps(DESCRIPTION | {"config": config})
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(InputError, match=rf"config\.json.* {message}"):
        options_of(tmp_path)
    (name,) = options
    with pytest.raises(InputError, match=rf"config\.json says: {name} was .* is now"):
        uses(tmp_path)["resume"]()

import dataclasses
import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from experiments import (
    beta_vae,
    categorical_vae,
    cs_vae,
    cvae,
    iwae,
    restored_runs,
    vae,
)
from experiments import discrete_vae_estimators as discrete
from jaxgen import run, training
from jaxgen.errors import InputError

COMMON = {"data": "digits", "hidden": (8,), "steps": 2, "batch_size": 32, "devices": 1}


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[Path, Any]:
    """Trains as `vae.main` does, without its figures."""
    config = vae.Config(**COMMON, output=str(tmp_path_factory.mktemp("runs")))
    setup = run.prepare(config)
    model = vae.build(config, setup.train.image_shape, setup.batches.steps_per_epoch)
    folder = run.open_folder(config, "vae", "run", title="A VAE", doc=vae.__doc__)
    return folder.path, run.train(config, setup, folder, model)


@pytest.fixture(scope="module")
def finished(trained) -> Path:
    return trained[0]


def changed(finished: Path, to: Path, **entries) -> Path:
    """Returns a folder with that run's `config.json`, some entries other ones."""
    description = json.loads((finished / "config.json").read_text())
    to.mkdir(parents=True)
    (to / "config.json").write_text(json.dumps(description | entries))
    return to


def check_same(one: Any, other: Any) -> None:
    """Sees that two states have the same parameters."""
    jax.tree.map(np.testing.assert_array_equal, one.net.params, other.net.params)


def options_of(finished: Path) -> dict:
    return json.loads((finished / "config.json").read_text())["config"]


def test_a_restored_model_is_the_trained_one(trained):
    finished, state = trained
    found = restored_runs.restore(finished)
    assert list(found.models) == ["VAE"]
    model, again = found.models["VAE"]
    assert int(again.step) == 2
    check_same(state, again)
    assert model.sample(again, jax.random.key(0), 3).shape == (3, 8, 8, 1)
    assert found.assumed == ()


def test_every_script_that_keeps_models_gives_them_all_back(tmp_path):
    """Without training: what is saved is a first state, known by its root key."""
    runs = {
        categorical_vae: ({"latents": 2, "classes": 3}, {"VAE": None}),
        cvae: ({}, {"VAE": "vae", "CVAE": None}),
        cs_vae: (
            {"lambdas": (0.5, 2.0), "components": 3},
            {
                "CS, lambda 0.5": None,
                "CS, lambda 2": None,
                "KL, N(0, I)": "kl_normal",
                "KL, mixture": "kl_mixture",
            },
        ),
        discrete: (
            {"latents": 2, "estimators": ("RLOO-2", "score")},
            {"score": "score", "RLOO-2": "RLOO-2"},
        ),
        iwae: ({"ks": (1, 2), "latents": 2}, {"VAE": "VAE", "IWAE-2": "IWAE-2"}),
        beta_vae: ({"study": "constrained", "kl_target": 5.0}, {"VAE": None}),
    }
    for script, (options, parts) in runs.items():
        name = script.__name__.removeprefix("experiments.")
        config = script.Config(**COMMON | options)
        folder = tmp_path / name
        folder.mkdir()
        config_json = {"experiment": name, "config": dataclasses.asdict(config)}
        (folder / "config.json").write_text(json.dumps(config_json))
        saved = {}

        def start(model, part=None, *, folder=folder, saved=saved):
            """Saves the first state of a model as if it had been trained."""
            home = folder if part is None else folder / "parts" / part
            key = jax.random.key(len(saved))
            state = jax.jit(model.init)(key, saved["batch"])
            checkpoints = training.Checkpoints(home / "checkpoints")
            checkpoints.save(0, state, {})
            checkpoints.close()
            saved[part] = state
            return state

        setup = run.prepare(config)
        saved["batch"] = next(training.iterate_batches(setup.batches))
        trained = script.trained_models(config, setup, start)
        found = restored_runs.restore(folder)
        assert list(found.models) == list(trained) == list(parts)
        for label in parts:
            check_same(trained[label][1], found.models[label][1])


def test_an_option_that_is_not_told_is_taken_as_by_default_and_named(
    finished, tmp_path
):
    options = options_of(finished)
    del options["warm_up"]
    folder = changed(finished, tmp_path / "older", config=options)
    (folder / "checkpoints").symlink_to(finished / "checkpoints")
    assert restored_runs.restore(folder).assumed == ("warm_up",)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"experiment": "nothing"}, r"experiments\.nothing, which there is not.*vae"),
        ({"experiment": "../vae"}, "which there is not"),
        ({"experiment": "estimator_variance"}, "cannot be judged here.*cvae"),
        ({"experiment": 3}, "'experiment' is 3; a text was expected"),
        ({"config": None}, "'config' is None; an object was expected"),
        (
            {"config": {"colour": "red"}},
            "has the options colour, which experiments.vae",
        ),
        ({"config": {"data": "digit"}}, "cannot be loaded again.*'digits'"),
    ],
)
def test_what_is_no_run_of_a_model_is_refused(finished, tmp_path, entries, message):
    folder = changed(finished, tmp_path / "run", **entries)
    with pytest.raises(InputError, match=message):
        restored_runs.restore(folder)


def test_a_run_without_a_checkpoint_says_how_to_get_one_and_is_left_alone(
    finished, tmp_path
):
    folder = changed(finished, tmp_path / "run")
    with pytest.raises(InputError, match="no checkpoint in .*--resume"):
        restored_runs.restore(folder)
    assert [path.name for path in folder.iterdir()] == ["config.json"]


def test_a_checkpoint_of_another_model_is_refused(finished, tmp_path):
    options = options_of(finished) | {"hidden": [9]}
    folder = changed(finished, tmp_path / "run", config=options)
    (folder / "checkpoints").symlink_to(finished / "checkpoints")
    with pytest.raises(InputError, match="belongs to another model"):
        restored_runs.restore(folder)


def test_a_sweep_over_drawn_sprites_is_refused(finished, tmp_path):
    options = dataclasses.asdict(beta_vae.Config(batch_size=32, devices=1))
    folder = changed(finished, tmp_path / "run", experiment="beta_vae", config=options)
    with pytest.raises(InputError, match="--study constrained"):
        restored_runs.restore(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "is damaged: it is no JSON"), ("[]", "no JSON object")],
)
def test_a_damaged_description_is_named(tmp_path, content, message):
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(InputError, match=message):
        restored_runs.restore(tmp_path)


def test_a_folder_that_is_no_run_is_named(tmp_path):
    with pytest.raises(InputError, match="holds no config.json"):
        restored_runs.restore(tmp_path)
    with pytest.raises(InputError, match="is no folder"):
        restored_runs.restore(tmp_path / "missing")

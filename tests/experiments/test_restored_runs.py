import json
import shutil
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
from experiments.beta_studies import constrained
from jaxgen import calls, run
from jaxgen.errors import InputError

COMMON = {"data": "digits", "hidden": (8,), "steps": 2, "batch_size": 32, "devices": 1}


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[Path, Any]:
    """Trains as `vae.main` does, without its figures."""
    config = vae.Config(**COMMON, output=str(tmp_path_factory.mktemp("runs")))
    setup = run.prepare(config)
    model = vae.build(config, setup.train.image_shape, setup.batches.steps_per_epoch)
    folder = run.open_folder(config, "vae", "run", title="A VAE", claim="A.")
    return folder.path, run.train(config, setup, folder, model)


@pytest.fixture(scope="module")
def finished(trained) -> Path:
    return trained[0]


def changed(finished: Path, to: Path, **entries) -> Path:
    """Returns a folder with that run, some entries of `config.json` other ones."""
    description = json.loads((finished / "config.json").read_text())
    to.mkdir(parents=True)
    (to / "config.json").write_text(json.dumps(description | entries))
    shutil.copy(finished / "model.json", to)
    (to / "checkpoints").symlink_to(finished / "checkpoints")
    return to


def check_same(one: Any, other: Any) -> None:
    """Sees that two states have the same parameters."""
    jax.tree.map(np.testing.assert_array_equal, one.net.params, other.net.params)


def options_of(finished: Path) -> dict:
    return json.loads((finished / "config.json").read_text())["config"]


def test_a_restored_model_is_the_trained_one(trained):
    finished, state = trained
    found = restored_runs.restore(finished)
    assert list(found.models) == ["vae"]
    model, again = found.models["vae"]
    assert int(again.step) == 2
    check_same(state, again)
    assert model.sample(again, jax.random.key(0), 3).shape == (3, 8, 8, 1)
    assert found.assumed == ()


SHAPE = (8, 8, 1)


def of(script, *arguments, **options):
    """A model of a script, with the shapes of its batches."""
    config = script.Config(**COMMON | options)
    return script.build(config, *arguments)


@pytest.mark.parametrize(
    "build",
    [
        lambda: of(vae, SHAPE, 1),
        lambda: of(vae, SHAPE, 1, prior="vamp", likelihood="learned_gaussian"),
        lambda: of(vae, SHAPE, 1, prior="mixture", free_bits=0.1),
        lambda: of(vae, (32, 32, 1), 1, network="conv", hidden=None),
        lambda: of(categorical_vae, SHAPE, latents=2, classes=3),
        lambda: of(categorical_vae, SHAPE, latents=2, estimator="rebar"),
        lambda: of(categorical_vae, SHAPE, latents=2, estimator="vimco"),
        lambda: of(cvae, SHAPE, 10).vae,
        lambda: of(cvae, SHAPE, 10).cvae,
        lambda: cs_vae.sweep_of(cs_vae.Config(**COMMON), SHAPE),
        lambda: cs_vae.build(cs_vae.Config(**COMMON), SHAPE, mixture=False),
        lambda: iwae.build(
            iwae.Config(latents=2, ks=(2,), schedule="burda"),
            iwae.Task("IWAE-2", 2, "dreg"),
            SHAPE,
            9,
        ),
        *(
            lambda objective=objective: constrained.build(
                beta_vae.Config(
                    **COMMON,
                    study="constrained",
                    objective=objective,
                    kl_target=5.0,
                    reconstruction_target=9.0,
                ),
                SHAPE,
                9,
            )
            for objective in ("constrained", "capacity", "geco", "free_bits")
        ),
    ],
    ids=range(16),
)
def test_the_models_of_the_scripts_are_described(build):
    model = build()
    described = calls.describe(model)
    again = calls.build(described)
    assert type(again) is type(model)
    assert calls.describe(again) == described


def test_every_estimator_of_the_discrete_scripts_is_described():
    config = discrete.Config(**COMMON | {"latents": 2, "devices": 1})
    parts = discrete.build(config, SHAPE)
    for entrant in parts.entrants.values():
        model = discrete.model_of(config, parts, entrant)
        assert calls.describe(model) is not None


def test_the_members_of_a_sweep_are_judged_one_by_one(tmp_path):
    config = cs_vae.Config(
        **COMMON, output=str(tmp_path), lambdas=(0.5, 2.0), components=3
    )
    setup = run.prepare(config)
    folder = run.open_folder(config, "cs_vae", "run", title="", claim="A.")
    trained = cs_vae.train(config, setup, folder)
    found = restored_runs.restore(folder.path)
    assert list(found.models) == [
        "cs_vae, member 1",
        "cs_vae, member 2",
        "kl_mixture",
        "kl_normal",
    ]
    states = {one.name: one.state for one in trained}
    for label, name in (
        ("CS, lambda 0.5", "cs_vae, member 1"),
        ("CS, lambda 2", "cs_vae, member 2"),
        ("KL, N(0, I)", "kl_normal"),
        ("KL, mixture", "kl_mixture"),
    ):
        check_same(states[label], found.models[name][1])
    member, state = found.models["cs_vae, member 2"]
    assert member.sample(state, jax.random.key(0), 3).shape == (3, 8, 8, 1)


def test_an_option_that_is_not_told_is_taken_as_by_default_and_named(
    finished, tmp_path
):
    options = options_of(finished)
    del options["binarize"], options["warm_up"]
    folder = changed(finished, tmp_path / "older", config=options)
    assert restored_runs.restore(folder).assumed == ("binarize",)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"experiment": 3}, "'experiment' is 3; a text was expected"),
        ({"config": None}, "'config' is None; an object was expected"),
        ({"config": {"colour": "red"}}, "has no option data"),
        ({"config": {"data": "digit"}}, "cannot be loaded again.*'digits'"),
        ({"config": {"data": "mnist5k"}}, r"shape \(8, 8, 1\), and .* \(28, 28, 1\)"),
        ({"config": {"data": 3}}, "the option 'data' is 3"),
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
    (folder / "checkpoints").unlink()
    with pytest.raises(InputError, match="no checkpoint in .*--resume"):
        restored_runs.restore(folder)
    names = ["config.json", "model.json"]
    assert sorted(path.name for path in folder.iterdir()) == names


def test_a_run_from_before_is_refused(finished, tmp_path):
    folder = changed(finished, tmp_path / "run")
    (folder / "model.json").unlink()
    with pytest.raises(InputError, match="was written before jaxgen wrote model.json"):
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

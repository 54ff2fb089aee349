"""The models of a finished run, rebuilt by its own script from its newest checkpoint.

A script whose models can be judged has a function

    trained_models(config, setup, restore) -> {name: (model, state)}

in which it builds what it trained, and asks `restore(model, part=None)` for each state:
`part` is the name it gave to `run.train`.
"""

import dataclasses
import importlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import jax

from jaxgen import training
from jaxgen.errors import InputError
from jaxgen.models import GAN, VAE
from jaxgen.run import Setup, prepare
from jaxgen.run.saved_options import read_options
from jaxgen.run_files import read_config
from jaxgen.typing import Model

SCRIPTS = Path(__file__).parent

ELSEWHERE = {"devices": 1, "parallel": "jit", "steps_per_call": None, "resume": False}
"""How a run was spread does not matter to its models."""


class Restored(NamedTuple):
    """A finished run.

    Attributes:
        path: Its folder.
        experiment: The script that trained it.
        config: Its options.
        setup: Its data, on one device.
        models: Each model with its state, on one device, by name.
        assumed: Options that its `config.json` does not have, and which are taken as
            they are by default now.
    """

    path: Path
    experiment: str
    config: Any
    setup: Setup
    models: dict[str, tuple[VAE | GAN, Any]]
    assumed: tuple[str, ...]


def restore(run: Path, *, data_dir: str | None = None) -> Restored:
    """Loads the data of a run and the models it trained.

    Args:
        run: Its folder, which holds `config.json`.
        data_dir: Where TFDS keeps its prepared sets now, if not where it did then.

    Raises:
        InputError: It is no run, its script offers no models, its options are not
            those of the script, its data are not there, or it has no checkpoint.
    """
    experiment, script, config, assumed = script_and_options(run)
    config = dataclasses.replace(config, **ELSEWHERE)
    if data_dir is not None:
        config = dataclasses.replace(config, data_dir=data_dir)
    setup = _data(run, config)
    batch = next(training.iterate_batches(setup.batches))

    def state_of(model: Model, part: str | None = None) -> Any:
        start = jax.jit(model.init)(jax.random.clone(setup.key), batch)
        home = run if part is None else run / "parts" / part
        return newest(run, training.RunFolder(home).checkpoints, start)

    models = script.trained_models(config, setup, state_of)
    return Restored(run, experiment, config, setup, models, assumed)


class Options(NamedTuple):
    """What a run was asked for.

    Attributes:
        experiment: The script that trained it.
        script: Its module.
        config: Its options.
        assumed: Options that its `config.json` does not have.
    """

    experiment: str
    script: ModuleType
    config: Any
    assumed: tuple[str, ...]


def script_and_options(run: Path, *, hook: str = "trained_models") -> Options:
    """Finds the script of a run, and its options.

    Args:
        run: The folder of the run.
        hook: The function that the script has to have.

    Raises:
        InputError: It is no run, its script has no such function, or its options are
            not those of the script.
    """
    description = _read(run)
    experiment = description["experiment"]
    script = _script(run, experiment, hook)
    config, assumed = read_options(run / "config.json", description["config"], script)
    return Options(experiment, script, config, assumed)


def newest(run: Path, folder: Path, start: Any) -> Any:
    """Returns the newest state of a folder of checkpoints.

    Args:
        run: The run that it belongs to.
        folder: Of the checkpoints.
        start: A state of the same model, whose numbers do not matter.

    Raises:
        InputError: There is none, or it is of another model.
    """
    # Opening them would make the folder.
    if folder.is_dir():
        checkpoints = training.Checkpoints(folder)
        try:
            if checkpoints.latest() is not None:
                return checkpoints.restore(start)[0]
        finally:
            checkpoints.close()
    raise InputError(
        f"There is no checkpoint in {folder}: train the run to its end; the command "
        f"stands in {run / 'config.json'}, add --resume to it."
    )


def _read(run: Path) -> Mapping[str, Any]:
    path = run / "config.json"
    if not os.path.lexists(path):
        what = "holds no config.json" if run.is_dir() else "is no folder"
        raise InputError(
            f"{run} is no run, as it {what}: give the folder of one, such as "
            "runs/vae/mnist5k-mlp-z2; or give two folders of images."
        )
    description = read_config(path)
    missing = [name for name in ("experiment", "config") if name not in description]
    if missing:
        raise InputError(
            f"{path} is damaged: it has no entry {missing[0]!r}; restore the file, or "
            "train anew."
        )
    return description


def _script(run: Path, experiment: str, hook: str) -> ModuleType:
    known = re.fullmatch(r"[a-z0-9_]+", experiment) is not None
    if known and (SCRIPTS / f"{experiment}.py").is_file():
        script = importlib.import_module(f"experiments.{experiment}")
        if hasattr(script, hook):
            return script
        why = "whose models cannot be judged here"
    else:
        why = "which there is not"
    able = (path for path in SCRIPTS.glob("*.py") if path.stem != Path(__file__).stem)
    names = sorted(p.stem for p in able if f"def {hook}(" in p.read_text())
    raise InputError(
        f"{run / 'config.json'} is of a run of experiments.{experiment[:100]}, {why}: "
        f"give a run of {', '.join(names)}."
    )


def _data(run: Path, config: Any) -> Setup:
    try:
        return prepare(config)
    except InputError as error:
        raise InputError(
            f"The data of the run {run} cannot be loaded again, from where it was "
            f"trained: {error}"
        ) from error

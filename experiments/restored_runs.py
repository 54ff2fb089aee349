"""The models of a finished run and the images it was trained on.

Both come from the run's folder: the models from its `model.json` and its checkpoints,
the images from the options of its `config.json`.
"""

import dataclasses
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from jaxgen import calls, run
from jaxgen.errors import InputError
from jaxgen.models import GAN, VAE, Ensemble
from jaxgen.run.exports import ExportedModel
from jaxgen.run.saved_options import read_options
from jaxgen.run_files import read_config

Judged = VAE | GAN | ExportedModel


@dataclasses.dataclass(frozen=True)
class ImageOptions(run.RunOptions, run.DataOptions):
    """The options of a run that its images and their order depend on."""

    devices: int | None = 1


NAMES = {field.name for field in dataclasses.fields(run.DataOptions)} | {
    "batch_size",
    "seed",
}
"""Of the options above, those that are read from the run."""


class Restored(NamedTuple):
    """A finished run.

    Attributes:
        path: Its folder.
        experiment: The script that trained it.
        config: Its options that say which images it was trained on.
        setup: Its data, on one device.
        models: Each model with its state, on one device, by name.
        assumed: Options of its images that its `config.json` does not have, and which
            are taken as they are by default now.
    """

    path: Path
    experiment: str
    config: ImageOptions
    setup: run.Setup
    models: dict[str, tuple[Judged, Any]]
    assumed: tuple[str, ...]


def restore(folder: Path, *, data_dir: str | None = None) -> Restored:
    """Loads the data of a run and the models it trained.

    Args:
        folder: That of the run, which holds `config.json`.
        data_dir: Where TFDS keeps its prepared sets now, if not where it did then.

    Raises:
        InputError: It is no run, it has no model of images, its files are damaged, its
            data are not there, or it has no checkpoint.
    """
    description = read_run(folder)
    experiment = description["experiment"]
    names = run.parts_of(folder) or (None,)
    shape = run.read_description(folder, names[0]).batch.get("image")
    if shape is None:
        raise InputError(
            f"The models of the run {folder} are not of images alone: give a run of a "
            "VAE or a GAN of images."
        )
    config, assumed = image_options(folder, description["config"])
    if data_dir is not None:
        config = dataclasses.replace(config, data_dir=data_dir)
    models = dict(_models(folder, experiment, names))
    setup = _data(folder, config)
    if setup.train.image_shape != shape.shape[1:]:
        raise InputError(
            f"The run {folder} was trained on images of shape {shape.shape[1:]}, and "
            f"those of its --data {config.data} have {setup.train.image_shape}: its "
            "script makes images of its own, so there are none to judge it by."
        )
    return Restored(folder, experiment, config, setup, models, assumed)


def read_run(folder: Path) -> Mapping[str, Any]:
    """Returns the content of a run's `config.json`.

    Raises:
        InputError: It is no run, or the file is damaged.
    """
    path = folder / "config.json"
    if not os.path.lexists(path):
        what = "holds no config.json" if folder.is_dir() else "is no folder"
        raise InputError(
            f"{folder} is no run, as it {what}: give the folder of one, such as "
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


def image_options(
    folder: Path, saved: Mapping[str, Any]
) -> tuple[ImageOptions, tuple[str, ...]]:
    """Returns the options of a run that say which images it was trained on.

    Args:
        folder: That of the run.
        saved: All of its options.

    Returns:
        The options, and the names of those that the run does not have.

    Raises:
        InputError: An option cannot be used, or the run has none of a set of images.
    """
    path = folder / "config.json"
    if "data" not in saved:
        raise InputError(
            f"{path} has no option data, so its images are not known: give a run of a "
            "VAE or a GAN of images."
        )
    given = {name: value for name, value in saved.items() if name in NAMES}
    script: Any = SimpleNamespace(Config=ImageOptions, __name__="this version")
    config, missing = read_options(path, given, script)
    return config, tuple(name for name in missing if name in NAMES)


def _models(
    folder: Path, experiment: str, names: tuple[str | None, ...]
) -> Iterator[tuple[str, tuple[Judged, Any]]]:
    """Gives the models of a run by name: that of the script, or that of the part."""
    for part in names:
        model, state, description = run.load_model(folder, part)
        name = experiment if part is None else part
        if isinstance(model, Ensemble):
            assert description.calls is not None
            arguments = description.calls["arguments"]
            for index in range(model.num_members):
                one = arguments["models"][index // arguments["num_seeds"]]
                found = calls.build(one), model.member(state, index)
                yield f"{name}, member {index + 1}", _checked(folder, *found)
        else:
            yield name, _checked(folder, model, state)


def _checked(folder: Path, model: Any, state: Any) -> tuple[Judged, Any]:
    kind = getattr(model, "kind", type(model).__name__)
    if isinstance(model, Judged) and kind in ("VAE", "GAN"):
        return model, state
    raise InputError(
        f"The run {folder} is one of a model of the kind {kind}, which cannot be "
        "judged here: give a run of a VAE or a GAN of images."
    )


def _data(folder: Path, config: ImageOptions) -> run.Setup:
    try:
        return run.prepare(config)
    except InputError as error:
        raise InputError(
            f"The data of the run {folder} cannot be loaded again, from where it was "
            f"trained: {error}"
        ) from error

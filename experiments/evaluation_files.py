"""What an evaluation writes and prints, and how those of several models are joined."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.judged_sets import Pictures
from experiments.restored_runs import Judged, Restored
from jaxgen import run, training
from jaxgen.files import write_npz
from jaxgen.metrics import Evaluation
from jaxgen.training import environment

REAL = "real"
"""What the pictures and the curve of real images are called."""

HEADLINES = 4
"""Measures at the head of a page."""


def merged(found: Sequence[tuple[str, Evaluation]]) -> Evaluation:
    """Joins the evaluations of several models; sets are named `SET of MODEL`.

    Args:
        found: Models by name, "" for a single one, with what was found of each.
    """
    if len(found) == 1:
        return found[0][1]
    measures, curves, pictures = [], {}, {}
    for name, one in found:
        measures += [m._replace(images=f"{m.images} of {name}") for m in one.measures]
        curves |= {_renamed(key, name): curve for key, curve in one.curves.items()}
        pictures |= {_renamed(key, name): shown for key, shown in one.pictures.items()}
    first = found[0][1]
    return Evaluation(measures, first.protocol, first.confidence, curves, pictures)


def _renamed(key: str, model: str) -> str:
    # Real images are the same for all models.
    return key if key == REAL or key.endswith(f": {REAL}") else f"{key} of {model}"


def protocol_of_run(
    restored: Restored, pictures: Pictures, models: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    """Returns what the numbers of a run depend on, beside the metrics' own protocol.

    Args:
        restored: The run.
        pictures: The images it is judged by.
        models: What is to be said of each model.
    """
    test = "test images"
    if restored.config.train_split == "train+test":
        test += ", which were trained on too"
    own: dict[str, Any] = {
        "run": f"{restored.experiment}/{restored.path.resolve().name}",
        "data": f"{pictures.test.name}, {test}",
    }
    pixels = {name: _pixels(restored.models[name][0], pictures) for name in models}
    if len(set(pixels.values())) == 1:
        own["pixels"] = next(iter(pixels.values()))
    else:
        models = {n: {**said, "pixels": pixels[n]} for n, said in models.items()}
    if restored.assumed:
        own["options unknown, as by default"] = ", ".join(restored.assumed)
    if len(models) == 1:
        return own | dict(next(iter(models.values())))
    return own | {"models": {name: dict(said) for name, said in models.items()}}


def _pixels(model: Judged, pictures: Pictures) -> str:
    """What is compared with what."""
    if getattr(model, "kind", type(model).__name__) == "GAN":
        if pictures.binarized:
            return "trained on bits drawn of the grey images it is compared with"
        return "compared with the images as they are"
    if pictures.binarized:
        return (
            "the encoder is given bits drawn of the grey pixels; what is decoded are "
            "the chances of a one, which are grey, compared with the grey images"
        )
    return "means of p(x|z), compared with the images as they are"


def headline(evaluation: Evaluation) -> dict[str, Any]:
    """Returns the first measures for the head of the page."""
    return {
        one.metric: {"value": one.value, "unit": ""}
        for one in evaluation.measures[:HEADLINES]
    }


def finish(
    folder: Path, evaluation: Evaluation, *, command: str, seconds: float
) -> dict[str, Any]:
    """Writes the files, draws the page, prints the table.

    Args:
        folder: The run's folder.
        evaluation: What was found.
        command: The command that finds it again.
        seconds: How long it took.

    Returns:
        The values by `METRIC, SET`, and `page`.
    """
    from jaxgen import report

    write(folder, evaluation, command=command, seconds=seconds)
    with run.display() as show:
        page = report.write_page(folder, progress=show)
    # 80 columns in a pipe, unless the environment says otherwise.
    print(evaluation.table(shutil.get_terminal_size().columns), end="\n\n")
    print(f"The page of this run: {page}")
    values = {f"{m.metric}, {m.images}": float(m.value) for m in evaluation.measures}
    return values | {"page": str(page)}


def write(
    folder: Path, evaluation: Evaluation, *, command: str, seconds: float
) -> None:
    """Writes the files of an evaluation; see `finish`."""
    arrays = folder / "arrays"
    arrays.mkdir(exist_ok=True)
    curves = {f"prd/{name}": curve for name, curve in evaluation.curves.items()}
    write_npz(arrays / "evaluation.npz", **curves, **evaluation.pictures)
    training.write_json(
        folder / "evaluation.json",
        plain(evaluation.to_json())
        | {"command": command, "seconds": seconds}
        | {"environment": environment()},
    )


def plain(value: Any) -> Any:
    """Returns a value with numpy's numbers as Python's, for JSON."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    return value.item() if isinstance(value, np.generic) else value

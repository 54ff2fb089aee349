"""What the model of a run is, written into its folder, and the model read from it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgen import calls, training
from jaxgen.errors import InputError
from jaxgen.run.exports import Shapes, read_exported, write_exported
from jaxgen.run_files import read_object, shown
from jaxgen.training.model_state import read_model_state
from jaxgen.typing import Model
from jaxgen.version import __version__

__all__ = ["Description", "Loaded", "load_model", "parts_of", "read_description"]

NAME = "model.json"

_TYPES = ("float32", "float16", "bfloat16", "int32", "uint8", "bool")
_MOST_AXES, _MOST_SIDE = 8, 2**24


class Description(NamedTuple):
    """What a run says of a model.

    Attributes:
        calls: The calls that it is made of, as `jaxgen.calls.describe` writes them;
            None for a model that has other parts than those of jaxgen.
        batch: Shapes and types of the arrays of a training batch, by name.
        kind: The name of the model's type, such as "VAE".
        version: The version of jaxgen that wrote this.
        exported: Of a model without `calls`: what was exported once it was trained.
    """

    calls: dict[str, Any] | None
    batch: dict[str, jax.ShapeDtypeStruct]
    kind: str
    version: str
    exported: dict[str, Any] | None = None


class Loaded(NamedTuple):
    """A model of a finished run.

    Attributes:
        model: The model, whose optimizers do nothing.
        state: Its state on one device, without that of the optimizers.
        description: What the run says of it.
    """

    model: Any
    state: Any
    description: Description


def write_description(
    folder: training.RunFolder, model: Model, batch: Shapes, state: Any = None
) -> None:
    """Writes what a model is and the shapes of its batches.

    Args:
        folder: That of the run, or of its part.
        model: The model.
        batch: Shapes and types of the arrays of a training batch, by name.
        state: The trained state; None before the first step. Only a model with parts
            that have no name is written again then, with its exported functions.
    """
    described = calls.describe(model)
    if jax.process_index() != 0 or (state is not None and described is not None):
        return
    content: dict[str, Any] = {
        "jaxgen": __version__,
        "kind": type(model).__name__,
        "batch": {
            name: {"shape": list(leaf.shape), "dtype": leaf.dtype.name}
            for name, leaf in batch.items()
        },
        "model": described,
    }
    if state is not None:
        content["exported"] = write_exported(folder.path, model, state, batch)
    training.write_json(folder.path / NAME, content)


def load_model(
    folder: str | Path,
    part: str | None = None,
    *,
    arguments: Mapping[str, Any] | None = None,
    checkpoints: str = "checkpoints",
) -> Loaded:
    """Loads a model of a run, without its script, its data or its optimizer.

    Nothing in the folder is executed: its `model.json` may name public factories of
    jaxgen and a few plain functions, and any other name is refused.

    Args:
        folder: The folder of the run.
        part: The name of the model, where the run trained several; see `parts_of`.
        arguments: Arguments of the model's factory, in place of those of the run, such
            as `{"inference": models.InferenceMode(...)}`.
        checkpoints: The folder of checkpoints within that of the run, or of the part.

    Raises:
        InputError: It is no run, it was written before jaxgen wrote `model.json`, its
            files are damaged or name something that may not be called, or it has no
            checkpoint.
    """
    home = _home(Path(folder), part)
    description = read_description(folder, part)
    if description.calls is None:
        if description.exported is None:
            raise InputError(
                f"{home / NAME} has no model yet: it has parts that have no name in "
                "jaxgen, and is written at the end of the training. Resume the run."
            )
        found = read_exported(
            home, description.kind, description.exported, home / checkpoints
        )
        return Loaded(*found, description)
    model = calls.build(description.calls, arguments=arguments, source=str(home / NAME))
    try:
        template = jax.eval_shape(model.init, jax.random.key(0), description.batch)
    except Exception as error:
        raise InputError(
            f"{home / NAME} is damaged: its model does not take its batch ({error}); "
            "restore the file, or train anew."
        ) from error
    state = read_model_state(home / checkpoints, template)
    return Loaded(model, state, description)


def parts_of(folder: str | Path) -> tuple[str | None, ...]:
    """Returns which models a run has: None for its own, and the names of its parts."""
    parts = sorted(path.parent.name for path in Path(folder).glob(f"parts/*/{NAME}"))
    return (*((None,) if (Path(folder) / NAME).exists() else ()), *parts)


def read_description(folder: str | Path, part: str | None = None) -> Description:
    """Reads what a run says of a model; arguments as those of `load_model`."""
    folder = Path(folder)
    path = _home(folder, part) / NAME
    if not path.exists():
        raise InputError(_missing(folder, part))
    content = read_object(path)
    batch = content.get("batch")
    described, exported = content.get("model"), content.get("exported")
    objects = all(isinstance(one, dict | None) for one in (described, exported))
    if not isinstance(batch, dict) or not objects:
        raise _damaged(path, "it has no batch and no model")
    return Description(
        calls=described,
        batch={name: _shape(path, name, one) for name, one in batch.items()},
        kind=str(content.get("kind")),
        version=str(content.get("jaxgen")),
        exported=exported,
    )


def _home(folder: Path, part: str | None) -> Path:
    if part is None:
        return folder
    training.check_name(part, "part")
    return folder / "parts" / part


def _missing(folder: Path, part: str | None) -> str:
    if not folder.is_dir():
        return f"{folder} is no folder: give the folder of a run."
    if not (folder / "config.json").exists():
        return (
            f"{folder} is no run, as it holds no config.json: give the folder of one."
        )
    known = parts_of(folder)
    if known:
        names = ", ".join("None" if name is None else repr(name) for name in known)
        return f"The run {folder} has no model {part!r}: give part, one of {names}."
    return (
        f"The run {folder} was written before jaxgen wrote {NAME}: load it with the "
        "version of jaxgen that wrote it, or train anew."
    )


def _shape(path: Path, name: str, one: Any) -> jax.ShapeDtypeStruct:
    entries = one if isinstance(one, dict) else {}
    shape, dtype = entries.get("shape"), entries.get("dtype")
    if (
        not isinstance(shape, list)
        or len(shape) > _MOST_AXES
        or not all(type(side) is int and 0 < side <= _MOST_SIDE for side in shape)
        or dtype not in _TYPES
    ):
        raise _damaged(path, f"the shape of {name!r:.80} is {shown(one)}")
    return jax.ShapeDtypeStruct(tuple(shape), jnp.dtype(dtype))


def _damaged(path: Path, why: str) -> InputError:
    return InputError(f"{path} is damaged: {why}; restore the file, or train anew.")

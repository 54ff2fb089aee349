"""Models with parts that have no name, kept as exported functions.

The functions of a trained model are exported by `jax.export`, for batches of any size
on CPU, CUDA and TPU. They take the arrays of a state, which are read from a checkpoint
by their paths. They are programs of XLA, not of Python.
"""

import hashlib
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import export

from jaxgen import files
from jaxgen.errors import InputError
from jaxgen.progress import print_line
from jaxgen.training.model_state import read_leaves
from jaxgen.training.trees import arrays_of, data_to_keys, keys_to_data
from jaxgen.typing import Array, PRNGKeyArray

__all__ = [
    "ExportedModel",
    "ExportedState",
    "Shapes",
    "read_exported",
    "write_exported",
]

FOLDER = "exported"
PLATFORMS = ("cpu", "cuda", "tpu")

Shapes = Mapping[str, Any]
"""Shapes and types of arrays by name."""


class ExportedState(NamedTuple):
    """The arrays of a model that was exported.

    Attributes:
        step: Number of updates done.
        arrays: Parameters, statistics and averages.
    """

    step: int
    arrays: tuple[Array, ...]


class ExportedModel(NamedTuple):
    """The functions of a model that was exported, for the state it was exported with.

    A function that the model did not have, or that could not be exported for batches
    of any size, is None. Images are of the size of those in training.

    Attributes:
        kind: The name of the model's type.
        num_classes: Classes of the condition, or None.
        sample: `(state, key, n, condition=None) -> n samples`.
        encode: `(state, images, condition=None) -> tuple of arrays`, the parameters of
            the posterior in the order of its fields.
        decode: `(state, latents, condition=None) -> images`.
        reconstruct: `(state, images, condition=None) -> images`.
        translate: `(state, key, images, direction="a_to_b") -> images`; without a key
            nothing is drawn.
    """

    kind: str
    num_classes: int | None
    sample: Callable[..., Array] | None = None
    encode: Callable[..., tuple[Array, ...]] | None = None
    decode: Callable[..., Array] | None = None
    reconstruct: Callable[..., Array] | None = None
    translate: Callable[..., Array] | None = None


def write_exported(folder: Path, model: Any, state: Any, batch: Shapes) -> dict:
    """Exports the functions of a model into a folder.

    Args:
        folder: That of the run, or of its part.
        model: The model.
        state: One of its states.
        batch: Shapes and types of the arrays of a batch.

    Returns:
        What `read_exported` needs to know, as values of JSON.
    """
    own = folder / FOLDER
    own.mkdir(exist_ok=True)
    arrays, rebuild = _split(state)
    shapes = [jax.ShapeDtypeStruct(*array) for array in arrays.values()]
    digests = {}
    for name, function, inputs in _functions(model, rebuild, shapes, batch):
        try:
            exported = export.export(jax.jit(function), platforms=PLATFORMS)(
                shapes, *inputs
            )
            files.write_whole(own / f"{name}.bin", bytes(exported.serialize()))
        # Functions of others raise whatever they meet in a batch of unknown size.
        except Exception as error:
            line = str(error).strip().splitlines()[:1] or [type(error).__name__]
            print_line(
                f"The function {name} of the model is not exported: {line[0]} (the "
                "batch size is unknown in an export: write x.shape[0], not len(x))"
            )
            continue
        digests[name] = _digest(own / f"{name}.bin")
    return {
        "num_classes": getattr(model, "num_classes", None),
        "digests": digests,
        "arrays": {path: [list(shape), kind] for path, (shape, kind) in arrays.items()},
    }


def read_exported(
    folder: Path, kind: str, facts: Mapping[str, Any], checkpoints: Path
) -> tuple[ExportedModel, ExportedState]:
    """Reads what `write_exported` wrote, and the arrays of a checkpoint.

    Args:
        folder: That of the run, or of its part.
        kind: The name of the model's type.
        facts: What `write_exported` returned.
        checkpoints: The folder of checkpoints.

    Raises:
        InputError: A file is missing or not as it was written, or there is no
            checkpoint.
    """
    own, calls = folder / FOLDER, {}
    wanted, digests, classes = _checked(own, facts)
    for name, digest in digests.items():
        path = own / f"{name}.bin"
        if not path.is_file() or _digest(path) != digest:
            raise InputError(
                f"{path} is not as the run wrote it: put back a copy, or train anew."
            )
        calls[name] = _call(path)
    arrays = read_leaves(checkpoints, wanted)
    state = ExportedState(int(arrays["step"]), tuple(arrays.values()))
    return ExportedModel(kind, classes, **_with_signatures(calls, classes)), state


def _checked(own: Path, facts: Mapping[str, Any]) -> tuple[dict, dict, int | None]:
    """Returns the arrays by path, the digests by function, and the classes."""
    arrays, digests, classes = (
        facts.get(name, {}) for name in ("arrays", "digests", "num_classes")
    )
    known = re.compile(r"(sample|encode|decode|reconstruct|(translate|draw)\.[ab_to]+)")
    try:
        wanted = {k: (tuple(map(int, v[0])), str(v[1])) for k, v in arrays.items()}
        if not isinstance(classes, int | None) or "step" not in wanted:
            raise ValueError
        if not all(known.fullmatch(name) for name in digests.keys()):
            raise ValueError
    except (AttributeError, IndexError, TypeError, ValueError):
        raise InputError(
            f"{own.parent} has a damaged model.json: what it says of its exported "
            "functions cannot be used; restore the file, or train anew."
        ) from None
    return wanted, digests, classes


def _split(state: Any) -> tuple[dict[str, Any], Callable[[Any], Any]]:
    """Returns the arrays of a state by path, and what makes a state of them.

    The state of optimizers is left out: what reads it reads zeros.
    """
    plain = keys_to_data(state)
    every = arrays_of(plain)
    kept = [path for path in every if "opt_state" not in path.split(".")]

    def rebuild(found: Any) -> Any:
        own = dict(zip(kept, found, strict=True))
        leaves = [
            own[path] if path in own else jnp.zeros(shape, dtype)
            for path, (shape, dtype) in every.items()
        ]
        filled = jax.tree.unflatten(jax.tree.structure(plain), leaves)
        return data_to_keys(filled, state)

    return {path: every[path] for path in kept}, rebuild


def _functions(
    model: Any, rebuild: Callable[[Any], Any], arrays: list, batch: Shapes
) -> Iterator[tuple[str, Callable[..., Any], tuple]]:
    """Gives the functions of a model by name, with the shapes of their inputs."""
    (rows,) = export.symbolic_shape("rows")

    def of_rows(shape: tuple[int, ...], dtype: Any = jnp.float32) -> Any:
        return jax.ShapeDtypeStruct((rows, *shape), dtype)

    def likes(name: str) -> Any:
        return of_rows(batch[name].shape[1:], batch[name].dtype)

    key = jax.eval_shape(lambda: jax.random.key_data(jax.random.key(0)))
    classes = getattr(model, "num_classes", None)
    told = () if classes is None else (of_rows((classes,)),)
    if hasattr(model, "sample"):

        def sample(found: Any, key: Array, each: Array, *condition: Array) -> Any:
            keys = jax.random.wrap_key_data(key)
            return model.sample(rebuild(found), keys, each.shape[0], *condition)

        yield "sample", sample, (key, of_rows((), jnp.int8), *told)
    name = next((one for one in ("image", "data") if one in batch), None)
    for method in ("encode", "reconstruct"):
        if name is not None and hasattr(model, method):

            def given(found: Any, *inputs: Array, method: str = method) -> Any:
                made = getattr(model, method)(rebuild(found), *inputs)
                return tuple(jax.tree.leaves(made)) if method == "encode" else made

            yield method, given, (likes(name), *told)
    if name is not None and hasattr(model, "encode") and hasattr(model, "decode"):
        yield from _decoder(model, rebuild, arrays, (likes(name), *told), of_rows)
    if "a" in batch and hasattr(model, "translate"):
        both = "direction" in inspect.signature(model.translate).parameters
        for direction in ("a_to_b", "b_to_a")[: 1 + both]:
            more = {"direction": direction} if both else {}

            def plain(found: Any, images: Array, more: dict = more) -> Any:
                return model.translate(rebuild(found), None, images, **more)

            def drawn(found: Any, key: Array, images: Array, more: dict = more) -> Any:
                keys = jax.random.wrap_key_data(key)
                return model.translate(rebuild(found), keys, images, **more)

            yield f"translate.{direction}", plain, (likes(direction[0]),)
            yield f"draw.{direction}", drawn, (key, likes(direction[0]))


def _decoder(
    model: Any, rebuild: Callable[[Any], Any], arrays: list, inputs: tuple, of_rows: Any
) -> Iterator[tuple[str, Callable[..., Any], tuple]]:
    """Gives `decode`, if the posterior of the model says what its latents are."""

    def point(found: Any, images: Array, *condition: Array) -> Any:
        q = model.encode(rebuild(found), images, *condition)
        return getattr(q, "point", q)

    def decode(found: Any, latents: Array, *condition: Array) -> Any:
        return model.decode(rebuild(found), latents, *condition)

    one = [jax.ShapeDtypeStruct((1, *x.shape[1:]), x.dtype) for x in inputs]
    latents = jax.eval_shape(point, arrays, *one)
    if isinstance(latents, jax.ShapeDtypeStruct):
        yield "decode", decode, (of_rows(latents.shape[1:]), *inputs[1:])


def _call(path: Path) -> Callable[..., Any]:
    try:
        exported = export.deserialize(bytearray(path.read_bytes()))
        program = exported.mlir_module()
    # What is damaged makes flatbuffers and MLIR raise whatever they meet.
    except Exception as error:
        raise InputError(f"{path} cannot be read: {error}; train anew.") from error
    # Only calls count: the program also holds names of files.
    targets = re.findall(r"custom_call\s*@\"?([\w.$]+)", program)
    if any("callback" in target for target in targets):
        raise InputError(f"{path} calls Python, which no model needs: it is not used.")
    return jax.jit(exported.call)


def _with_signatures(
    calls: Mapping[str, Callable[..., Any]], classes: int | None
) -> dict[str, Callable[..., Any]]:
    """Returns exported functions with the arguments of those of a model."""

    def told(condition: Array | None) -> tuple[Array, ...]:
        return () if condition is None else (condition,)

    def sample(
        state: ExportedState, key: PRNGKeyArray, n: int, condition: Any = None
    ) -> Array:
        if classes is not None and condition is None:
            condition = jax.nn.one_hot(jnp.arange(n) % classes, classes)
        each, data = jnp.zeros((n,), jnp.int8), jax.random.key_data(key)
        return calls["sample"](list(state.arrays), data, each, *told(condition))

    def of(name: str) -> Callable[..., Any]:
        def function(state: ExportedState, inputs: Array, condition: Any = None) -> Any:
            return calls[name](list(state.arrays), inputs, *told(condition))

        return function

    def translate(
        state: ExportedState,
        key: PRNGKeyArray | None,
        images: Array,
        direction: str = "a_to_b",
    ) -> Array:
        arrays = list(state.arrays)
        if key is None:
            return calls[f"translate.{direction}"](arrays, images)
        return calls[f"draw.{direction}"](arrays, jax.random.key_data(key), images)

    found: dict[str, Callable[..., Any]] = {
        name: of(name) for name in ("encode", "decode", "reconstruct") if name in calls
    }
    if "sample" in calls:
        found["sample"] = sample
    if "translate.a_to_b" in calls:
        found["translate"] = translate
    return found


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()

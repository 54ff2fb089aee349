"""Calls of public factories, kept with what they return and written as JSON.

A factory that is decorated with `factory` keeps its call with the functions that it
returns. `describe` writes the calls that a model is made of as JSON, and `build` makes
the calls again. `build` calls public factories and classes of `jaxgen` and names plain
functions of a fixed list; it refuses every other name and imports no module that the
JSON names.
"""

import dataclasses
import functools
import importlib
import inspect
import itertools
import math
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, ParamSpec, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.errors import InputError

__all__ = ["build", "describe", "factory", "is_factory", "keep_call"]

P = ParamSpec("P")
R = TypeVar("R")

_COUNTER = itertools.count()
_CALL = "_jaxgen_call"
_IS_FACTORY = "_jaxgen_factory"

_PACKAGES = (
    "jaxgen.networks",
    "jaxgen.models",
    "jaxgen.models.remedies",
    "jaxgen.models.schedules",
    "jaxgen.losses.gan",
    "jaxgen.losses.vae",
    "jaxgen.losses.vae.objectives",
    "jaxgen.losses.vae.priors",
    "jaxgen.losses.vae.regularizers",
    "jaxgen.estimators",
    "jaxgen.data.transforms",
    "jaxgen.data.differentiable",
)
"""Whose public factories and classes may be called."""

_MATHEMATICS = (
    "jaxgen.losses.gan",
    "jaxgen.losses.translation",
    "jaxgen.losses.vae",
    "jaxgen.losses.vae.regularizers",
    "jaxgen.random",
)
"""Whose public functions may be arguments."""

_FUNCTIONS = {
    "jax.nn": "celu elu gelu hard_sigmoid hard_tanh leaky_relu log_sigmoid mish relu "
    "relu6 selu sigmoid silu soft_sign softmax softplus squareplus tanh",
    "jax.numpy": "abs arctan cos exp sin square tanh bfloat16 float16 float32 float64",
    "jaxgen.networks": "fan_in_uniform leaky_relu",
}
"""What else may be an argument, by module."""

_IDENTITY = "optax.identity"
"""The optimizer of a model that is built again, which is not trained."""

_DEEPEST, _MOST_NODES, _MOST_NUMBERS = 40, 10_000, 4096
_PLAIN_TYPES = {
    "bool",
    "bfloat16",
    "float16",
    "float32",
    "float64",
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
}


class _Call(NamedTuple):
    """A call of a factory, what it returned (or item `item` of that), and when."""

    factory: Callable[..., Any]
    arguments: Callable[[], dict[str, Any]]
    result: Any
    item: int | None
    end: int


class _UnwritableError(Exception):
    """What cannot be written as JSON."""


def factory(function: Callable[P, R]) -> Callable[P, R]:
    """Decorates a public function so that `describe` can write its calls.

    The call is kept as an attribute of the functions that were made by it: those in the
    fields of a NamedTuple, or the function that is returned.

    Args:
        function: Returns a function, a NamedTuple of functions, or a tuple of these.
            Each of its parameters can be given by name.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        start = next(_COUNTER)
        result = function(*args, **kwargs)
        arguments = _arguments(signature, *args, **kwargs)
        return keep_call(call, lambda: arguments, result, start=start)

    setattr(call, _IS_FACTORY, True)
    return call


def keep_call(
    function: Callable[..., Any],
    arguments: Callable[[], dict[str, Any]],
    result: R,
    *,
    start: int = -1,
) -> R:
    """Keeps a call with the functions that were made by it.

    Args:
        function: A public factory.
        arguments: Returns arguments by name for which `function` returns a model of the
            same functions; it is called by `describe`.
        result: The model.
        start: Calls that were kept after this number are replaced by this one.

    Returns:
        The model.
    """
    items = enumerate(result) if type(result) is tuple else [(None, result)]
    for number, one in items:
        call = _Call(function, arguments, one, number, next(_COUNTER))
        for part in _parts(one):
            if _is_made_in_call(part):
                former = vars(part).get(_CALL)
                # A call that ended before this one began is that of an argument; a
                # later one is that of a factory which this one called.
                if former is None or former.end > start:
                    setattr(part, _CALL, call)
    return result


def is_factory(function: Any) -> bool:
    """Whether a function keeps its calls; see `factory`."""
    return isinstance(function, types.FunctionType) and hasattr(function, _IS_FACTORY)


def describe(model: Any) -> dict[str, Any] | None:
    """Writes the calls that a model, or a part of one, is made of.

    An optimizer is written as `optax.identity`: a model that is built again keeps no
    state of an optimizer.

    Args:
        model: What a public factory of `jaxgen` returned, or a public NamedTuple or
            dataclass of `jaxgen`.

    Returns:
        Values of JSON: the name of a factory or class and its arguments by name. None
        if an argument is neither such an object nor a number, a text, None, a short
        array, a sequence of these or a function of the fixed list; or if the model is
        not as its factory returned it.

    Examples:
        >>> from jaxgen.losses.vae import priors
        >>> describe(priors.standard_normal(2))
        {'call': 'jaxgen.losses.vae.priors.standard_normal',
         'arguments': {'num_latents': 2}}
        >>> describe(priors.standard_normal(2)._replace(init=lambda *_: {})) is None
        True
    """
    try:
        written = _written(model)
    except _UnwritableError:
        return None
    return written if isinstance(written, dict) else None


def build(
    description: Mapping[str, Any],
    *,
    arguments: Mapping[str, Any] | None = None,
    source: str = "model.json",
) -> Any:
    """Makes the calls that `describe` wrote.

    Args:
        description: What `describe` returned, or what a file holds.
        arguments: Arguments of the outermost call, in place of its own.
        source: What holds the description, for messages.

    Returns:
        A model of the same functions, whose optimizers do nothing.

    Raises:
        InputError: It names something that may not be called, is damaged, or the call
            fails.

    Examples:
        >>> build({"call": "jaxgen.losses.vae.priors.standard_normal",
        ...        "arguments": {"num_latents": 2}}).shape
        (2,)
        >>> build({"call": "os.system", "arguments": {"command": "ls"}})
        Traceback (most recent call last):
        ...
        jaxgen.errors.InputError: model.json names 'os.system', which is no public ...
    """
    reader = _Reader(source)
    if not isinstance(description, Mapping) or "call" not in description:
        raise reader.damage("no call of a factory")
    return reader.called(dict(description), 0, dict(arguments or {}))


def _arguments(signature: inspect.Signature, *args: Any, **kwargs: Any) -> dict:
    """Returns the arguments of a call by name, with the defaults."""
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    found: dict[str, Any] = {}
    for name, value in bound.arguments.items():
        if signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
            found |= value
        else:
            # The caller may change a list later.
            found[name] = tuple(value) if type(value) is list else value
    return found


def _parts(value: Any) -> tuple:
    return tuple(value) if _is_named_tuple(type(value)) else (value,)


def _is_named_tuple(kind: type) -> bool:
    return issubclass(kind, tuple) and hasattr(kind, "_fields")


def _is_made_in_call(part: Any) -> bool:
    if isinstance(part, types.FunctionType):
        return "<locals>" in part.__qualname__
    return isinstance(part, functools.partial)


def _call_of(value: Any) -> _Call | None:
    """Returns the call that returned a value, if the value is still the same."""
    parts = _parts(value)
    for part in parts:
        call = getattr(part, "__dict__", {}).get(_CALL)
        if not isinstance(call, _Call) or type(call.result) is not type(value):
            continue
        # A wrapper of a function has its attributes too, but is another object.
        if all(a is b for a, b in zip(_parts(call.result), parts, strict=True)):
            return call
    return None


@functools.cache
def _public() -> dict[str, Any]:
    """Returns the factories and classes that may be called, by name."""
    found = {}
    for name, value in _listed(_PACKAGES):
        kind = isinstance(value, type)
        data = kind and (_is_named_tuple(value) or dataclasses.is_dataclass(value))
        if data or is_factory(value):
            found[name] = value
    found[_IDENTITY] = importlib.import_module("optax").identity
    return found


@functools.cache
def _functions() -> dict[str, Any]:
    """Returns the functions that may be arguments, by name."""
    found = {
        name: value
        for name, value in _listed(_MATHEMATICS)
        if callable(value) and not isinstance(value, type) and not is_factory(value)
    }
    for module, names in _FUNCTIONS.items():
        owner = importlib.import_module(module)
        found |= {f"{module}.{name}": getattr(owner, name) for name in names.split()}
    return found


@functools.cache
def _names() -> dict[int, str]:
    """Returns the names of all these by identity."""
    # The first name of an object counts.
    every = [*_functions().items(), *_public().items()]
    return {id(value): name for name, value in reversed(every)}


def _listed(packages: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for package in packages:
        module = importlib.import_module(package)
        for name in module.__all__:
            yield f"{package}.{name}", getattr(module, name)


def _written(value: Any) -> Any:
    """Returns a value as JSON, or raises _UnwritableError."""
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {"float": repr(value)}
    if type(value) in (tuple, list):
        return [_written(one) for one in value]
    if _names().get(id(value)) in _functions():
        return {"name": _names()[id(value)]}
    call = _call_of(value)
    if call is not None:
        item = {} if call.item is None else {"item": call.item}
        try:
            arguments = call.arguments()
        except Exception as error:  # it builds models by functions of the caller
            raise _UnwritableError from error
        return _written_call(call.factory, arguments) | item
    if getattr(value, "_fields", None) == ("init", "update"):
        return {"call": _IDENTITY, "arguments": {}}
    if isinstance(value, functools.partial) and not value.args:
        return {"partial": _written(value.func), "arguments": _each(value.keywords)}
    if isinstance(value, np.dtype) or (
        isinstance(value, type) and issubclass(value, np.generic)
    ):
        name = f"jax.numpy.{np.dtype(value).name}"
        if name in _functions():
            return {"name": name}
    elif not isinstance(value, type):
        if id(type(value)) in _names():
            return _written_call(type(value), _fields_of(value))
        if isinstance(value, np.ndarray | np.generic | jax.Array):
            return _written_array(value)
    raise _UnwritableError


def _written_call(function: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    name = _names().get(id(function))
    if name is None:
        raise _UnwritableError
    return {"call": name, "arguments": _each(arguments)}


def _each(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _written(value) for name, value in arguments.items()}


def _fields_of(value: Any) -> dict[str, Any]:
    """Returns the fields of a NamedTuple or dataclass that differ from its defaults."""
    kind: Any = type(value)
    if _is_named_tuple(kind):
        names, defaults = kind._fields, kind._field_defaults
    else:
        fields = [field for field in dataclasses.fields(value) if field.init]
        names = [field.name for field in fields]
        defaults = {field.name: field.default for field in fields}
    found = {name: getattr(value, name) for name in names}
    return {
        name: one
        for name, one in found.items()
        if name not in defaults or one is not defaults[name]
    }


def _written_array(value: Any) -> dict[str, Any]:
    if value.size > _MOST_NUMBERS or value.dtype.kind not in "biuf":
        raise _UnwritableError
    try:
        numbers = np.asarray(value).tolist()
    except jax.errors.TracerArrayConversionError as error:
        raise _UnwritableError from error
    kind = "array" if isinstance(value, jax.Array) else "numpy"
    return {kind: numbers, "dtype": value.dtype.name}


class _Reader:
    """Makes the calls of one description."""

    def __init__(self, source: str):
        self.source, self.nodes = source, 0

    def damage(self, why: str) -> InputError:
        return InputError(
            f"{self.source} is damaged: {why}; restore the file, or train anew."
        )

    def value(self, node: Any, depth: int) -> Any:
        self.nodes += 1
        if depth > _DEEPEST or self.nodes > _MOST_NODES:
            raise InputError(
                f"{self.source} describes no model: it is nested more than {_DEEPEST} "
                f"deep or has more than {_MOST_NODES:,} values."
            )
        if node is None or isinstance(node, bool | int | float | str):
            return node
        if isinstance(node, list | tuple):
            return tuple(self.value(one, depth + 1) for one in node)
        if not isinstance(node, dict):
            raise self.damage(f"it holds a {type(node).__name__}")
        keys = node.keys() - {"item"}
        if keys == {"call", "arguments"}:
            return self.called(node, depth)
        if node.keys() == {"name"}:
            return self.named(_functions(), node["name"])
        if node.keys() == {"partial", "arguments"}:
            function = self.value(node["partial"], depth + 1)
            if not callable(function):
                raise self.damage(f"{node['partial']!r:.80} is no function")
            return functools.partial(function, **self.each(node, depth))
        if node.keys() == {"float"} and node["float"] in ("nan", "inf", "-inf"):
            return float(node["float"])
        if node.keys() in ({"array", "dtype"}, {"numpy", "dtype"}):
            return self.array(node)
        raise self.damage(f"it holds an object of {sorted(node)!r:.80}")

    def called(
        self, node: dict, depth: int, changed: Mapping[str, Any] | None = None
    ) -> Any:
        """Returns the result of a call."""
        function = self.named(_public(), node["call"])
        arguments = self.each(node, depth) | dict(changed or {})
        try:
            made = function(**arguments)
            return made if "item" not in node else made[node["item"]]
        except Exception as error:
            raise InputError(
                f"{self.source} calls {node['call']} with other arguments than it "
                f"takes: {error} The file is damaged, or of another version of jaxgen."
            ) from error

    def each(self, node: dict, depth: int) -> dict[str, Any]:
        arguments = node["arguments"] if "arguments" in node else None
        if not isinstance(arguments, dict):
            raise self.damage(f"{node.get('call', 'a call')!r:.80} has no arguments")
        return {name: self.value(one, depth + 1) for name, one in arguments.items()}

    def named(self, known: Mapping[str, Any], name: Any) -> Any:
        if isinstance(name, str) and name in known:
            return known[name]
        raise InputError(
            f"{self.source} names {name!r:.80}, which is no public factory or class of "
            "jaxgen, nor a function that a model may be given: nothing of that name is "
            "imported or called. Take the file of a run that you trust."
        )

    def array(self, node: dict) -> Any:
        kind = "array" if "array" in node else "numpy"
        try:
            if node["dtype"] not in _PLAIN_TYPES:
                raise ValueError(f"its type is {node['dtype']!r:.40}")
            numbers = np.asarray(node[kind], jnp.dtype(node["dtype"]))
        except (TypeError, ValueError, OverflowError) as error:
            raise self.damage(f"an array is none: {error}") from error
        if numbers.dtype.kind not in "biuf" or numbers.size > _MOST_NUMBERS:
            raise self.damage(f"it holds an array of {numbers.dtype}")
        return jnp.asarray(numbers) if kind == "array" else numbers[()]

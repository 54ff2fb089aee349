"""Every public function with a key refuses what is no typed key, in one sentence."""

import importlib
import inspect
import pkgutil

import flax.linen as nn
import jax
import pytest

import jaxgen
from jaxgen.errors import InputError
from jaxgen.estimators import Estimator

LEFT_OUT = {
    "jaxgen.estimators.OneHotCategorical.sample": "a method that numpyro calls",
    "jaxgen.networks.fan_in_uniform": "an initializer of JAX, which Flax calls",
    "jaxgen.run.train": "its key is that of the setup where none is given",
    "jaxgen.training.open_run": "its root is a folder",
}
KEYS = {"key", "root"}
OLD = {"an int": 5, "an old key": jax.random.PRNGKey(0)}


def public():
    """Yields what the packages offer, by its full name."""
    packages = pkgutil.walk_packages(jaxgen.__path__, "jaxgen.")
    for name in ["jaxgen", *(found.name for found in packages if found.ispkg)]:
        module = importlib.import_module(name)
        for offered in getattr(module, "__all__", []):
            value = getattr(module, offered)
            if not inspect.ismodule(value):
                yield f"{name}.{offered}", value
                continue
            for own, function in vars(value).items():
                if getattr(function, "__module__", "") == value.__name__:
                    yield f"{value.__name__}.{own}", function


def with_key():
    """Returns all functions, constructors and methods that take a key, by name."""
    found = {}
    for name, value in public():
        parts = {name: value}
        if inspect.isclass(value):
            # States and other tuples hold keys; modules of Flax and estimators are
            # called by what checks them: `networks.pure` and `estimators.expectation`.
            if issubclass(value, tuple | nn.Module | Estimator):
                continue
            parts |= {
                f"{name}.{method}": function
                for method, function in vars(value).items()
                if inspect.isfunction(function) and not method.startswith("_")
            }
        for own, function in parts.items():
            if KEYS & parameters(function).keys() and not own.split(".")[-1].startswith(
                "_"
            ):
                found[own] = function
    assert LEFT_OUT.keys() <= found.keys(), "these are no longer there"
    return {name: function for name, function in found.items() if name not in LEFT_OUT}


def parameters(function):
    """Returns the names of the parameters; none for what has no signature."""
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):
        return {}


FUNCTIONS = with_key()


def refused(function, old):
    """Calls a function with a key and nothing else, for the key is checked first."""
    arguments = {
        name: old if name in KEYS else None
        for name, parameter in parameters(function).items()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    }
    bound = inspect.signature(function).bind_partial()
    bound.arguments.update(arguments)
    with pytest.raises(InputError) as error:
        function(*bound.args, **bound.kwargs)
    return str(error.value)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.usefixtures("without_types")
def test_every_public_function_with_a_key_wants_a_typed_one(name):
    cure = ": give a typed key, such as jax.random.key(0)."
    assert refused(FUNCTIONS[name], OLD["an int"]).endswith(f" is 5{cure}")
    old = refused(FUNCTIONS[name], OLD["an old key"])
    assert "an old key of jax.random.PRNGKey" in old
    assert old.endswith(cure)


def test_the_list_of_functions_with_a_key_is_not_empty():
    assert len(FUNCTIONS) > 30
    assert {"jaxgen.training.fit", "jaxgen.losses.vae.elbo"} <= FUNCTIONS.keys()

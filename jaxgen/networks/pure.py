"""Modules of network libraries as pure functions: no other package sees a module.

A module may take `keys`, `train` and `axis_name` by these names; it is given those that
it names, and `typing.Network` says what they mean. A module that takes `keys` draws for
each example from the example's own key, so that the numbers depend neither on the rest
of the batch nor on the number of devices. A module with random layers of its library
(Dropout) takes one key for the batch, that of its first example: its numbers then
depend on the order of the batch and, under `pmap`, on the number of devices.
"""

import inspect
from collections.abc import Callable
from typing import Any

import jax
from flax import linen as nn
from flax import nnx

from jaxgen.checks import check_key
from jaxgen.errors import InputError
from jaxgen.typing import Network, Params, PRNGKeyArray, PyTree, RandomKeys

__all__ = ["pure", "pure_functions"]


def pure(
    module: nn.Module | Callable[[nnx.Rngs], nnx.Module], *, method: str = "__call__"
) -> Network:
    """Returns a module as a `Network`.

    Args:
        module: A Linen module, whose statistics are its collection "batch_stats"; or a
            function from `nnx.Rngs` to an NNX module, whose parameters are its
            `nnx.Param` and whose statistics are its other variables.
        method: Which method `apply` calls; `init` of a Linen module calls it too.

    Raises:
        InputError: It is neither; or, from `init`, a Linen module has a collection
            besides "params" and "batch_stats".

    Examples:
        >>> network = pure(nn.Dense(3))
        >>> inputs = jax.numpy.zeros((5, 2))
        >>> params, stats = network.init(jax.random.key(0), inputs)
        >>> jax.tree.map(jax.numpy.shape, params), stats
        ({'bias': (3,), 'kernel': (2, 3)}, ())
        >>> outputs, stats = network.apply(params, stats, inputs)
        >>> outputs.shape
        (5, 3)
        >>> network = pure(lambda rngs: nnx.Linear(2, 3, rngs=rngs))
        >>> params, stats = network.init(jax.random.key(0))
        >>> network.apply(params, stats, inputs)[0].shape
        (5, 3)
    """
    if isinstance(module, nn.Module):
        return _linen(module, method)
    if not callable(module) or isinstance(module, type | nnx.Module):
        raise InputError(
            f"pure takes a Linen module, or a function from nnx.Rngs to an NNX module; "
            f"it was given {module!r}. Write MyModule(...) of a Linen module, and "
            "lambda rngs: MyModule(..., rngs=rngs) of an NNX module."
        )
    return _nnx(module, method)


def pure_functions(init: Callable[..., Params], apply: Callable[..., Any]) -> Network:
    """Returns plain functions without statistics as a `Network`.

    Args:
        init: `init(key, *inputs) -> params`.
        apply: `apply(params, *inputs) -> outputs`; it may take `keys`, `train` and
            `axis_name` by name.

    Examples:
        >>> scale = pure_functions(
        ...     lambda key, x: jax.random.normal(key, x.shape[1:]),
        ...     lambda params, x: params[None] * x,
        ... )
        >>> params, stats = scale.init(jax.random.key(0), jax.numpy.ones((4, 2)))
        >>> scale.apply(params, stats, jax.numpy.zeros((4, 2)))[0].shape
        (4, 2)
    """
    chosen = _named_in(apply)

    def init_pure(key: PRNGKeyArray, *inputs: Any) -> tuple[Params, PyTree]:
        check_key(key)
        return init(key, *inputs), ()

    def apply_pure(
        params: Params, stats: PyTree, *inputs: Any, **mode: Any
    ) -> tuple[Any, PyTree]:
        return apply(params, *inputs, **chosen(**mode)), stats

    return Network(init_pure, apply_pure)


def _linen(module: nn.Module, method: str) -> Network:
    function = getattr(module, method)
    chosen = _named_in(function)

    def init(key: PRNGKeyArray, *inputs: Any) -> tuple[Params, PyTree]:
        check_key(key)
        variables = dict(module.init(key, *inputs, **chosen(), method=method))
        params, stats = variables.pop("params", {}), variables.pop("batch_stats", ())
        variables.pop("intermediates", None)
        if variables:
            raise InputError(
                f"{type(module).__name__} keeps the collections {sorted(variables)}: "
                'keep what is no parameter in the collection "batch_stats".'
            )
        return params, stats

    def apply(
        params: Params,
        stats: PyTree,
        *inputs: Any,
        keys: RandomKeys | None = None,
        train: bool = False,
        axis_name: str | None = None,
    ) -> tuple[Any, PyTree]:
        kept = {"batch_stats": stats} if jax.tree.leaves(stats) else {}
        moving = train and bool(kept)
        own = chosen(keys=keys, train=train, axis_name=axis_name)
        found = module.apply(
            {"params": params, **kept},
            *inputs,
            **own,
            method=method,
            rngs=None if keys is None or "keys" in own else keys[0],
            mutable=["batch_stats"] if moving else False,
        )
        return (found[0], found[1]["batch_stats"]) if moving else (found, stats)

    return Network(init, apply)


def _nnx(build: Callable[[nnx.Rngs], nnx.Module], method: str) -> Network:
    def split(module: nnx.Module) -> tuple[Any, Params, PyTree]:
        # The state of nnx.Rngs is no statistic: a call with keys sets it anew.
        graph, params, random, stats = nnx.split(module, nnx.Param, nnx.RngState, ...)
        return (graph, random), nnx.to_pure_dict(params), nnx.to_pure_dict(stats)

    def blank() -> nnx.Module:
        return nnx.eval_shape(lambda: build(nnx.Rngs(0)))

    def init(key: PRNGKeyArray, *inputs: Any) -> tuple[Params, PyTree]:
        del inputs
        check_key(key)
        _, params, stats = split(build(nnx.Rngs(key)))
        return params, stats or ()

    def apply(
        params: Params,
        stats: PyTree,
        *inputs: Any,
        keys: RandomKeys | None = None,
        train: bool = False,
        axis_name: str | None = None,
    ) -> tuple[Any, PyTree]:
        module = blank()
        nnx.update(module, params)
        if stats:
            nnx.update(module, stats)
        module.train() if train else module.eval()
        function = getattr(module, method)
        own = _named_in(function)(keys=keys, train=train, axis_name=axis_name)
        if keys is not None and "keys" not in own:
            nnx.reseed(module, default=keys[0])
        outputs = function(*inputs, **own)
        return outputs, (split(module)[2] or ()) if train else stats

    return Network(init, apply)


def _named_in(function: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """Returns what chooses those of `keys`, `train`, `axis_name` a function takes."""
    named = inspect.signature(function).parameters

    def chosen(
        *,
        keys: RandomKeys | None = None,
        train: bool = False,
        axis_name: str | None = None,
    ) -> dict[str, Any]:
        mode = {"keys": keys, "train": train, "axis_name": axis_name}
        return {name: value for name, value in mode.items() if name in named}

    return chosen

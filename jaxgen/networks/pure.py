"""Modules of network libraries as pure functions: no other package sees a module.

A module is given those of `keys`, `train` and `axis_name` that its method names, and
`typing.Network` says what they mean. A module with normalizations takes `train`, and
`axis_name` to hand on to them where it is trained under `pmap` or `shard_map`; under
`jit` with sharded batches it needs none.

A module that takes `keys` draws for each example from the example's own key, so that
the numbers depend neither on the rest of the batch nor on the number of devices. A
random layer of the library (Dropout) takes one key for the batch, made of the key of
its first example: its numbers then depend on the order of the batch and, under `pmap`,
on the number of devices. Without keys such a layer drops nothing.
"""

import contextlib
import inspect
from collections.abc import Callable
from typing import Any

import jax
from flax import linen as nn

from jaxgen.calls import factory
from jaxgen.checks import check_key
from jaxgen.errors import InputError
from jaxgen.typing import Network, Params, PRNGKeyArray, PyTree, RandomKeys

__all__ = [
    "batch_key",
    "check_axis_name",
    "check_inputs",
    "kind_of",
    "named_in",
    "pure",
    "pure_functions",
]


@factory
def pure(
    module: nn.Module | Callable[[Any], Any], *, method: str = "__call__"
) -> Network:
    """Returns a module as a `Network`.

    Args:
        module: A Linen module, whose statistics are its collection "batch_stats"; or a
            function from `nnx.Rngs` to an NNX module, whose parameters are its
            `nnx.Param` and whose statistics are its other variables.
        method: Which method `apply` calls; `init` of a Linen module calls it too.

    Raises:
        InputError: It is neither; or, from `init`, a Linen module has a collection
            besides "params" and "batch_stats", or statistics and no `train`.

    Examples:
        >>> network = pure(nn.Dense(3))
        >>> inputs = jax.numpy.zeros((5, 2))
        >>> params, stats = network.init(jax.random.key(0), inputs)
        >>> jax.tree.map(jax.numpy.shape, params), stats
        ({'bias': (3,), 'kernel': (2, 3)}, ())
        >>> outputs, stats = network.apply(params, stats, inputs)
        >>> outputs.shape
        (5, 3)
        >>> from flax import nnx
        >>> network = pure(lambda rngs: nnx.Linear(2, 3, rngs=rngs))
        >>> params, stats = network.init(jax.random.key(0))
        >>> network.apply(params, stats, inputs)[0].shape
        (5, 3)
    """
    if isinstance(module, nn.Module):
        return _linen(module, method)
    # NNX takes a fifth of a second to import.
    from jaxgen.networks.pure_nnx import pure_nnx

    return pure_nnx(module, method)


@factory
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
    chosen = named_in(apply)

    def init_pure(key: PRNGKeyArray, *inputs: Any) -> tuple[Params, PyTree]:
        check_key(key)
        return init(key, *inputs), ()

    def apply_pure(
        params: Params, stats: PyTree, *inputs: Any, **mode: Any
    ) -> tuple[Any, PyTree]:
        check_inputs(inputs)
        return apply(params, *inputs, **chosen(**mode)), stats

    return Network(init_pure, apply_pure)


def _linen(module: nn.Module, method: str) -> Network:
    chosen = named_in(getattr(module, method))

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
        if stats and "train" not in chosen():
            raise InputError(
                f"{type(module).__name__} keeps statistics, and its {method} takes no "
                "`train`: take it, and give use_running_average=not train to "
                "normalizations."
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
        check_inputs(inputs)
        kept = {"batch_stats": stats} if jax.tree.leaves(stats) else {}
        moving = train and bool(kept)
        mode = chosen(keys=keys, train=train, axis_name=axis_name)
        if moving:
            check_axis_name(module, method, axis_name, mode)
        with _drop_nothing() if keys is None else contextlib.nullcontext():
            found = module.apply(
                {"params": params, **kept},
                *inputs,
                **mode,
                method=method,
                rngs=None if keys is None else batch_key(keys),
                mutable=["batch_stats"] if moving else False,
            )
        return (found[0], found[1]["batch_stats"]) if moving else (found, stats)

    return Network(init, apply)


def kind_of(value: Any) -> str:
    """Returns what a value is, for a message."""
    is_class = isinstance(value, type)
    return f"the class {value.__name__}" if is_class else f"a {type(value).__name__}"


def check_inputs(inputs: tuple[Any, ...]) -> None:
    """Raises InputError if `apply` was called without `stats`, or without inputs."""
    if not inputs:
        raise InputError(
            "apply was given no inputs: call apply(params, stats, *inputs), with the "
            "pair (params, stats) that init returned."
        )


def check_axis_name(
    module: Any, method: str, axis_name: str | None, mode: dict[str, Any]
) -> None:
    """Raises InputError if statistics would be those of one device alone."""
    if axis_name is not None and "axis_name" not in mode:
        raise InputError(
            f"{type(module).__name__} keeps statistics of the batch, which is spread "
            f"over the devices of the axis {axis_name!r}, and its {method} takes no "
            "`axis_name`: take it, and hand it to normalizations."
        )


def batch_key(keys: RandomKeys) -> PRNGKeyArray:
    """Returns the key of a library's random layers, apart from the examples' keys."""
    # Folded first: to slice the keys themselves would use them up.
    return jax.vmap(lambda key: jax.random.fold_in(key, 0))(keys)[0]


def _drop_nothing() -> contextlib.AbstractContextManager[Any]:
    """Within it a Dropout returns its inputs, whatever its module tells it."""

    def intercept(call: Any, inputs: Any, options: Any, context: Any) -> Any:
        if isinstance(context.module, nn.Dropout) and context.method_name == "__call__":
            return inputs[0]
        return call(*inputs, **options)

    return nn.intercept_methods(intercept)


def named_in(function: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
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

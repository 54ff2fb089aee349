"""NNX modules as pure functions, imported when `pure` is given one."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax import nnx

from jaxgen.checks import check_key
from jaxgen.errors import InputError
from jaxgen.networks.pure import (
    batch_key,
    check_axis_name,
    check_inputs,
    kind_of,
    named_in,
)
from jaxgen.typing import Network, Params, PRNGKeyArray, PyTree, RandomKeys

__all__ = ["pure_nnx"]


def pure_nnx(build: Any, method: str) -> Network:
    """Returns what a function from `nnx.Rngs` builds as a `Network`; see `pure`."""
    is_linen = isinstance(build, type) and issubclass(build, nn.Module)
    if not callable(build) or is_linen or isinstance(build, nnx.Module):
        raise InputError(
            "pure takes a Linen module, or a function from nnx.Rngs to an NNX module; "
            f"it was given {kind_of(build)}. Write MyModule(...) of a Linen module, "
            "and lambda rngs: MyModule(..., rngs=rngs) of an NNX module."
        )

    def split(module: nnx.Module) -> tuple[Params, PyTree]:
        # The state of nnx.Rngs is no statistic: a call with keys sets it anew.
        _, params, _, stats = nnx.split(module, nnx.Param, nnx.RngState, ...)
        return nnx.to_pure_dict(params), nnx.to_pure_dict(stats) or ()

    def blank() -> Any:
        return nnx.eval_shape(lambda: build(nnx.Rngs(0)))

    def init(key: PRNGKeyArray, *inputs: Any) -> tuple[Params, PyTree]:
        del inputs
        check_key(key)
        module = build(nnx.Rngs(key))
        if not isinstance(module, nnx.Module):
            raise InputError(
                f"The function that pure was given returns {kind_of(module)}: return "
                "an NNX module, or give a Linen module itself."
            )
        return split(module)

    def apply(
        params: Params,
        stats: PyTree,
        *inputs: Any,
        keys: RandomKeys | None = None,
        train: bool = False,
        axis_name: str | None = None,
    ) -> tuple[Any, PyTree]:
        check_inputs(inputs)
        module = blank()
        nnx.update(module, params)
        if stats:
            nnx.update(module, stats)
        module.train() if train else module.eval()
        if keys is None:
            module.set_attributes(deterministic=True, raise_if_not_found=False)
        else:
            _reseed(module, batch_key(keys))
        function = getattr(module, method)
        mode = named_in(function)(keys=keys, train=train, axis_name=axis_name)
        if train and stats:
            check_axis_name(module, method, axis_name, mode)
        outputs = function(*inputs, **mode)
        return outputs, split(module)[1] if train else stats

    return Network(init, apply)


def _reseed(module: nnx.Module, key: PRNGKeyArray) -> None:
    """Gives each random stream of a module a key of its own."""
    nodes = [node for _, node in nnx.iter_graph(module)]
    streams = [node for node in nodes if isinstance(node, nnx.RngStream)]
    for number, stream in enumerate(streams):
        stream.key.set_value(jax.random.fold_in(key, number))
        stream.count.set_value(jnp.zeros((), jnp.uint32))

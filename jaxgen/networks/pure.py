"""From a Flax module to two pure functions: no other package sees the module."""

from typing import Any

from flax import linen as nn

from jaxgen.checks import check_key
from jaxgen.typing import (
    Array,
    Network,
    Params,
    PRNGKeyArray,
    PyTree,
    RandomKeys,
    StatefulNetwork,
    Translator,
)


def pure(module: nn.Module) -> Network:
    """Returns a module's `init` and `apply` as pure functions of its parameters.

    Only the collection "params" is kept: for a module that also keeps statistics this
    raises when it is applied, rather than lose them in silence.

    Examples:
        >>> import jax
        >>> network = pure(nn.Dense(3))
        >>> params = network.init(jax.random.key(0), jax.numpy.zeros((1, 2)))
        >>> jax.tree.map(jax.numpy.shape, params)
        {'bias': (3,), 'kernel': (2, 3)}
        >>> network.apply(params, jax.numpy.zeros((5, 2))).shape
        (5, 3)
    """

    def init(key: PRNGKeyArray, *inputs: Any) -> Params:
        check_key(key)
        return module.init(key, *inputs)["params"]

    def apply(params: Params, *inputs: Any) -> Any:
        return module.apply({"params": params}, *inputs)

    return Network(init, apply)


def pure_with_statistics(module: nn.Module) -> StatefulNetwork:
    """Returns a module that keeps statistics as pure functions of these and parameters.

    The module is called as `module(*inputs, train=..., axis_name=...)` and keeps its
    statistics in the collection "batch_stats"; without `train` they do not change.

    Examples:
        >>> import jax
        >>> from jaxgen.networks import BatchNorm
        >>> network = pure_with_statistics(BatchNorm())
        >>> inputs = jax.numpy.array([[1.0], [3.0]])
        >>> params, statistics = network.init(jax.random.key(0), inputs)
        >>> _, statistics = network.apply(params, statistics, inputs, train=True)
        >>> network.apply(params, statistics, jax.numpy.array([[2.0]]))[0].item()
        0.0
    """

    def init(key: PRNGKeyArray, *inputs: Any) -> tuple[Params, PyTree]:
        check_key(key)
        variables = module.init(key, *inputs, train=False, axis_name=None)
        return variables.get("params", {}), variables.get("batch_stats", {})

    def apply(
        params: Params,
        batch_stats: PyTree,
        *inputs: Any,
        train: bool = False,
        axis_name: str | None = None,
    ) -> tuple[Any, PyTree]:
        variables = {"params": params, "batch_stats": batch_stats}
        outputs, changed = module.apply(
            variables,
            *inputs,
            train=train,
            axis_name=axis_name,
            mutable=["batch_stats"] if train else [],
        )
        return outputs, changed.get("batch_stats", batch_stats)

    return StatefulNetwork(init, apply)


def pure_translator(module: nn.Module) -> Translator:
    """Returns a module from images to images as pure functions of its parameters.

    The module is called as `module(images, keys=..., train=..., axis_name=...,
    encode=...)`, where `encode` asks for the feature maps of its encoding half alone,
    and keeps its statistics in the collection "batch_stats". Feature maps change no
    statistics, not even with `train`.
    """

    def init(key: PRNGKeyArray, images: Array) -> tuple[Params, PyTree]:
        check_key(key)
        variables = module.init(key, images)
        return variables.get("params", {}), variables.get("batch_stats", {})

    def run(
        params: Params,
        batch_stats: PyTree,
        images: Array,
        *,
        keys: RandomKeys | None = None,
        train: bool = False,
        axis_name: str | None = None,
        encode: bool = False,
    ) -> tuple[Any, PyTree]:
        outputs, changed = module.apply(
            {"params": params, "batch_stats": batch_stats},
            images,
            keys=keys,
            train=train,
            axis_name=axis_name,
            encode=encode,
            mutable=["batch_stats"] if train else [],
        )
        return outputs, changed.get("batch_stats", batch_stats)

    def apply(
        params: Params, batch_stats: PyTree, images: Array, **options: Any
    ) -> tuple[Array, PyTree]:
        return run(params, batch_stats, images, **options)

    def features(
        params: Params, batch_stats: PyTree, images: Array, **options: Any
    ) -> tuple[Array, ...]:
        return run(params, batch_stats, images, encode=True, **options)[0]

    return Translator(init, apply, features)

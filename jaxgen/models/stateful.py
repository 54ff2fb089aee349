"""Networks with and without statistics, seen alike."""

from typing import Any

from jaxgen.typing import (
    Array,
    Network,
    Params,
    PRNGKeyArray,
    PyTree,
    StatefulNetwork,
)


def stateful(network: Network | StatefulNetwork) -> StatefulNetwork:
    """Returns a network as one with statistics, be they none."""
    if isinstance(network, StatefulNetwork):
        return network

    def init(key: PRNGKeyArray, *inputs: Array) -> tuple[Params, PyTree]:
        return network.init(key, *inputs), {}

    def apply(
        params: Params,
        batch_stats: PyTree,
        *inputs: Array,
        train: bool = False,
        axis_name: str | None = None,
    ) -> tuple[Any, PyTree]:
        del train, axis_name
        return network.apply(params, *inputs), batch_stats

    return StatefulNetwork(init, apply)

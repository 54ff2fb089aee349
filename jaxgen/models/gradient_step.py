"""One optimizer step on one loss, of which every `update` of a model is made."""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import optax

from jaxgen.typing import Array, Metrics, NetState, Params, RandomKeys

__all__ = ["device_mean", "gradient_step", "step_when_due", "with_gradient_norm"]

Kept = TypeVar("Kept")


def gradient_step(
    loss: Callable[[Params], tuple[Array, tuple[Metrics, Any]]],
    net: NetState,
    optimizer: optax.GradientTransformation,
    *,
    axis_name: str | None = None,
    average_kept: bool = True,
) -> tuple[NetState, Metrics, Any]:
    """Takes one step of the optimizer down a loss.

    Args:
        loss: `params -> (scalar, (its terms, what it keeps))`, means over this device's
            examples.
        net: Parameters and optimizer state.
        optimizer: Any optax transformation.
        axis_name: The mapped axis under `jax.pmap` or `jax.shard_map`; loss, terms and
            gradients are then means over all of its devices.
        average_kept: Whether what the loss keeps is too; else it is left as it is.

    Returns:
        The new `NetState`; the terms, with the Euclidean norms of gradient, parameters
        and update beside them; what the loss keeps.
    """

    def mean_loss(params: Params) -> tuple[Array, tuple[Metrics, Any]]:
        value, (terms, kept) = loss(params)
        # The mean over devices must be inside the loss: under shard_map the gradient of
        # replicated parameters is summed over devices already, and a mean taken
        # outside alone would leave it too large by their number.
        value, terms = device_mean((value, terms), axis_name)
        return value, (terms, device_mean(kept, axis_name) if average_kept else kept)

    (_, (terms, kept)), gradients = jax.value_and_grad(mean_loss, has_aux=True)(
        net.params
    )
    if axis_name is not None:
        # pmap, on the other hand, leaves each device its own share; under shard_map all
        # are equal here and this changes nothing.
        gradients = jax.lax.pmean(gradients, axis_name)
    updates, opt_state = optimizer.update(gradients, net.opt_state, net.params)
    params = optax.apply_updates(net.params, updates)
    metrics = terms | {
        "gradient_norm": _norm(gradients),
        "parameter_norm": _norm(params),
        "update_norm": _norm(updates),
    }
    return net._replace(params=params, opt_state=opt_state), metrics, kept


def device_mean(tree: Kept, axis_name: str | None) -> Kept:
    """Returns means of the floating numbers over the devices of `axis_name`, if any."""
    if axis_name is None:
        return tree

    def averaged(leaf: Array) -> Array:
        # A count is the same everywhere, and must stay a whole number.
        if not jnp.issubdtype(leaf.dtype, jnp.inexact):
            return leaf
        return jax.lax.pmean(leaf, axis_name)

    return jax.tree.map(averaged, tree)


def step_when_due(
    step: Callable[[RandomKeys, Kept], Kept],
    keys: RandomKeys,
    state: Kept,
    *,
    count: Array,
    every: int,
) -> Kept:
    """Takes a step if the number of steps before it is a multiple of `every`.

    Args:
        step: `(keys, state) -> state`.
        keys: What the step draws from. It must not close over keys itself: under vmap a
            cond selects among all that it closes over, which keys do not allow.
        state: Before the step.
        count: Steps before this one.
        every: Steps from one that is taken to the next.
    """
    bits, kind = jax.random.key_data(keys), jax.random.key_impl(keys)

    def due(state: Kept) -> Kept:
        return step(jax.random.wrap_key_data(bits, impl=kind), state)

    return jax.lax.cond(count % every == 0, due, lambda state: state, state)


def with_gradient_norm(metrics: Metrics, name: str) -> Metrics:
    """Returns terms whose only norm is that of the gradient of the network `name`."""
    found = dict(metrics)
    found[f"{name}_gradient_norm"] = found.pop("gradient_norm")
    del found["parameter_norm"], found["update_norm"]
    return found


def _norm(tree: Params) -> Array:
    return jnp.sqrt(sum(jnp.sum(jnp.square(leaf)) for leaf in jax.tree.leaves(tree)))

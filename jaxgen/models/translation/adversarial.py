"""The steps of a critic in translation, and the generator's loss that goes with them.

A translator's images of a step are made once: the critic is updated on them, and the
generator's loss asks the updated critic about the same images.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import optax

from jaxgen import random
from jaxgen.models.critic import Critic, CriticStep
from jaxgen.models.gradient_step import gradient_step, with_gradient_norm
from jaxgen.typing import (
    Array,
    Metrics,
    NetState,
    Params,
    PRNGKeyArray,
    PyTree,
    RandomKeys,
)

__all__ = [
    "AdversarialStep",
    "adversarial_step",
    "critic_step",
    "generator_step",
    "stream_keys",
]


class AdversarialStep(NamedTuple):
    """Results of `adversarial_step`.

    Attributes:
        generator_loss: Scalar, by the updated critic.
        critic: Its parameters, statistics and optimizer state.
        remedies: What each remedy keeps.
        metrics: Of the critic's step; empty where no critic is trained.
    """

    generator_loss: Array
    critic: NetState
    remedies: PyTree
    metrics: Metrics


def stream_keys(
    key: PRNGKeyArray, name: str, rows: int, *, axis_name: str | None = None
) -> RandomKeys:
    """Returns one key per example, of the named stream of a key."""
    return random.example_keys(random.stream(key, name), rows, axis_name=axis_name)


def critic_step(
    key: PRNGKeyArray,
    name: str,
    count: Array,
    real: Array,
    axis_name: str | None = None,
) -> CriticStep:
    """Returns the inputs of a critic's pass.

    Args:
        key: Of the step.
        name: Of the stream that its keys come from.
        count: Steps of the critic before it.
        real: Data, in [-1, 1].
        axis_name: The mapped axis, if any.
    """
    keys = stream_keys(key, name, real.shape[0], axis_name=axis_name)
    return CriticStep(count, keys, real, None, axis_name)


def adversarial_step(
    critic: Critic,
    state: Any,
    key: PRNGKeyArray,
    real: Array,
    fake: Array,
    axis_name: str | None = None,
) -> AdversarialStep:
    """Updates a critic, and calculates the generator's loss by the updated one.

    Args:
        critic: The critic.
        state: With the fields `step`, `critic` and `remedies`.
        key: Of the step.
        real: Data, in [-1, 1].
        fake: Generated images; the generator's loss alone is differentiated by them.
        axis_name: The mapped axis, if any.
    """
    inputs = critic_step(key, "critic", state.step, real, axis_name)
    net, kept, metrics = critic.update(
        state.critic, state.remedies, inputs, jax.lax.stop_gradient(fake)
    )
    inputs = critic_step(key, "generator", state.step + 1, real, axis_name)
    value = critic.generator_loss(net, kept, inputs, fake)
    return AdversarialStep(value, net, kept, metrics)


def generator_step(
    loss: Callable[[Params], tuple[Array, tuple[Metrics, Any]]],
    net: NetState,
    optimizer: optax.GradientTransformation,
    *,
    critic_factor: float,
    axis_name: str | None = None,
) -> tuple[NetState, Metrics, AdversarialStep]:
    """Takes a step of the generator, within which the critic takes its own.

    Args:
        loss: `params -> (scalar, (its terms, (statistics, AdversarialStep)))`.
        net: Of the generator.
        optimizer: Any optax transformation.
        critic_factor: What the critic's loss is multiplied by.
        axis_name: The mapped axis, if any.

    Returns:
        The generator after the step, the metrics of both players, and the results of
        the critic's step.
    """
    net, terms, (stats, found) = gradient_step(
        loss,
        net,
        optimizer,
        axis_name=axis_name,
        average_kept=False,  # It is the same on all devices.
    )
    metrics = with_gradient_norm(terms, "generator") | found.metrics
    if found.metrics:
        metrics["critic_sum"] = found.metrics["critic_loss"] / critic_factor
    return net._replace(stats=stats), metrics, found

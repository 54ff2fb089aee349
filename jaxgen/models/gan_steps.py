"""The steps of a GAN's update, as functions of its players and their states."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from jaxgen import random
from jaxgen.errors import InputError
from jaxgen.models.conditions import Condition
from jaxgen.models.critic import CriticStep
from jaxgen.models.generator_pass import (
    GANBatch,
    Players,
    generate,
    generator_penalty,
    pass_inputs,
    share_of,
)
from jaxgen.models.gradient_step import (
    device_mean,
    gradient_step,
    step_when_due,
    with_gradient_norm,
)
from jaxgen.typing import (
    Array,
    Metrics,
    NetState,
    Params,
    PRNGKeyArray,
    PyTree,
)

__all__ = ["gan_batch", "take_steps"]


def gan_batch(
    key: PRNGKeyArray,
    count: Array,
    samples: Array,
    condition: Condition,
    *,
    axis_name: str | None,
    critic_steps: int,
) -> GANBatch:
    """Returns a batch cut into minibatches.

    Args:
        key: Of the update.
        count: Updates before it.
        samples: As the networks see them, shape (critic_steps * rows, ...).
        condition: One-hot labels, or None.
        axis_name: The mapped axis, if any.
        critic_steps: Number of minibatches.

    Raises:
        InputError: The batch is no multiple of the number of minibatches.
    """
    real = _minibatches(samples, critic_steps)
    if condition is not None:
        condition = _minibatches(condition, critic_steps)
    return GANBatch(key, count, real, condition, axis_name)


def take_steps(
    players: Players,
    generator: NetState,
    critic: NetState,
    kept: PyTree,
    batch: GANBatch,
) -> tuple[NetState, NetState, PyTree, Metrics]:
    """Takes all steps of one update: the critic's, the generator's, lazy penalties.

    Args:
        players: Both players.
        generator: The generator before the update.
        critic: The critic before it.
        kept: What each remedy keeps.
        batch: Of the update.

    Returns:
        The generator, the critic, what each remedy keeps, and the terms.
    """
    critic, kept, stats, metrics = _take_critic_steps(
        players, generator, critic, kept, batch
    )
    generator, kept, found = _take_generator_step(
        players, generator._replace(stats=stats), critic, kept, batch
    )
    generator, kept, reports = _take_penalty_steps(
        players, generator, critic, kept, batch
    )
    return generator, critic, kept, metrics | found | reports


def _take_critic_steps(
    players: Players,
    generator: NetState,
    critic: NetState,
    kept: PyTree,
    batch: GANBatch,
) -> tuple[NetState, PyTree, PyTree, Metrics]:
    """Returns the critic, `kept`, the generator's statistics, and the last terms."""

    def step(carry: Any, item: Any) -> tuple[Any, Metrics]:
        critic, kept, stats = carry
        number, real, condition = item
        inputs = pass_inputs(batch, "critic ", number, real, condition)
        net = generator._replace(stats=stats)
        made, moved = generate(players, net, inputs, batch.axis_name)
        own = _critic_step(players, batch, number, real, condition)
        critic, kept, metrics = players.critic.update(critic, kept, own, made.samples)
        if players.statistics_from_all:
            stats = device_mean(moved, batch.axis_name)
        return (critic, kept, stats), metrics

    carry = (critic, kept, generator.stats)
    items = (jnp.arange(players.critic_steps), batch.real, batch.condition)
    if players.critic_steps == 1:
        carry, metrics = step(carry, jax.tree.map(lambda leaf: leaf[0], items))
    else:
        carry, metrics = jax.lax.scan(step, carry, items)
        metrics = jax.tree.map(lambda leaf: leaf[-1], metrics)
    return *carry, metrics


def _take_generator_step(
    players: Players,
    generator: NetState,
    critic: NetState,
    kept: PyTree,
    batch: GANBatch,
) -> tuple[NetState, PyTree, Metrics]:
    """A step of the generator on its loss with its prompt penalties."""
    real, condition = _last_minibatch(batch)
    inputs = pass_inputs(batch, "", 0, real, condition)
    last = players.critic_steps + sum(remedy.unroll for remedy in players.remedies)

    def loss(params: Params) -> tuple[Array, Any]:
        net = generator._replace(params=params)
        made, stats = generate(players, net, inputs, batch.axis_name)
        ahead = critic
        # In Python: the gradient of a scan over many leaves is slow on a CPU.
        for number in range(players.critic_steps, last):
            own = _critic_step(players, batch, number, real, condition)
            ahead, _, _ = players.critic.update(ahead, kept, own, made.samples)
        own = _critic_step(players, batch, last, real, condition)
        total = players.critic.generator_loss(ahead, kept, own, made.samples)
        terms, moved = {"generator_loss": total}, list(kept)
        # Nothing is drawn from these keys again: penalties are given the latents.
        rest = inputs._replace(latents=jax.random.clone(inputs.latents))
        for place, remedy in enumerate(players.remedies):
            if remedy.generator_penalty is not None and remedy.every == 1:
                shared = share_of(remedy, rest), share_of(remedy, made)
                cost, moved[place] = generator_penalty(
                    players, place, net, critic, kept[place], *shared, batch.axis_name
                )
                terms["generator_penalty"] = terms.get("generator_penalty", 0.0) + cost
                total += cost
        return total, (terms, (stats, tuple(moved)))

    net, metrics, (stats, kept) = gradient_step(
        loss, generator, players.generator_optimizer, axis_name=batch.axis_name
    )
    metrics = with_gradient_norm(metrics, "generator")
    return net._replace(stats=stats), kept, metrics


def _take_penalty_steps(
    players: Players,
    generator: NetState,
    critic: NetState,
    kept: PyTree,
    batch: GANBatch,
) -> tuple[NetState, PyTree, Metrics]:
    """A step on each lazy penalty of the generator that is due, from its own samples.

    The terms are what the generator's remedies report.
    """
    moved, metrics = list(kept), {}
    for place, remedy in enumerate(players.remedies):
        if remedy.generator_penalty is not None and remedy.every > 1:
            generator, moved[place] = step_when_due(
                partial(_penalty_step, players, place, critic, batch),
                batch.key,
                (generator, kept[place]),
                count=batch.count,
                every=remedy.every,
            )
        if remedy.generator_penalty is not None and remedy.report is not None:
            metrics |= remedy.report(moved[place])
    return generator, tuple(moved), metrics


def _penalty_step(
    players: Players,
    place: int,
    critic: NetState,
    batch: GANBatch,
    key: PRNGKeyArray,
    state: tuple[NetState, PyTree],
) -> tuple[NetState, PyTree]:
    """A step of the optimizer on one lazy penalty of the generator alone."""
    generator, own = state
    remedy, axis_name = players.remedies[place], batch.axis_name
    stream = f"penalty {place} "
    inputs = pass_inputs(batch._replace(key=key), stream, 0, *_last_minibatch(batch))
    inputs = share_of(remedy, inputs)

    def cost(params: Params) -> tuple[Array, Any]:
        net = generator._replace(params=params)
        made, stats = generate(players, net, inputs, axis_name)
        value, moved = generator_penalty(
            players, place, net, critic, own, inputs, made, axis_name
        )
        return remedy.every * value, ({}, (stats, moved))

    net, _, (stats, moved) = gradient_step(
        cost, generator, players.generator_optimizer, axis_name=axis_name
    )
    return net._replace(stats=stats), moved


def _critic_step(
    players: Players,
    batch: GANBatch,
    number: Array | int,
    real: Array,
    condition: Condition,
) -> CriticStep:
    own = jax.random.fold_in(random.stream(batch.key, "critic"), number)
    return CriticStep(
        count=batch.count * players.critic_steps + number,
        keys=random.example_keys(own, real.shape[0], axis_name=batch.axis_name),
        real=real,
        condition=condition,
        axis_name=batch.axis_name,
    )


def _minibatches(whole: Array, number: int) -> Array:
    """Minibatch j is the rows j, j + number, ...: the same ones on any devices."""
    if whole.shape[0] % number:
        raise InputError(
            f"{whole.shape[0]} samples cannot be split into {number} minibatches: take "
            f"a batch that is a multiple of critic_steps={number} on every device."
        )
    return jnp.moveaxis(whole.reshape(-1, number, *whole.shape[1:]), 1, 0)


def _last_minibatch(batch: GANBatch) -> tuple[Array, Condition]:
    return jax.tree.map(lambda leaf: leaf[-1], (batch.real, batch.condition))

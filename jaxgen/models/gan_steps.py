"""The steps of a GAN's update, as functions of its players and their states."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgen import random
from jaxgen.errors import InputError
from jaxgen.models.conditions import Condition
from jaxgen.models.critic import Critic, CriticStep
from jaxgen.models.critic_losses import batch_mean
from jaxgen.models.gradient_step import (
    device_mean,
    gradient_step,
    step_when_due,
    with_gradient_norm,
)
from jaxgen.models.remedies import GeneratorPass, Remedy
from jaxgen.models.styled_generator import GeneratorFunctions, fold_keys
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
    "GANBatch",
    "Players",
    "take_critic_steps",
    "take_generator_step",
    "take_penalty_steps",
]

# What each number of `fold_keys` draws, from the noise keys of one pass.
_SYNTHESIS, _MAPPING, _MIXED_LATENTS, _MIXED_MAPPING = range(4)
_OTHER_LATENTS, _OTHER_NOISE, _PENALTY = range(4, 7)


class Players(NamedTuple):
    """Both players of a GAN; see `gan`.

    Attributes:
        generator: Its functions.
        generator_optimizer: Any optax transformation.
        critic: Its functions.
        remedies: In order, of both players.
        draw_latents: `keys -> latents`, one per key.
        critic_steps: Steps of the critic for one of the generator.
        statistics_from_all: Whether the passes of the generator in the critic's steps
            move its statistics too.
    """

    generator: GeneratorFunctions
    generator_optimizer: optax.GradientTransformation
    critic: Critic
    remedies: Sequence[Remedy]
    draw_latents: Callable[[RandomKeys], Array]
    critic_steps: int
    statistics_from_all: bool


class GANBatch(NamedTuple):
    """What all steps of one update share.

    Attributes:
        key: Of the update.
        count: Updates before it.
        real: Minibatches, shape (critic_steps, rows, ...).
        condition: Likewise, or None.
        axis_name: The mapped axis, if any.
    """

    key: PRNGKeyArray
    count: Array
    real: Array
    condition: Condition
    axis_name: str | None


class _Inputs(NamedTuple):
    """Inputs of one pass of the generator in training.

    Attributes:
        real: Data beside it.
        condition: One-hot labels, or None.
        latents: Keys of the latents, one per example.
        noise: Keys of all else that is drawn for an example, one per example.
        styles: Key of what is drawn once for the batch.
    """

    real: Array
    condition: Condition
    latents: RandomKeys
    noise: RandomKeys
    styles: PRNGKeyArray


class _Outputs(NamedTuple):
    """Outputs of one pass of the generator; see `GeneratorPass`."""

    latents: Array
    styles: Array
    samples: Array


def take_critic_steps(
    players: Players, generator: NetState, critic: NetState, kept: PyTree,
    batch: GANBatch,
) -> tuple[NetState, PyTree, PyTree, Metrics]:  # fmt: skip
    """Takes the critic's steps of one update.

    Returns:
        The critic; what each remedy keeps; the generator's statistics; the terms of the
        last step.
    """

    def step(carry: Any, item: Any) -> tuple[Any, Metrics]:
        critic, kept, stats = carry
        number, real, condition = item
        inputs = _inputs(batch, "critic ", number, real, condition)
        net = generator._replace(stats=stats)
        made, moved = _generate(players, net, inputs, batch.axis_name)
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


def take_generator_step(
    players: Players, generator: NetState, critic: NetState, kept: PyTree,
    batch: GANBatch,
) -> tuple[NetState, PyTree, Metrics]:  # fmt: skip
    """Takes the generator's step on its loss with its prompt penalties.

    Returns:
        The generator, what each remedy keeps, and the terms.
    """
    real, condition = _last_minibatch(batch)
    inputs = _inputs(batch, "", 0, real, condition)
    last = players.critic_steps + sum(remedy.unroll for remedy in players.remedies)

    def loss(params: Params) -> tuple[Array, Any]:
        net = generator._replace(params=params)
        made, stats = _generate(players, net, inputs, batch.axis_name)
        ahead = critic
        # In Python: the gradient of a scan over many leaves is slow on a CPU.
        for number in range(players.critic_steps, last):
            own = _critic_step(players, batch, number, real, condition)
            ahead, _, _ = players.critic.update(ahead, kept, own, made.samples)
        own = _critic_step(players, batch, last, real, condition)
        total = players.critic.generator_loss(ahead, kept, own, made.samples)
        terms, moved = {"generator_loss": total}, list(kept)
        for place, remedy in enumerate(players.remedies):
            if remedy.generator_penalty is not None and remedy.every == 1:
                shared = _shared(remedy, inputs), _shared(remedy, made)
                cost, moved[place] = _penalty(
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


def take_penalty_steps(
    players: Players, generator: NetState, critic: NetState, kept: PyTree,
    batch: GANBatch,
) -> tuple[NetState, PyTree, Metrics]:  # fmt: skip
    """Takes a step on each lazy penalty of the generator that is due.

    Each is calculated from samples of its own.

    Returns:
        The generator, what each remedy keeps, and what the generator's remedies report.
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
    inputs = _inputs(batch._replace(key=key), stream, 0, *_last_minibatch(batch))
    inputs = _shared(remedy, inputs)

    def cost(params: Params) -> tuple[Array, Any]:
        net = generator._replace(params=params)
        made, stats = _generate(players, net, inputs, axis_name)
        value, moved = _penalty(
            players, place, net, critic, own, inputs, made, axis_name
        )
        return remedy.every * value, ({}, (stats, moved))

    net, _, (stats, moved) = gradient_step(
        cost, generator, players.generator_optimizer, axis_name=axis_name
    )
    return net._replace(stats=stats), moved


def _penalty(
    players: Players,
    place: int,
    generator: NetState,
    critic: NetState,
    own: PyTree,
    inputs: _Inputs,
    made: _Outputs,
    axis_name: str | None,
) -> tuple[Array, PyTree]:
    """The mean of one penalty of the generator, and what its remedy keeps."""
    penalty = players.remedies[place].generator_penalty
    assert penalty is not None

    def synthesize(styles: Array) -> Array:
        return _synthesize(players, generator, styles, inputs, axis_name)[0]

    def generate_others() -> tuple[Array, Array]:
        others = inputs._replace(
            latents=fold_keys(inputs.noise, _OTHER_LATENTS),
            noise=fold_keys(inputs.noise, _OTHER_NOISE),
            styles=jax.random.fold_in(inputs.styles, _OTHER_NOISE),
        )
        found, _ = _generate(players, generator, others, axis_name)
        return found.latents, found.samples

    value, moved = penalty(
        GeneratorPass(
            state=own,
            keys=fold_keys(inputs.noise, _PENALTY + place),
            params=generator.params,
            latents=made.latents,
            styles=made.styles,
            samples=made.samples,
            synthesize=synthesize,
            generate_others=generate_others,
            real=inputs.real,
            critic_params=critic.params,
            critic_stats=critic.stats,
            mean=partial(batch_mean, axis_name=axis_name),
        )
    )
    return jnp.mean(value), jax.lax.stop_gradient(moved)


def _generate(
    players: Players, generator: NetState, inputs: _Inputs, axis_name: str | None
) -> tuple[_Outputs, PyTree]:
    """A pass of the generator in training, and the statistics after it."""

    def map_latents(latents: Array, name: int) -> tuple[Array, PyTree]:
        return players.generator.map_latents(
            generator.params,
            generator.stats,
            latents,
            inputs.condition,
            keys=fold_keys(inputs.noise, name),
            train=True,
            axis_name=axis_name,
        )

    def mixed_styles() -> Array:
        latents = players.draw_latents(fold_keys(inputs.noise, _MIXED_LATENTS))
        # They do not move the statistics, as in the authors' code of StyleGAN2.
        return map_latents(latents, _MIXED_MAPPING)[0]

    latents = players.draw_latents(inputs.latents)
    styles, stats = map_latents(latents, _MAPPING)
    for place, remedy in enumerate(players.remedies):
        if remedy.map_styles is not None:
            key = jax.random.fold_in(inputs.styles, place)
            styles = remedy.map_styles(key, styles, mixed_styles)
    samples, stats = _synthesize(
        players, generator._replace(stats=stats), styles, inputs, axis_name
    )
    return _Outputs(latents, styles, samples), stats


def _synthesize(
    players: Players,
    generator: NetState,
    styles: Array,
    inputs: _Inputs,
    axis_name: str | None,
) -> tuple[Array, PyTree]:
    return players.generator.synthesize(
        generator.params,
        generator.stats,
        styles,
        inputs.condition,
        keys=fold_keys(inputs.noise, _SYNTHESIS),
        train=True,
        axis_name=axis_name,
    )


def _inputs(
    batch: GANBatch,
    stream: str,
    number: Array | int,
    real: Array,
    condition: Condition,
) -> _Inputs:
    """Inputs of a pass of the generator, whose streams start with the name `stream`."""

    def key_of(name: str) -> PRNGKeyArray:
        named = random.stream(batch.key, f"{stream}{name}")
        return jax.random.fold_in(named, number)

    latents, noise = (
        random.example_keys(key_of(name), real.shape[0], axis_name=batch.axis_name)
        for name in ("latent", "noise")
    )
    return _Inputs(real, condition, latents, noise, key_of("styles"))


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


def _last_minibatch(batch: GANBatch) -> tuple[Array, Condition]:
    return jax.tree.map(lambda leaf: leaf[-1], (batch.real, batch.condition))


def _shared(remedy: Remedy, examples: Any) -> Any:
    """The share of the examples that a penalty is given: the same on any devices."""
    stride = round(1 / remedy.batch_share)
    rows = len(examples[0])
    if rows % stride:
        raise InputError(
            f"{remedy.name} takes 1 of {stride} samples, and a step has {rows}: take a "
            f"batch that is a multiple of {stride} on every device."
        )
    return examples._replace(**{
        name: leaf[::stride]
        for name, leaf in examples._asdict().items()
        if leaf is not None and leaf.ndim > 0
    })  # fmt: skip

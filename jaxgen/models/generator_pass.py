"""Passes of a GAN's generator in training, and the penalties on them."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgen import random
from jaxgen.models.conditions import Condition
from jaxgen.models.critic import Critic
from jaxgen.models.critic_losses import batch_mean
from jaxgen.models.gan_checks import share_stride
from jaxgen.models.remedies import GeneratorPass, Remedy
from jaxgen.models.styled_generator import GeneratorFunctions, fold_keys
from jaxgen.typing import (
    Array,
    NetState,
    PRNGKeyArray,
    PyTree,
    RandomKeys,
)

__all__ = [
    "GANBatch",
    "PassInputs",
    "PassOutputs",
    "Players",
    "generate",
    "generator_penalty",
    "pass_inputs",
    "share_of",
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


class PassInputs(NamedTuple):
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


class PassOutputs(NamedTuple):
    """Outputs of one pass of the generator; see `GeneratorPass`."""

    latents: Array
    styles: Array
    samples: Array


def pass_inputs(
    batch: GANBatch,
    stream: str,
    number: Array | int,
    real: Array,
    condition: Condition,
) -> PassInputs:
    """Inputs of a pass of the generator, whose streams start with the name `stream`."""

    def key_of(name: str) -> PRNGKeyArray:
        named = random.stream(batch.key, f"{stream}{name}")
        return jax.random.fold_in(named, number)

    latents, noise = (
        random.example_keys(key_of(name), real.shape[0], axis_name=batch.axis_name)
        for name in ("latent", "noise")
    )
    return PassInputs(real, condition, latents, noise, key_of("styles"))


def share_of(remedy: Remedy, examples: Any) -> Any:
    """The share of the examples that a penalty is given: every so many, from the first.

    They are the same on any devices.
    """
    stride = share_stride(remedy, len(examples[0]))
    return examples._replace(**{
        name: leaf[::stride]
        for name, leaf in examples._asdict().items()
        if leaf is not None and leaf.ndim > 0
    })  # fmt: skip


def generator_penalty(
    players: Players,
    place: int,
    generator: NetState,
    critic: NetState,
    own: PyTree,
    inputs: PassInputs,
    made: PassOutputs,
    axis_name: str | None,
) -> tuple[Array, PyTree]:
    """The mean of one penalty of the generator, and what its remedy keeps."""
    penalty = players.remedies[place].generator_penalty
    assert penalty is not None

    def synthesize(styles: Array) -> Array:
        return _synthesize(players, generator, styles, inputs, axis_name)[0]

    def generate_others() -> tuple[Array, Array]:
        others = inputs._replace(
            latents=fold_keys(fold_keys(inputs.noise, _OTHER_LATENTS), place),
            noise=fold_keys(fold_keys(inputs.noise, _OTHER_NOISE), place),
            styles=jax.random.fold_in(random.stream(inputs.styles, "others"), place),
        )
        found, _ = generate(players, generator, others, axis_name)
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


def generate(
    players: Players, generator: NetState, inputs: PassInputs, axis_name: str | None
) -> tuple[PassOutputs, PyTree]:
    """A pass of the generator in training, and the statistics after it."""

    def map_latents(latents: Array, keys: RandomKeys) -> tuple[Array, PyTree]:
        return players.generator.map_latents(
            generator.params,
            generator.stats,
            latents,
            inputs.condition,
            keys=keys,
            train=True,
            axis_name=axis_name,
        )

    def mixed_styles(place: int) -> Array:
        of_latents, of_mapping = (
            fold_keys(fold_keys(inputs.noise, number), place)
            for number in (_MIXED_LATENTS, _MIXED_MAPPING)
        )
        # They do not move the statistics, as in the authors' code of StyleGAN2.
        return map_latents(players.draw_latents(of_latents), of_mapping)[0]

    latents = players.draw_latents(inputs.latents)
    styles, stats = map_latents(latents, fold_keys(inputs.noise, _MAPPING))
    for place, remedy in enumerate(players.remedies):
        if remedy.map_styles is not None:
            key = jax.random.fold_in(inputs.styles, place)
            styles = remedy.map_styles(key, styles, partial(mixed_styles, place))
    samples, stats = _synthesize(
        players, generator._replace(stats=stats), styles, inputs, axis_name
    )
    return PassOutputs(latents, styles, samples), stats


def _synthesize(
    players: Players,
    generator: NetState,
    styles: Array,
    inputs: PassInputs,
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

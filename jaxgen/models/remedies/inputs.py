"""Remedies that change the inputs of the critic."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Float, Int

from jaxgen import numerics, random
from jaxgen.calls import factory
from jaxgen.checks import check_count, check_number
from jaxgen.errors import InputError
from jaxgen.models.remedies.remedy import Mean, Remedy
from jaxgen.typing import Array, PerExample, PyTree, RandomKeys

__all__ = [
    "AugmentState",
    "adaptive_augment",
    "augment",
    "dag",
    "instance_noise",
    "minibatch_deviation",
    "pac",
    "pack",
]


@factory
def pac(size: int = 2) -> Remedy:
    """Shows the critic several samples at once, joined along the last axis.

    A generator that lacks a mode is then found out by the pair, where each sample alone
    would pass. The batch must be a multiple of `size`.

    Args:
        size: Samples in a row.

    References:
        Lin et al., PacGAN: The power of two samples in generative adversarial
        networks, 2018.
    """
    check_count("size", size, 1)
    return Remedy(f"pac({size})", layout=partial(pack, size=size), group=size)


def pack(samples: Array, size: int) -> Array:
    """Joins neighbouring samples along the last axis: shape (batch / size, ...)."""
    if samples.shape[0] % size:
        raise InputError(
            f"{samples.shape[0]} samples cannot be packed by {size}: take a batch that "
            f"is a multiple of {size} on every device."
        )
    rows = samples.reshape(samples.shape[0] // size, size, *samples.shape[1:])
    rows = jnp.moveaxis(rows, 1, -2)
    return rows.reshape(*rows.shape[:-2], -1)


@factory
def minibatch_deviation(group: int = 4) -> Remedy:
    """Shows the critic `numerics.minibatch_deviation` as one more channel.

    Args:
        group: Samples that are compared; the batch must be a multiple of it.

    References:
        Karras et al., Progressive Growing of GANs, 2018, section 3.
    """
    check_count("group", group, 2)

    def layout(samples: Array) -> Array:
        if samples.shape[0] % group:
            raise InputError(
                f"minibatch_deviation({group}) cannot split {samples.shape[0]} samples "
                f"into groups of {group}: take a batch that is a multiple of it."
            )
        return numerics.minibatch_deviation(samples, group)

    return Remedy(f"minibatch_deviation({group})", layout=layout)


@factory
def instance_noise(standard_deviation: float, *, steps: int | None = None) -> Remedy:
    """Adds Gaussian noise to all that the critic sees.

    Args:
        standard_deviation: At the start, in the units of the samples.
        steps: Steps of the critic over which it falls to 0 in a line; by default it
            never does.

    References:
        Sønderby et al., Amortised MAP Inference for Image Super-resolution, 2017,
        section 3.1. Arjovsky and Bottou, Towards Principled Methods for Training
        Generative Adversarial Networks, 2017, section 3.
    """
    check_number("standard_deviation", standard_deviation, least=0)
    if steps is not None:
        check_count("steps", steps, 1)

    def inputs(state: PyTree, step: Array, keys: RandomKeys, samples: Array) -> Array:
        del state
        left = 1.0 if steps is None else jnp.maximum(1.0 - step / steps, 0.0)
        return samples + standard_deviation * left * random.normal(keys, samples.shape)

    return Remedy("instance_noise", inputs=inputs)


@factory
def augment(function: Callable[[RandomKeys, Array], Array]) -> Remedy:
    """Transforms all that the critic sees, differentiably and at random.

    Give it before `pac` and `minibatch_deviation`, so that it meets samples.

    Args:
        function: `(keys, samples) -> samples`, with one key per sample.

    References:
        Zhao et al., Differentiable Augmentation for Data-Efficient GAN Training, 2020,
        equations 4 and 5.
    """
    _check_callable("augment", function)

    def inputs(state: PyTree, step: Array, keys: RandomKeys, samples: Array) -> Array:
        del state, step
        return function(keys, samples)

    return Remedy("augment", inputs=inputs)


class AugmentState(NamedTuple):
    """State of `adaptive_augment`.

    Attributes:
        probability: Of each transform.
        signs: Sum of the mean signs of the logits of data since the probability moved.
        steps: Steps of the critic in that sum.
    """

    probability: Float[Array, ""]
    signs: Float[Array, ""]
    steps: Int[Array, ""]


@factory
def adaptive_augment(
    function: Callable[[RandomKeys, Array, Array], Array],
    *,
    target: float = 0.6,
    examples: float = 500_000.0,
    every: int = 1,
) -> Remedy:
    """Like `augment`, with a probability that adapts to critic overfitting.

    The probability of each transform rises while the mean sign of the logits of data
    is above the target, and falls while it is below. It starts at 0 and stays within
    [0, 1]. The published code has no upper bound: there a probability above 1 acts as 1
    and only delays its way back.

    Args:
        function: `(keys, samples, probability) -> samples`.
        target: Of the mean sign: 1 is a critic that knows its data by heart.
        examples: Examples in which the probability can go from 0 to 1.
        every: Steps of the critic from one move of the probability to the next; the
            sign is their mean, and a move is `every` times as far. 4 in the published
            code.

    References:
        Karras et al., Training Generative Adversarial Networks with Limited Data, 2020,
        section 3.1.
    """
    _check_callable("adaptive_augment", function)
    check_number("target", target, least=-1, most=1)
    check_number("examples", examples, above=0.0)
    check_count("every", every, 1)

    def inputs(
        state: AugmentState, step: Array, keys: RandomKeys, samples: Array
    ) -> Array:
        del step
        return function(keys, samples, state.probability)

    def update(
        state: AugmentState,
        real_logits: PerExample,
        fake_logits: PerExample,
        mean: Mean,
        count: int,
    ) -> AugmentState:
        del fake_logits
        fresh = state.steps == every
        signs = mean(jnp.sign(real_logits)) + jnp.where(fresh, 0.0, state.signs)
        steps = 1 + jnp.where(fresh, 0, state.steps)
        change = jnp.sign(signs / every - target) * (count * every) / examples
        moved = jnp.clip(state.probability + change, 0.0, 1.0)
        probability = jnp.where(steps == every, moved, state.probability)
        return AugmentState(probability, signs, steps)

    def report(state: AugmentState) -> dict[str, Array]:
        sign = state.signs / jnp.maximum(state.steps, 1)
        return {"augment_probability": state.probability, "augment_sign": sign}

    return Remedy(
        "adaptive_augment",
        inputs=inputs,
        init=lambda: AugmentState(
            jnp.zeros(()), jnp.zeros(()), jnp.zeros((), jnp.int32)
        ),
        update=update,
        report=report,
    )


@factory
def dag(
    transforms: Sequence[Callable[[Array], Array]],
    *,
    critic_weight: float = 0.2,
    generator_weight: float = 0.2,
) -> Remedy:
    """Trains a head of the critic on each transform of data and generated samples.

    Head 1, whose transform is the identity, never sees a transformed sample. The losses
    of the heads are added by `losses.dag.weighted_heads`.

    Args:
        transforms: K functions of batches, the identity first; the critic has K heads.
        critic_weight: lambda_u.
        generator_weight: lambda_v.

    References:
        Tran et al., On Data Augmentation for GAN Training, 2021, equations 8 and 9.
    """
    if len(transforms) < 2:
        raise InputError(
            f"dag was given {len(transforms)} transforms: give at least 2, the "
            "identity first."
        )
    check_number("critic_weight", critic_weight, least=0)
    check_number("generator_weight", generator_weight, least=0)
    return Remedy(
        "dag", transforms=tuple(transforms), weights=(critic_weight, generator_weight)
    )


def _check_callable(name: str, function: object) -> None:
    if not callable(function):
        raise InputError(
            f"{name} was given {function!r}: give a function of keys and samples, such "
            "as data.differentiable.diff_augment() for augment and "
            "data.differentiable.ada() for adaptive_augment."
        )

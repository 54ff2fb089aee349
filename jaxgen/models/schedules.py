"""Numbers over a run, as optax schedules, and estimators of a temperature that falls.

`jaxgen.calls` can write these schedules, and no other ones.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import optax

from jaxgen.calls import factory
from jaxgen.checks import check_count, check_number
from jaxgen.errors import InputError
from jaxgen.estimators import Estimator
from jaxgen.typing import Array

__all__ = [
    "constant_then_linear",
    "decaying_adam",
    "exponential",
    "half_life",
    "linear",
    "with_temperature",
]


@factory
def constant_then_linear(
    rate: float, *, steps: int, decay_steps: int, every: int = 1
) -> optax.Schedule:
    """Makes a rate that is constant at first, and then falls to zero in a line.

    The rate of step n is that of the step of its period n - n % every began with, so
    with `every` the steps of an epoch it changes once an epoch, as in the papers' code.
    It would be 0 at step `steps + decay_steps`, the first one that is not taken (in the
    papers' code one epoch later).

    A schedule counts the steps of its optimizer. A penalty every k steps
    (`remedies.r1(..., every=k)`) is one step more, so the critic's rate then falls
    sooner: give it `steps` and `decay_steps` (k + 1) / k times as large.

    Args:
        rate: Learning rate at the start.
        steps: For how many steps it is constant.
        decay_steps: In how many further steps it falls to zero; 0 for never.
        every: Steps from one change to the next.

    Raises:
        InputError: A number is out of its range.

    Examples:
        >>> rate = constant_then_linear(1.0, steps=2, decay_steps=4)
        >>> [round(float(rate(step)), 2) for step in range(7)]
        [1.0, 1.0, 1.0, 0.75, 0.5, 0.25, 0.0]

    References:
        Isola et al., 2017, and Zhu et al., 2017: 100 epochs, and 100 more.
    """
    check_number("rate", rate, least=0)
    check_count("steps", steps, 0)
    check_count("decay_steps", decay_steps, 0)
    check_count("every", every, 1)
    if not decay_steps:
        return optax.constant_schedule(rate)
    falling = optax.linear_schedule(rate, 0.0, decay_steps, transition_begin=steps)
    return lambda step: falling(jnp.asarray(step) // every * every)


def decaying_adam(
    rate: float, *, steps: int, decay: float = 0.5, b1: float = 0.5, b2: float = 0.999
) -> optax.GradientTransformation:
    """Makes Adam at a rate that is constant and falls to zero over the last steps.

    Args:
        rate: Learning rate at the start.
        steps: Optimizer steps of the whole training.
        decay: Share of the training, its last one, over which the rate falls; 0 for a
            rate that stays.
        b1: Decay of the mean of gradients.
        b2: Decay of the mean of squared gradients.

    Raises:
        InputError: A number is out of its range.

    References:
        Isola et al., 2017, and Zhu et al., 2017: the second half of the training.
    """
    check_number("decay", decay, least=0, most=1)
    check_count("steps", steps, 0)
    decay_steps = round(decay * steps)
    schedule: optax.ScalarOrSchedule = rate
    if decay_steps:
        schedule = constant_then_linear(
            rate, steps=steps - decay_steps, decay_steps=decay_steps
        )
    return optax.adam(schedule, b1=b1, b2=b2)


@factory
def linear(first: float, last: float, *, steps: int) -> optax.Schedule:
    """Makes a number that goes from one value to another in a line, and stays there.

    Args:
        first: The number at step 0.
        last: The number from step `steps` on.
        steps: For how many steps it changes.

    Examples:
        >>> weight = linear(0.0, 1.0, steps=4)
        >>> [float(weight(step)) for step in (0, 1, 4, 9)]
        [0.0, 0.25, 1.0, 1.0]
    """
    check_number("first", first)
    check_number("last", last)
    check_count("steps", steps, 1)
    return optax.linear_schedule(first, last, steps)


@factory
def exponential(first: float, *, rate: float, least: float = 0.0) -> optax.Schedule:
    """Makes a number that falls as first * exp(-rate * step), to a least value.

    Args:
        first: The number at step 0.
        rate: By which share of itself it falls in a step; 0 keeps it as it is.
        least: What it does not fall below.

    Examples:
        >>> at = exponential(1.0, rate=0.5, least=0.3)
        >>> [round(float(at(step)), 3) for step in range(4)]
        [1.0, 0.607, 0.368, 0.3]
    """
    check_number("first", first, above=0)
    check_number("rate", rate, least=0)
    check_number("least", least, least=0)
    if not rate:  # optax takes the floor of no decay for a ceiling
        return optax.constant_schedule(first)
    return optax.exponential_decay(
        first, transition_steps=1, decay_rate=math.exp(-rate), end_value=least
    )


@factory
def half_life(
    examples: float, *, batch_size: int, ramp: float | None = None
) -> optax.Schedule:
    """Makes the decay of a moving average whose weights halve in so many examples.

    decay = 0.5 ** (batch_size / min(examples, ramp * step * batch_size)): the average
    forgets parameters at the same speed for any batch size. With a ramp it forgets the
    first ones, which are hardly trained, soon, and at step 0 it is a copy of the
    latest.

    Args:
        examples: After how many examples a weight in the average has halved.
        batch_size: Examples of a step, over all devices.
        ramp: The half-life as a share of the examples before the step, while that is
            less than `examples`; by default the half-life is `examples` from the start.

    Returns:
        `step -> decay`, as `models.gan` takes it for `ema_decay`.

    Raises:
        InputError: A number is out of its range.

    Examples:
        >>> decay = half_life(10_000.0, batch_size=32, ramp=0.05)
        >>> [round(float(decay(step)), 4) for step in (0, 100, 6_250, 100_000)]
        [0.0, 0.8706, 0.9978, 0.9978]

    References:
        Karras et al., Training Generative Adversarial Networks with Limited Data, 2020,
        whose code ramps up by 0.05; of 10,000 examples without a ramp in StyleGAN.
    """
    check_number("examples", examples, above=0)
    check_count("batch_size", batch_size, 1)
    if ramp is None:
        return optax.constant_schedule(0.5 ** (batch_size / examples))
    check_number("ramp", ramp, above=0)

    def decay(step: Any) -> Array:
        # In steps: a count of examples would soon be too large for 32 bits.
        steps = jnp.minimum(examples / batch_size, ramp * jnp.asarray(step, float))
        return jnp.where(steps > 0, jnp.exp2(-1.0 / jnp.maximum(steps, 1e-9)), 0.0)

    return decay


@factory
def with_temperature(
    estimator: Estimator, temperature: optax.Schedule
) -> Callable[[Array], Estimator]:
    """Makes an estimator whose temperature is a function of the step.

    Args:
        estimator: One with a field `temperature`, such as
            `estimators.GumbelSoftmax(1.0)`.
        temperature: From the step to the temperature.

    Returns:
        From the step to the estimator, as `models.vae` takes it.

    Raises:
        InputError: The estimator has no temperature.

    Examples:
        >>> from jaxgen.estimators import GumbelSoftmax
        >>> at = with_temperature(GumbelSoftmax(1.0), linear(1.0, 0.5, steps=2))
        >>> float(at(1).temperature)
        0.75
    """
    if not hasattr(estimator, "temperature"):
        raise InputError(
            f"estimator={type(estimator).__name__} has no temperature: give one that "
            "has, such as GumbelSoftmax(1.0)."
        )
    tempered: Any = estimator
    return lambda step: dataclasses.replace(tempered, temperature=temperature(step))

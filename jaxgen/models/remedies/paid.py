"""Remedies that bound the critic: what it pays, and where its weights may go."""

from functools import partial
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxgen.checks import check_count, check_number
from jaxgen.losses import penalties
from jaxgen.models.remedies.remedy import Judged, Mean, Remedy
from jaxgen.typing import PerExample


def gradient_penalty(weight: float = 10.0, *, target: float = 1.0) -> Remedy:
    """Adds `losses.penalties.gradient_penalty`: 10 for images, 0.1 for points."""
    check_number("weight", weight, least=0)
    check_number("target", target, least=0)

    def penalty(seen: Judged) -> PerExample:
        found = penalties.gradient_penalty(
            seen.keys, seen.critic, seen.real, seen.fake, target=target
        )
        return weight * found

    return Remedy("gradient_penalty", penalty=penalty)


def r1(weight: float = 10.0, *, every: int = 1) -> Remedy:
    """Adds `losses.penalties.r1`, times gamma.

    Its gradient is that by what the critic is shown: noised, augmented and packed.

    Args:
        weight: gamma.
        every: 1 adds it to each loss; above that it is lazy, a step of the optimizer by
            itself each `every` steps, with `every` times the weight. Adam then wants
            `lazy_adam`. Under `vmap`, as in `models.ensemble`, it is calculated in each
            step all the same.

    References:
        Karras et al., Analyzing and Improving the Image Quality of StyleGAN, 2020,
        appendix B.
    """
    check_count("every", every, 1)
    check_number("weight", weight, least=0)

    def penalty(seen: Judged) -> PerExample:
        return weight * penalties.r1(seen.critic, seen.real)

    return Remedy("r1", penalty=penalty, every=every)


def r2(weight: float = 10.0, *, every: int = 1) -> Remedy:
    """Adds `losses.penalties.r2`, times gamma; see `r1`."""
    check_count("every", every, 1)
    check_number("weight", weight, least=0)

    def penalty(seen: Judged) -> PerExample:
        return weight * penalties.r2(seen.critic, seen.fake)

    return Remedy("r2", penalty=penalty, every=every)


def dragan(weight: float = 10.0, *, target: float = 1.0) -> Remedy:
    """Adds `losses.penalties.dragan`."""
    check_number("weight", weight, least=0)
    check_number("target", target, least=0)

    def penalty(seen: Judged) -> PerExample:
        flat = seen.real.reshape(seen.real.shape[0], -1)
        mean = jnp.mean(seen.mean(flat))
        spread = jnp.sqrt(jnp.mean(seen.mean((flat - mean) ** 2)))
        found = penalties.dragan(
            seen.keys, seen.critic, seen.real, target=target, spread=spread
        )
        return weight * found

    return Remedy("dragan", penalty=penalty)


class LogitAverages(NamedTuple):
    """Moving averages of the logits: see `lecam`.

    Attributes:
        real: Of data.
        fake: Of generated samples.
    """

    real: Float[Array, ""]
    fake: Float[Array, ""]


def lecam(weight: float = 0.1, *, decay: float = 0.99) -> Remedy:
    """Adds `losses.penalties.lecam` with moving averages of the steps before.

    Args:
        weight: Of the penalty.
        decay: Of the averages.
    """
    check_number("weight", weight, least=0)
    check_number("decay", decay, least=0, below=1)

    def penalty(seen: Judged) -> PerExample:
        found = penalties.lecam(
            seen.real_logits, seen.fake_logits, seen.state.real, seen.state.fake
        )
        return weight * found

    def update(
        state: LogitAverages,
        real: PerExample,
        fake: PerExample,
        mean: Mean,
        count: int,
    ) -> LogitAverages:
        del count
        return LogitAverages(
            decay * state.real + (1.0 - decay) * mean(real),
            decay * state.fake + (1.0 - decay) * mean(fake),
        )

    return Remedy(
        "lecam",
        penalty=penalty,
        init=lambda: LogitAverages(jnp.zeros(()), jnp.zeros(())),
        update=update,
    )


def weight_clipping(bound: float = 0.01) -> Remedy:
    """Clips each of the critic's parameters to [-bound, bound] after each step.

    References:
        Arjovsky et al., Wasserstein GAN, 2017, algorithm 1, with RMSProp at 5e-5 and 5
        critic steps.
    """
    check_number("bound", bound, above=0.0)
    return Remedy(
        "weight_clipping", project=partial(penalties.clip_weights, bound=bound)
    )

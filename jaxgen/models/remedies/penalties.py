"""Remedies that bound the critic: penalties, and clipped weights."""

from functools import partial
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxgen.calls import factory
from jaxgen.checks import check_count, check_number
from jaxgen.losses import penalties
from jaxgen.models.remedies.remedy import CriticPass, Mean, Remedy
from jaxgen.typing import PerExample

__all__ = [
    "LogitAverages",
    "dragan",
    "gradient_penalty",
    "lecam",
    "r1",
    "r2",
    "weight_clipping",
]


@factory
def gradient_penalty(weight: float = 10.0, *, target: float = 1.0) -> Remedy:
    """Adds `losses.penalties.gradient_penalty`: 10 for images, 0.1 for points."""
    check_number("weight", weight, least=0)
    check_number("target", target, least=0)

    def penalty(own: CriticPass) -> PerExample:
        found = penalties.gradient_penalty(
            own.keys, own.critic, own.real, own.fake, target=target
        )
        return weight * found

    return Remedy("gradient_penalty", penalty=penalty)


@factory
def r1(weight: float = 10.0, *, every: int = 1, through_inputs: bool = False) -> Remedy:
    """Adds `losses.penalties.r1`, times gamma.

    Args:
        weight: gamma.
        every: 1 adds it to each loss; above that it is lazy, a step of the optimizer by
            itself each `every` steps, with `every` times the weight. Adam then wants
            `lazy_adam`. Under `vmap`, as in `models.ensemble`, it is calculated in each
            step all the same.
        through_inputs: Whether the gradient is by the data themselves, through
            augmentation and packing, as in StyleGAN2 with ADA; by default it is by what
            the critic sees. Samples of a packed row then count one by one.

    References:
        Karras et al., Analyzing and Improving the Image Quality of StyleGAN, 2020,
        appendix B. Karras et al., Training Generative Adversarial Networks with Limited
        Data, 2020, whose code takes the gradient through the augmentation.
    """
    check_count("every", every, 1)
    check_number("weight", weight, least=0)

    def penalty(own: CriticPass) -> PerExample:
        if not through_inputs:
            return weight * penalties.r1(own.critic, own.real)
        critic, view = own.critic, own.view
        return weight * penalties.r1(lambda clean: critic(view(clean)), own.clean)

    return Remedy("r1", penalty=penalty, every=every)


@factory
def r2(weight: float = 10.0, *, every: int = 1) -> Remedy:
    """Adds `losses.penalties.r2`, times gamma; see `r1`."""
    check_count("every", every, 1)
    check_number("weight", weight, least=0)

    def penalty(own: CriticPass) -> PerExample:
        return weight * penalties.r2(own.critic, own.fake)

    return Remedy("r2", penalty=penalty, every=every)


@factory
def dragan(weight: float = 10.0, *, target: float = 1.0) -> Remedy:
    """Adds `losses.penalties.dragan`."""
    check_number("weight", weight, least=0)
    check_number("target", target, least=0)

    def penalty(own: CriticPass) -> PerExample:
        flat = own.real.reshape(own.real.shape[0], -1)
        mean = jnp.mean(own.mean(flat))
        spread = jnp.sqrt(jnp.mean(own.mean((flat - mean) ** 2)))
        found = penalties.dragan(
            own.keys, own.critic, own.real, target=target, spread=spread
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


@factory
def lecam(weight: float = 0.1, *, decay: float = 0.99) -> Remedy:
    """Adds `losses.penalties.lecam` with moving averages of the steps before.

    Args:
        weight: Of the penalty.
        decay: Of the averages.
    """
    check_number("weight", weight, least=0)
    check_number("decay", decay, least=0, below=1)

    def penalty(own: CriticPass) -> PerExample:
        found = penalties.lecam(
            own.real_logits, own.fake_logits, own.state.real, own.state.fake
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


@factory
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

"""Adversarial losses, in pairs: what the critic minimises and what the generator does.

Critics give logits: raw numbers, large for what they take to be real. Every function
returns one value per example (in nats where the loss is a cross-entropy), to be
*minimised*. Real and generated logits come in pairs, one of each per example; other
shapes than (batch,) raise an InputError.
"""

import math
from collections.abc import Callable
from typing import Literal, NamedTuple, TypedDict, get_args

from jaxtyping import Array, Float

from jaxgen.calls import factory
from jaxgen.checks import check_shapes
from jaxgen.errors import InputError
from jaxgen.numerics import softplus
from jaxgen.typing import PerExample

__all__ = [
    "AdversarialLoss",
    "Estimate",
    "LossFactors",
    "LossName",
    "cross_entropy_critic_loss",
    "from_name",
    "hinge",
    "hinge_critic_loss",
    "jensen_shannon_estimate",
    "least_squares",
    "least_squares_critic_loss",
    "least_squares_generator_loss",
    "minimax",
    "minimax_generator_loss",
    "name_label",
    "non_saturating",
    "non_saturating_generator_loss",
    "published_factors",
    "relativistic",
    "relativistic_critic_loss",
    "relativistic_generator_loss",
    "wasserstein",
    "wasserstein_critic_loss",
    "wasserstein_estimate",
    "wasserstein_generator_loss",
]

Estimate = Callable[[Float[Array, ""]], Float[Array, ""]]

LossName = Literal[
    "minimax",
    "non_saturating",
    "least_squares",
    "hinge",
    "wasserstein",
    "relativistic",
]
"""Names that `from_name` knows."""


class LossFactors(TypedDict):
    """Factors of both losses, as `models.gan` takes them."""

    critic_factor: float
    generator_factor: float


class AdversarialLoss(NamedTuple):
    """The two losses of a game.

    Attributes:
        name: Of the game.
        critic: `(real_logits, fake_logits) -> loss per example` of the critic.
        generator: `(real_logits, fake_logits) -> loss per example` of the generator.
        estimate: From the critic's mean loss to the divergence that it bounds from
            below, or None where it bounds none.
    """

    name: str
    critic: Callable[[PerExample, PerExample], PerExample]
    generator: Callable[[PerExample, PerExample], PerExample]
    estimate: Estimate | None = None


@factory
def minimax() -> AdversarialLoss:
    """Returns the zero-sum game: the generator maximises the critic's cross-entropy.

    Its gradient vanishes while the critic is sure: see `non_saturating`.

    References:
        Goodfellow et al., Generative Adversarial Networks, 2014, equation 1.
    """
    return AdversarialLoss(
        "minimax",
        cross_entropy_critic_loss,
        minimax_generator_loss,
        jensen_shannon_estimate,
    )


@factory
def non_saturating() -> AdversarialLoss:
    """Returns the game whose generator maximises log D(G(z)).

    References:
        Goodfellow et al., Generative Adversarial Networks, 2014, section 3.
    """
    return AdversarialLoss(
        "non_saturating",
        cross_entropy_critic_loss,
        non_saturating_generator_loss,
        jensen_shannon_estimate,
    )


@factory
def least_squares() -> AdversarialLoss:
    """Returns the game of squared distances to the labels 0 and 1.

    The losses are plain sums, as in CycleGAN. The paper halves both: give a model
    `critic_factor=0.5` and `generator_factor=0.5` for that.

    References:
        Mao et al., Least Squares Generative Adversarial Networks, 2017, equation 9;
        Zhu et al., Unpaired Image-to-Image Translation, 2017, section 4.
    """
    return AdversarialLoss(
        "least_squares", least_squares_critic_loss, least_squares_generator_loss
    )


@factory
def hinge() -> AdversarialLoss:
    """Returns the game with margins.

    References:
        Lim and Ye, Geometric GAN, 2017; Miyato et al., Spectral Normalization, 2018,
        equations 16 and 17.
    """
    return AdversarialLoss("hinge", hinge_critic_loss, wasserstein_generator_loss)


@factory
def wasserstein() -> AdversarialLoss:
    """Returns the game of means, whose critic must be kept Lipschitz.

    References:
        Arjovsky et al., Wasserstein GAN, 2017, equations 2 and 3.
    """
    return AdversarialLoss(
        "wasserstein",
        wasserstein_critic_loss,
        wasserstein_generator_loss,
        wasserstein_estimate,
    )


@factory
def relativistic() -> AdversarialLoss:
    """Returns the game of pairs: is this real sample more real than that generated one?

    Meant to be played with the penalties `r1` and `r2`.

    References:
        Jolicoeur-Martineau, The relativistic discriminator, 2018. Huang et al., The GAN
        is dead; long live the GAN! (R3GAN), 2024, equation 2.
    """
    return AdversarialLoss(
        "relativistic", relativistic_critic_loss, relativistic_generator_loss
    )


def from_name(name: str) -> AdversarialLoss:
    """Returns the game of a name, as a command line gives it.

    Args:
        name: One of `LossName`.

    Raises:
        InputError: There is no such game.

    Examples:
        >>> from_name("hinge").name
        'hinge'
    """
    makers = {
        "minimax": minimax,
        "non_saturating": non_saturating,
        "least_squares": least_squares,
        "hinge": hinge,
        "wasserstein": wasserstein,
        "relativistic": relativistic,
    }
    if name not in makers:
        names = ", ".join(get_args(LossName))
        raise InputError(f"There is no loss {name!r}: give one of {names}.")
    return makers[name]()


def name_label(name: str) -> str:
    """Returns what the game of a name is called in figures and tables."""
    labels = {"non_saturating": "non-saturating", "least_squares": "least squares"}
    return labels.get(name, name)


def published_factors(name: str) -> LossFactors:
    """Returns the factors of both losses in the paper of a game.

    Args:
        name: One of `LossName`.

    Returns:
        Keyword arguments of `models.gan`: 1/2 for `least_squares`, otherwise 1.
    """
    factor = 0.5 if name == "least_squares" else 1.0
    return {"critic_factor": factor, "generator_factor": factor}


def cross_entropy_critic_loss(
    real_logits: PerExample, fake_logits: PerExample
) -> PerExample:
    """Calculates -log D(x) - log(1 - D(G(z))), D the sigmoid of the logit.

    Where D is the optimal one its mean is log 4 - 2 JS: see `jensen_shannon_estimate`.

    Args:
        real_logits: Of data, shape (batch,).
        fake_logits: Of generated samples, shape (batch,).

    Returns:
        Nats per example.

    Examples:
        >>> import jax.numpy as jnp
        >>> print(cross_entropy_critic_loss(jnp.zeros(1), jnp.zeros(1)))
        [1.3862944]
    """
    _check(real_logits, fake_logits)
    return softplus(-real_logits) + softplus(fake_logits)


def minimax_generator_loss(
    real_logits: PerExample, fake_logits: PerExample
) -> PerExample:
    """Calculates log(1 - D(G(z))), nats per example."""
    _check(real_logits, fake_logits)
    return -softplus(fake_logits)


def non_saturating_generator_loss(
    real_logits: PerExample, fake_logits: PerExample
) -> PerExample:
    """Calculates -log D(G(z)), nats per example."""
    _check(real_logits, fake_logits)
    return softplus(-fake_logits)


def least_squares_critic_loss(
    real_logits: PerExample, fake_logits: PerExample
) -> PerExample:
    """Calculates (D(x) - 1)^2 + D(G(z))^2, D the raw output."""
    _check(real_logits, fake_logits)
    return (real_logits - 1.0) ** 2 + fake_logits**2


def least_squares_generator_loss(
    real_logits: PerExample, fake_logits: PerExample
) -> PerExample:
    """Calculates (D(G(z)) - 1)^2, D the raw output."""
    _check(real_logits, fake_logits)
    return (fake_logits - 1.0) ** 2


def hinge_critic_loss(real_logits: PerExample, fake_logits: PerExample) -> PerExample:
    """Calculates max(0, 1 - D(x)) + max(0, 1 + D(G(z))), D the raw output."""
    _check(real_logits, fake_logits)
    return (1.0 - real_logits).clip(0.0) + (1.0 + fake_logits).clip(0.0)


def wasserstein_critic_loss(
    real_logits: PerExample, fake_logits: PerExample
) -> PerExample:
    """Calculates D(G(z)) - D(x): minus its mean estimates the distance."""
    _check(real_logits, fake_logits)
    return fake_logits - real_logits


def wasserstein_generator_loss(
    real_logits: PerExample, fake_logits: PerExample
) -> PerExample:
    """Calculates -D(G(z))."""
    _check(real_logits, fake_logits)
    return -fake_logits


def relativistic_critic_loss(
    real_logits: PerExample, fake_logits: PerExample
) -> PerExample:
    """Calculates -log sigmoid(D(x) - D(G(z))), nats per pair."""
    _check(real_logits, fake_logits)
    return softplus(fake_logits - real_logits)


def relativistic_generator_loss(
    real_logits: PerExample, fake_logits: PerExample
) -> PerExample:
    """Calculates -log sigmoid(D(G(z)) - D(x)), nats per pair."""
    _check(real_logits, fake_logits)
    return softplus(real_logits - fake_logits)


def jensen_shannon_estimate(critic_loss: Float[Array, ""]) -> Float[Array, ""]:
    """Estimates the Jensen-Shannon divergence, log 2 - loss / 2, from below, in nats.

    Exact where the critic is optimal, whose mean loss is log 4 - 2 JS.

    Args:
        critic_loss: Mean of `cross_entropy_critic_loss`.

    References:
        Goodfellow et al., Generative Adversarial Networks, 2014, theorem 1.
    """
    return math.log(2.0) - 0.5 * critic_loss


def wasserstein_estimate(critic_loss: Float[Array, ""]) -> Float[Array, ""]:
    """Estimates the Wasserstein-1 distance, minus the loss, from below.

    In the units of the samples, for a critic of Lipschitz constant 1; a critic of
    clipped weights estimates an unknown multiple of it.

    Args:
        critic_loss: Mean of `wasserstein_critic_loss`.

    References:
        Arjovsky et al., Wasserstein GAN, 2017, equation 2.
    """
    return -critic_loss


def _check(real_logits: PerExample, fake_logits: PerExample) -> None:
    check_shapes(
        ("batch",),
        real_logits=real_logits,
        fake_logits=fake_logits,
        cure="take logits[:, 0] of a critic that gives (batch, 1), or logits.ravel() "
        "of one that gives logits of patches",
    )

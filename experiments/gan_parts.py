"""What GAN scripts share: losses and remedies by the words of a command line.

A remedy is a name, with its number behind it or after an equals sign: `pac2`,
`unroll5`, `noise=0.3`; `r1` and `r2` want the sign, as in `r1=10`. Several go together
with a plus: `r1=0.1+r2=0.1`.
"""

import dataclasses
import re
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, get_args

import optax

from jaxgen import losses
from jaxgen.errors import InputError
from jaxgen.losses.gan import AdversarialLoss
from jaxgen.models import remedies
from jaxgen.models.remedies import Remedy

LossName = Literal[
    "minimax",
    "non_saturating",
    "least_squares",
    "hinge",
    "wasserstein",
    "relativistic",
]

UNROLL_EPS_ROOT = 1e-12
"""Adam's, of the critic: without it the derivative of its root is infinite at 0."""


@dataclasses.dataclass(frozen=True)
class OptimizerOptions:
    """How fast either network learns."""

    generator_learning_rate: float = 1e-3
    """Learning rate of the generator's Adam."""
    critic_learning_rate: float = 1e-3
    """Learning rate of the critic's Adam."""
    b1: float = 0.5
    """Decay of Adam's mean of gradients."""
    b2: float = 0.999
    """Decay of Adam's mean of squared gradients."""
    critic_steps: int = 1
    """Steps of the critic for one of the generator."""


class _Choice(NamedTuple):
    """A remedy that a word names.

    Attributes:
        make: `(number, steps) -> Remedy`.
        points: Its number for points in the plane, where the word gives none.
        images: Likewise for images.
        label: For figures and tables, with a place for the number.
    """

    make: Callable[[float, int | None], Remedy]
    points: float
    images: float
    label: str


REMEDIES: dict[str, _Choice] = {
    "pac": _Choice(lambda n, _: remedies.pac(_whole("pac", n)), 2, 2, "pac({})"),
    "unroll": _Choice(
        lambda n, _: remedies.unroll(_whole("unroll", n)), 5, 5, "unroll({})"
    ),
    "noise": _Choice(
        lambda n, steps: remedies.instance_noise(n, steps=steps), 0.3, 0.1, "noise {}"
    ),
    "std": _Choice(
        lambda n, _: remedies.minibatch_deviation(_whole("std", n)),
        4,
        4,
        "minibatch std {}",
    ),
    "gp": _Choice(lambda n, _: remedies.gradient_penalty(n), 0.1, 10.0, "GP {}"),
    "r1": _Choice(lambda n, _: remedies.r1(n), 0.1, 10.0, "R1 {}"),
    "r2": _Choice(lambda n, _: remedies.r2(n), 0.1, 10.0, "R2 {}"),
    "dragan": _Choice(lambda n, _: remedies.dragan(n), 0.1, 10.0, "DRAGAN {}"),
    "lecam": _Choice(lambda n, _: remedies.lecam(n), 0.1, 0.1, "LeCam {}"),
    "path": _Choice(lambda n, _: remedies.path_length(n), 2.0, 2.0, "path length {}"),
    "seek": _Choice(lambda n, _: remedies.mode_seeking(n), 1.0, 1.0, "mode seeking {}"),
    "clip": _Choice(lambda n, _: remedies.weight_clipping(n), 0.1, 0.01, "clip {}"),
}
"""Remedies by name; `none` stands for none of them."""

_KINDS = {
    "non_saturating": "non-saturating",
    "least_squares": "least squares",
}


def loss_of(name: str) -> AdversarialLoss:
    """Returns the loss that a word names.

    Raises:
        InputError: There is none of that name.
    """
    known = get_args(LossName)
    if name not in known:
        raise InputError(f"There is no loss {name!r}: give one of {', '.join(known)}.")
    return getattr(losses.gan, name)()


def factors_of(name: str) -> dict[str, Any]:
    """Returns the factors of both losses: 1/2 for least squares, as in its paper."""
    factor = 0.5 if name == "least_squares" else 1.0
    return {"critic_factor": factor, "generator_factor": factor}


def loss_label(name: str) -> str:
    """Returns the name of a loss for figures and tables."""
    return _KINDS.get(name, name)


def remedies_of(
    word: str, *, images: bool = False, steps: int | None = None
) -> tuple[Remedy, ...]:
    """Returns the remedies that a word names, in its order.

    Args:
        word: As `none`, `pac2`, `noise=0.3`, `r1=0.1+r2=0.1`.
        images: Whether the numbers left out are those for images, not for points.
        steps: Critic steps over which noise falls to 0; None for noise that stays.

    Raises:
        InputError: It names no remedy, or one with a number it cannot take.

    Examples:
        >>> [remedy.name for remedy in remedies_of("pac2+r1")]
        ['pac(2)', 'r1']
        >>> remedies_of("none")
        ()
    """
    return tuple(choice.make(n, steps) for choice, n in _chosen(word, images))


def remedy_label(word: str, *, images: bool = False) -> str:
    """Returns the name of a word's remedies for figures and tables.

    Examples:
        >>> remedy_label("r1+r2=1")
        'R1 0.1 + R2 1'
    """
    said = [choice.label.format(f"{n:g}") for choice, n in _chosen(word, images)]
    return " + ".join(said) or "none"


def adam_pair(
    generator_rate: float,
    critic_rate: float,
    *,
    b1: float,
    b2: float = 0.999,
    remedies: Sequence[Remedy] = (),
) -> tuple[optax.GradientTransformation, optax.GradientTransformation]:
    """Returns Adam for the generator and for the critic.

    Args:
        generator_rate: Learning rate of the generator.
        critic_rate: Learning rate of the critic.
        b1: Decay of both means of gradients.
        b2: Decay of both means of squared gradients.
        remedies: Those of the model: through the critic's steps one may differentiate.
    """
    unrolled = any(remedy.unroll for remedy in remedies)
    eps_root = UNROLL_EPS_ROOT if unrolled else 0.0
    return (
        optax.adam(generator_rate, b1=b1, b2=b2),
        optax.adam(critic_rate, b1=b1, b2=b2, eps_root=eps_root),
    )


def optimizers_of(
    options: OptimizerOptions, remedies: Sequence[Remedy] = ()
) -> tuple[optax.GradientTransformation, optax.GradientTransformation]:
    """Returns `adam_pair` of the options."""
    return adam_pair(
        options.generator_learning_rate,
        options.critic_learning_rate,
        b1=options.b1,
        b2=options.b2,
        remedies=remedies,
    )


def _chosen(word: str, images: bool) -> list[tuple[_Choice, float]]:
    if word == "none":
        return []
    found = []
    for part in word.split("+"):
        if part == "none":
            raise InputError(
                f"The remedies {word!r} are none and others: leave `none` out of them."
            )
        name, number = _split(part)
        if name not in REMEDIES:
            raise InputError(
                f"There is no remedy {part!r} (in {word!r}): give none or "
                f"{', '.join(REMEDIES)}, with a number behind it as in pac2 or r1=10, "
                "and several joined by a plus."
            )
        choice = REMEDIES[name]
        usual = choice.images if images else choice.points
        found.append((choice, usual if number is None else number))
    return found


def _split(part: str) -> tuple[str, float | None]:
    """A name and its number: `r1` is a name, `pac2` is one with a number."""
    if part in REMEDIES:
        return part, None
    # Else r12 would be an R1 of weight 2.
    match = re.fullmatch(r"((?:r1|r2)(?==)|[a-z]+)=?(\d*\.?\d+(?:e-?\d+)?)", part)
    return (part, None) if match is None else (match[1], float(match[2]))


def _whole(name: str, number: float) -> int:
    if number != int(number):
        raise InputError(f"The remedy {name}={number:g} takes a whole number.")
    return int(number)

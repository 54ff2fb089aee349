"""The GANs of the literature by name, each with the settings of its paper."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import jax.numpy as jnp
import optax

from jaxgen import losses, models, networks, run
from jaxgen.errors import InputError
from jaxgen.models import remedies
from jaxgen.models.remedies import Remedy
from jaxgen.networks import CriticNormalization
from jaxgen.typing import Network

SystemName = Literal[
    "non_saturating", "least_squares", "hinge", "relativistic", "wgan", "wgan_gp"
]
Conditional = Literal["no", "concat", "conditional_norm", "projection", "auxiliary"]
Optimizers = tuple[optax.GradientTransformation, optax.GradientTransformation]


@dataclasses.dataclass(frozen=True)
class NetworkOptions:
    """Both networks, and what is done to the critic."""

    network: Literal["mlp", "conv"] = "mlp"
    """`mlp`: hidden layers; `conv`: the generator and critic of DCGAN."""
    width: int = 32
    """With conv: channels of the finest layers, at half the size of the image; each
    coarser one has twice as many."""
    hidden: tuple[int, ...] = (256, 256)
    """Widths of the hidden layers of `mlp`."""
    latents: int = 64
    """Dimensions of the latent space."""
    conditional: Conditional = "no"
    """Tell the label: `concat` (beside the latents, and beside the image), `auxiliary`
    (beside the latents; the critic has to find it out); with conv also `projection`
    (beside the latents; by a projection in the critic) and `conditional_norm` (by the
    generator's batch normalization, which takes the longest to learn it)."""
    auxiliary_weight: float = 1.0
    """Weight of the classes in the losses, where they are auxiliary."""
    remedies: str = "none"
    """What is done beside what the system does itself, as `pac2`, `noise=0.1`, or
    `r1=1+std`."""
    ema_decay: float = 0.99
    """Of the moving average of the generator that samples are drawn from; 0 is none."""
    critic_steps: int | None = None
    """Steps of the critic for one of the generator; by default those of the system."""


class System(NamedTuple):
    """One GAN of the literature.

    Attributes:
        label: For figures and tables.
        loss: Its name in `losses.gan`.
        remedies: The word for what belongs to it.
        normalization: Of a convolutional critic.
        optimizers: `(learning rate, remedies) -> optimizers` of generator and critic.
        learning_rate: By default.
        critic_steps: By default.
    """

    label: str
    loss: str
    remedies: str
    normalization: CriticNormalization
    optimizers: Callable[[float, Sequence[Remedy]], Optimizers]
    learning_rate: float
    critic_steps: int = 1


def _adam(b1: float, b2: float) -> Callable[[float, Sequence[Remedy]], Optimizers]:
    return lambda rate, used: remedies.adam_pair(
        rate, rate, b1=b1, b2=b2, remedies=used
    )


def _rms_prop(rate: float, used: Sequence[Remedy]) -> Optimizers:
    del used
    return optax.rmsprop(rate, decay=0.99), optax.rmsprop(rate, decay=0.99)


SYSTEMS: dict[str, System] = {
    "non_saturating": System(
        label="DCGAN",
        loss="non_saturating",
        remedies="none",
        normalization="batch",
        optimizers=_adam(0.5, 0.999),
        learning_rate=2e-4,
    ),
    "least_squares": System(
        label="least squares",
        loss="least_squares",
        remedies="none",
        normalization="batch",
        optimizers=_adam(0.5, 0.999),
        learning_rate=2e-4,
    ),
    "hinge": System(
        label="hinge, spectral norm",
        loss="hinge",
        remedies="none",
        normalization="spectral",
        optimizers=_adam(0.5, 0.999),
        learning_rate=2e-4,
    ),
    "relativistic": System(
        label="relativistic, R1, R2",
        loss="relativistic",
        remedies="r1=1+r2=1",
        normalization="none",
        optimizers=_adam(0.0, 0.99),
        learning_rate=2e-4,
    ),
    "wgan": System(
        label="WGAN, clipping",
        loss="wasserstein",
        remedies="clip=0.01",
        normalization="batch",
        optimizers=_rms_prop,
        learning_rate=5e-5,
        critic_steps=5,
    ),
    "wgan_gp": System(
        label="WGAN-GP",
        loss="wasserstein",
        remedies="gp=10",
        normalization="none",
        optimizers=_adam(0.0, 0.9),
        learning_rate=1e-4,
        critic_steps=5,
    ),
}
"""By the name of the command line."""


def label_of(config: NetworkOptions, name: str) -> str:
    """Returns what a system is called in figures and tables."""
    if name == "non_saturating" and config.network == "mlp":
        return "non-saturating"
    return SYSTEMS[name].label


def critic_steps_of(config: Any, name: str) -> int:
    """Returns the steps of the critic for one of the generator."""
    return config.critic_steps or SYSTEMS[name].critic_steps


def setup_of(config: Any, name: str, setup: run.Setup) -> run.Setup:
    """Returns the data in batches that hold a minibatch for each step of the critic."""
    critic_steps = critic_steps_of(config, name)
    if critic_steps == 1:
        return setup
    batches = run.batches_of(
        config,
        setup.train,
        setup.key,
        train=True,
        batch_size=config.batch_size * critic_steps,
    )
    steps = run.steps_of(config, batches)
    return setup._replace(batches=batches, steps=steps)


def num_classes_of(config: NetworkOptions, setup: run.Setup) -> int | None:
    """Returns the classes that a conditional model is told, or None.

    Raises:
        InputError: The data have no labels.
    """
    if config.conditional == "no":
        return None
    names = setup.train.class_names
    if names is None:
        raise InputError(
            f"--conditional is {config.conditional}, but the images of "
            f"{setup.train.name} have no labels: take a labelled set, or leave it out."
        )
    return len(names)


def build(
    config: Any,
    name: str,
    image_shape: tuple[int, int, int],
    num_classes: int | None = None,
    *,
    critic_steps: int | None = None,
) -> models.GAN:
    """Returns a system as the options change it.

    Args:
        config: `NetworkOptions`, and `learning_rate`.
        name: Of the system.
        image_shape: Height, width, channels.
        num_classes: Of a conditional model.
        critic_steps: By default `critic_steps_of(config, name)`. A finished model
            takes batches of any size with 1.
    """
    system = SYSTEMS[name]
    auxiliary = config.conditional == "auxiliary"
    heads = 1 + num_classes if auxiliary and num_classes else 1
    generator, critic = _networks(config, system, image_shape, heads)
    words = [w for w in (system.remedies, config.remedies) if w != "none"]
    chosen = remedies.from_words("+".join(words) or "none", images=True)
    if system.normalization == "spectral" and any(one.unroll for one in chosen):
        raise InputError(
            f"unroll among --remedies does not go with the system {system.label!r}: "
            "the vectors of spectral normalization count as constants, so the gradient "
            "through the critic's steps would not be the total one; leave one of them "
            "out."
        )
    return models.gan(
        generator,
        critic,
        *system.optimizers(config.learning_rate or system.learning_rate, chosen),
        latents=config.latents,
        loss=losses.gan.from_name(system.loss),
        **losses.gan.published_factors(system.loss),
        remedies=chosen,
        critic_steps=critic_steps or critic_steps_of(config, name),
        ema_decay=config.ema_decay or None,
        num_classes=num_classes,
        auxiliary_weight=config.auxiliary_weight if auxiliary else 0.0,
        signed=True,
    )


def _networks(
    config: NetworkOptions,
    system: System,
    image_shape: tuple[int, int, int],
    heads: int,
) -> tuple[Network, Network]:
    if config.network == "mlp":
        if config.conditional not in ("no", "concat", "auxiliary"):
            raise InputError(
                f"--conditional {config.conditional} is there for --network conv "
                "alone: add that, or give --conditional auxiliary or concat."
            )
        if system.normalization == "spectral":
            raise InputError(
                f"The system {system.label!r} is there for --network conv alone."
            )
        return (
            networks.mlp_generator(image_shape, config.hidden, output=jnp.tanh),
            networks.mlp_critic(config.hidden[::-1], heads=heads),
        )
    # The class's scales start as those of all others: from them alone a generator of
    # few layers takes thousands of steps to learn what beside the latents takes 500.
    by_norm = config.conditional == "conditional_norm"
    told: Any = {"projection": "projection", "auxiliary": None}
    return (
        networks.dcgan_generator(
            image_shape,
            width=config.width,
            normalization="conditional" if by_norm else "batch",
        ),
        networks.dcgan_critic(
            width=config.width,
            normalization=system.normalization,
            heads=heads,
            condition=told.get(config.conditional, "concat"),
        ),
    )

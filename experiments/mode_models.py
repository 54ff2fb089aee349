"""The models of `gan_modes`: a loss with remedies, or a model of its own."""

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgen import losses, models, networks
from jaxgen.losses.gan import LossName
from jaxgen.models import remedies
from jaxgen.models.remedies import Remedy
from jaxgen.typing import Model

ACTIVATIONS = {
    "relu": jax.nn.relu,
    "tanh": jnp.tanh,
    "leaky_relu": networks.leaky_relu,
}

INITIALIZERS = {
    "glorot": jax.nn.initializers.glorot_uniform(),
    "orthogonal": jax.nn.initializers.orthogonal(),
}


SYSTEMS = {"veegan": "VEEGAN", "adagan": "AdaGAN"}
"""Models that stand among the remedies but are ones of their own."""

COMPONENTS = 8
"""GANs in an AdaGAN, which share the steps: 4 of 5 train them, 1 the classifier."""

CANDIDATES = 4
"""Points that an AdaGAN is given for each one that a component sees."""

CLASSIFIER_RATE = 1e-3
"""Of AdaGAN's classifier, whose learning is no part of any game."""


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


class Row(NamedTuple):
    """A model of the table.

    Attributes:
        loss: Its name, or None for a model with a loss of its own.
        word: Its remedies, or the name of such a model.
    """

    loss: LossName | None
    word: str

    @property
    def part(self) -> str:
        """Its name among the files of the run."""
        return "-".join(filter(None, self)).replace("=", "")


def rows_of(config: Any) -> list[Row]:
    """Returns every loss with every remedy, then the models with their own."""
    words = [word for word in config.remedies if word not in SYSTEMS]
    own = [Row(None, word) for word in config.remedies if word in SYSTEMS]
    return [Row(loss, word) for loss in config.losses for word in words] + own


def label_of(config: Any, row: Row) -> str:
    """Returns the name of a row on the page."""
    if row.loss is None:
        return SYSTEMS[row.word]
    remedy = remedies.words_label(row.word)
    if len(config.losses) == 1:
        return "plain GAN" if row.word == "none" else remedy
    loss = losses.gan.name_label(row.loss)
    return loss if row.word == "none" else f"{loss}, {remedy}"


def build(config: Any, row: Row) -> Model:
    """Returns the model of a row, for one seed.

    Args:
        config: The options of `gan_modes`.
        row: The row.
    """
    layers = {
        "activation": ACTIVATIONS[config.activation],
        "kernel_init": INITIALIZERS[config.initializer],
    }
    generator = networks.mlp_generator((2,), config.hidden, **layers)
    critic = networks.mlp_critic(config.hidden, **layers)
    if row.word == "veegan":
        optimizer, critic_optimizer = optimizers_of(config)
        return models.veegan(
            generator,
            networks.mlp_critic(config.hidden, heads=config.latents, **layers),
            critic,
            generator_optimizer=optimizer,
            reconstructor_optimizer=optimizer,
            critic_optimizer=critic_optimizer,
            latents=config.latents,
        )
    boosted = row.word == "adagan"
    chosen = remedies.from_words(
        "none" if boosted else row.word, steps=config.steps * config.critic_steps
    )
    loss = config.losses[0] if row.loss is None else row.loss
    model = models.gan(
        generator,
        critic,
        *optimizers_of(config, chosen),
        latents=config.latents,
        loss=losses.gan.from_name(loss),
        **losses.gan.published_factors(loss),
        remedies=chosen,
        critic_steps=config.critic_steps,
    )
    if not boosted:
        return model
    period = max(config.steps // COMPONENTS, 2)
    return models.adagan(
        model,
        critic,
        optax.adam(CLASSIFIER_RATE),
        num_components=COMPONENTS,
        component_steps=period - max(period // 5, 1),
        classifier_steps=max(period // 5, 1),
        candidates=CANDIDATES,
    )


def optimizers_of(
    options: OptimizerOptions, used: Sequence[Remedy] = ()
) -> tuple[optax.GradientTransformation, optax.GradientTransformation]:
    """Returns `remedies.adam_pair` of the options."""
    return remedies.adam_pair(
        options.generator_learning_rate,
        options.critic_learning_rate,
        b1=options.b1,
        b2=options.b2,
        remedies=used,
    )

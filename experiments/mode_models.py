"""The models of `gan_modes`: a loss with remedies, or a model of its own."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from experiments import gan_parts
from jaxgen import models, networks
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


class Row(NamedTuple):
    """A model of the table.

    Attributes:
        loss: Its name, or None for a model with a loss of its own.
        word: Its remedies, or the name of such a model.
    """

    loss: gan_parts.LossName | None
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
    remedy = gan_parts.remedy_label(row.word)
    if len(config.losses) == 1:
        return "plain GAN" if row.word == "none" else remedy
    loss = gan_parts.loss_label(row.loss)
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
        optimizer, critic_optimizer = gan_parts.optimizers_of(config)
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
    chosen = gan_parts.remedies_of(
        "none" if boosted else row.word, steps=config.steps * config.critic_steps
    )
    loss = config.losses[0] if row.loss is None else row.loss
    model = models.gan(
        generator,
        critic,
        *gan_parts.optimizers_of(config, chosen),
        latents=config.latents,
        loss=gan_parts.loss_of(loss),
        **gan_parts.factors_of(loss),
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

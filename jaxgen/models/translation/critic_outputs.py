"""Logits of trained critics of images or patches, and the terms made of them."""

import jax

from jaxgen.losses.gan import AdversarialLoss
from jaxgen.models.critic import Critic
from jaxgen.models.data_flow import depends_on
from jaxgen.models.patch_logits import loss_per_row
from jaxgen.models.translation.inference import InferenceMode
from jaxgen.typing import Array, Metrics, NetState, PyTree

__all__ = ["critic_logits", "critic_terms"]


def critic_logits(
    critic: Critic, net: NetState, images: Array, inference: InferenceMode
) -> Array:
    """Returns a critic's logits, normalized as in training.

    In training data and generated images come in batches of their own, so that the
    running statistics of the critic are those of neither.

    Args:
        critic: The critic.
        net: Its parameters and statistics.
        images: In [-1, 1], with the channels that it is trained with.
        inference: Which statistics it uses.

    Returns:
        Those of the head that judges images as they are, shape (batch, ...).
    """
    if inference.statistics == "running" or not jax.tree.leaves(net.stats):
        return critic.logits(net, images, None)

    def statistics(images: Array) -> PyTree:
        return critic.outputs(net, images, None, train=True)[1]

    # The vectors of a spectral norm are statistics, but none of the images.
    if inference.statistics == "batch" or not depends_on(statistics, images):
        return critic.logits(net, images, None, train=True)
    return jax.lax.map(
        lambda image: critic.logits(net, image[None], None, train=True)[0], images
    )


def critic_terms(
    loss: AdversarialLoss, real_logits: Array, fake_logits: Array
) -> Metrics:
    """Returns the generator's adversarial loss and both logits, per image.

    Args:
        loss: The adversarial loss.
        real_logits: Shape (batch, ...).
        fake_logits: Likewise.
    """
    functions = {
        "adversarial": loss.generator,
        "real_logit": lambda real, _: real,
        "fake_logit": lambda _, fake: fake,
    }
    return {
        name: loss_per_row(function, real_logits, fake_logits)
        for name, function in functions.items()
    }

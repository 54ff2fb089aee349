"""What critics of images, and of their patches, say in translation."""

import jax

from jaxgen.losses.gan import AdversarialLoss
from jaxgen.models.critic import Critic
from jaxgen.models.dependence import depends
from jaxgen.models.patch_logits import loss_per_row
from jaxgen.models.translation.noise import Noise
from jaxgen.typing import Array, Metrics, NetState, PyTree


def critic_logits(critic: Critic, net: NetState, images: Array, noise: Noise) -> Array:
    """Returns a critic's logits, normalized as those of the training are.

    Data and generated images meet the critic apart from each other then, so that its
    running statistics are those of neither.

    Args:
        critic: The critic.
        net: Of it.
        images: As it sees them.
        noise: Whose statistics.

    Returns:
        Those of the head that judges images as they are, shape (batch, ...).
    """
    if noise.statistics == "running" or not jax.tree.leaves(net.stats):
        return critic.logits(net, images, None)

    def statistics(images: Array) -> PyTree:
        return critic.outputs(net, images, None, train=True)[1]

    # The vectors of a spectral norm are statistics, but none of the images.
    if noise.statistics == "batch" or not depends(statistics, images):
        return critic.logits(net, images, None, train=True)
    return jax.lax.map(
        lambda image: critic.logits(net, image[None], None, train=True)[0], images
    )


def judged_terms(
    loss: AdversarialLoss, real_logits: Array, fake_logits: Array
) -> Metrics:
    """Returns the terms of an evaluation that are a critic's, per image.

    Args:
        loss: Of the game.
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

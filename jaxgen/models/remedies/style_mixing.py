"""Style mixing: the last layers of some batches take the styles of other latents."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgen.calls import factory
from jaxgen.checks import check_number
from jaxgen.errors import InputError
from jaxgen.models.remedies.remedy import Remedy
from jaxgen.typing import Array, PRNGKeyArray

__all__ = ["style_mixing"]


@factory
def style_mixing(probability: float = 0.9) -> Remedy:
    """Gives the layers from a cutoff on the styles of other latents, in training.

    The cutoff is drawn from 1 to the number of layers - 1, once for the whole batch.

    Args:
        probability: That a batch is mixed.

    References:
        Karras et al., A Style-Based Generator Architecture for Generative Adversarial
        Networks, 2019, section 3.1; one cutoff for a batch is the authors' code's.
    """
    check_number("probability", probability, least=0, most=1)

    def mix(key: PRNGKeyArray, styles: Array, draw: Callable[[], Array]) -> Array:
        if styles.ndim != 3 or styles.shape[1] < 2:
            raise InputError(
                f"style_mixing was given styles of shape {styles.shape}: it needs a "
                "generator of at least two layers of styles. Give models.gan a "
                "models.StyledGenerator with num_styles=2 or more."
            )
        layers = styles.shape[1]
        mixed_key, cutoff_key = jax.random.split(key)
        cutoff = jax.random.randint(cutoff_key, (), 1, layers)
        mixed = jax.random.bernoulli(mixed_key, probability)
        cutoff = jnp.where(mixed, cutoff, layers)
        own = jnp.arange(layers) < cutoff
        return jnp.where(own[None, :, None], styles, draw())

    return Remedy("style_mixing", map_styles=mix)

"""Generative systems made trainable: `init`, `update`, `sample` as pure functions."""

from jaxgen.models import remedies
from jaxgen.models.ensemble import Ensemble, EnsembleState, ensemble, member_key
from jaxgen.models.ex_post import aggregate_gaussian, aggregate_mixture
from jaxgen.models.gan import GAN, GANState, gan
from jaxgen.models.vae import VAE, VAEState, vae

__all__ = [
    "GAN",
    "VAE",
    "Ensemble",
    "EnsembleState",
    "GANState",
    "VAEState",
    "aggregate_gaussian",
    "aggregate_mixture",
    "ensemble",
    "gan",
    "member_key",
    "remedies",
    "vae",
]

"""Generative systems made trainable: `init`, `update`, `sample` as pure functions."""

from jaxgen.models import remedies
from jaxgen.models.adagan import AdaGAN, AdaGANState, adagan
from jaxgen.models.ensemble import Ensemble, EnsembleState, ensemble, member_key
from jaxgen.models.ex_post import aggregate_gaussian, aggregate_mixture
from jaxgen.models.gan import GAN, GANState, gan
from jaxgen.models.vae import VAE, VAEState, vae
from jaxgen.models.veegan import VEEGAN, VEEGANState, veegan

__all__ = [
    "GAN",
    "VAE",
    "VEEGAN",
    "AdaGAN",
    "AdaGANState",
    "Ensemble",
    "EnsembleState",
    "GANState",
    "VAEState",
    "VEEGANState",
    "adagan",
    "aggregate_gaussian",
    "aggregate_mixture",
    "ensemble",
    "gan",
    "member_key",
    "remedies",
    "vae",
    "veegan",
]

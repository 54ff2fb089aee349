"""Generative systems made trainable: `init`, `update`, `sample` as pure functions."""

from jaxgen.models import remedies, schedules
from jaxgen.models.adagan import AdaGAN, AdaGANState, adagan
from jaxgen.models.ensemble import Ensemble, EnsembleState, ensemble, member_key
from jaxgen.models.ex_post import aggregate_gaussian, aggregate_mixture
from jaxgen.models.gan import GAN, GANState, gan
from jaxgen.models.styled_generator import StyledGenerator
from jaxgen.models.translation.cut import CUT, CUTParams, CUTState, cut
from jaxgen.models.translation.cyclegan import Cycle, CycleGAN, CycleGANState, cyclegan
from jaxgen.models.translation.noise import Noise
from jaxgen.models.translation.pix2pix import Pix2Pix, Pix2PixState, pix2pix
from jaxgen.models.vae import VAE, VAEState, vae
from jaxgen.models.veegan import VEEGAN, VEEGANState, veegan

__all__ = [
    "CUT",
    "GAN",
    "VAE",
    "VEEGAN",
    "AdaGAN",
    "AdaGANState",
    "CUTParams",
    "CUTState",
    "Cycle",
    "CycleGAN",
    "CycleGANState",
    "Ensemble",
    "EnsembleState",
    "GANState",
    "Noise",
    "Pix2Pix",
    "Pix2PixState",
    "StyledGenerator",
    "VAEState",
    "VEEGANState",
    "adagan",
    "aggregate_gaussian",
    "aggregate_mixture",
    "cut",
    "cyclegan",
    "ensemble",
    "gan",
    "member_key",
    "pix2pix",
    "remedies",
    "schedules",
    "vae",
    "veegan",
]

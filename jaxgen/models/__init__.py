"""Generative systems made trainable: `init`, `update`, `evaluate` as pure functions.

What else a model can do is in its protocol: `Generator`, `Autoencoder` or `Translator`
of `jaxgen.typing`.
"""

from jaxgen.models import remedies, schedules
from jaxgen.models.adagan import AdaGAN, AdaGANState, adagan
from jaxgen.models.density import fit_gaussian, fit_mixture
from jaxgen.models.ensemble import (
    Ensemble,
    EnsembleState,
    ensemble,
    member_key,
    members,
)
from jaxgen.models.gan import GAN, GANState, gan
from jaxgen.models.latent_views import (
    LatentViews,
    encode_images,
    image_decoder,
    latent_plane,
    view_latents,
)
from jaxgen.models.published_gans import (
    PUBLISHED_GANS,
    PublishedGAN,
    PublishedName,
    published_gan,
)
from jaxgen.models.styled_generator import StyledGenerator
from jaxgen.models.stylegan import (
    STYLEGAN_PRESETS,
    StyleGANName,
    StyleGANPreset,
    stylegan,
)
from jaxgen.models.translation import (
    CUT,
    CUTParams,
    CUTState,
    Cycle,
    CycleGAN,
    CycleGANState,
    InferenceMode,
    Pix2Pix,
    Pix2PixState,
    cut,
    cyclegan,
    pix2pix,
)
from jaxgen.models.vae import VAE, VAEState, vae
from jaxgen.models.veegan import VEEGAN, VEEGANState, veegan

__all__ = [
    "CUT",
    "GAN",
    "PUBLISHED_GANS",
    "STYLEGAN_PRESETS",
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
    "InferenceMode",
    "LatentViews",
    "Pix2Pix",
    "Pix2PixState",
    "PublishedGAN",
    "PublishedName",
    "StyleGANName",
    "StyleGANPreset",
    "StyledGenerator",
    "VAEState",
    "VEEGANState",
    "adagan",
    "cut",
    "cyclegan",
    "encode_images",
    "ensemble",
    "fit_gaussian",
    "fit_mixture",
    "gan",
    "image_decoder",
    "latent_plane",
    "member_key",
    "members",
    "pix2pix",
    "published_gan",
    "remedies",
    "schedules",
    "stylegan",
    "vae",
    "veegan",
    "view_latents",
]

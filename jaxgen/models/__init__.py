"""Generative systems made trainable: `init`, `update`, `sample` as pure functions."""

from jaxgen.models.ensemble import Ensemble, EnsembleState, ensemble, member_key
from jaxgen.models.ex_post import aggregate_gaussian, aggregate_mixture
from jaxgen.models.vae import VAE, VAEState, vae

__all__ = [
    "VAE",
    "Ensemble",
    "EnsembleState",
    "VAEState",
    "aggregate_gaussian",
    "aggregate_mixture",
    "ensemble",
    "member_key",
    "vae",
]

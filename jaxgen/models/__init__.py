"""Generative systems made trainable: `init`, `update`, `sample` as pure functions."""

from jaxgen.models.vae import VAE, vae

__all__ = ["VAE", "vae"]

"""Pure losses: arrays in, one value per example out."""

from jaxgen.losses import vae

__all__ = ["vae"]

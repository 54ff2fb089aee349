"""Pure losses: arrays in, one value per example out."""

from jaxgen.losses import gan, penalties, vae

__all__ = ["gan", "penalties", "vae"]

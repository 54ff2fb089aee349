"""Pure losses: arrays in, one value per example out."""

from jaxgen.losses import boosting, gan, penalties, vae

__all__ = ["boosting", "gan", "penalties", "vae"]

"""Pure losses: arrays in, one value per example out."""

from jaxgen.losses import (
    boosting,
    contrastive,
    gan,
    penalties,
    translation,
    vae,
    veegan,
)

__all__ = [
    "boosting",
    "contrastive",
    "gan",
    "penalties",
    "translation",
    "vae",
    "veegan",
]

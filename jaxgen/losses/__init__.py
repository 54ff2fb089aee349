"""Pure losses: arrays in, one value per example out."""

from jaxgen.losses import (
    boosting,
    classification,
    contrastive,
    dag,
    gan,
    penalties,
    translation,
    vae,
    veegan,
)

__all__ = [
    "boosting",
    "classification",
    "contrastive",
    "dag",
    "gan",
    "penalties",
    "translation",
    "vae",
    "veegan",
]

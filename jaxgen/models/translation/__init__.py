"""Models from images to images: with pairs and without, both ways and one way."""

from jaxgen.models.translation.cut import CUT, CUTParams, CUTState, cut
from jaxgen.models.translation.cyclegan import Cycle, CycleGAN, CycleGANState, cyclegan
from jaxgen.models.translation.inference import InferenceMode, Statistics, translate
from jaxgen.models.translation.pix2pix import Pix2Pix, Pix2PixState, pix2pix

__all__ = [
    "CUT",
    "CUTParams",
    "CUTState",
    "Cycle",
    "CycleGAN",
    "CycleGANState",
    "InferenceMode",
    "Pix2Pix",
    "Pix2PixState",
    "Statistics",
    "cut",
    "cyclegan",
    "pix2pix",
    "translate",
]

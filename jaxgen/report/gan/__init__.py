"""Figures of GANs: modes, samples over training, what losses tell."""

from jaxgen.report.plate import Maker

MAKERS: tuple[Maker, ...] = ()

"""Figures of GANs: modes, samples over training, what losses tell."""

from jaxgen.report.gan import (
    boosting,
    dag,
    divergences,
    dying_relu,
    images,
    mode_plates,
    sharpness,
    stacked_mnist,
)
from jaxgen.report.plate import Maker

__all__ = ["MAKERS"]

MAKERS: tuple[Maker, ...] = (
    images.samples,
    sharpness.sharpness,
    mode_plates.table,
    mode_plates.movie,
    mode_plates.stills,
    mode_plates.over_training,
    boosting.mixture,
    dag.samples,
    dag.leak,
    stacked_mnist.over_training,
    stacked_mnist.counts,
    divergences.parallel_lines,
    divergences.moving_apart,
    divergences.learned_critics,
    divergences.moved_earth,
    dying_relu.dying_relu,
)

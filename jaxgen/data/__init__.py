"""Data sets and the pipeline that turns them into batches.

`load` opens a set by its name or path, `pipeline` makes batches of it. The packages
that read a kind of set are imported when it is asked for. `sprites.batches` and
`mixtures.batches` make batches of sets that are drawn, not read: images with known
factors, and points with known modes.
"""

from jaxgen.data import augment, differentiable, mixtures, sprites, transforms
from jaxgen.data.augmented import AugmentedData
from jaxgen.data.loading import load
from jaxgen.data.order import Order
from jaxgen.data.pipelines import DeviceData, StreamData, pipeline
from jaxgen.data.sources import (
    Source,
    Split,
    concatenate,
    fixed_binarization,
    from_arrays,
)
from jaxgen.data.stacked import stacked_digits

__all__ = [
    "AugmentedData",
    "DeviceData",
    "Order",
    "Source",
    "Split",
    "StreamData",
    "augment",
    "concatenate",
    "differentiable",
    "fixed_binarization",
    "from_arrays",
    "load",
    "mixtures",
    "pipeline",
    "sprites",
    "stacked_digits",
    "transforms",
]

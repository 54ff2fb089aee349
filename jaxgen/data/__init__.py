"""Data sets and the pipeline that turns them into batches.

`load` opens a set by its name or path, `pipeline` makes batches of it. The packages
that read a kind of set are imported when it is asked for. `sprites.batches`
makes batches of a set with known factors that is drawn, not read.
"""

from jaxgen.data import augment, sprites
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

__all__ = [
    "DeviceData",
    "Order",
    "Source",
    "Split",
    "StreamData",
    "augment",
    "concatenate",
    "fixed_binarization",
    "from_arrays",
    "load",
    "pipeline",
    "sprites",
]

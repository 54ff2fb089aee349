"""Data sets and the pipeline that turns them into batches.

`load` opens a set by its name or path, `pipeline` makes batches of it. The packages
that read a kind of set are imported when it is asked for. `sprites.batches` and
`mixtures.batches` make batches of sets that are drawn, not read: images with known
factors, and points with known modes. `load_pairs` opens two sets to translate between,
`paired` makes them of one, and `pair_pipeline` makes batches of them.
"""

from jaxgen.data import (
    augment,
    colour,
    degradations,
    differentiable,
    mixtures,
    sprites,
    tiles,
    transforms,
)
from jaxgen.data.augmented import AugmentedData
from jaxgen.data.degradation_words import degradation_of
from jaxgen.data.loading import load
from jaxgen.data.order import Order
from jaxgen.data.pairs.direction import doubtful_direction
from jaxgen.data.pairs.layouts import Layout
from jaxgen.data.pairs.loading import load_pairs
from jaxgen.data.pairs.pipelines import PairData, pair_pipeline
from jaxgen.data.pairs.reading import PairImages, read_pairs
from jaxgen.data.pairs.sets import Pairs, disjoint_halves, from_pairs, paired
from jaxgen.data.pipelines import DeviceData, StreamData, pipeline
from jaxgen.data.sources import (
    Source,
    Split,
    concatenate,
    fixed_binarization,
    from_arrays,
    select,
)
from jaxgen.data.stacked import stacked_digits

__all__ = [
    "AugmentedData",
    "DeviceData",
    "Layout",
    "Order",
    "PairData",
    "PairImages",
    "Pairs",
    "Source",
    "Split",
    "StreamData",
    "augment",
    "colour",
    "concatenate",
    "degradation_of",
    "degradations",
    "differentiable",
    "disjoint_halves",
    "doubtful_direction",
    "fixed_binarization",
    "from_arrays",
    "from_pairs",
    "load",
    "load_pairs",
    "mixtures",
    "pair_pipeline",
    "paired",
    "pipeline",
    "read_pairs",
    "select",
    "sprites",
    "stacked_digits",
    "tiles",
    "transforms",
]

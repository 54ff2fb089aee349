"""Some images of pairs, in memory."""

from typing import NamedTuple

import numpy as np

from jaxgen.data.pairs.sets import Pairs
from jaxgen.data.sources import Source
from jaxgen.images import every_nth, to_bytes

__all__ = ["PairImages", "read_pairs"]


class PairImages(NamedTuple):
    """Images of both sides of some pairs, as bytes.

    Attributes:
        a: Shape (n, height, width, channels).
        b: Shape (m, height', width', channels').
        aligned: Whether row i of both belongs together.
    """

    a: np.ndarray
    b: np.ndarray
    aligned: bool


def read_pairs(pairs: Pairs, most: int) -> PairImages:
    """Reads images of pairs, evenly spread over the set.

    Args:
        pairs: The pairs.
        most: Images of each side, at most.

    Returns:
        The images; those of 16 bits are rounded to 8.
    """

    def read(source: Source) -> np.ndarray:
        images = source.read(every_nth(len(source), most))["image"]
        return images if images.dtype == np.uint8 else to_bytes(images / 65535)

    return PairImages(read(pairs.a), read(pairs.b), pairs.aligned)

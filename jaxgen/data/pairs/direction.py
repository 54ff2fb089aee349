"""Whether pairs may have been given in the wrong direction."""

import zlib

import numpy as np

from jaxgen.data.pairs.sets import Pairs
from jaxgen.data.sources import Source
from jaxgen.typing import BACK

__all__ = ["doubtful_direction"]

_RATIO = 1.6
"""Photographs of facades against their labels reach 2.0, emoji in two styles 1.2."""


def doubtful_direction(pairs: Pairs, *, examples: int = 16) -> str | None:
    """Says so where pairs seem to be reversed, else returns None.

    Where one side was computed from the other, what was computed is the input. Of other
    aligned pairs the inputs are, as a rule, those with less detail: labels, edges,
    grey or coarse images. Nothing is known of unaligned ones.

    Args:
        pairs: The pairs; some are read.
        examples: How many.

    Returns:
        A sentence to print before training, or None.
    """
    if not pairs.aligned:
        return None
    other = BACK[pairs.direction]
    if pairs.made:
        if pairs.direction == "a_to_b":
            return None
        return (
            f"The outputs of {pairs.name!r} were computed from the inputs: the model "
            f"learns what a function can do; give direction={other!r} to undo it."
        )
    indices = np.linspace(0, len(pairs) - 1, min(examples, len(pairs))).astype(int)
    ratio = _detail(pairs.a, indices) / _detail(pairs.b, indices)
    if ratio < _RATIO:
        return None
    return (
        f"The inputs of {pairs.name!r} hold {ratio:.1f} times the detail of the "
        "outputs, as photographs do of labels: the direction may be reversed; give "
        f"direction={other!r} to translate the other way."
    )


def _detail(source: Source, indices: np.ndarray) -> int:
    """Counts the bytes of 16 levels, compressed; the noise of JPEG is below them."""
    image = source.read(indices)["image"]
    levels = (image >> (8 * image.dtype.itemsize - 4)).astype(np.uint8)
    return len(zlib.compress(np.diff(levels, axis=2).tobytes(), 6))

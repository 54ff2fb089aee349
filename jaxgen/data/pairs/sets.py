"""Pairs: two image sets for translation, and what they are made of.

`load_pairs` opens them by name or path, `paired` makes them of one set and a function
that takes something away, `pair_pipeline` makes batches.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from jaxgen import random
from jaxgen.checks import check_key, check_number
from jaxgen.data.degradations import Degradation
from jaxgen.data.sources import (
    Source,
    from_arrays,
    select,
    whole_numbers,
)
from jaxgen.errors import InputError
from jaxgen.typing import BACK, Direction, PRNGKeyArray

__all__ = ["Pairs", "disjoint_halves", "from_pairs", "paired", "scale_between"]


@dataclasses.dataclass(frozen=True)
class Pairs:
    """Two sets of images, of which `a` is translated to `b`.

    Attributes:
        a: The inputs.
        b: The outputs. Sizes and channels may differ from those of `a`; of aligned
            pairs, one size is a whole multiple of the other.
        aligned: Whether example i of `a` belongs to example i of `b`.
        name: Name of the set.
        split: Its split.
        names: What the examples of `a` are called, or None where they have no names.
        direction: `a_to_b`, or `b_to_a` where the two have been swapped.
        made: Whether one side was computed from the other, `a` from `b` before a swap.
    """

    a: Source
    b: Source
    aligned: bool
    name: str
    split: str
    names: tuple[str, ...] | None = dataclasses.field(default=None, repr=False)
    direction: Direction = "a_to_b"
    made: bool = False

    def __len__(self) -> int:
        """Returns the number of pairs; of unaligned ones, that of the larger side."""
        return max(len(self.a), len(self.b))

    @property
    def channels(self) -> tuple[int, int]:
        """Channels of the images of `a` and of `b`."""
        return self.a.image_shape[-1], self.b.image_shape[-1]

    def swapped(self) -> "Pairs":
        """Returns the same pairs in the other direction."""
        return dataclasses.replace(
            self,
            a=self.b,
            b=self.a,
            names=self.names if self.aligned else None,
            direction=BACK[self.direction],
        )

    def share(self, share: float, *, key: PRNGKeyArray) -> "Pairs":
        """Takes a share of the pairs, drawn at random.

        For learning curves: of one key, a smaller share is part of a larger.

        Args:
            share: In (0, 1]; at least one example is taken. Of unaligned pairs, each
                side is drawn by itself.
            key: Of the draw; it is consumed.

        Raises:
            InputError: The share is out of range.
        """
        check_key(key)
        check_number("share", share, above=0, most=1)

        def chosen(count: int, name: str) -> np.ndarray:
            generator = random.numpy_generator(random.stream(key, name))
            number = max(round(share * count), 1)
            # In the order of the set, in which evaluations show them.
            return np.sort(generator.permutation(count)[:number])

        first = chosen(len(self.a), "subset")
        second = first if self.aligned else chosen(len(self.b), "subset b")
        names = self.names
        return dataclasses.replace(
            self,
            a=select(self.a, first),
            b=select(self.b, second),
            names=None if names is None else tuple(names[index] for index in first),
        )


def scale_between(pairs: Pairs) -> tuple[int, int]:
    """Returns by how much `a` and `b` are larger than the smaller of the two.

    Returns:
        (1, 1) for images of one size, (1, 4) where b is 4 times as high and wide.

    Raises:
        InputError: Neither size is a whole multiple of the other.
    """
    (h, w), (height, width) = (s.image_shape[:2] for s in (pairs.a, pairs.b))
    for low, high in (((h, w), (height, width)), ((height, width), (h, w))):
        factor = max(high[0] // low[0], 1)
        if high == (factor * low[0], factor * low[1]):
            return (1, factor) if low == (h, w) else (factor, 1)
    raise InputError(
        f"The pairs {pairs.name!r} are images of {w}x{h} pixels (a) and {width}x"
        f"{height} (b): expected one size, or one a whole multiple of the other; give "
        "image_size to resize both."
    )


def from_pairs(
    a: Any, b: Any, *, aligned: bool, name: str = "arrays", split: str = "train"
) -> Pairs:
    """Makes pairs of two arrays, or of two sources.

    Args:
        a: uint8, uint16, or floating point in [0, 1] (kept as uint16), of shape
            (examples, height, width, channels), or a source.
        b: Likewise; it may have other channels, and a size that is a whole multiple or
            a whole part of that of `a`.
        aligned: Whether example i of `a` belongs to example i of `b`.
        name: Of the set.
        split: Of the set.

    Raises:
        InputError: The arrays are no images, or, aligned, they differ in number or in
            size by no whole factor.

    Examples:
        >>> pairs = from_pairs(
        ...     np.zeros((5, 8, 8, 1)), np.zeros((5, 16, 16, 3), np.uint8), aligned=True
        ... )
        >>> pairs.a.dtype, pairs.b.image_shape
        (dtype('uint16'), (16, 16, 3))
    """
    first, second = (
        side if isinstance(side, Source) else _source(side, f"{name}.{which}", split)
        for side, which in ((a, "a"), (b, "b"))
    )
    if aligned and len(first) != len(second):
        raise InputError(
            f"The aligned pairs {name!r} have {len(first)} images a and {len(second)} "
            "images b: expected one b for each a; give aligned=False where they do not "
            "belong together."
        )
    pairs = Pairs(first, second, aligned=aligned, name=name, split=split)
    if aligned:
        scale_between(pairs)
    return pairs


def paired(
    images: Any, *, degrade: Degradation | Callable[[Any], Any], name: str | None = None
) -> Pairs:
    """Makes aligned pairs of single images: `b` is the image, `a` what is left of it.

    Any application whose input can be computed from its output is such a set:
    colorization, super-resolution, inpainting, drawing from edges.

    Args:
        images: A source, or an array as `from_pairs` takes it.
        degrade: One of `jaxgen.data.degradations`, or a function of images (n, height,
            width, channels) that gives as many, of the same kind of number.
        name: Of the set; that of the images and of the degradation by default.

    Raises:
        InputError: The images are none, or the degradation refuses them.

    Examples:
        >>> from jaxgen.data import load
        >>> pairs = paired(load("digits"), degrade=lambda images: 255 - images)
        >>> len(pairs), int(pairs.a[0]["image"][0, 0, 0])
        (1621, 255)
    """
    source = images if isinstance(images, Source) else _source(images, "images")
    if not isinstance(degrade, Degradation):
        function = degrade
        degrade = Degradation(
            getattr(function, "__name__", "function").strip("<>"),
            lambda images, indices: function(images),
            cached=False,
        )
    pairs = Pairs(
        degrade.applied(source, part="a"),
        degrade.applied(source, part="b"),
        aligned=True,
        name=name or f"{source.name} {degrade.name}",
        split=source.split,
        made=True,
    )
    scale_between(pairs)
    return pairs


def disjoint_halves(pairs: Pairs) -> Pairs:
    """Takes `a` of every other pair and `b` of the rest: no image has its partner.

    Args:
        pairs: Aligned pairs, two at least.

    Returns:
        The images, not aligned.

    Raises:
        InputError: There are no two pairs.
    """
    if not pairs.aligned or len(pairs) < 2:
        raise InputError(
            f"disjoint=True parts images from their partners, and {pairs.name} has no "
            "two pairs: leave it out."
        )
    rows = np.arange(len(pairs))
    return from_pairs(
        select(pairs.a, rows[::2]),
        select(pairs.b, rows[1::2]),
        aligned=False,
        name=pairs.name,
        split=pairs.split,
    )


def _source(array: Any, name: str, split: str = "train") -> Source:
    array = whole_numbers(np.asarray(array), repr(name))
    return from_arrays(array, name=name, split=split)

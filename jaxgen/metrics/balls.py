"""Balls around points, their radii in a set and in all its half-samples at once.

The radius of a point in a half-sample is the distance to some place of the list of its
neighbours in the whole set: to the k-th of them that is in the half. So a point needs
one list, and per place of the list the half-samples whose ball ends there, as bits of
32-bit words. Bit 0 is the whole set; the others are its half-samples.
"""

from typing import NamedTuple

import numpy as np

from jaxgen.metrics.distances import ROUNDING
from jaxgen.metrics.neighbours import Near

__all__ = ["WORD", "Balls", "balls", "list_length", "to_bits", "to_words"]

WORD = 32

# Points at once: their differences of 2,048 features are 16 MB in float64.
_BLOCK = 1024


class Balls(NamedTuple):
    """Balls around n points.

    Attributes:
        radii: float64, squared, shape (n, places). What is below is inside: at the very
            radius there is a margin of the rounding of distances, so that a tie is one
            whatever its rounding, and inside or not by the rule.
        ends: uint32, shape (n, places, words): whose radius it is. A point that is not
            in a sample has no ball there.
    """

    radii: np.ndarray
    ends: np.ndarray


def list_length(k: int, number: int, repeats: int) -> int:
    """Returns how many neighbours of a point to list for balls of k of them.

    With half-samples about every second neighbour counts, and 4 k + 12 of them hold k
    that do but for one case in 100,000.
    """
    return min(4 * k + 12 if repeats else k, number - 1)


def balls(
    points: np.ndarray,
    near: Near,
    members: np.ndarray,
    *,
    k: int,
    centre: np.ndarray,
    closed: bool,
) -> Balls:
    """Finds the radii: distances to the k-th nearest other point of each sample.

    Args:
        points: Shape (n, d).
        near: Lists of nearest neighbours of the points among themselves.
        members: bool, shape (samples, n): which points are in a sample.
        k: Neighbours in a ball.
        centre: What distances are calculated from, shape (d,).
        closed: Whether a point at the very radius is inside.
    """
    number, length = near.indices.shape
    words = np.zeros((number, length, -(-len(members) // WORD)), np.uint32)
    missing = []
    for sample, member in enumerate(members):
        counted = np.cumsum(member[near.indices], axis=1, dtype=np.int32) >= k
        listed = np.flatnonzero(member & counted[:, -1])
        word, bit = divmod(sample, WORD)
        words[listed, counted[listed].argmax(axis=1), word] |= np.uint32(1 << bit)
        for point in np.flatnonzero(member & ~counted[:, -1]):
            missing.append((point, word, bit, _radius(points, int(point), member, k)))
    found = _with_more(Balls(near.squared, words), missing)
    # The size of a point at the edge is at most that of the ball's own plus the radius.
    size = _sizes(points, centre)[:, None]
    margin = ROUNDING * (size**2 + (size + np.sqrt(found.radii)) ** 2)
    # Duplicates at the very centre have the size and the radius 0, and are ties too.
    margin += np.finfo(np.float64).tiny
    return found._replace(radii=found.radii + (margin if closed else -margin))


def _sizes(points: np.ndarray, centre: np.ndarray) -> np.ndarray:
    # Differences and their squares are copies of the points, in float64 perhaps.
    return np.concatenate(
        [
            np.linalg.norm(points[first : first + _BLOCK] - centre[None], axis=1)
            for first in range(0, len(points), _BLOCK)
        ]
    )


def _radius(points: np.ndarray, point: int, member: np.ndarray, k: int) -> float:
    others = member.copy()
    others[point] = False
    difference = points[others].astype(np.float64) - points[point].astype(np.float64)
    return np.partition((difference**2).sum(axis=1), k - 1)[k - 1]


def _with_more(found: Balls, missing: list[tuple[int, int, int, float]]) -> Balls:
    """Adds places for radii past the end of the lists."""
    if not missing:
        return found
    number, length = found.radii.shape
    used = np.full(number, length)
    # In steps of 4 places, since another shape is compiled anew.
    more = -(-int(np.bincount([one[0] for one in missing]).max()) // 4) * 4
    radii = np.pad(found.radii, [(0, 0), (0, more)])
    ends = np.pad(found.ends, [(0, 0), (0, more), (0, 0)])
    for point, word, bit, radius in missing:
        radii[point, used[point]] = radius
        ends[point, used[point], word] = 1 << bit
        used[point] += 1
    return Balls(radii, ends)


def to_words(bits: np.ndarray) -> np.ndarray:
    """Packs bool, shape (samples, n), into uint32, shape (n, words)."""
    words = np.zeros((bits.shape[1], -(-len(bits) // WORD)), np.uint32)
    for sample, bit in enumerate(bits):
        words[:, sample // WORD] |= bit.astype(np.uint32) << np.uint32(sample % WORD)
    return words


def to_bits(words: np.ndarray, samples: int) -> np.ndarray:
    """Unpacks uint32, shape (n, words), into bool, shape (samples, n)."""
    return np.stack(
        [
            words[:, sample // WORD] >> np.uint32(sample % WORD) & np.uint32(1) > 0
            for sample in range(samples)
        ]
    )

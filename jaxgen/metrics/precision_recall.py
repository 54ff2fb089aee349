"""Improved precision and recall: fidelity and diversity as two numbers."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from jaxgen.checks import check_count
from jaxgen.metrics.distances import BLOCK
from jaxgen.metrics.neighbour_metrics import Tie, neighbour_metrics

__all__ = ["PrecisionRecall", "improved_precision_recall"]


class PrecisionRecall(NamedTuple):
    """Shares of each set that lie in the other's balls.

    Attributes:
        precision: Share of generated examples inside a ball of any real one.
        recall: Share of real examples inside a ball of any generated one.
    """

    precision: float
    recall: float


def improved_precision_recall(
    real: np.ndarray,
    generated: np.ndarray,
    *,
    k: int = 3,
    tie: Tie = "stylegan",
    block_size: int = BLOCK,
    progress: Callable[[int], None] | None = None,
) -> PrecisionRecall:
    """Calculates improved precision and recall.

    `precision = 1/m sum_j [some i: |g_j - r_i| <= R_i]`, where R_i is the distance from
    r_i to the k-th nearest other real example; recall with the roles exchanged. All
    balls count, not that of the nearest real example alone: the nearest has a small
    ball, and by it far too few are inside.

    Two samples of one distribution do not get 1, but a number that depends on n, m, d
    and k: compare with real examples against real ones, at the same sizes. For what an
    interval needs, see `neighbour_metrics`.

    Args:
        real: Features, shape (n, d).
        generated: Features, shape (m, d).
        k: Neighbours in a ball.
        tie: Whether the edge belongs to a ball: "stylegan" (<=), or "prdc" (<).
        block_size: Rows of distances at once; it changes nothing but memory and time.
        progress: It is called with the number of rows done since the last call, 2 n + m
            in all.

    Returns:
        `PrecisionRecall(precision, recall)`.

    Raises:
        InputError: The features cannot be used, or a set has no more than k examples.

    Examples:
        >>> real = np.array([[0.0], [1.0], [2.0]])
        >>> generated = np.array([[0.5], [1.5], [9.0]])
        >>> found = improved_precision_recall(real, generated, k=1)
        >>> print(f"{found.precision:.3f} {found.recall:.3f}")
        0.667 1.000

    References:
        Kynkäänniemi et al., Improved Precision and Recall Metric for Assessing
        Generative Models, 2019, equations 1 and 2.
    """
    check_count("k", k, 1)
    found = neighbour_metrics(
        real,
        generated,
        precision_k=k,
        density_k=k,
        tie=tie,
        block_size=block_size,
        progress=progress,
    )
    return PrecisionRecall(found.precision, found.recall)

"""Density and coverage: fidelity and diversity, robust to outliers."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from jaxgen.checks import check_count
from jaxgen.metrics.distances import BLOCK
from jaxgen.metrics.neighbour_metrics import Tie, neighbour_metrics

__all__ = ["DensityCoverage", "density_coverage", "expected_coverage"]


class DensityCoverage(NamedTuple):
    """How generated examples fill the balls of the real ones.

    Attributes:
        density: In how many real balls a generated example is, over k. It may exceed 1.
        coverage: Share of real examples whose ball holds any generated one.
    """

    density: float
    coverage: float


def density_coverage(
    real: np.ndarray,
    generated: np.ndarray,
    *,
    k: int = 5,
    tie: Tie = "stylegan",
    block_size: int = BLOCK,
    progress: Callable[[int], None] | None = None,
) -> DensityCoverage:
    """Calculates density and coverage.

    `density = 1/(k m) sum_ij [|g_j - r_i| <= R_i]` and
    `coverage = 1/n sum_i [some j: |g_j - r_i| <= R_i]`, where R_i is the distance from
    r_i to the k-th nearest other real example. Only real examples have balls, so a
    stray generated one does not raise coverage as it does recall.

    For two samples of one continuous distribution, density is 1 in expectation at any
    n, m and k, and coverage is `expected_coverage`. For what an interval needs, see
    `neighbour_metrics`.

    Args:
        real: Features, shape (n, d).
        generated: Features, shape (m, d).
        k: Neighbours in a ball.
        tie: Whether the edge belongs to a ball: "prdc" (<), or "stylegan" (<=).
        block_size: Rows of distances at once; it changes nothing but memory and time.
        progress: It is called with the number of rows done since the last call, 2 n + m
            in all.

    Returns:
        `DensityCoverage(density, coverage)`.

    Raises:
        InputError: The features cannot be used, or a set has no more than k examples.

    Examples:
        >>> real = np.array([[0.0], [1.0], [3.0]])
        >>> generated = np.array([[0.5], [0.6], [0.7]])
        >>> density_coverage(real, generated, k=1)
        DensityCoverage(density=2.0, coverage=0.666...)

    References:
        Naeem et al., Reliable Fidelity and Diversity Metrics for Generative Models,
        2020, section 3.
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
    return DensityCoverage(found.density, found.coverage)


def expected_coverage(num_real: int, num_generated: int, *, k: int = 5) -> float:
    """Calculates the coverage expected of two samples of one continuous distribution.

    Seen from a real example, the others and the generated ones are n - 1 + m distances
    in random order. It is not covered if the k nearest are all real:
    `1 - prod_{i=1..k} (n - i) / (n + m - i)`, and 1 - 2^-k for many of both.

    Args:
        num_real: n.
        num_generated: m.
        k: Neighbours in a ball.

    Raises:
        InputError: There are no more than k real examples, or no generated ones.

    Examples:
        >>> round(expected_coverage(10_000, 10_000), 4)
        0.9688

    References:
        Naeem et al., Reliable Fidelity and Diversity Metrics for Generative Models,
        2020, section 3 (expected values).
    """
    check_count("num_real", num_real, 2)
    check_count("num_generated", num_generated, 1)
    check_count("k", k, 1, num_real - 1)
    missed = ((num_real - i) / (num_real + num_generated - i) for i in range(1, k + 1))
    return 1 - math.prod(missed)

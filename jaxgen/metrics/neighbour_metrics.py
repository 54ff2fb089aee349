"""Precision, recall, density and coverage in one pass, with all their half-samples."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from jaxgen.checks import check_count
from jaxgen.errors import InputError
from jaxgen.metrics.arrays import check_pair
from jaxgen.metrics.ball_sweep import RealBalls, sweep
from jaxgen.metrics.balls import balls, list_length
from jaxgen.metrics.distances import BLOCK, centre_of
from jaxgen.metrics.neighbours import search
from jaxgen.metrics.resampling import Halves

__all__ = ["NeighbourMetrics", "NeighbourReplicates", "Tie", "neighbour_metrics"]

Tie = Literal["stylegan", "prdc"]
"""Whether a point at exactly the radius is inside: "stylegan" (<=) or not: "prdc" (<),
as in the code of those names. They differ where examples are duplicates, or features
whole numbers."""


class NeighbourReplicates(NamedTuple):
    """The four metrics on half-samples, each float64 of shape (repeats,).

    Attributes:
        precision: See `NeighbourMetrics`.
        recall: See there.
        density: See there.
        coverage: See there.
    """

    precision: np.ndarray
    recall: np.ndarray
    density: np.ndarray
    coverage: np.ndarray


class NeighbourMetrics(NamedTuple):
    """How two sets lie in each other's balls of nearest neighbours.

    Attributes:
        precision: Share of generated examples inside a ball of any real one.
        recall: Share of real examples inside a ball of any generated one.
        density: In how many real balls a generated example is, over k.
        coverage: Share of real examples whose ball holds any generated one.
        replicates: The same on half-samples, or None.
    """

    precision: float
    recall: float
    density: float
    coverage: float
    replicates: NeighbourReplicates | None


def neighbour_metrics(
    real: np.ndarray,
    generated: np.ndarray,
    *,
    precision_k: int = 3,
    density_k: int = 5,
    tie: Tie = "stylegan",
    halves: Halves | None = None,
    block_size: int = BLOCK,
    progress: Callable[[int], None] | None = None,
) -> NeighbourMetrics:
    """Calculates improved precision and recall, density and coverage together.

    A ball is that of an example and its k nearest others of the same set, found among
    all of them (in a half-sample: among all of the half). Each set's distances within
    itself are calculated once, and those between the sets once, whatever is asked for.

    Args:
        real: Features, shape (n, d).
        generated: Features, shape (m, d).
        precision_k: k of precision and recall.
        density_k: k of density and coverage.
        tie: Whether the edge belongs to a ball, see `Tie`.
        halves: Half-samples of both sets, or None.
        block_size: Rows of distances at once; it changes nothing but memory and time.
        progress: It is called with the number of rows done since the last call, 2 n + m
            in all.

    Returns:
        `NeighbourMetrics(precision, recall, density, coverage, replicates)`.

    Raises:
        InputError: The features cannot be used, a set or its half has no more than k
            examples, or an argument is wrong.

    Examples:
        >>> real = np.array([[0.0], [1.0], [2.0], [10.0]])
        >>> generated = np.array([[0.5], [0.6], [0.7], [30.0]])
        >>> found = neighbour_metrics(real, generated, precision_k=1, density_k=2)
        >>> found.precision, found.recall, found.density, found.coverage
        (0.75, 0.75, 1.125, 0.75)

    References:
        Kynkäänniemi et al., Improved Precision and Recall Metric for Assessing
        Generative Models, 2019, equations 1 and 2.
        Naeem et al., Reliable Fidelity and Diversity Metrics for Generative Models,
        2020, section 3.
    """
    real, generated = _check(real, generated, precision_k, density_k, tie, halves)
    of_real = _samples(len(real), None if halves is None else halves.real)
    of_generated = _samples(
        len(generated), None if halves is None else halves.generated
    )
    repeats = len(of_real) - 1
    centre = centre_of(real)
    steps: dict[str, Any] = {
        "centre": centre, "block_size": block_size, "progress": progress,
    }  # fmt: skip
    rule: dict[str, Any] = {"centre": centre, "closed": tie == "stylegan"}

    length = list_length(max(precision_k, density_k), len(real), repeats)
    near = search(real, None, k=length, **steps)
    for_precision = balls(real, near, of_real, k=precision_k, **rule)
    for_density = balls(real, near, of_real, k=density_k, **rule)
    length = list_length(precision_k, len(generated), repeats)
    near = search(generated, None, k=length, **steps)
    for_recall = balls(generated, near, of_generated, k=precision_k, **rule)

    rows = RealBalls(real, *for_precision, *for_density)
    inside = sweep(rows, generated, for_recall, of_generated, **steps)
    num_real, num_generated = of_real.sum(axis=1), of_generated.sum(axis=1)
    samples = NeighbourReplicates(
        (inside.generated & of_generated).sum(axis=1) / num_generated,
        (inside.recalled & of_real).sum(axis=1) / num_real,
        inside.pairs / (density_k * num_generated),
        inside.covered.sum(axis=1) / num_real,
    )
    whole = [float(values[0]) for values in samples]
    if halves is None:
        return NeighbourMetrics(*whole, replicates=None)
    return NeighbourMetrics(
        *whole, replicates=NeighbourReplicates(*(values[1:] for values in samples))
    )


def _check(
    real: np.ndarray,
    generated: np.ndarray,
    precision_k: int,
    density_k: int,
    tie: str,
    halves: Halves | None,
) -> tuple[np.ndarray, np.ndarray]:
    if tie not in get_args(Tie):
        raise InputError(f'tie="{tie}": expected "stylegan" (<=) or "prdc" (<).')
    check_count("precision_k", precision_k, 1)
    check_count("density_k", density_k, 1)
    least = max(precision_k, density_k) + 1
    real, generated = check_pair(real, generated, least=least)
    for name, rows, number in (
        ("real", halves and halves.real, len(real)),
        ("generated", halves and halves.generated, len(generated)),
    ):
        if rows is None:
            continue
        if rows.ndim != 2 or rows.shape[1] != number or rows.dtype != bool:
            raise InputError(
                f"The half-samples of the {name} features are {rows.dtype} of shape "
                f"{rows.shape}: expected bool of shape (repeats, {number})."
            )
        if rows.sum(axis=1).min() < least:
            raise InputError(
                f"A half of the {number} {name} features has "
                f"{rows.sum(axis=1).min()}: k needs at least {least}; give more "
                "examples, or no halves."
            )
    if halves is not None and len(halves.real) != len(halves.generated):
        raise InputError(
            f"There are {len(halves.real)} half-samples of the real features and "
            f"{len(halves.generated)} of the generated: give as many of each."
        )
    return real, generated


def _samples(number: int, halves: np.ndarray | None) -> np.ndarray:
    whole = np.ones((1, number), bool)
    return whole if halves is None else np.concatenate([whole, halves])

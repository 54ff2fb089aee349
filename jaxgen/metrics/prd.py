"""Precision and recall for distributions: a curve, from histograms over clusters."""

from typing import Any, NamedTuple

import numpy as np

from jaxgen.checks import check_count, check_key, check_number
from jaxgen.errors import InputError
from jaxgen.metrics.clusters import Clusters, union_clusters
from jaxgen.metrics.resampling import Halves
from jaxgen.typing import PRNGKeyArray

__all__ = [
    "PrecisionRecallCurve",
    "PrecisionRecallDistribution",
    "PrecisionRecallReplicates",
    "max_f_score",
    "prd_curve",
    "prd_of_clusters",
    "prd_replicates",
    "precision_recall_distribution",
]

# The curve's ends are the limits at 0 and pi/2, where the slope is 0 and infinite.
_END = 1e-10


class PrecisionRecallCurve(NamedTuple):
    """Curves of precision and recall, from slope 0 to infinity.

    Attributes:
        precision: float64, shape (..., angles), rising.
        recall: float64, shape (..., angles), falling.
    """

    precision: np.ndarray
    recall: np.ndarray


class PrecisionRecallDistribution(NamedTuple):
    """Precision and recall for distributions.

    Attributes:
        precision: Along the curve, float64, shape (angles,), rising.
        recall: Along the curve, shape (angles,), falling.
        f_8: Largest F_8 on the curve, which weighs recall: near 1 where the generated
            examples cover the real ones.
        f_eighth: Largest F_1/8, which weighs precision: near 1 where the generated
            examples are all like real ones.
    """

    precision: np.ndarray
    recall: np.ndarray
    f_8: float
    f_eighth: float


class PrecisionRecallReplicates(NamedTuple):
    """F_8 and F_1/8 on half-samples.

    Attributes:
        f_8: float64, shape (repeats,).
        f_eighth: float64, shape (repeats,).
    """

    f_8: np.ndarray
    f_eighth: np.ndarray


def prd_curve(
    real_histogram: Any, generated_histogram: Any, *, num_angles: int = 1001
) -> PrecisionRecallCurve:
    """Calculates the curve of precision and recall between two histograms.

    A part of mass alpha of the generated distribution Q and a part of mass beta of the
    real one P are the same distribution: precision alpha, recall beta. For each
    slope s = alpha / beta the largest are `alpha = sum min(s P, Q)`, `beta = alpha /
    s`; the slopes are tangents of evenly spaced angles.

    Args:
        real_histogram: Counts or probabilities, shape (..., bins).
        generated_histogram: The same.
        num_angles: Points of the curve; an odd number has slope 1 among them.

    Raises:
        InputError: The histograms cannot be used, or there are fewer than 3 angles.

    Examples:
        Half of the generated examples are real, and cover half of the real ones.

        >>> precision, recall = prd_curve([1, 1, 0], [0, 1, 1], num_angles=3)
        >>> print(precision.round(3), recall.round(3))
        [0.  0.5 0.5] [0.5 0.5 0. ]

    References:
        Sajjadi et al., Assessing Generative Models via Precision and Recall, 2018,
        definition 1 and section 3.
    """
    real = _probabilities("real", real_histogram)
    generated = _probabilities("generated", generated_histogram)
    if real.shape != generated.shape:
        raise InputError(
            f"The real histogram has shape {real.shape} and the generated one "
            f"{generated.shape}: count both in the same bins."
        )
    check_count("num_angles", num_angles, 3)
    slopes = np.tan(np.linspace(_END, np.pi / 2 - _END, num_angles))
    precision = np.empty((*real.shape[:-1], num_angles))
    recall = np.empty_like(precision)
    for index, slope in enumerate(slopes):
        precision[..., index] = np.minimum(slope * real, generated).sum(axis=-1)
        recall[..., index] = np.minimum(real, generated / slope).sum(axis=-1)
    # Sums of probabilities may round to a little above 1.
    return PrecisionRecallCurve(np.minimum(precision, 1.0), np.minimum(recall, 1.0))


def max_f_score(precision: Any, recall: Any, *, beta: float) -> np.ndarray:
    """Calculates the largest F_beta along curves.

    `(1 + beta^2) precision recall / (beta^2 precision + recall)`. A large beta weighs
    recall, a small one precision.

    Args:
        precision: Shape (..., points).
        recall: Shape (..., points).
        beta: Above 0.

    Returns:
        float64, shape (...).

    Examples:
        >>> print(max_f_score([0.5, 1.0], [1.0, 0.0], beta=1))
        0.666...
    """
    check_number("beta", beta, above=0)
    precision, recall = np.asarray(precision, float), np.asarray(recall, float)
    below = beta**2 * precision + recall
    above = (1 + beta**2) * precision * recall
    # Where both are 0 so is F.
    return (above / np.where(below > 0, below, 1.0)).max(axis=-1)


def precision_recall_distribution(
    key: PRNGKeyArray,
    real: np.ndarray,
    generated: np.ndarray,
    *,
    num_clusters: int = 20,
    num_runs: int = 10,
    num_angles: int = 1001,
) -> PrecisionRecallDistribution:
    """Calculates precision and recall for distributions.

    Both sets together are clustered, the histograms of real and generated examples
    over the clusters give a curve (`prd_curve`), and the curves of several clusterings
    are averaged.

    With few examples per cluster the histograms differ by chance and the scores are
    too low: compare those of the same n only.

    Args:
        key: It is consumed.
        real: Features, shape (n, d).
        generated: Shape (m, d). Where m is not n, see `union_clusters`.
        num_clusters: Bins of the histograms.
        num_runs: Clusterings.
        num_angles: Points of the curve.

    Raises:
        InputError: See `union_clusters` and `prd_curve`.

    References:
        Sajjadi et al., Assessing Generative Models via Precision and Recall, 2018,
        sections 3 and 4.
    """
    check_key(key)
    clusters = union_clusters(
        key, real, generated, num_clusters=num_clusters, num_runs=num_runs
    )
    return prd_of_clusters(clusters, num_angles=num_angles)


def prd_of_clusters(
    clusters: Clusters, *, num_angles: int = 1001
) -> PrecisionRecallDistribution:
    """Calculates precision and recall for distributions from clusters.

    Args:
        clusters: As of `union_clusters`.
        num_angles: Points of the curve.

    Raises:
        InputError: See `prd_curve`.
    """
    everything = Halves(
        np.ones((1, clusters.real.shape[1]), bool),
        np.ones((1, clusters.generated.shape[1]), bool),
    )
    [precision], [recall] = _mean_curves(clusters, everything, num_angles)
    return PrecisionRecallDistribution(
        precision,
        recall,
        float(max_f_score(precision, recall, beta=8)),
        float(max_f_score(precision, recall, beta=1 / 8)),
    )


def prd_replicates(
    clusters: Clusters, halves: Halves, *, num_angles: int = 1001
) -> PrecisionRecallReplicates:
    """Calculates F_8 and F_1/8 on half-samples, in the clusters of the whole sets.

    Args:
        clusters: As of `union_clusters`. They are kept as they are: the part of the
            spread that comes of other clusterings, small in the mean over runs, is not
            in the replicates.
        halves: Which examples are in each half.
        num_angles: Points of the curve.

    Raises:
        InputError: See `prd_curve`.
    """
    precision, recall = _mean_curves(clusters, halves, num_angles)
    return PrecisionRecallReplicates(
        max_f_score(precision, recall, beta=8),
        max_f_score(precision, recall, beta=1 / 8),
    )


def _mean_curves(
    clusters: Clusters, halves: Halves, num_angles: int
) -> PrecisionRecallCurve:
    """Averages curves over runs, to shape (repeats, num_angles)."""
    precision, recall = prd_curve(
        _counts(clusters.real, halves.real, clusters.num_clusters),
        _counts(clusters.generated, halves.generated, clusters.num_clusters),
        num_angles=num_angles,
    )
    return PrecisionRecallCurve(precision.mean(axis=1), recall.mean(axis=1))


def _counts(labels: np.ndarray, rows: np.ndarray, num_clusters: int) -> np.ndarray:
    """Counts the examples of each row in each cluster, shape (rows, runs, clusters)."""
    # float32 counts exactly up to 2^24.
    members = rows.astype(np.float32)
    one_hot = np.eye(num_clusters, dtype=np.float32)
    return np.stack([members @ one_hot[run] for run in labels], axis=1)


def _probabilities(name: str, histogram: Any) -> np.ndarray:
    found = np.asarray(histogram, np.float64)
    if found.ndim < 1 or not np.isfinite(found).all() or (found < 0).any():
        raise InputError(
            f"The {name} histogram holds {found.tolist()}: expected counts or "
            "probabilities, none below 0, of shape (bins,)."
        )
    total = found.sum(axis=-1, keepdims=True)
    if not (total > 0).all():
        raise InputError(f"The {name} histogram is empty: give at least one example.")
    return found / total

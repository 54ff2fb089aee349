"""Mean and covariance of features: streamed, merged and compared."""

from typing import Any, NamedTuple

import numpy as np

from jaxgen.errors import InputError
from jaxgen.metrics.arrays import check_features

__all__ = [
    "BLOCK",
    "FeatureStatistics",
    "Moments",
    "add_batch",
    "centre",
    "check_comparable",
    "check_statistics",
    "feature_statistics",
    "finish",
    "merge",
    "remove",
    "start",
]

BLOCK = 4096
"""Rows of features held in float64 at once."""


class FeatureStatistics(NamedTuple):
    """What the Frechet distance knows of a set of images.

    Attributes:
        mean: float64, shape (d,).
        covariance: float64, shape (d, d), the unbiased one (division by n - 1).
        num_examples: n, or None where a file does not say.
        net: Name of the feature network, or None where unknown.
        identity: Hash of its weights and configuration, or None where unknown.
        resize: How images were brought to its size, or None where unknown.
    """

    mean: np.ndarray
    covariance: np.ndarray
    num_examples: int | None = None
    net: str | None = None
    identity: str | None = None
    resize: str | None = None


class Moments(NamedTuple):
    """Mean and scatter so far, in float64 on the host.

    Attributes:
        num_examples: n.
        mean: Shape (d,).
        scatter: `sum_i (x_i - mean)(x_i - mean)^T`, shape (d, d).
    """

    num_examples: int
    mean: np.ndarray
    scatter: np.ndarray


def start(dimension: int) -> Moments:
    """Returns the moments of no features at all.

    Args:
        dimension: d.
    """
    return Moments(0, np.zeros(dimension), np.zeros((dimension, dimension)))


def add_batch(moments: Moments, features: Any) -> Moments:
    """Adds features to the moments; how they are cut into batches does not matter.

    Args:
        moments: So far.
        features: Shape (n, d), any n.

    Raises:
        InputError: They have another d or are not finite.
    """
    features = check_features("given", features, least=0)
    if features.shape[1] != len(moments.mean):
        raise InputError(
            f"A batch of features has {features.shape[1]} dimensions and those before "
            f"it {len(moments.mean)}: use the same feature network for all."
        )
    for first in range(0, len(features), BLOCK):
        moments = merge(moments, _moments_of(features[first : first + BLOCK]))
    return moments


def merge(one: Moments, other: Moments) -> Moments:
    """Returns the moments of two sets together, those of neither being changed.

    References:
        Chan, Golub and LeVeque, Updating Formulae and a Pairwise Algorithm for
        Computing Sample Variances, 1979.
    """
    total = one.num_examples + other.num_examples
    if not total:
        return one
    share = other.num_examples / total
    step = other.mean - one.mean
    between = np.outer(step, step) * (one.num_examples * share)
    return Moments(
        total, one.mean + share * step, one.scatter + other.scatter + between
    )


def remove(whole: Moments, part: Moments) -> Moments:
    """Returns the moments of what is in the whole and not in a part of it.

    The inverse of `merge`. Digits are lost where the part is nearly the whole.

    Args:
        whole: Of a set.
        part: Of some of its examples, not all.
    """
    rest = whole.num_examples - part.num_examples
    step = (whole.mean - part.mean) * (part.num_examples / rest)
    # The two means are step * whole / part apart.
    between = np.outer(step, step) * (whole.num_examples * rest / part.num_examples)
    return Moments(rest, whole.mean + step, whole.scatter - part.scatter - between)


def finish(
    moments: Moments,
    *,
    net: str | None = None,
    identity: str | None = None,
    resize: str | None = None,
) -> FeatureStatistics:
    """Makes statistics of moments.

    Args:
        moments: Of at least 2 features.
        net: Name of the feature network.
        identity: Its hash.
        resize: How images were brought to its size.

    Raises:
        InputError: There are fewer than 2.
    """
    count = moments.num_examples
    if count < 2:
        raise InputError(
            f"A covariance of {count} features: expected at least 2; give more "
            "examples."
        )
    covariance = moments.scatter / (count - 1)
    return FeatureStatistics(moments.mean, covariance, count, net, identity, resize)


def feature_statistics(
    features: Any,
    *,
    net: str | None = None,
    identity: str | None = None,
    resize: str | None = None,
) -> FeatureStatistics:
    """Calculates mean and covariance of features, in float64 whatever they come in.

    Args:
        features: Shape (n, d), n at least 2.
        net: Name of the feature network.
        identity: Its hash.
        resize: How images were brought to its size.

    Raises:
        InputError: They are too few, of another shape or not finite.

    Examples:
        >>> statistics = feature_statistics([[1.0, 0.0], [3.0, 0.0]])
        >>> statistics.mean.tolist(), statistics.covariance.tolist()
        ([2.0, 0.0], [[2.0, 0.0], [0.0, 0.0]])
    """
    features = check_features("given", features)
    moments = add_batch(start(features.shape[1]), features)
    return finish(moments, net=net, identity=identity, resize=resize)


def check_statistics(name: str, statistics: FeatureStatistics) -> None:
    """Raises an InputError unless a mean and a covariance may be what they are called.

    Args:
        name: What to call them in an error.
        statistics: What to look at.
    """
    mean, covariance = map(np.asarray, statistics[:2])
    if mean.ndim != 1 or not mean.size or covariance.shape != (mean.size, mean.size):
        raise InputError(
            f"{name}: the mean has shape {mean.shape} and the covariance "
            f"{covariance.shape}; expected (d,) and (d, d), of one network's features."
        )
    for part, values in (("mean", mean), ("covariance", covariance)):
        if not np.isfinite(values).all():
            raise InputError(
                f"{name}: the {part} holds numbers that are not finite; calculate the "
                "statistics anew, from features that are."
            )
    # Float32 statistics of other programs are symmetric up to their rounding only.
    slack = 1e-4 * np.abs(covariance).max()
    if np.abs(
        covariance - covariance.T
    ).max() > slack or covariance.diagonal().min() < (-slack):
        raise InputError(
            f"{name}: the covariance is not symmetric or has a negative variance; "
            "calculate the statistics anew."
        )


def check_comparable(real: FeatureStatistics, generated: FeatureStatistics) -> None:
    """Raises an InputError if two statistics are known not to be comparable.

    What one of them does not say is not held against the other.

    Args:
        real: Of one set.
        generated: Of the other.
    """
    if real.mean.shape != generated.mean.shape:
        raise InputError(
            f"The real features have {len(real.mean)} dimensions and the generated "
            f"ones {len(generated.mean)}: use the same feature network for both."
        )
    for field, what in (
        ("net", "are of the network"),
        ("identity", "are of the network with the hash"),
        ("resize", "are of images resized by"),
    ):
        ours, theirs = getattr(real, field), getattr(generated, field)
        if None not in (ours, theirs) and ours != theirs:
            raise InputError(
                f"The real statistics {what} {ours!r} and the generated ones {what} "
                f"{theirs!r}: calculate both in the same way."
            )


def centre(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the mean of features and what they are without it, in float64.

    Args:
        features: Shape (n, d), n at least 1.
    """
    # Relative to the first row: a constant feature becomes exactly 0, and the digits of
    # a large mean do not drown those of the rest.
    shift = features[0].astype(np.float64)
    centred = features - shift
    step = centred.mean(axis=0)
    centred -= step
    return shift + step, centred


def _moments_of(features: np.ndarray) -> Moments:
    mean, centred = centre(features)
    return Moments(len(features), mean, centred.T @ centred)

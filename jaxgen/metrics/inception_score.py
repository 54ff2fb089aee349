"""The inception score, of any classifier's log-probabilities."""

from typing import Any, NamedTuple

import numpy as np
import scipy

from jaxgen.checks import check_count
from jaxgen.errors import InputError

__all__ = ["InceptionScore", "inception_score", "inception_score_replicates"]


class InceptionScore(NamedTuple):
    """The inception score over splits of the examples.

    Attributes:
        mean: The score, from 1 to the number of classes.
        standard_deviation: Of `splits`, divisor `num_splits`.
        splits: One score per split, float64, shape (num_splits,).
    """

    mean: float
    standard_deviation: float
    splits: np.ndarray


def inception_score(log_probabilities: Any, *, num_splits: int = 10) -> InceptionScore:
    """Calculates `exp(mean over x of KL(p(y|x) || p(y)))`, mean over splits.

    p(y) is the mean of p(y|x) over the split. A small split has few examples to fill
    the classes with, and a lower score: compare scores of the same n and splits only.
    The score never looks at real data.

    Examples are split in the order given. Shuffle those that are sorted by class: a
    split of one class has the score 1.

    Args:
        log_probabilities: log p(y|x) in nats, shape (n, classes), as of
            `jax.nn.log_softmax`. Minus infinity is allowed.
        num_splits: Split i holds examples `i n // splits` to `(i + 1) n // splits`.

    Raises:
        InputError: The log-probabilities cannot be used, or are fewer than the splits.

    Examples:
        Sure of one of three classes, each as often:

        >>> sure = np.log(np.eye(3) + 1e-300)
        >>> print(round(inception_score(sure, num_splits=1).mean, 6))
        3.0

    References:
        Salimans et al., Improved Techniques for Training GANs, 2016, section 4.
        Barratt and Sharma, A Note on the Inception Score, 2018.
    """
    log_probabilities = _check(log_probabilities)
    every = np.ones((1, len(log_probabilities)), bool)
    [splits] = _scores(log_probabilities, every, num_splits)
    return InceptionScore(float(splits.mean()), float(splits.std()), splits)


def inception_score_replicates(
    log_probabilities: Any, rows: np.ndarray, *, num_splits: int = 10
) -> np.ndarray:
    """Calculates the mean of `inception_score` on half-samples.

    Args:
        log_probabilities: log p(y|x), shape (n, classes).
        rows: Which examples are in each half: `Halves.generated`, bool, shape
            (repeats, n).
        num_splits: Of each half.

    Returns:
        float64, shape (repeats,).

    Raises:
        InputError: See `inception_score`.
    """
    return _scores(_check(log_probabilities), rows, num_splits).mean(axis=1)


def _scores(
    log_probabilities: np.ndarray, rows: np.ndarray, num_splits: int
) -> np.ndarray:
    """Scores the splits of each row's examples, shape (repeats, num_splits).

    KL summed over a split is its entropy of p(y) less those of p(y|x), which are
    calculated once for all rows.
    """
    least = int(rows.sum(axis=1).min())
    check_count("num_splits", num_splits, 1)
    if num_splits > least:
        raise InputError(
            f"num_splits={num_splits} for {least} examples: give at most as many "
            "splits as examples."
        )
    probabilities = np.exp(log_probabilities)
    entropies = _entropy(probabilities, log_probabilities)
    scores = np.empty((len(rows), num_splits))
    for row, score in zip(rows, scores, strict=True):
        chosen = np.flatnonzero(row)
        edges = np.arange(num_splits + 1) * len(chosen) // num_splits
        lengths = np.diff(edges)
        marginal = np.add.reduceat(probabilities[chosen], edges[:-1])
        marginal /= lengths[:, None]
        conditional = np.add.reduceat(entropies[chosen], edges[:-1]) / lengths
        # A class that no example has: 0 log 0 is 0.
        logs = np.log(marginal, where=marginal > 0, out=np.zeros_like(marginal))
        score[:] = np.exp(_entropy(marginal, logs) - conditional)
    return scores


def _entropy(probabilities: np.ndarray, logs: np.ndarray) -> np.ndarray:
    # 0 times minus infinity is not a number, but the limit of p log p is 0.
    return -(probabilities * np.where(probabilities > 0, logs, 0.0)).sum(axis=1)


def _check(log_probabilities: Any) -> np.ndarray:
    """Returns the log-probabilities in float64, normalised to its digits."""
    found = np.asarray(log_probabilities)
    if found.ndim != 2 or found.dtype.kind != "f" or 0 in found.shape:
        raise InputError(
            f"The log-probabilities are {found.dtype} of shape {found.shape}: expected "
            "floats of shape (examples, classes)."
        )
    found = found.astype(np.float64)
    # NaN and plus infinity are not allowed; minus infinity is a probability of 0.
    bad = ~(found < np.inf).all(axis=1)
    if bad.any():
        raise InputError(
            f"{int(bad.sum())} of {len(found)} log-probabilities are not numbers, the "
            f"first is number {int(bad.argmax())}: look at that image and at the "
            "classifier."
        )
    total = scipy.special.logsumexp(found, axis=1, keepdims=True)
    off = np.abs(np.expm1(total))
    if off.max() > 1e-3:
        worst = int(off.argmax())
        raise InputError(
            f"The probabilities of example {worst} sum to "
            f"{float(np.exp(total[worst, 0])):g}: expected 1; give "
            "jax.nn.log_softmax(logits)."
        )
    return found - total

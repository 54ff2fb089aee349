"""Spearman's rank correlation with its interval."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from jaxgen.errors import InputError
from jaxgen.metrics.resampling import Interval

__all__ = ["SignalCorrelation", "rank_correlation", "signal_correlations"]


def rank_correlation(x: ArrayLike, y: ArrayLike) -> Interval:
    """Calculates Spearman's rank correlation of pairs and its 95 % interval.

    The interval is one for independent pairs. Where one of both never changes there is
    no correlation: the value is 0. There, and for 3 pairs, the interval is -1 to 1.
    Where all ranks agree, it begins where that of ranks with one swap of neighbours
    begins.

    Args:
        x: One number of each pair, shape (n,), n at least 3.
        y: The other number of each pair, shape (n,).

    Raises:
        InputError: They are no lists of as many finite numbers, at least 3.

    Examples:
        >>> found = rank_correlation([1, 2, 3, 4, 5, 6], [1, 3, 2, 4, 6, 5])
        >>> print(f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})")
        0.89 (0.07 to 0.99)

    References:
        Bonett and Wright, Sample size requirements for estimating Pearson, Kendall and
        Spearman correlations, 2000, for the standard error of atanh(rho).
    """
    from scipy.stats import rankdata

    pairs = [_check("x", x), _check("y", y)]
    number = len(pairs[0])
    if len(pairs[1]) != number:
        raise InputError(f"x has {number} numbers and y {len(pairs[1])}: give pairs.")
    ranks = [rankdata(values) for values in pairs]
    if min(ranked.std() for ranked in ranks) == 0:
        return Interval(0.0, -1.0, 1.0)
    value = float(np.corrcoef(*ranks)[0, 1])
    if number < 4:
        return Interval(value, -1.0, 1.0)
    most = 1 - 12 / (number * (number**2 - 1))  # of ranks with one swap
    middle = math.atanh(min(max(value, -most), most))
    half = 1.96 * math.sqrt((1 + math.tanh(middle) ** 2 / 2) / (number - 3))
    low, high = math.tanh(middle - half), math.tanh(middle + half)
    return Interval(value, min(low, value), max(high, value))


class SignalCorrelation(NamedTuple):
    """Rank correlations of a signal with a target over a training.

    Attributes:
        level: Of their values.
        change: Of their changes from each value to the next: two curves that both fall
            correlate in their values, whatever they are of.
        number: Of values.
    """

    level: Interval
    change: Interval
    number: int


def signal_correlations(
    signals: Mapping[str, ArrayLike], target: ArrayLike
) -> dict[str, SignalCorrelation]:
    """Calculates how well signals that a training logs rank a target.

    Args:
        signals: By name, values in order of time, shape (n,), such as a loss.
        target: Values at the same times, shape (n,), such as a Frechet distance.

    Returns:
        The correlations by the name of the signal; none for fewer than 4 values.

    Raises:
        InputError: See `rank_correlation`.
    """
    target = np.asarray(target, np.float64)
    if len(target) < 4:
        return {}
    target, found = _check("target", target), {}
    for name, values in signals.items():
        signal = _check(f"The signal {name!r}", values)
        found[name] = SignalCorrelation(
            rank_correlation(signal, target),
            rank_correlation(np.diff(signal), np.diff(target)),
            len(target),
        )
    return found


def _check(name: str, values: ArrayLike) -> np.ndarray:
    array = np.asarray(values, np.float64)
    if array.ndim != 1 or len(array) < 3 or not np.isfinite(array).all():
        raise InputError(
            f"{name} has shape {array.shape}: expected at least 3 finite numbers."
        )
    return array

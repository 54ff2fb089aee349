"""Intervals by half-samples: how far a number would move with other sets of n examples.

A bootstrap draws examples with replacement, and a copy of an example is its own nearest
neighbour: ball radii fall to 0 and every count of neighbours is wrong. Halves drawn
without replacement have no copies, and the deviation of a half's value from that of the
whole set has the variance of the whole set's own deviation from the truth:
Var(half) = 2 Var(whole), half of which is shared. For the same reason a bias of
order 1/n shows in full: E[half - whole] is the bias of the whole. For odd n both are
too large by a factor of (n + 1) / (n - 1).

How often 95 % intervals of 20 halves hold the truth, measured on Gaussians in 4
dimensions (1,000 repetitions of two sets of 500): Frechet distance of 1.39, 0.15 and
0, debiased, 94.8 %, 95.6 % and 99.8 %. Where the distributions are equal, what is left
of the distance is of second order, of which halves show too much: intervals are 1.6
times as wide as they need be, and never too narrow. It is the same for the MMD. Counts
of neighbours depend on n by a power that is not -1, so `debias` is not for them, and
the radii of a half are larger: their intervals are 1.1 to 1.4 times as wide as they
need be (97 to 99 %).

Præstgaard and Wellner, Exchangeably Weighted Bootstraps of the General Empirical
Process, 1993, example 3.7 (the delete-h jackknife at h = n/2).
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np
import scipy

from jaxgen.checks import check_count, check_key, check_number
from jaxgen.errors import InputError
from jaxgen.random import numpy_generator
from jaxgen.typing import PRNGKeyArray

__all__ = [
    "Halves",
    "Interval",
    "half_samples",
    "halves",
    "interval",
    "mean_interval",
    "replicate",
    "trimmed_mean_interval",
]


class Halves(NamedTuple):
    """Which examples are in each half-sample, of two sets drawn independently.

    Attributes:
        real: bool, shape (repeats, n).
        generated: bool, shape (repeats, m).
    """

    real: np.ndarray
    generated: np.ndarray


class Interval(NamedTuple):
    """A number and what it may be with other examples.

    Attributes:
        value: The number.
        low: Lower end.
        high: Upper end.
    """

    value: float
    low: float
    high: float


def half_samples(key: PRNGKeyArray, repeats: int, num_examples: int) -> np.ndarray:
    """Draws half-samples: each row has `num_examples // 2` true entries.

    Rows come in pairs of complements where `num_examples` is even, so that a linear
    statistic has the same mean over the rows as over the set.

    Args:
        key: It is consumed.
        repeats: Rows.
        num_examples: Columns.

    Returns:
        bool, shape (repeats, num_examples).

    Raises:
        InputError: There are fewer than 4 examples or 2 rows.
    """
    check_key(key)
    check_count("repeats", repeats, 2)
    check_count("num_examples", num_examples, 4)
    half = num_examples // 2
    rng = numpy_generator(key)
    rows = np.zeros((repeats, num_examples), bool)
    for first in range(0, repeats, 2):
        order = rng.permutation(num_examples)
        rows[first, order[:half]] = True
        if first + 1 < repeats:
            rows[first + 1, order[num_examples - half :]] = True
    return rows


def halves(
    key: PRNGKeyArray, repeats: int, num_real: int, num_generated: int
) -> Halves:
    """Draws half-samples of two sets, independently of each other.

    Args:
        key: It is consumed.
        repeats: Half-samples of each.
        num_real: Examples of the first set.
        num_generated: Examples of the second set.

    Raises:
        InputError: See `half_samples`.
    """
    check_key(key)
    of_real, of_generated = jax.random.split(key)
    return Halves(
        half_samples(of_real, repeats, num_real),
        half_samples(of_generated, repeats, num_generated),
    )


def replicate(
    statistic: Callable[[np.ndarray, np.ndarray], float],
    halves: Halves,
    real: np.ndarray,
    generated: np.ndarray,
) -> np.ndarray:
    """Calculates a statistic of two sets anew on each pair of their halves.

    Args:
        statistic: `(real, generated) -> number`.
        halves: The halves.
        real: Shape (n, ...).
        generated: Shape (m, ...).

    Returns:
        float64, shape (repeats,).
    """
    return np.array(
        [
            statistic(real[one], generated[other])
            for one, other in zip(halves.real, halves.generated, strict=True)
        ],
        np.float64,
    )


def interval(
    value: float,
    replicates: np.ndarray,
    *,
    confidence: float = 0.95,
    debias: bool = False,
    bounds: tuple[float, float] = (-np.inf, np.inf),
) -> Interval:
    """Makes an interval of the values on half-samples.

    Half its width is the standard deviation of the replicates times a quantile of
    Student's t. It covers what sets of the same size give in expectation. With
    `debias` a bias of order 1/n is taken out of the value and its interval, which then
    covers the limit of ever larger sets; for the Frechet distance this is the
    regression on 1/n through n and n/2.

    Replicates of a half and its complement deviate from the whole by opposite amounts
    (exactly so for a mean over examples). Hence the divisor is their number, and the
    degrees of freedom are half of it.

    Args:
        value: Of the whole sets.
        replicates: Of their halves, shape (repeats,).
        confidence: Level.
        debias: Whether to extrapolate to infinite sets.
        bounds: The ends are kept within them, for rates from 0 to 1.

    Raises:
        InputError: The confidence is not between 0 and 1, or the replicates are fewer
            than 2.

    Examples:
        >>> interval(5.0, np.array([4.0, 6.0, 4.5, 5.5]), confidence=0.9)
        Interval(value=5.0, low=2.69..., high=7.30...)
    """
    replicates = np.asarray(replicates, np.float64)
    check_number("confidence", confidence, above=0, below=1)
    if replicates.ndim != 1 or len(replicates) < 2:
        raise InputError(
            f"The replicates have shape {replicates.shape}: expected (repeats,), at "
            "least 2 of them."
        )
    freedom = len(replicates) // 2
    reach = scipy.special.stdtrit(freedom, 0.5 + confidence / 2) * replicates.std()
    if debias:
        value = 2 * value - float(replicates.mean())
    low, high = np.clip([value - reach, value + reach], *bounds)
    return Interval(float(value), float(low), float(high))


def mean_interval(
    values: np.ndarray,
    *,
    confidence: float = 0.95,
    bounds: tuple[float, float] = (-np.inf, np.inf),
) -> Interval:
    """Makes the interval of a mean over independent examples, by Student's t.

    Args:
        values: One per example, shape (n,), n at least 2.
        confidence: Level.
        bounds: The ends are kept within them.

    Examples:
        >>> mean_interval(np.array([1.0, 2.0, 3.0]))
        Interval(value=2.0, low=-0.484..., high=4.484...)
    """
    values = np.asarray(values, np.float64)
    error = values.std(ddof=1) / np.sqrt(len(values))
    reach = scipy.special.stdtrit(len(values) - 1, 0.5 + confidence / 2) * error
    low, high = np.clip([values.mean() - reach, values.mean() + reach], *bounds)
    return Interval(float(values.mean()), float(low), float(high))


def trimmed_mean_interval(
    values: np.ndarray,
    *,
    percentiles: tuple[float, float] = (1.0, 99.0),
    confidence: float = 0.95,
) -> Interval:
    """Averages the values between two percentiles, ends included, with an interval.

    Half the width of the interval is the standard deviation of the winsorised values,
    over `sqrt(n)` and the share that is kept, times a quantile of Student's t. It
    covers the trimmed mean of the distribution, not its mean.

    Args:
        values: One per example, shape (n,).
        percentiles: From 0 to 100; values outside them are dropped. (0, 100) is the
            plain mean.
        confidence: Level.

    Raises:
        InputError: The percentiles are not two growing numbers from 0 to 100, or fewer
            than two values are left.

    Examples:
        >>> print(f"{trimmed_mean_interval(np.array([*range(100), 1e6])).value:.2f}")
        50.00

    References:
        Tukey and McLaughlin, Less vulnerable confidence and significance procedures
        for location based on a single sample, 1963.
    """
    lower, upper = percentiles
    if not 0 <= lower < upper <= 100:
        raise InputError(
            f"percentiles={percentiles}: give two growing numbers from 0 to 100."
        )
    values = np.asarray(values, np.float64)
    # The percentiles are values themselves, so that few values lose none.
    low = np.percentile(values, lower, method="lower")
    high = np.percentile(values, upper, method="higher")
    kept = values[(low <= values) & (values <= high)]
    if len(kept) < 2:
        raise InputError(f"{len(kept)} values are left of {len(values)}: give more.")
    count, share = len(values), len(kept) / len(values)
    error = np.clip(values, low, high).std(ddof=1) / (share * np.sqrt(count))
    reach = scipy.special.stdtrit(len(kept) - 1, 0.5 + confidence / 2) * error
    middle = kept.mean()
    return Interval(float(middle), float(middle - reach), float(middle + reach))

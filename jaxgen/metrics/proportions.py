"""How sure a share is that was counted in so many trials."""

import math
from typing import Any

import scipy

from jaxgen.checks import check_number
from jaxgen.errors import InputError
from jaxgen.metrics.resampling import Interval

__all__ = ["check_successes", "wilson_interval"]


def wilson_interval(
    successes: int, trials: int, *, confidence: float = 0.95
) -> Interval:
    """Calculates the share of successes and Wilson's score interval around it.

    The probabilities p that `(share - p)^2 <= z^2 p (1 - p) / trials`. It never leaves
    [0, 1] and has a width at 0 and all successes too, where the usual
    `share +- z sqrt(share (1 - share) / trials)` has none.

    Args:
        successes: Trials that succeeded, from 0 to `trials`.
        trials: Independent trials.
        confidence: Probability with which the interval holds the truth, about.

    Raises:
        InputError: The counts are not counts of successes among trials, or the
            confidence is not between 0 and 1.

    Examples:
        >>> share = wilson_interval(8, 8)
        >>> print(f"{share.value} {share.low:.3f} {share.high}")
        1.0 0.676 1.0

    References:
        Wilson, Probable Inference, the Law of Succession, and Statistical Inference,
        1927.
    """
    check_successes(successes, trials)
    check_number("confidence", confidence, above=0, below=1)
    share = successes / trials
    z_squared = float(scipy.special.ndtri(0.5 + confidence / 2)) ** 2
    scale = 1 + z_squared / trials
    center = (share + z_squared / (2 * trials)) / scale
    variance = share * (1 - share) / trials + z_squared / (4 * trials**2)
    half = math.sqrt(z_squared * variance) / scale
    # The ends at 0 and at all successes are exact; rounding must not move them.
    low = 0.0 if successes == 0 else center - half
    high = 1.0 if successes == trials else center + half
    return Interval(share, low, high)


def check_successes(successes: Any, trials: Any) -> None:
    """Raises an InputError unless there are trials, and no more successes."""
    if trials != int(trials) or successes != int(successes):
        raise InputError(
            f"There are {successes} successes in {trials} trials: give whole numbers."
        )
    if trials < 1 or not 0 <= successes <= trials:
        raise InputError(
            f"There are {successes} successes in {trials} trials: expected at least 1 "
            "trial and from 0 to all of them to succeed."
        )

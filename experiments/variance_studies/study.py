"""What a study leaves behind, and how its numbers are written."""

import math
from typing import Any, NamedTuple

import numpy as np
from scipy import special

from jaxgen import run
from jaxgen.estimators import Moments

REACH = float(-special.ndtri(0.005))
"""Standard errors on either side of a 99% interval."""


class Study(NamedTuple):
    """What a study leaves behind.

    Attributes:
        arrays: What its figure is drawn from.
        tables: Tables for the page: title, note, columns, how many of these hold words,
            and rows of strings.
        z: Deviations from the exact values in standard errors.
        results: Numbers for the head of the page, by name, with their unit.
    """

    arrays: dict[str, Any]
    tables: list[run.Table]
    z: list[float]
    results: dict[str, tuple[float, str]]


# Of float32, as in `jaxgen.estimators.checks`.
_ROUNDING = 2e-6


def z_of_mean(found: Moments, truth: Any, size: Any) -> Any:
    """The mean's deviation in standard errors; float32's rounding is no deviation."""
    error = np.sqrt(found.standard_error**2 + (_ROUNDING * size) ** 2 + 1e-24)
    return (found.mean - truth) / error


def z_of_variance(found: Moments, truth: Any, size: Any) -> Any:
    """The same of the variance, `size` being that of the mean."""
    error = found.variance_standard_error
    error = np.sqrt(error**2 + (_ROUNDING * size**2) ** 2 + 1e-24)
    return (found.variance - truth) / error


def exact_text(value: float) -> str:
    """An exact value, to five digits."""
    return "0" if abs(value) < 1e-12 else f"{value:.5g}"


def measured_text(value: float, error: float) -> str:
    """A mean with its 99% interval, to two digits of that."""
    half = REACH * error
    if abs(value) + half < 1e-12:
        return "0"
    if not half > 1e-9 * abs(value):
        return exact_text(value)
    digits = 1 - math.floor(math.log10(half))
    value, half = round(value, digits), round(half, digits)
    return f"{value:.{max(digits, 0)}f} ± {half:.{max(digits, 0)}f}"


def signed_text(value: float) -> str:
    """A deviation, with its sign."""
    return f"{value:+.1f}".replace("-", "\N{MINUS SIGN}")

"""Mode counts: which modes of the data a generator makes, and how evenly."""

from typing import Any, NamedTuple

import numpy as np
import scipy

from jaxgen.checks import check_count, check_number
from jaxgen.errors import InputError
from jaxgen.metrics.arrays import check_features

__all__ = [
    "AssignedModes",
    "ModeReplicates",
    "Modes",
    "assign_gaussian_modes",
    "check_proportions",
    "count_modes",
    "gaussian_modes",
    "mode_replicates",
]


class Modes(NamedTuple):
    """Which modes a set of samples has.

    Attributes:
        captured: Modes that have enough good samples.
        high_quality: Share of good samples: near a mode, or of a class the classifier
            is sure of; None where that is not known.
        reverse_kl: KL(histogram of samples over the modes || the data's), nats. It is
            log(K / k) for an even k of K modes, and infinite where a sample has a mode
            that the data lack, or no sample is good.
        counts: Samples per mode, integers, shape (modes,).
    """

    captured: int
    high_quality: float | None
    reverse_kl: float
    counts: np.ndarray


class ModeReplicates(NamedTuple):
    """Mode counts on half-samples.

    A mode with a single sample is in one half only, so `captured` comes out lower than
    that of the whole set, and its spread is what counts.

    Attributes:
        captured: float64, shape (repeats,).
        high_quality: float64, shape (repeats,), or None.
        reverse_kl: float64, shape (repeats,).
    """

    captured: np.ndarray
    high_quality: np.ndarray | None
    reverse_kl: np.ndarray


class AssignedModes(NamedTuple):
    """The mode of each sample, from which `count_modes` and `mode_replicates` count.

    Attributes:
        modes: From 0 to the number of modes - 1, shape (n,).
        counted: Whether a sample counts for its mode, bool, shape (n,).
        high_quality: Whether it is a good one, bool, shape (n,), or None.
        proportions: Of the modes in the data, float64, shape (modes,).
    """

    modes: np.ndarray
    counted: np.ndarray
    high_quality: np.ndarray | None
    proportions: np.ndarray


def gaussian_modes(
    samples: Any,
    means: Any,
    standard_deviation: float,
    *,
    radius: float = 3.0,
    least: int = 1,
    proportions: Any = None,
) -> Modes:
    """Counts the modes of a known mixture of round Gaussians.

    A sample is good within `radius` standard deviations of the nearest mean. Good
    samples alone make the histogram; a mode is captured by `least` of them. The
    published figures are of 2,500 samples, radius 3 and least 1; in two dimensions
    perfect samples are then good in `1 - exp(-4.5)` = 98.89 %.

    Args:
        samples: Shape (n, d).
        means: Shape (modes, d).
        standard_deviation: Of every mode in every direction.
        radius: In standard deviations.
        least: Good samples that a mode needs.
        proportions: Of the modes in the data, shape (modes,); even by default.

    Raises:
        InputError: The arrays or settings cannot be used.

    Examples:
        >>> means = np.array([[-1.0, 0.0], [1.0, 0.0]])
        >>> samples = np.array([[-1.0, 0.01], [-1.02, 0.0], [0.2, 0.0], [-1.0, 0.0]])
        >>> found = gaussian_modes(samples, means, 0.01)
        >>> print(found.captured, found.high_quality, found.counts)
        1 0.75 [3 0]
        >>> print(round(found.reverse_kl, 3))
        0.693

    References:
        Srivastava et al., VEEGAN, 2017, section 4.1. Lin et al., PacGAN, 2018,
        section 4.1.
    """
    return count_modes(
        assign_gaussian_modes(
            samples, means, standard_deviation, radius=radius, proportions=proportions
        ),
        least=least,
    )


def assign_gaussian_modes(
    samples: Any,
    means: Any,
    standard_deviation: float,
    *,
    radius: float = 3.0,
    proportions: Any = None,
) -> AssignedModes:
    """Finds the nearest mode of each sample; see `gaussian_modes`."""
    samples = check_features("sample", samples, least=1)
    means = check_features("mean", means, least=1)
    check_number("standard_deviation", standard_deviation, above=0.0)
    check_number("radius", radius, above=0.0)
    if samples.shape[1] != means.shape[1]:
        raise InputError(
            f"The samples have {samples.shape[1]} dimensions and the means "
            f"{means.shape[1]}: expected the same."
        )
    if proportions is None:
        proportions = np.ones(len(means))
    proportions = check_proportions("proportions", proportions)
    if len(proportions) != len(means):
        raise InputError(
            f"There are {len(proportions)} proportions for {len(means)} means: give "
            "one per mode."
        )
    distances = scipy.spatial.distance.cdist(samples, means)
    good = distances.min(axis=1) <= radius * standard_deviation
    return AssignedModes(distances.argmin(axis=1), good, good, proportions)


def count_modes(assigned: AssignedModes, *, least: int = 1) -> Modes:
    """Counts modes of samples whose modes are known.

    Args:
        assigned: As of `assign_gaussian_modes` or `assign_class_modes`.
        least: Samples that a mode needs.
    """
    every = np.ones((1, len(assigned.modes)), bool)
    found = mode_replicates(assigned, every, least=least)
    return Modes(
        int(found.captured[0]),
        None if found.high_quality is None else float(found.high_quality[0]),
        float(found.reverse_kl[0]),
        _counts(assigned, every[0]),
    )


def mode_replicates(
    assigned: AssignedModes, rows: np.ndarray, *, least: int = 1
) -> ModeReplicates:
    """Counts modes of half-samples.

    Args:
        assigned: As of `assign_gaussian_modes` or `assign_class_modes`.
        rows: Which samples are in each half: `Halves.generated`, bool, shape
            (repeats, n).
        least: Samples that a mode needs, in a half as in the whole set.

    Raises:
        InputError: `least` is below 1.
    """
    check_count("least", least, 1)
    counts = np.stack([_counts(assigned, row) for row in rows])
    total = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(total, 1)
    divergence = scipy.special.rel_entr(shares, assigned.proportions).sum(axis=1)
    good = assigned.high_quality
    return ModeReplicates(
        (counts >= least).sum(axis=1).astype(np.float64),
        None if good is None else np.array([good[row].mean() for row in rows]),
        np.where(total[:, 0] > 0, divergence, np.inf),
    )


def check_proportions(name: str, given: Any) -> np.ndarray:
    """Returns proportions of modes as float64 that sum to 1.

    Raises:
        InputError: They are no counts or proportions.
    """
    found = np.asarray(given, np.float64)
    if (
        found.ndim != 1
        or not np.isfinite(found).all()
        or (found < 0).any()
        or not found.sum() > 0
    ):
        raise InputError(
            f"The {name} have shape {found.shape} and sum {found.sum():g}: expected "
            "shape (modes,), finite, none below 0 and not all 0."
        )
    return found / found.sum()


def _counts(assigned: AssignedModes, row: np.ndarray) -> np.ndarray:
    chosen = assigned.modes[row & assigned.counted]
    return np.bincount(chosen, minlength=len(assigned.proportions))

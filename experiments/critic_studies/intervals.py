"""Means over seeds, with their intervals."""

import numpy as np
import scipy

from experiments.variance_studies.study import REACH, measured_text


def half_width(values: np.ndarray) -> np.ndarray:
    """Returns half of the 99% interval of the mean over the last axis (Student's t)."""
    seeds = values.shape[-1]
    if seeds < 2:
        return np.zeros(values.shape[:-1])
    error = values.std(axis=-1, ddof=1) / np.sqrt(seeds)
    return float(scipy.stats.t.isf(0.005, seeds - 1)) * error


def text(values: np.ndarray) -> str:
    """Writes the mean over seeds with its 99% interval, to two digits of that."""
    # `measured_text` is given a standard error, of the interval of a normal.
    return measured_text(float(values.mean()), float(half_width(values)) / REACH)

"""Diversity: how far samples are from each other, next to how far data are."""

from typing import Any

import scipy

from jaxgen.errors import InputError
from jaxgen.metrics.arrays import check_features

__all__ = ["relative_diversity"]


def relative_diversity(samples: Any, data: Any) -> float:
    """Calculates the mean distance of two samples over that of two examples of data.

    It is 0 where all samples are the same and about 1 where they are spread like data.
    Few modes that are far apart can have it too: it does not replace a count of modes.

    Args:
        samples: Shape (n, d), at least two.
        data: Shape (m, d), at least two, not all of them equal.

    Raises:
        InputError: The arrays cannot be used, or all data are the same.

    Examples:
        >>> import numpy as np
        >>> data = np.array([[0.0], [2.0]])
        >>> relative_diversity(np.array([[1.0], [1.5]]), data)
        0.25
    """
    samples = check_features("sample", samples, least=2)
    data = check_features("data", data, least=2)
    of_data = float(scipy.spatial.distance.pdist(data).mean())
    if not of_data > 0:
        raise InputError("All data are the same: give examples that differ.")
    return float(scipy.spatial.distance.pdist(samples).mean()) / of_data

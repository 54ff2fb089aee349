"""Classes of nearest neighbours."""

import numpy as np

from jaxgen.checks import check_count
from jaxgen.errors import InputError
from jaxgen.metrics.arrays import check_features

__all__ = ["neighbour_agreement"]


def neighbour_agreement(
    points: np.ndarray, labels: np.ndarray, *, neighbours: int = 10
) -> np.ndarray:
    """Returns how many of each point's nearest neighbours are of its class.

    Args:
        points: Such as the latent means of test images, shape (n, dimensions).
        labels: Their classes, shape (n,), int.
        neighbours: Neighbours of each point, itself left out; fewer than n.

    Returns:
        Shares from 0 to 1, shape (n,). By chance their mean is the sum
        of the squared shares of the classes.

    Raises:
        InputError: Shapes do not fit, points are not finite, or there are too few.

    Examples:
        >>> points = np.array([[0.0], [0.1], [5.0], [5.1]])
        >>> neighbour_agreement(points, np.array([0, 0, 1, 0]), neighbours=1)
        array([1., 1., 0., 0.])
    """
    from scipy.spatial import KDTree

    points, labels = check_features("points", points), np.asarray(labels)
    check_count("neighbours", neighbours, 1)
    if labels.shape != points.shape[:1]:
        raise InputError(
            f"points has shape {points.shape} and labels {labels.shape}: expected "
            "(n, dimensions) and (n,)."
        )
    if len(points) <= neighbours:
        raise InputError(
            f"neighbours={neighbours}: there are {len(points)} points, give fewer."
        )
    _, nearest = KDTree(points).query(points, k=neighbours + 1)
    # Among copies of a point the point itself need not come first.
    own = nearest == np.arange(len(points))[:, None]
    own[~own.any(axis=1), -1] = True
    others = nearest[~own].reshape(len(points), neighbours)
    return (labels[others] == labels[:, None]).mean(axis=1)

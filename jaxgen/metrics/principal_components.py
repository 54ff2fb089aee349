"""The linear map to a few numbers that every learned one is measured against."""

import numpy as np

from jaxgen.checks import check_count
from jaxgen.errors import InputError
from jaxgen.metrics.arrays import check_features

__all__ = ["principal_components"]


def principal_components(
    train: np.ndarray, examples: np.ndarray, *, components: int = 2
) -> np.ndarray:
    """Projects examples on the first principal components of a training set.

    Args:
        train: Examples that the components are found from, shape (n, ...).
        examples: Those that are projected, shape (m, ...).
        components: Components, below both n and the numbers of an example.

    Returns:
        Coordinates, shape (m, components), of falling variance in the training set; the
        signs are arbitrary. Zeros, where all training examples are the same.

    Raises:
        InputError: Shapes do not fit, numbers are not finite, or there are too few.

    References:
        Hotelling, Analysis of a complex of statistical variables into principal
        components, 1933.
    """
    from scipy.sparse.linalg import svds

    x, y = (
        check_features(name, np.asarray(array, np.float64).reshape(len(array), -1))
        for name, array in (("train", train), ("examples", examples))
    )
    check_count("components", components, 1)
    if x.shape[1:] != y.shape[1:]:
        raise InputError(
            f"train has shape {train.shape} and examples {examples.shape}: both must "
            "be of one size."
        )
    if components >= min(x.shape):
        raise InputError(
            f"components={components}: {len(x)} examples of {x.shape[1]} numbers have "
            f"fewer, give at most {min(x.shape) - 1}."
        )
    mean = x.mean(axis=0)
    if not (x - mean).any():
        return np.zeros((len(y), components))
    start = np.random.default_rng(0).normal(size=min(x.shape))
    _, sizes, directions = svds(x - mean, k=components, v0=start)
    assert directions is not None
    return (y - mean) @ directions[np.argsort(-sizes)].T

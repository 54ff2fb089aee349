"""Wasserstein distances on a line: exact in one dimension, sliced in many."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgen.errors import InputError
from jaxgen.metrics.arrays import check_features, check_pair
from jaxgen.metrics.resampling import Halves
from jaxgen.typing import PRNGKeyArray

# Projections at once: of 50,000 examples they are 25 MB.
_BLOCK = 64


class SlicedWasserstein(NamedTuple):
    """The sliced Wasserstein distance of two sets.

    Attributes:
        distance: `power^(1/order)`, in units of the features.
        power: The mean over directions of `W^order`, unbiased in the directions.
        standard_error: Of `power`, from the choice of directions alone.
    """

    distance: float
    power: float
    standard_error: float


class SlicedWassersteinReplicates(NamedTuple):
    """The sliced Wasserstein distance on half-samples.

    Attributes:
        distance: float64, shape (repeats,).
        power: float64, shape (repeats,).
    """

    distance: np.ndarray
    power: np.ndarray


def wasserstein_1d(x: Any, y: Any, *, order: float = 1) -> float:
    """Calculates the Wasserstein distance of two sets of numbers, exactly.

    `(integral over u of |F^-1(u) - G^-1(u)|^order)^(1/order)` between the quantile
    functions F^-1 of x and G^-1 of y.

    Args:
        x: Shape (n,).
        y: Shape (m,), m may differ from n.
        order: From 1 on.

    Returns:
        In units of x and y.

    Raises:
        InputError: The numbers cannot be used, or the order is below 1.

    Examples:
        >>> print(wasserstein_1d([0.0, 2.0], [5.0, 3.0]))
        3.0

    References:
        Peyré and Cuturi, Computational Optimal Transport, 2019, remark 2.30.
    """
    _check_order(order)
    x, y = (
        np.sort(check_features(name, np.reshape(values, (-1, 1)), least=1)[:, 0])
        for name, values in (("first", x), ("second", y))
    )
    return float(_powers(x[None], y[None], order)[0] ** (1 / order))


def sliced_wasserstein(
    key: PRNGKeyArray,
    real: np.ndarray,
    generated: np.ndarray,
    *,
    num_projections: int = 500,
    order: float = 2,
) -> SlicedWasserstein:
    """Calculates the mean one-dimensional Wasserstein distance over random directions.

    `power = E over |v| = 1 of W(real . v, generated . v)^order`. Of N(a, I) and
    N(b, I) it is `|a - b|^2 / d` for order 2.

    Two finite sets of the same distribution are some way apart, about 1/n in `power`
    for order 2: compare distances of the same n only.

    Args:
        key: It is consumed.
        real: Shape (n, d).
        generated: Shape (m, d), m may differ from n.
        num_projections: Directions, uniform on the sphere.
        order: From 1 on.

    Raises:
        InputError: The features cannot be used, the order is below 1, or there are
            fewer than 2 directions.

    References:
        Bonneel et al., Sliced and Radon Wasserstein Barycenters of Measures, 2015.
    """
    real, generated = check_pair(real, generated)
    _check_order(order)
    values = np.concatenate(
        [
            _powers(
                np.sort((real @ some).T, axis=1),
                np.sort((generated @ some).T, axis=1),
                order,
            )
            for some in _directions(key, real.shape[1], num_projections)
        ]
    )
    power = float(values.mean())
    error = float(values.std(ddof=1)) / num_projections**0.5
    return SlicedWasserstein(power ** (1 / order), power, error)


def sliced_wasserstein_replicates(
    key: PRNGKeyArray,
    real: np.ndarray,
    generated: np.ndarray,
    halves: Halves,
    *,
    num_projections: int = 500,
    order: float = 2,
) -> SlicedWassersteinReplicates:
    """Calculates `sliced_wasserstein` on half-samples, sorting each direction once.

    Args:
        key: That of `sliced_wasserstein` gives the same directions; it is consumed.
        real: Shape (n, d).
        generated: Shape (m, d).
        halves: Which examples are in each half.
        num_projections: Directions.
        order: From 1 on.

    Raises:
        InputError: See `sliced_wasserstein`.
    """
    real, generated = check_pair(real, generated)
    _check_order(order)
    power = np.zeros(len(halves.real))
    for some in _directions(key, real.shape[1], num_projections):
        of_real, of_generated = _Sorted.of(real @ some), _Sorted.of(generated @ some)
        power += [
            _powers(of_real.among(one), of_generated.among(other), order).sum()
            for one, other in zip(halves.real, halves.generated, strict=True)
        ]
    power /= num_projections
    return SlicedWassersteinReplicates(power ** (1 / order), power)


class _Sorted(NamedTuple):
    """Projections in rising order, shapes (directions, n)."""

    values: np.ndarray
    order: np.ndarray

    @classmethod
    def of(cls, projections: np.ndarray) -> "_Sorted":
        projections = np.ascontiguousarray(projections.T)
        order = projections.argsort(axis=1)
        return cls(np.take_along_axis(projections, order, axis=1), order)

    def among(self, members: np.ndarray) -> np.ndarray:
        # Every direction has the same members, so the rows stay even.
        return self.values[members[self.order]].reshape(len(self.values), -1)


def _powers(x: np.ndarray, y: np.ndarray, order: float) -> np.ndarray:
    """Calculates W^order of each pair of rows, which are sorted."""
    n, m = x.shape[1], y.shape[1]
    if n == m:
        return (np.abs(x - y) ** order).mean(axis=1)
    # The quantile functions jump at i / n and j / m: in units of 1 / nm, whole numbers.
    edges = np.union1d(np.arange(n + 1) * m, np.arange(m + 1) * n)
    gaps = np.abs(x[:, edges[:-1] // m] - y[:, edges[:-1] // n])
    return gaps**order @ (np.diff(edges) / (n * m))


def _directions(
    key: PRNGKeyArray, dimension: int, num_projections: int
) -> Iterator[np.ndarray]:
    """Draws directions in blocks, each of shape (d, at most `_BLOCK`)."""
    if num_projections < 2:
        raise InputError(f"num_projections={num_projections}: give at least 2.")
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    for first in range(0, num_projections, _BLOCK):
        some = rng.normal(size=(dimension, min(_BLOCK, num_projections - first)))
        yield some / np.linalg.norm(some, axis=0)


def _check_order(order: float) -> None:
    # Below 1 the cost is concave, and sorting is not the cheapest transport.
    if not 1 <= order < np.inf:
        raise InputError(f"order={order:g}: give a finite number from 1 on.")

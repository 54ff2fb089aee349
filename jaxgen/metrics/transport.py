"""Wasserstein distances on a line: exact in one dimension, sliced in many."""

import functools
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from jaxgen.checks import check_count, check_key, check_number
from jaxgen.errors import InputError
from jaxgen.metrics.arrays import check_features, check_pair
from jaxgen.metrics.resampling import Halves
from jaxgen.random import numpy_generator
from jaxgen.typing import PRNGKeyArray

__all__ = [
    "SlicedWasserstein",
    "SlicedWassersteinReplicates",
    "sliced_wasserstein",
    "sliced_wasserstein_with_replicates",
    "wasserstein_1d",
]

# Directions at once. Of 50,000 examples in float32 their projections are 13 MB; sorted,
# in float64, with 50 half-samples and for both sets it is 170 MB at most.
_BLOCK = 64

_ROWS = 256
"""Features whose difference from the centre is in memory at once."""


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
        for name, values in (("x", x), ("y", y))
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
    for order 2: compare distances of the same n only. Projections have the precision of
    the features, float32 at least; what follows is float64.

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
    check_key(key)
    _check_order(order)
    values = [
        _powers(
            np.sort(of_real, axis=1).astype(np.float64),
            np.sort(of_generated, axis=1).astype(np.float64),
            order,
        )
        for of_real, of_generated in _projections(key, real, generated, num_projections)
    ]
    return _mean(np.concatenate(values), order)


def sliced_wasserstein_with_replicates(
    key: PRNGKeyArray,
    real: np.ndarray,
    generated: np.ndarray,
    halves: Halves,
    *,
    num_projections: int = 500,
    order: float = 2,
) -> tuple[SlicedWasserstein, SlicedWassersteinReplicates]:
    """Calculates `sliced_wasserstein` of two sets and of their half-samples.

    Both are of the same directions, and each is sorted once: a half-sample in order is
    what is left of the whole set in order.

    Args:
        key: That of `sliced_wasserstein` gives the same directions; it is consumed.
        real: Shape (n, d).
        generated: Shape (m, d).
        halves: Which examples are in each half; the halves of a set have one size.
        num_projections: Directions.
        order: From 1 on.

    Returns:
        Of the whole sets, and of the half-samples.

    Raises:
        InputError: See `sliced_wasserstein`; or halves of a set differ in size.
    """
    _check_order(order)
    halves_of_real = _Members.of("real", halves.real)
    halves_of_generated = _Members.of("generated", halves.generated)
    values, power = [], np.zeros(len(halves.real))
    for projections in _projections(key, real, generated, num_projections):
        of_real, of_generated = map(_Sorted.of, projections)
        values.append(_powers(of_real.values, of_generated.values, order))
        for direction in range(len(of_real.values)):
            power += _powers(
                halves_of_real.select(of_real, direction),
                halves_of_generated.select(of_generated, direction),
                order,
            )
    power /= num_projections
    return (
        _mean(np.concatenate(values), order),
        SlicedWassersteinReplicates(power ** (1 / order), power),
    )


class _Sorted(NamedTuple):
    """Projections in rising order, shapes (directions, n)."""

    values: np.ndarray
    places: np.ndarray

    @classmethod
    def of(cls, projections: np.ndarray) -> "_Sorted":
        places = projections.argsort(axis=1)
        values = np.take_along_axis(projections, places, axis=1)
        return cls(values.astype(np.float64), places)


class _Members(NamedTuple):
    """Which examples are in each half: bool, shape (n, repeats)."""

    of_example: np.ndarray
    size: int

    @classmethod
    def of(cls, name: str, rows: np.ndarray) -> "_Members":
        sizes = rows.sum(axis=1)
        if (sizes != sizes[0]).any() or not sizes[0]:
            raise InputError(
                f"The {name} half-samples have from {sizes.min()} to {sizes.max()} "
                "examples: expected as many in each, at least 1, as of `halves`."
            )
        return cls(np.ascontiguousarray(rows.T), int(sizes[0]))

    def select(self, given: _Sorted, direction: int) -> np.ndarray:
        """Returns the numbers of each half in order, shape (repeats, size)."""
        # All halves of an example side by side: one jump in memory for all of them.
        member = self.of_example[given.places[direction]].T
        repeats, number = member.shape
        chosen = np.flatnonzero(member).reshape(repeats, self.size)
        chosen -= np.arange(repeats)[:, np.newaxis] * number
        return given.values[direction].take(chosen)


def _powers(x: np.ndarray, y: np.ndarray, order: float) -> np.ndarray:
    """Calculates W^order of each pair of rows, which are sorted."""
    n, m = x.shape[1], y.shape[1]
    if n == m:
        gaps = x - y
        np.abs(gaps, out=gaps)
        gaps **= order
        return gaps.mean(axis=1)
    of_x, of_y, lengths = _pieces(n, m)
    return np.abs(x[:, of_x] - y[:, of_y]) ** order @ lengths


# One pair of sizes for whole sets and one for their halves, again for every direction.
@functools.lru_cache(maxsize=2)
def _pieces(n: int, m: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where both quantile functions are constant: places in x, in y, and lengths."""
    # They jump at i / n and j / m: in units of 1 / nm, whole numbers.
    edges = np.union1d(np.arange(n + 1) * m, np.arange(m + 1) * n)
    return edges[:-1] // m, edges[:-1] // n, np.diff(edges) / (n * m)


def _mean(values: np.ndarray, order: float) -> SlicedWasserstein:
    power = float(values.mean())
    error = float(values.std(ddof=1)) / len(values) ** 0.5
    return SlicedWasserstein(power ** (1 / order), power, error)


def _projections(
    key: PRNGKeyArray, real: np.ndarray, generated: np.ndarray, num_projections: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Projects both sets on blocks of directions, shapes (directions, n or m)."""
    real, generated = check_pair(real, generated)
    # One type for both, or they would be projected on directions rounded otherwise.
    kind = np.result_type(real, generated, np.float32)
    real, generated = (each.astype(kind, copy=False) for each in (real, generated))
    for some in _directions(key, real.shape[1], num_projections):
        # A float64 direction would make a float64 copy of all features, every time.
        rows = some.T.astype(kind)
        yield _project(rows, real, real[:1]), _project(rows, generated, real[:1])


def _project(rows: np.ndarray, features: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Projects features block by block, counted from a centre.

    A common offset would take digits of float32, and does not change the distance.
    """
    return np.concatenate(
        [
            rows @ (features[first : first + _ROWS] - centre).T
            for first in range(0, len(features), _ROWS)
        ],
        axis=1,
    )


def _directions(
    key: PRNGKeyArray, dimension: int, num_projections: int
) -> Iterator[np.ndarray]:
    """Draws directions in blocks, each of shape (d, at most `_BLOCK`)."""
    check_count("num_projections", num_projections, 2)
    rng = numpy_generator(key)
    for first in range(0, num_projections, _BLOCK):
        some = rng.normal(size=(dimension, min(_BLOCK, num_projections - first)))
        yield some / np.linalg.norm(some, axis=0)


def _check_order(order: float) -> None:
    # Below 1 the cost is concave, and sorting is not the cheapest transport.
    check_number("order", order, least=1)

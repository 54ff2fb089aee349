"""Maximum mean discrepancy and the kernel inception distance.

The three sums of the unbiased estimate nearly cancel: of two sets of the same
distribution a few 1e-5 are left of sums of a few units. Everything is float64 on the
host, and a kernel matrix is seen one block at a time.
"""

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np

from jaxgen.checks import check_count, check_key
from jaxgen.errors import InputError
from jaxgen.metrics.arrays import check_pair
from jaxgen.metrics.kernel_functions import Kernel, polynomial_kernel
from jaxgen.metrics.resampling import Halves
from jaxgen.random import numpy_generator
from jaxgen.typing import PRNGKeyArray

__all__ = [
    "KernelInceptionDistance",
    "MaximumMeanDiscrepancy",
    "MaximumMeanDiscrepancyWithReplicates",
    "kernel_inception_distance",
    "mmd",
    "mmd_with_replicates",
]

# Rows of x and of y at once: a block of a kernel matrix is 8 MiB.
_BLOCK = 1024


class KernelInceptionDistance(NamedTuple):
    """The kernel inception distance over random subsets.

    Attributes:
        mean: The distance. It may be a little below 0.
        standard_deviation: Of `values`, divisor `num_subsets`. It says how far subsets
            differ, not how sure the mean is: for that see
            `mmd_with_replicates`.
        values: One per subset, float64, shape (num_subsets,).
    """

    mean: float
    standard_deviation: float
    values: np.ndarray


class MaximumMeanDiscrepancy(NamedTuple):
    """Two estimates of the squared maximum mean discrepancy.

    Attributes:
        unbiased: Pairs of an example with itself do not count; may be below 0.
        biased: They count; never below 0, and above the truth by order 1/n.
    """

    unbiased: float
    biased: float


class MaximumMeanDiscrepancyWithReplicates(NamedTuple):
    """The squared maximum mean discrepancy of two sets and of their half-samples.

    Attributes:
        unbiased: See `MaximumMeanDiscrepancy`.
        biased: Likewise.
        replicates: The unbiased estimate on each pair of halves, float64, shape
            (repeats,).
    """

    unbiased: float
    biased: float
    replicates: np.ndarray


def mmd(
    real: np.ndarray, generated: np.ndarray, *, kernel: Kernel = polynomial_kernel
) -> MaximumMeanDiscrepancy:
    """Calculates the squared maximum mean discrepancy of two sets.

    `E k(x, x') + E k(y, y') - 2 E k(x, y)`. Unbiased, the first two are means over
    pairs of different examples.

    Args:
        real: Shape (n, d).
        generated: Shape (m, d), m may differ from n.
        kernel: Of two blocks of examples.

    Raises:
        InputError: The features cannot be used; see `check_pair`.

    Examples:
        Of a set with itself, the biased estimate is 0 and the unbiased one below.

        >>> corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
        >>> mmd(corners, corners)
        MaximumMeanDiscrepancy(unbiased=-1.0729..., biased=0.0)

    References:
        Gretton et al., A Kernel Two-Sample Test, 2012, equations 3 and 5.
    """
    real, generated = check_pair(real, generated)
    found = _estimates(
        real, generated, _members(real, None), _members(generated, None), kernel
    )
    return MaximumMeanDiscrepancy(float(found.unbiased[0]), float(found.biased[0]))


def mmd_with_replicates(
    real: np.ndarray,
    generated: np.ndarray,
    halves: Halves,
    *,
    kernel: Kernel = polynomial_kernel,
) -> MaximumMeanDiscrepancyWithReplicates:
    """Calculates `mmd` of two sets and of all pairs of half-samples in one pass.

    Each block of the kernel matrix is made once, and its product with the membership
    of the whole set and all halves gives its part in all of them.

    Args:
        real: Shape (n, d).
        generated: Shape (m, d).
        halves: Which examples are in each half.
        kernel: Of two blocks of examples.

    Raises:
        InputError: The features cannot be used; see `check_pair`.
    """
    real, generated = check_pair(real, generated)
    found = _estimates(
        real,
        generated,
        _members(real, halves.real),
        _members(generated, halves.generated),
        kernel,
    )
    return MaximumMeanDiscrepancyWithReplicates(
        float(found.unbiased[0]), float(found.biased[0]), found.unbiased[1:]
    )


def kernel_inception_distance(
    key: PRNGKeyArray,
    real: np.ndarray,
    generated: np.ndarray,
    *,
    num_subsets: int = 100,
    subset_size: int = 1000,
    degree: int = 3,
) -> KernelInceptionDistance:
    """Calculates the kernel inception distance: unbiased `mmd` over random subsets.

    The kernel is `(x.y / d + 1)^degree`. Each subset is drawn without replacement, and
    independently of the others. Features of any network will do; the published numbers
    are of Inception-2015 pool3.

    Args:
        key: It is consumed.
        real: Shape (n, d).
        generated: Shape (m, d).
        num_subsets: Subsets of each set.
        subset_size: Examples in each.
        degree: Of the kernel.

    Raises:
        InputError: The features cannot be used, a set is smaller than `subset_size`,
            or there is no subset.

    References:
        Bińkowski et al., Demystifying MMD GANs, 2018, section 4.
    """
    check_key(key)
    real, generated = check_pair(real, generated)
    check_count("num_subsets", num_subsets, 1)
    check_count("subset_size", subset_size, 2)
    if min(len(real), len(generated)) < subset_size:
        raise InputError(
            f"There are {len(real)} real and {len(generated)} generated features: "
            f"fewer than subset_size={subset_size}; give more, or a smaller "
            "subset_size."
        )
    rng = numpy_generator(key)
    kernel = partial(polynomial_kernel, degree=degree)
    values = np.array(
        [
            mmd(
                real[rng.choice(len(real), subset_size, replace=False)],
                generated[rng.choice(len(generated), subset_size, replace=False)],
                kernel=kernel,
            ).unbiased
            for _ in range(num_subsets)
        ]
    )
    return KernelInceptionDistance(float(values.mean()), float(values.std()), values)


class _Estimates(NamedTuple):
    """Both estimates of each pair of subsets, shapes (subsets,)."""

    unbiased: np.ndarray
    biased: np.ndarray


def _members(features: np.ndarray, rows: np.ndarray | None) -> np.ndarray:
    """Returns who is in the whole set, and in each half: shape (n, 1 + repeats)."""
    every = np.ones((len(features), 1))
    return every if rows is None else np.concatenate([every, rows.T], axis=1)


def _estimates(
    x: np.ndarray, y: np.ndarray, of_x: np.ndarray, of_y: np.ndarray, kernel: Kernel
) -> _Estimates:
    within_x, within_y = _within(x, of_x, kernel), _within(y, of_y, kernel)
    n, m = of_x.sum(axis=0), of_y.sum(axis=0)
    between = 2 * _between(x, y, of_x, of_y, kernel) / (n * m)
    return _Estimates(
        (within_x.all_pairs - within_x.diagonal) / (n * (n - 1))
        + (within_y.all_pairs - within_y.diagonal) / (m * (m - 1))
        - between,
        within_x.all_pairs / n**2 + within_y.all_pairs / m**2 - between,
    )


class _Within(NamedTuple):
    """Sums of a kernel over the pairs of each subset, shapes (subsets,)."""

    all_pairs: np.ndarray
    diagonal: np.ndarray


def _within(x: np.ndarray, members: np.ndarray, kernel: Kernel) -> _Within:
    # The matrix is symmetric: blocks above the diagonal count twice.
    total, diagonal = np.zeros(members.shape[1]), np.zeros(members.shape[1])
    for rows in _blocks(len(x)):
        for columns in _blocks(len(x), rows.start):
            values = kernel(x[rows], x[columns])
            part = _sums(values, members[rows], members[columns])
            if rows == columns:
                diagonal += values.diagonal() @ members[rows]
                total += part
            else:
                total += 2 * part
    return _Within(total, diagonal)


def _between(
    x: np.ndarray,
    y: np.ndarray,
    of_x: np.ndarray,
    of_y: np.ndarray,
    kernel: Kernel,
) -> np.ndarray:
    total = np.zeros(of_x.shape[1])
    for rows in _blocks(len(x)):
        for columns in _blocks(len(y)):
            total += _sums(kernel(x[rows], y[columns]), of_x[rows], of_y[columns])
    return total


def _sums(values: np.ndarray, of_rows: np.ndarray, of_columns: np.ndarray):
    """Sums a block over each subset: its quadratic forms, one per column of members."""
    return ((values @ of_columns) * of_rows).sum(axis=0)


def _blocks(count: int, start: int = 0) -> Iterator[slice]:
    for first in range(start, count, _BLOCK):
        yield slice(first, min(first + _BLOCK, count))

"""Does a model copy its training set? Its distances to it against those of a test set.

A model that has learned the distribution comes as close to the training examples as
fresh examples of the distribution do. One that copies comes closer.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from jaxgen.checks import check_count, check_number
from jaxgen.errors import InputError
from jaxgen.metrics.arrays import check_features, check_pair
from jaxgen.metrics.distances import BLOCK
from jaxgen.metrics.neighbours import Neighbours, nearest_neighbours
from jaxgen.metrics.resampling import Halves, replicate

__all__ = [
    "Memorisation",
    "copy_probability",
    "memorisation",
    "memorisation_replicates",
]


class Memorisation(NamedTuple):
    """How close generated examples come to the training set.

    Attributes:
        probability: P(d_generated < d_test) + P(=)/2, where d is the distance to the
            nearest training example. 0.5 is healthy, towards 1 the model copies,
            towards 0 its examples are strange to the training set.
        z_score: Of `probability` against 0.5. Far above 2 the model copies.
        share_closer: Share of generated examples closer to the training set than the
            first few (1 %) of test examples; of as many is what is healthy.
        exact: Generated examples that are training examples.
        near: Generated examples at a distance of at most a tenth of the median of the
            test examples, the exact ones among them.
        generated: Nearest training examples of the generated ones, for the eye.
        test: Nearest training examples of the test examples.
    """

    probability: float
    z_score: float
    share_closer: float
    exact: int
    near: int
    generated: Neighbours
    test: Neighbours


def memorisation(
    train: np.ndarray,
    test: np.ndarray,
    generated: np.ndarray,
    *,
    k: int = 1,
    percentile: float = 1.0,
    near: float = 0.1,
    block_size: int = BLOCK,
    progress: Callable[[int], None] | None = None,
) -> Memorisation:
    """Compares distances to the training set by the test of Mann and Whitney.

    `U = sum_ij [d(generated_i) < d(test_j)] + [=]/2` and `probability = U/(m n)`, d the
    distance to the nearest training example. The z-score is that of U under equal
    distributions, ties accounted for. The training set is held fixed, so the distances
    are independent examples, and half-samples of them need no new search
    (`memorisation_replicates`).

    The test set must be fresh: examples in both sets look like memorisation by nobody.

    Args:
        train: Features of the training examples, shape (n, d).
        test: Features of held-out examples, shape (t, d).
        generated: Features of generated examples, shape (m, d).
        k: Neighbours to return for each, for figures; only the first is compared.
        percentile: Of the test distances, in percent, for `share_closer`.
        near: Of the median test distance, for `near`.
        block_size: Rows of distances at once; it changes nothing but memory and time.
        progress: It is called with the number of rows done since the last call, t + m
            in all.

    Returns:
        `Memorisation(probability, z_score, share_closer, exact, near, ...)`.

    Raises:
        InputError: The features cannot be used, or the percentile or `near` is out of
            range.

    Examples:
        >>> train, test = np.array([[0.0], [9.0]]), np.array([[1.0], [3.0]])
        >>> found = memorisation(train, test, np.array([[0.0], [2.0]]))
        >>> found.probability, found.exact, found.generated.indices.tolist()
        (0.75, 1, [[0], [0]])

    References:
        Meehan et al., A Non-Parametric Test to Detect Data-Copying in Generative
        Models, 2020 (here without cells, and with the sign that is above 0 for a
        copying model).
    """
    check_count("k", k, 1)
    check_number("percentile", percentile, above=0, below=100)
    check_number("near", near, above=0)
    train = check_features("train", train, least=k)
    test, generated = check_pair(test, generated, name="test")
    if train.shape[1] != test.shape[1]:
        raise InputError(
            f"The train features have {train.shape[1]} dimensions and the test ones "
            f"{test.shape[1]}: use the same feature network for both."
        )

    def search(some: np.ndarray) -> Neighbours:
        return nearest_neighbours(
            some, train, k=k, block_size=block_size, progress=progress
        )

    of_test, of_generated = search(test), search(generated)
    healthy, seen = of_test.distances[:, 0], of_generated.distances[:, 0]
    probability = copy_probability(healthy, seen)
    return Memorisation(
        probability,
        _z_score(probability, healthy, seen),
        float((seen < np.percentile(healthy, percentile)).mean()),
        int((seen == 0).sum()),
        int((seen <= near * np.median(healthy)).sum()),
        of_generated,
        of_test,
    )


def memorisation_replicates(found: Memorisation, halves: Halves) -> np.ndarray:
    """Calculates `probability` on half-samples of the test and the generated set.

    Args:
        found: What `memorisation` found for the whole sets.
        halves: Their half-samples; `halves.real` is of the test set.

    Returns:
        float64, shape (repeats,).
    """
    return replicate(
        copy_probability,
        halves,
        found.test.distances[:, 0],
        found.generated.distances[:, 0],
    )


def copy_probability(test: np.ndarray, generated: np.ndarray) -> float:
    """Calculates P(d_generated < d_test) + P(=)/2 of two sets of distances.

    Args:
        test: Shape (n,).
        generated: Shape (m,).

    Examples:
        >>> copy_probability(np.array([1.0, 3.0]), np.array([1.0, 2.0]))
        0.625
    """
    ordered = np.sort(test)
    not_above = np.searchsorted(ordered, generated, side="right")
    below = np.searchsorted(ordered, generated, side="left")
    return float(1 - (not_above + below).mean() / (2 * len(test)))


def _z_score(probability: float, test: np.ndarray, generated: np.ndarray) -> float:
    from scipy import stats  # half of what importing this package would cost

    n, m = len(test), len(generated)
    ranks = stats.rankdata(np.concatenate([test, generated]))
    # The sample variance of the ranks is N (N + 1) / 12 without ties, less with them.
    variance = ranks.var(ddof=1) / (n * m * (n + m))
    if variance == 0:
        return 0.0
    return float((probability - 0.5) / np.sqrt(variance))

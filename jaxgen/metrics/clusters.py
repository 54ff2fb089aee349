"""Clusters of real and generated examples together."""

import warnings
from typing import Any, NamedTuple

import numpy as np

from jaxgen.checks import check_count
from jaxgen.errors import InputError
from jaxgen.metrics.arrays import check_pair
from jaxgen.random import numpy_generator
from jaxgen.typing import PRNGKeyArray

__all__ = ["Clusters", "union_clusters"]


class Clusters(NamedTuple):
    """Which cluster each example is in, in every run.

    Attributes:
        real: Integers from 0 to `num_clusters - 1`, shape (runs, n).
        generated: The same, shape (runs, m).
        num_clusters: Clusters in a run.
    """

    real: np.ndarray
    generated: np.ndarray
    num_clusters: int


def union_clusters(
    key: PRNGKeyArray,
    real: np.ndarray,
    generated: np.ndarray,
    *,
    num_clusters: int = 20,
    num_runs: int = 10,
) -> Clusters:
    """Clusters real and generated examples together, by k-means in mini-batches.

    The authors' code asks for as many real as generated examples, because clusters
    follow the larger set. Here sets of different sizes have the same total weight in
    the clustering instead, and no example is left out; for equal sizes that is the
    authors' clustering.

    Args:
        key: It is consumed.
        real: Features, shape (n, d).
        generated: Shape (m, d).
        num_clusters: Clusters.
        num_runs: How often, from other starts.

    Raises:
        InputError: The features cannot be used, they are fewer than the clusters,
            there is no run, or scikit-learn is missing.
    """
    real, generated = check_pair(real, generated)
    # float32 features stay so: of 2 x 50,000 of Inception that saves 800 MB.
    union = np.concatenate([real, generated])
    if union.dtype.kind != "f":
        union = union.astype(np.float64)
    check_count("num_clusters", num_clusters, 1)
    check_count("num_runs", num_runs, 1)
    if min(len(real), len(generated)) < num_clusters:
        raise InputError(
            f"There are {len(real)} real and {len(generated)} generated features: "
            f"{num_clusters} clusters need {num_clusters} of each; give more of the "
            "smaller set, or a smaller num_clusters."
        )
    weights = None
    if len(real) != len(generated):
        sizes = np.array([len(real), len(generated)])
        weights = np.repeat(sizes.mean() / sizes, sizes)
    rng = numpy_generator(key)
    labels = np.stack(
        [
            _cluster(union, weights, num_clusters, int(seed))
            for seed in rng.integers(2**31 - 1, size=num_runs)
        ]
    )
    return Clusters(labels[:, : len(real)], labels[:, len(real) :], num_clusters)


def _cluster(
    union: np.ndarray, weights: np.ndarray | None, num_clusters: int, seed: int
) -> np.ndarray:
    try:
        from sklearn.cluster import MiniBatchKMeans
        from sklearn.exceptions import ConvergenceWarning
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise InputError(
            "Precision and recall for distributions need scikit-learn: run pip install "
            '"jaxgen[metrics]".'
        ) from error
    settings: dict[str, Any] = {"n_init": 10, "random_state": seed}
    clustering = MiniBatchKMeans(num_clusters, **settings)
    # Mini-batches are too small for threads, which wait for each other in a busy loop.
    with warnings.catch_warnings(), threadpool_limits(1):
        # Fewer different points than clusters, as of a collapsed generator, leave
        # clusters empty, which are bins of 0.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return np.asarray(clustering.fit(union, sample_weight=weights).labels_)

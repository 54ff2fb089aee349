"""Every metric of two sets of features, with its values on half-samples."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import numpy as np
import scipy

from jaxgen.metrics.arrays import check_pair
from jaxgen.metrics.class_modes import assign_class_modes
from jaxgen.metrics.clusters import union_clusters
from jaxgen.metrics.evaluation import Better
from jaxgen.metrics.features.base import Activations
from jaxgen.metrics.frechet import frechet_distance_of_features, frechet_replicates
from jaxgen.metrics.inception_score import (
    inception_score,
    inception_score_replicates,
)
from jaxgen.metrics.kernel import mmd, mmd_with_replicates
from jaxgen.metrics.modes import count_modes, mode_replicates
from jaxgen.metrics.neighbour_metrics import neighbour_metrics
from jaxgen.metrics.prd import prd_of_clusters, prd_replicates
from jaxgen.metrics.resampling import Halves
from jaxgen.metrics.transport import (
    sliced_wasserstein,
    sliced_wasserstein_with_replicates,
)
from jaxgen.random import numpy_generator
from jaxgen.typing import PRNGKeyArray

__all__ = [
    "DEFAULTS",
    "Comparison",
    "Outcome",
    "Settings",
    "compare_sets",
    "mean_comparison",
]

_RATE = (0.0, 1.0)


class Settings(NamedTuple):
    """Hyperparameters of the metrics, all of them those of the papers.

    Attributes:
        precision_k: Neighbours of improved precision and recall.
        density_k: Neighbours of density and coverage.
        num_clusters: Of precision and recall for distributions.
        num_projections: Of the sliced Wasserstein distance.
        num_splits: Of the inception score.
    """

    precision_k: int = 3
    density_k: int = 5
    num_clusters: int = 20
    num_projections: int = 256
    num_splits: int = 10


DEFAULTS = Settings()


class Outcome(NamedTuple):
    """A metric before its floor and its interval are known.

    Attributes:
        value: Of the whole sets.
        replicates: On half-samples, shape (repeats,), or None where none were asked.
        better: See `Measure`.
        bounds: Where its interval ends at the latest.
        debias: Whether it is to be extrapolated to infinite sets.
    """

    value: float
    replicates: np.ndarray | None
    better: Better = "lower"
    bounds: tuple[float, float] = (-np.inf, np.inf)
    debias: bool = False


class Comparison(NamedTuple):
    """All metrics of two sets.

    Attributes:
        outcomes: By the name of the metric.
        curve: Precision and recall for distributions, shape (2, angles).
    """

    outcomes: dict[str, Outcome]
    curve: np.ndarray


def compare_sets(
    key: PRNGKeyArray,
    real: Activations,
    generated: Activations,
    halves: Halves | None,
    *,
    settings: Settings = DEFAULTS,
    progress: Callable[[str], None] | None = None,
) -> Comparison:
    """Calculates every metric of two sets of features.

    Args:
        key: It is consumed: clusterings and projections are drawn.
        real: Features of real images, and log-probabilities if the network has them.
        generated: Features of generated ones.
        halves: Half-samples of both for the replicates, or None for values alone.
        settings: Hyperparameters.
        progress: It is called with the name of each family of metrics when it begins.

    Raises:
        InputError: There are too few examples for a metric.
    """
    of_clusters, of_slices, of_splits = jax.random.split(key, 3)
    x, y = check_pair(real.features, generated.features)
    progress = progress or (lambda _: None)
    outcomes: dict[str, Outcome] = {}
    progress("Frechet distance")
    outcomes |= _frechet(x, y, halves)
    progress("kernel distance")
    outcomes["KID"] = _kernel(x, y, halves)
    progress("nearest neighbours")
    outcomes |= _neighbours(x, y, halves, settings)
    progress("clusters")
    found, curve = _clusters(of_clusters, x, y, halves, settings)
    outcomes |= found
    progress("sliced Wasserstein distance")
    outcomes |= _sliced(of_slices, x, y, halves, settings)
    if real.log_probabilities is not None and generated.log_probabilities is not None:
        progress("classes")
        outcomes |= _classes(
            of_splits,
            real.log_probabilities,
            generated.log_probabilities,
            halves,
            settings,
        )
    return Comparison(outcomes, curve)


def mean_comparison(comparisons: Sequence[Comparison]) -> Comparison:
    """Averages the same metrics over several networks, replicate by replicate.

    The halves are the same for all of them, so the mean's replicates carry what the
    networks' values have in common.

    Args:
        comparisons: One per network.
    """
    first = comparisons[0]
    outcomes = {}
    for name, outcome in first.outcomes.items():
        found = [one.outcomes[name] for one in comparisons]
        replicates = [o.replicates for o in found if o.replicates is not None]
        outcomes[name] = outcome._replace(
            value=float(np.mean([o.value for o in found])),
            replicates=np.mean(replicates, axis=0) if replicates else None,
        )
    return Comparison(outcomes, np.mean([one.curve for one in comparisons], axis=0))


def _frechet(x: np.ndarray, y: np.ndarray, halves: Halves | None) -> dict[str, Outcome]:
    value = frechet_distance_of_features(x, y)
    if halves is None:
        return {"FD": Outcome(value, None)}
    found = frechet_replicates(x, y, halves)
    outcomes = {"FD": Outcome(value, found, bounds=(0.0, np.inf))}
    # Where a half does not span the features the bias is far from order 1/n.
    if min(len(x), len(y)) // 2 > x.shape[1]:
        outcomes["FD∞"] = Outcome(value, found, debias=True)
    return outcomes


def _kernel(x: np.ndarray, y: np.ndarray, halves: Halves | None) -> Outcome:
    if halves is None:
        return Outcome(mmd(x, y).unbiased, None)
    found = mmd_with_replicates(x, y, halves)
    return Outcome(found.unbiased, found.replicates)


def _neighbours(
    x: np.ndarray, y: np.ndarray, halves: Halves | None, settings: Settings
) -> dict[str, Outcome]:
    found = neighbour_metrics(
        x,
        y,
        precision_k=settings.precision_k,
        density_k=settings.density_k,
        halves=halves,
    )
    of_halves = found.replicates
    outcomes = {
        name: Outcome(
            getattr(found, name),
            None if of_halves is None else getattr(of_halves, name),
            "higher",
            _RATE,
        )
        for name in ("precision", "recall", "density", "coverage")
    }
    # More than 1 is no better: generated examples then crowd where real ones do.
    density = outcomes["density"]._replace(better="near", bounds=(0.0, np.inf))
    return outcomes | {"density": density}


def _clusters(
    key: PRNGKeyArray,
    x: np.ndarray,
    y: np.ndarray,
    halves: Halves | None,
    settings: Settings,
) -> tuple[dict[str, Outcome], np.ndarray]:
    clusters = union_clusters(key, x, y, num_clusters=settings.num_clusters)
    whole = prd_of_clusters(clusters)
    found = None if halves is None else prd_replicates(clusters, halves)
    f_8 = None if found is None else found.f_8
    f_eighth = None if found is None else found.f_eighth
    outcomes = {
        "PRD F8": Outcome(whole.f_8, f_8, "higher", _RATE),
        "PRD F1/8": Outcome(whole.f_eighth, f_eighth, "higher", _RATE),
    }
    return outcomes, np.stack([whole.precision, whole.recall])


def _sliced(
    key: PRNGKeyArray,
    x: np.ndarray,
    y: np.ndarray,
    halves: Halves | None,
    settings: Settings,
) -> dict[str, Outcome]:
    number = settings.num_projections
    if halves is None:
        whole = sliced_wasserstein(key, x, y, num_projections=number)
        return {"sliced W2": Outcome(whole.distance, None)}
    whole, found = sliced_wasserstein_with_replicates(
        key, x, y, halves, num_projections=number
    )
    ends = (0.0, np.inf)
    return {"sliced W2": Outcome(whole.distance, found.distance, bounds=ends)}


def _classes(
    key: PRNGKeyArray,
    real: np.ndarray,
    generated: np.ndarray,
    halves: Halves | None,
    settings: Settings,
) -> dict[str, Outcome]:
    splits = min(settings.num_splits, len(generated) // 2)
    # Images may come sorted by class, and a split of one class has the score 1.
    order = numpy_generator(key).permutation(len(generated))
    generated = generated[order]
    # What the classifier says of real images, not their labels: it errs on both alike.
    # Half a vote more for each, so that a class it never sees there is not impossible.
    votes = np.bincount(real.argmax(axis=1), minlength=real.shape[1]) + 0.5
    assigned = assign_class_modes(generated, votes / votes.sum())
    whole = count_modes(assigned)
    score = inception_score(generated, num_splits=splits).mean
    of_score = of_modes = None
    if halves is not None:
        rows = halves.generated[:, order]
        of_score = inception_score_replicates(generated, rows, num_splits=splits)
        of_modes = mode_replicates(assigned, rows)
        of_modes = of_modes._replace(
            reverse_kl=_class_divergences(real, generated, halves.real, rows)
        )
    named: tuple[tuple[str, str, Better, tuple[float, float]], ...] = (
        ("classes captured", "captured", "higher", (0.0, float(real.shape[1]))),
        ("class reverse KL", "reverse_kl", "lower", (0.0, np.inf)),
        ("confident share", "high_quality", "higher", _RATE),
    )
    outcomes: dict[str, Outcome] = {
        name: Outcome(
            float(getattr(whole, field)),
            None if of_modes is None else getattr(of_modes, field),
            better,
            bounds,
        )
        for name, field, better, bounds in named
    }
    bounds = (1.0, float(real.shape[1]))
    return {"IS": Outcome(score, of_score, "higher", bounds)} | outcomes


def _class_divergences(
    real: np.ndarray,
    generated: np.ndarray,
    of_real: np.ndarray,
    of_generated: np.ndarray,
) -> np.ndarray:
    """Calculates KL(generated || real) of class shares on halves of both sets."""
    every = np.eye(real.shape[1])
    votes = of_real @ every[real.argmax(axis=1)] + 0.5
    counts = of_generated @ every[generated.argmax(axis=1)]
    shares = [each / each.sum(axis=1, keepdims=True) for each in (counts, votes)]
    return scipy.special.rel_entr(*shares).sum(axis=1)

"""DCI and SAP: how well latents predict factors, and which latent predicts which.

What is fitted comes from scikit-learn, which is imported when it is asked for.
"""

import importlib
import warnings
from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np

from jaxgen.checks import check_count, check_number
from jaxgen.errors import InputError
from jaxgen.metrics.mutual_information import check_scored

__all__ = [
    "Dci",
    "Sap",
    "dci",
    "require_sklearn",
    "sap_kumar",
    "sap_locatello",
    "standardize",
]


class Dci(NamedTuple):
    """Disentanglement, completeness and informativeness, each from 0 to 1.

    Attributes:
        disentanglement: Whether a latent is important for a single factor.
        completeness: Whether a single latent is important for a factor.
        informativeness: Accuracy of the predictions on held-out examples.
        importance: Of latents for factors, shape (latents, factors); the columns sum
            to 1, or to 0 where nothing predicts the factor.
    """

    disentanglement: float
    completeness: float
    informativeness: float
    importance: np.ndarray


class Sap(NamedTuple):
    """How far each factor's best latent predicts it better than the second best.

    A single latent is compared with what is right by chance.

    Attributes:
        score: Mean of the gaps, from 0 to 1.
        gaps: One value per factor, shape (factors,).
        predictability: Score of each latent alone, shape (latents, factors).
    """

    score: float
    gaps: np.ndarray
    predictability: np.ndarray


def dci(
    latents: np.ndarray,
    factors: np.ndarray,
    *,
    seed: int = 0,
    num_trees: int = 10,
    test_fraction: float = 0.3,
) -> Dci:
    """Calculates disentanglement, completeness and informativeness.

    A random forest predicts each factor from all latents; a latent's importance is by
    how much its splits reduce the Gini impurity. With P the importance matrix, the
    disentanglement of a latent is 1 minus the entropy of its row over the factors (in
    base of their number), weighted by the row's sum; completeness is the same for the
    columns, a plain mean. A row or column of zeros counts 0. Every split may use every
    latent, so that latents without information are never chosen for want of a better
    one.

    Locatello et al. use gradient boosted trees, a hundred times slower here; compare
    scores of one method alone.

    Args:
        latents: Shape (n, latents).
        factors: Integers, shape (n, factors).
        seed: Of the forests and of the split.
        num_trees: Trees for each factor.
        test_fraction: Share of the examples that is held out for informativeness.

    Raises:
        InputError: If the shapes do not match, a factor has a single value, or
            scikit-learn is missing.

    References:
        Eastwood and Williams, A Framework for the Quantitative Evaluation of
        Disentangled Representations, 2018, section 2.
    """
    check_count("seed", seed, 0)
    check_count("num_trees", num_trees, 1)
    check_number("test_fraction", test_fraction, above=0, below=1)
    latents, factors = check_scored(latents, factors)
    ensemble = require_sklearn("ensemble")
    train, test = _split(len(latents), seed, test_fraction)
    importance, accuracy = [], []
    for column in factors.T:
        forest = ensemble.RandomForestClassifier(
            num_trees, max_features=None, min_samples_leaf=2, random_state=seed
        ).fit(latents[train], column[train])
        importance.append(forest.feature_importances_)
        accuracy.append(forest.score(latents[test], column[test]))
    matrix = np.stack(importance, axis=1)
    weights = matrix.sum(axis=1) / max(matrix.sum(), 1e-12)
    return Dci(
        float(np.sum(weights * _concentration(matrix))),
        float(np.mean(_concentration(matrix.T))),
        float(np.mean(accuracy)),
        matrix,
    )


def sap_kumar(
    latents: np.ndarray, factors: np.ndarray, *, categorical: Collection[int] = ()
) -> Sap:
    """Calculates the separated attribute predictability, with R^2 for ordered factors.

    An ordered factor is predicted from one latent by linear regression (the squared
    correlation), a categorical one by thresholds on it (the balanced accuracy of a
    tree with a leaf per value, which needs scikit-learn).

    Args:
        latents: Shape (n, latents).
        factors: Integers, shape (n, factors).
        categorical: Columns of factors whose values have no order.

    Raises:
        InputError: If the shapes do not match, a factor has a single value, or
            scikit-learn is missing.

    Examples:
        >>> latents = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
        >>> float(sap_kumar(latents, np.array([[0], [1], [0], [1]])).score)
        1.0

    References:
        Kumar et al., Variational Inference of Disentangled Latent Concepts from
        Unlabeled Observations, 2018, section 3.
    """
    latents, factors = check_scored(latents, factors)
    tables = [
        _threshold_accuracies(latents, column)
        if index in categorical
        else _squared_correlations(latents, column)
        for index, column in enumerate(factors.T)
    ]
    # No better than chance: one value for all, or no correlation.
    chance = [
        1 / len(np.unique(column)) if index in categorical else 0.0
        for index, column in enumerate(factors.T)
    ]
    return _sap(np.stack(tables, axis=1), np.array(chance))


def sap_locatello(
    latents: np.ndarray,
    factors: np.ndarray,
    *,
    seed: int = 0,
    test_fraction: float = 0.5,
) -> Sap:
    """Calculates the separated attribute predictability by linear classifiers.

    Each factor is classified from one latent by a linear support vector machine
    (C = 0.01, balanced classes), one value against the rest; what counts is the
    accuracy on held-out examples. A linear classifier on one latent finds the least
    and the largest of many ordered values and few in between, so even a perfect code
    scores far below 1. Latents are standardized first: the machine's penalty
    depends on their scale.

    Args:
        latents: Shape (n, latents).
        factors: Integers, shape (n, factors).
        seed: Of the split.
        test_fraction: Share of the examples that is held out.

    Raises:
        InputError: If the shapes do not match, a factor has a single value, or
            scikit-learn is missing.

    References:
        Locatello et al., Challenging Common Assumptions in the Unsupervised Learning
        of Disentangled Representations, 2019, appendix.
    """
    check_count("seed", seed, 0)
    check_number("test_fraction", test_fraction, above=0, below=1)
    latents, factors = check_scored(latents, factors)
    svm, exceptions = require_sklearn("svm"), require_sklearn("exceptions")
    latents = standardize(latents, latents)
    train, test = _split(len(latents), seed, test_fraction)
    accuracy = np.zeros((latents.shape[1], factors.shape[1]))
    for row, latent in enumerate(latents.T):
        for column, factor in enumerate(factors.T):
            # In the primal: the dual is slow for one feature and many examples.
            machine = svm.LinearSVC(C=0.01, class_weight="balanced", dual=False)
            with warnings.catch_warnings():
                # A latent without information may leave it undecided.
                warnings.simplefilter("ignore", exceptions.ConvergenceWarning)
                machine.fit(latent[train, None], factor[train])
            accuracy[row, column] = machine.score(latent[test, None], factor[test])
    # No better than chance: the commonest value for all.
    chance = [
        np.unique(c, return_counts=True)[1].max() / len(c) for c in factors[test].T
    ]
    return _sap(accuracy, np.array(chance))


def require_sklearn(module: str) -> Any:
    """Imports a module of scikit-learn.

    Raises:
        InputError: It is not installed.
    """
    try:
        return importlib.import_module(f"sklearn.{module}")
    except ImportError as error:
        raise InputError(
            "This score fits a model of scikit-learn, which is not installed: "
            'pip install "jaxgen[experiments]".'
        ) from error


def standardize(values: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Shifts and scales columns by the mean and deviation of `by`; dead ones are 0."""
    deviation = by.std(axis=0, keepdims=True)
    scale = np.where(deviation > 0, deviation, np.inf)
    return (values - by.mean(axis=0, keepdims=True)) / scale


def _split(count: int, seed: int, fraction: float) -> tuple[np.ndarray, np.ndarray]:
    order = np.random.default_rng(seed).permutation(count)
    held_out = max(1, round(count * fraction))
    return order[held_out:], order[:held_out]


def _concentration(matrix: np.ndarray) -> np.ndarray:
    """Calculates 1 - entropy of the rows, in base of their length; 0 for a zero row."""
    total = matrix.sum(axis=1)
    if matrix.shape[1] == 1:
        return np.where(total > 0, 1.0, 0.0)
    share = matrix / np.maximum(total[:, None], 1e-12)
    terms = np.where(share > 0, share * np.log(np.maximum(share, 1e-300)), 0.0)
    return np.where(total > 0, 1 + terms.sum(axis=1) / np.log(matrix.shape[1]), 0.0)


def _sap(table: np.ndarray, chance: np.ndarray) -> Sap:
    """Calculates the gaps; a single latent is compared with chance, (factors,)."""
    if len(table) == 1:
        gaps = np.maximum(table[0] - chance, 0.0)
    else:
        ordered = np.sort(table, axis=0)
        gaps = ordered[-1] - ordered[-2]
    return Sap(float(gaps.mean()), gaps, table)


def _squared_correlations(latents: np.ndarray, factor: np.ndarray) -> np.ndarray:
    normal = standardize(latents, latents)
    target = standardize(factor[:, None], factor[:, None])
    return np.mean(normal * target, axis=0) ** 2


def _threshold_accuracies(latents: np.ndarray, factor: np.ndarray) -> np.ndarray:
    tree = require_sklearn("tree")
    values, target = np.unique(factor, return_inverse=True)
    accuracies = []
    for latent in latents.T:
        classifier = tree.DecisionTreeClassifier(
            max_leaf_nodes=max(2, len(values)), class_weight="balanced", random_state=0
        ).fit(latent[:, None], target)
        right = classifier.predict(latent[:, None]) == target
        accuracies.append(
            np.mean([right[target == value].mean() for value in range(len(values))])
        )
    return np.array(accuracies)

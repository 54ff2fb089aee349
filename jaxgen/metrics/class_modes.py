"""Mode counts by a classifier, and classes of several parts."""

from typing import Any

import numpy as np

from jaxgen.checks import check_labels, check_number
from jaxgen.errors import InputError
from jaxgen.metrics.modes import AssignedModes, Modes, check_proportions, count_modes

__all__ = [
    "assign_class_modes",
    "class_modes",
    "combine_classes",
    "combine_log_probabilities",
]


def class_modes(
    predictions: Any,
    real_proportions: Any,
    *,
    least: int = 1,
    confidence: float = 0.9,
) -> Modes:
    """Counts the classes that a classifier sees in samples.

    All samples make the histogram, as in the published figures; a class is captured
    by `least` of them. Good samples are those whose class the classifier gives at
    least the probability `confidence`.

    Args:
        predictions: Labels, integers, shape (n,); or log p(y|x), floats, shape (n,
            classes), whose largest is the label. For stacked digits see
            `combine_classes`.
        real_proportions: Counts or proportions of the classes in the data, shape
            (classes,); best as the same classifier sees them.
        least: Samples that a class needs.
        confidence: Of a good sample. Labels alone say nothing of it.

    Raises:
        InputError: The arrays or settings cannot be used.

    Examples:
        >>> found = class_modes(np.array([0, 0, 2, 2]), np.ones(4))
        >>> print(found.captured, round(found.reverse_kl, 3), found.counts)
        2 0.693 [2 0 2 0]

    References:
        Metz et al., Unrolled Generative Adversarial Networks, 2017, section 3.3.1.
        Srivastava et al., VEEGAN, 2017, section 4.2.
    """
    return count_modes(
        assign_class_modes(predictions, real_proportions, confidence=confidence),
        least=least,
    )


def assign_class_modes(
    predictions: Any, real_proportions: Any, *, confidence: float = 0.9
) -> AssignedModes:
    """Finds the class of each sample; see `class_modes`."""
    predictions = np.asarray(predictions)
    proportions = check_proportions("real_proportions", real_proportions)
    check_number("confidence", confidence, least=0, most=1)
    good, labels = None, predictions
    if predictions.ndim == 2 and predictions.dtype.kind == "f":
        if predictions.shape[1] != len(proportions) or np.isnan(predictions).any():
            raise InputError(
                f"The predictions have shape {predictions.shape} for "
                f"{len(proportions)} classes, or hold NaN: expected log-probabilities "
                "of shape (samples, classes)."
            )
        labels = predictions.argmax(axis=1)
        good = np.exp(predictions.max(axis=1)) >= confidence
    elif predictions.ndim != 1 or predictions.dtype.kind not in "iu":
        raise InputError(
            f"The predictions are {predictions.dtype} of shape {predictions.shape}: "
            "expected integer labels of shape (samples,), or log-probabilities of "
            "shape (samples, classes)."
        )
    if not len(labels):
        raise InputError("There are no predictions: give at least one.")
    check_labels("predictions", labels, len(labels), len(proportions))
    return AssignedModes(labels, np.ones(len(labels), bool), good, proportions)


def combine_classes(labels: Any, *, num_classes: int = 10) -> np.ndarray:
    """Makes one label of several, as of the three digits of a stacked MNIST image.

    Args:
        labels: Integers from 0 to `num_classes - 1`, shape (n, parts), the first part
            counting most.
        num_classes: Of each part.

    Returns:
        From 0 to `num_classes^parts - 1`, shape (n,).

    Raises:
        InputError: The labels have another shape, kind or range.

    Examples:
        >>> print(combine_classes(np.array([[0, 4, 2], [9, 9, 9]])))
        [ 42 999]
    """
    labels = np.asarray(labels)
    if labels.ndim != 2 or labels.dtype.kind not in "iu":
        raise InputError(
            f"The labels are {labels.dtype} of shape {labels.shape}: expected integers "
            "of shape (samples, parts)."
        )
    check_labels("labels", labels.ravel(), labels.size, num_classes)
    return labels.astype(np.int64) @ num_classes ** np.arange(labels.shape[1])[::-1]


def combine_log_probabilities(log_probabilities: Any) -> np.ndarray:
    """Makes log-probabilities of `combine_classes` from those of its parts.

    Args:
        log_probabilities: Of parts judged independently, shape (n, parts, classes).

    Returns:
        Shape (n, classes^parts).

    Raises:
        InputError: They have another shape.

    Examples:
        >>> halves = np.log(np.full((1, 3, 2), 0.5))
        >>> print(np.exp(combine_log_probabilities(halves)).round(3))
        [[0.125 0.125 0.125 0.125 0.125 0.125 0.125 0.125]]
    """
    found = np.asarray(log_probabilities)
    if found.ndim != 3 or 0 in found.shape[1:]:
        raise InputError(
            f"The log-probabilities have shape {found.shape}: expected (samples, "
            "parts, classes)."
        )
    combined = found[:, 0]
    for part in np.moveaxis(found, 1, 0)[1:]:
        combined = (combined[:, :, None] + part[:, None]).reshape(len(found), -1)
    return combined

"""Leak rate: how many samples carry an augmentation that the data do not."""

from typing import Any, NamedTuple

import numpy as np

from jaxgen.checks import check_count, check_labels
from jaxgen.errors import InputError
from jaxgen.metrics.proportions import wilson_interval
from jaxgen.metrics.resampling import Interval

__all__ = ["LeakRate", "leak_rate"]


class LeakRate(NamedTuple):
    """How many samples are transformed.

    Attributes:
        rate: Share of transformed samples, less those that are only taken for such,
            with an interval; from 0 to 1.
        apparent: Share that a classifier takes for transformed, with an interval.
        false_alarm: Share of untransformed data that it takes for transformed, with an
            interval.
        hit: Share of transformed data that it takes for transformed, or 1.
        counts: Samples by predicted transform, integers, shape (transforms,).
    """

    rate: Interval
    apparent: Interval
    false_alarm: Interval
    hit: float
    counts: np.ndarray


def leak_rate(
    predicted: Any,
    predicted_real: Any,
    predicted_transformed: Any = None,
    *,
    num_transforms: int = 4,
    confidence: float = 0.95,
) -> LeakRate:
    """Estimates the share of transformed samples from what a classifier says.

    A classifier tells which transform an example went through, 0 for none. It errs: a
    share f of held-out data is taken for transformed, and a share h of those that are.
    If a share r of samples is transformed, it reports r h + (1 - r) f of them, so

        r = (reported - f) / (h - f), clipped to [0, 1].

    The interval is that of the difference of two shares (Newcombe's, of Wilson
    intervals), divided by h - f as if h were known. Samples that are no images of the
    data at all count as what the classifier takes them for: look at them, too.

    Args:
        predicted: The classifier's labels of generated samples, integers, shape (n,).
        predicted_real: Its labels of held-out data as they are, shape (m,).
        predicted_transformed: Its labels of held-out data that were transformed, each
            by one of the transforms that do something, as often by each; shape (k,).
            Without them h is 1.
        num_transforms: Transforms with the identity.
        confidence: Level of all intervals.

    Raises:
        InputError: The labels cannot be used, or the classifier takes data for
            transformed as often as transformed data.

    Examples:
        >>> found = leak_rate(np.array([0, 1, 2, 3, 0, 1]), np.zeros(100, int))
        >>> print(f"{found.rate.value:.3f}", found.counts)
        0.667 [2 2 1 1]

    References:
        Rogan and Gladen, Estimating prevalence from the results of a screening test,
        1978. Newcombe, Interval estimation for the difference between independent
        proportions, 1998, method 10.
    """
    check_count("num_transforms", num_transforms, 2)
    samples, real = (
        _check_labels(name, labels, num_transforms)
        for name, labels in (
            ("predicted", predicted),
            ("predicted_real", predicted_real),
        )
    )
    hit = 1.0
    if predicted_transformed is not None:
        transformed = _check_labels(
            "predicted_transformed", predicted_transformed, num_transforms
        )
        hit = float(np.mean(transformed > 0))
    apparent, false_alarm = (
        wilson_interval(int((labels > 0).sum()), len(labels), confidence=confidence)
        for labels in (samples, real)
    )
    told_apart = hit - false_alarm.value
    if told_apart <= 0:
        raise InputError(
            f"The classifier takes {false_alarm.value:.1%} of data for transformed and "
            f"{hit:.1%} of transformed data: expected more; train it longer, or choose "
            "data whose transforms can be seen."
        )
    difference = apparent.value - false_alarm.value
    below = np.hypot(
        apparent.value - apparent.low, false_alarm.high - false_alarm.value
    )
    above = np.hypot(
        apparent.high - apparent.value, false_alarm.value - false_alarm.low
    )
    # Where samples raise fewer false alarms than data do, they still are so many only.
    highest = max(difference + above, apparent.high - apparent.value)
    ends = np.array([difference, difference - below, highest]) / told_apart
    return LeakRate(
        Interval(*np.clip(ends, 0.0, 1.0).tolist()),
        apparent,
        false_alarm,
        hit,
        np.bincount(samples, minlength=num_transforms),
    )


def _check_labels(name: str, labels: Any, num_transforms: int) -> np.ndarray:
    labels = np.asarray(labels)
    # There must be one at least.
    check_labels(name, labels, max(labels.size, 1), num_transforms)
    return labels

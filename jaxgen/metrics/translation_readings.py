"""Four readings of a translation's health, each a number with an interval.

See `translation_health`, which takes them all. Warnings look at the number itself, that
of inversion at its interval too. `inversion`, `collapse` and `idleness` are of images
that are float32 in [0, 1] already; the public functions bring them to it.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from jaxgen.errors import InputError
from jaxgen.metrics.arrays import as_pixels
from jaxgen.metrics.luminance import correlation
from jaxgen.metrics.proportions import wilson_interval
from jaxgen.metrics.resampling import Interval, mean_interval
from jaxgen.metrics.spread import jackknife_error, spread

__all__ = [
    "COLLAPSED",
    "DECIDED",
    "IDLE",
    "INVERTED",
    "Reading",
    "collapse",
    "colour_inversion",
    "critic_share",
    "idle_generator",
    "idleness",
    "inversion",
    "output_collapse",
]

INVERTED = -0.3
"""A correlation of luminance this far on the wrong side is a negative."""

COLLAPSED = 0.25
"""Outputs that are so much nearer to each other than targets are the same image."""

DECIDED = 0.95
"""A critic that is right this often has nothing left to teach."""

IDLE = {True: 0.1, False: 0.05}
"""Outputs that leave their inputs by less than this share of the way do nothing. By
whether pairs are known: images of no pair are further from each other."""

_CONFIDENT = 1.959964
"""Standard errors to either end of a 95 % interval."""


class Reading(NamedTuple):
    """One number of a health report.

    Attributes:
        value: The number; None where these images cannot tell.
        low: Lower end of its 95 % interval over images, where there is one.
        high: Upper end.
        expected: What a good translation has, where that is known.
        threshold: Past it there is a warning, where one is meant.
        warning: What is wrong and what to try, in a sentence; None where all is well.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    expected: float | None = None
    threshold: float | None = None
    warning: str | None = None


def colour_inversion(inputs: Any, outputs: Any, targets: Any = None) -> Reading:
    """Reads whether outputs are negatives: the luminance correlation, averaged.

    Without pairs a good translation is taken to keep light what is light. With them
    the sign is that of the true pairs, and where those do not correlate (by 0.1) there
    is no verdict. The output is a negative where the correlation has the other sign, by
    0.3 and by its interval.

    Args:
        inputs: Shape (n, height, width, channels).
        outputs: Shape (n, ...).
        targets: What the inputs should become, shape (n, ...), where that is known.

    Raises:
        InputError: The images cannot be used, or are not as many.
    """
    x, made, y = _pixels(inputs, outputs, targets)
    return inversion(x, made, y)


def inversion(x: np.ndarray, made: np.ndarray, y: np.ndarray | None) -> Reading:
    """Does as `colour_inversion`, of pixels."""
    # Two channels are colour without lightness, which says nothing of it.
    if 2 in (x.shape[-1], made.shape[-1]):
        return Reading(None)
    value = _mean(correlation(x, made))
    if value is None:
        return Reading(None)
    known = None if y is None else _mean(correlation(x, y))
    expected = None if known is None else known.value
    sign = 1.0
    if y is not None:
        sign = 0.0 if expected is None or abs(expected) < 0.1 else np.sign(expected)
    warning = None
    against = max(sign * value.low, sign * value.high)
    if sign and sign * value.value <= INVERTED and against < 0:
        beside = "" if expected is None else f", that of true pairs by {expected:.2f}"
        warning = (
            "Outputs are negatives of what they should be: their luminance correlates "
            f"with that of the inputs by {value.value:.2f}{beside}; a cycle is as "
            "consistent in negatives, so start anew from another seed, with a larger "
            "identity weight (or a larger l1 weight for pairs)."
        )
    return Reading(*value, expected, sign * INVERTED or None, warning)


def output_collapse(
    inputs: Any, outputs: Any, targets: Any, *, aligned: bool
) -> Reading:
    """Reads whether outputs are all alike: their mean distance, over that of targets.

    Distances are root mean squares over pixels and channels. Where inputs are nearer to
    each other than targets, so may outputs be: `expected` is the inputs' mean distance
    over that of the targets, at most 1. The interval is a jackknife over images.

    Args:
        inputs: Shape (n, height, width, channels).
        outputs: Shape (n, ...).
        targets: Shape (m, ...).
        aligned: Whether the rows of outputs and targets belong together.

    Raises:
        InputError: The images cannot be used.
    """
    x, made, y = _pixels(inputs, outputs, targets)
    return collapse(x, made, y, aligned=aligned)


def collapse(
    x: np.ndarray, made: np.ndarray, y: np.ndarray, *, aligned: bool
) -> Reading:
    """Does as `output_collapse`, of pixels."""
    outputs, real = spread(made), spread(y)
    if not real.mean > 1e-4:
        return Reading(None)
    ratio = outputs.mean / real.mean
    own, others = outputs.left_out / real.mean, real.left_out / real.mean
    # Of the ratio without one image, to first order; of pairs both go together.
    if aligned:
        error = jackknife_error(own - ratio * others)
    else:
        error = float(np.hypot(jackknife_error(own), ratio * jackknife_error(others)))
    low, high = _ends(ratio, error, (0.0, np.inf))
    expected = min(1.0, spread(x).mean / real.mean)
    threshold, warning = COLLAPSED * expected, None
    if ratio < threshold:
        warning = (
            f"Outputs are {ratio:.0%} as far from each other as targets (inputs: "
            f"{expected:.0%}): the generator draws the same whatever it is given; try "
            "a larger cycle or l1 weight, a lower learning rate, a longer image pool, "
            "or more images and augmentation where they are few."
        )
    return Reading(ratio, low, high, expected, threshold, warning)


def critic_share(
    real_logits: Any, fake_logits: Any, *, boundary: float | None = None
) -> Reading:
    """Reads whether the critic wins: the share of images, or patches, it tells right.

    It is the mean of the two shares: of real ones above the boundary, and of generated
    ones below it. Without a boundary it is the chance that a real image has a higher
    mean logit than a generated one, ties counting half.

    Args:
        real_logits: Of held-out real images, shape (m, ...); axes after the first are
            of patches and heads.
        fake_logits: Of translated images, shape (n, ...).
        boundary: See `translation_health`.

    Raises:
        InputError: The logits are none, or not finite.

    Examples:
        >>> critic_share(np.array([2.0, 1.0]), np.array([-1.0, 3.0]), boundary=0.0)
        Reading(value=0.75, low=0.26..., high=1.0, expected=0.5, threshold=0.95, ...)
    """
    real = _logits("real_logits", real_logits)
    fake = _logits("fake_logits", fake_logits)
    if boundary is None:
        above = np.sign(real.mean(axis=1)[:, None] - fake.mean(axis=1)[None]) / 2 + 0.5
        shares = above.mean(axis=1), above.mean(axis=0)
        value = float(above.mean())
    else:
        shares = _right(real, boundary), _right(-fake, -boundary)
        value = float(np.mean([one.mean() for one in shares]))
    # The placements of either side vary alone: DeLong et al., 1988, and for a boundary
    # the half of each mean.
    weight = 1.0 if boundary is None else 0.5
    errors = [weight * _standard_error(one) for one in shares]
    low, high = _ends(value, math.hypot(*errors), (0.0, 1.0))
    count = len(real) + len(fake)
    if value in (0.0, 1.0) and low is not None:
        # All are told alike, and still another image might not be.
        low, high = wilson_interval(round(value * count), count)[1:]
    warning = None
    if value >= DECIDED:
        told = f"{value:.0%} of held-out real and of translated images"
        warning = (
            f"The critic tells {told} right: it has nothing left to teach the "
            "generator; try a lower learning rate or fewer layers of the critic, "
            "spectral norm, or, of few images, augmentation (dag, diff_augment)."
        )
    return Reading(value, low, high, 0.5, DECIDED, warning)


def idle_generator(
    inputs: Any, outputs: Any, targets: Any, *, aligned: bool
) -> Reading:
    """Reads whether the generator does nothing: `mean |G(x) - x| / mean |x - y|`.

    Without pairs each input is compared with targets of other rows. There is no
    reading where inputs and targets have not the same size and number of channels, or
    do not differ.

    Args:
        inputs: Shape (n, height, width, channels).
        outputs: Shape (n, ...).
        targets: Shape (m, ...).
        aligned: Whether inputs and targets are pairs.

    Raises:
        InputError: The images cannot be used.
    """
    x, made, y = _pixels(inputs, outputs, targets)
    return idleness(x, made, y, aligned=aligned)


def idleness(
    x: np.ndarray, made: np.ndarray, y: np.ndarray, *, aligned: bool
) -> Reading:
    """Does as `idle_generator`, of pixels."""
    if not x.shape[1:] == made.shape[1:] == y.shape[1:]:
        return Reading(None)
    turns = [0] if aligned else range(1, min(4, len(y) - 1) + 1)
    rows = np.arange(len(x))
    change = np.abs(made - x).mean(axis=(1, 2, 3))
    way = np.mean(
        [np.abs(x - y[(rows + t) % len(y)]).mean(axis=(1, 2, 3)) for t in turns], axis=0
    )
    if not way.mean() > 1e-4:
        return Reading(None)
    value = float(change.mean() / way.mean())
    error = _standard_error(change - value * way) / float(way.mean())
    low, high = _ends(value, error, (0.0, np.inf))
    threshold, warning = IDLE[aligned], None
    if value < threshold:
        warning = (
            f"Outputs differ from their inputs by {value:.1%} of what inputs differ "
            "from targets: the generator does nothing; try a smaller identity or cycle "
            "weight, a larger adversarial weight, or a longer training."
        )
    return Reading(value, low, high, None, threshold, warning)


def _pixels(inputs: Any, outputs: Any, targets: Any) -> tuple[Any, Any, Any]:
    """Brings images to float32 in [0, 1]; targets may be None."""
    known = None if targets is None else as_pixels("target", targets)
    return as_pixels("input", inputs), as_pixels("output", outputs), known


def _logits(name: str, logits: Any) -> np.ndarray:
    logits = np.asarray(logits, np.float64)
    if not logits.ndim or not logits.size or not np.isfinite(logits).all():
        raise InputError(
            f"The {name} have shape {logits.shape}: expected finite numbers of "
            "shape (images, ...), at least one."
        )
    return logits.reshape(len(logits), -1)


def _right(logits: np.ndarray, boundary: float) -> np.ndarray:
    """Returns each image's share of patches above a boundary; on it they count half."""
    return (np.sign(logits - boundary) / 2 + 0.5).mean(axis=1)


def _mean(values: np.ndarray) -> Interval | None:
    kept = values[np.isfinite(values)]
    if len(kept) < 2:
        return None
    return mean_interval(kept, bounds=(-1.0, 1.0))


def _standard_error(values: np.ndarray) -> float:
    """Returns that of the mean; NaN of one value."""
    if len(values) < 2:
        return math.nan
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def _ends(
    value: float, error: float, bounds: tuple[float, float]
) -> tuple[float, float] | tuple[None, None]:
    if math.isnan(error):
        return None, None
    reach = _CONFIDENT * error
    low, high = np.clip([value - reach, value + reach], *bounds)
    return float(low), float(high)

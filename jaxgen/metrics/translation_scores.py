"""Scores of translated held-out images, beside two trivial translations.

Where pairs are known: mean absolute difference (L1, pixels from 0 to 1), PSNR and SSIM,
each beside that of the input as it is and of the mean training target, with the margin
per image. Always: Frechet and kernel distance of outputs from real images of the
domain, in the features of networks that the protocol names.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from jaxgen import random
from jaxgen.checks import check_key
from jaxgen.errors import InputError
from jaxgen.metrics.image_similarity import psnr, ssim
from jaxgen.metrics.resampling import (
    Halves,
    Interval,
    halves,
    interval,
    mean_interval,
)
from jaxgen.metrics.translation_distances import (
    distance_replicates,
    feature_distances,
)
from jaxgen.metrics.translation_reference import (
    TranslationReference,
    reference_features,
)
from jaxgen.typing import PRNGKeyArray

__all__ = [
    "LOWER_IS_BETTER",
    "SCORE_TITLES",
    "ScoreTable",
    "TranslationScore",
    "check_score",
    "mean_absolute_differences",
    "mean_translation_scores",
    "translation_score_table",
    "translation_scores",
]

LOWER_IS_BETTER = {
    "l1": True,
    "psnr": False,
    "ssim": False,
    "fd": True,
    "kid": True,
    "cycle": True,
}
"""Whether less is better, by the name of a score that a monitor measures."""

SCORE_TITLES = {
    "l1": "L1",
    "psnr": "PSNR, dB",
    "ssim": "SSIM",
    "fd": "FD",
    "kid": "KID",
}

_CEILING = 60.0
"""Largest PSNR in dB: two images of 8 bits that are equal."""

_RESAMPLES = 50
"""Half-samples behind the interval of a distance."""

_DIGITS = {"l1": 4, "psnr": 2, "ssim": 3, "fd": 2, "kid": 3}


class TranslationScore(NamedTuple):
    """One score of held-out translations, with 95 % intervals over images.

    Attributes:
        name: Its name, a key of `LOWER_IS_BETTER`.
        model: Score of the outputs.
        identity: Score of the inputs as they are; None where they are of another kind.
        mean_image: Score of the mean training target, whatever the input; None for
            distances.
        over_identity: By how much the model is better, per image; None likewise.
        over_mean_image: The same beside the mean image.
        floor: Distance of other real images; None for scores of pairs.
    """

    name: str
    model: Interval
    identity: Interval | None = None
    mean_image: Interval | None = None
    over_identity: Interval | None = None
    over_mean_image: Interval | None = None
    floor: float | None = None


class ScoreTable(NamedTuple):
    """A table of scores: `rows` of strings below `columns`, and a note."""

    title: str
    columns: list[str]
    rows: list[list[str]]
    note: str


def translation_scores(
    key: PRNGKeyArray, reference: TranslationReference, outputs: np.ndarray
) -> dict[str, TranslationScore]:
    """Calculates all scores of translations of the held-out inputs, with intervals.

    Args:
        key: Key of the half-samples; it is consumed.
        reference: The held-out images.
        outputs: Translations of its inputs, bytes, shape (n, ...).

    Returns:
        The scores by name, in the order of `reference.metrics`.

    Raises:
        InputError: There is not one output for each input, of the targets' shape.
    """
    check_key(key)
    expected = (len(reference.inputs), *reference.targets.shape[1:])
    if outputs.shape != expected:
        raise InputError(
            f"The outputs have shape {outputs.shape}: expected {expected}, a "
            "translation of each held-out input in the size of the targets."
        )
    scores = _pair_scores(reference, outputs) if reference.aligned else {}
    return scores | (_distances(key, reference, outputs) if reference.nets else {})


def mean_translation_scores(
    reference: TranslationReference, outputs: np.ndarray
) -> dict[str, float]:
    """Calculates the scores of `reference.metrics` without intervals.

    Args:
        reference: The held-out images.
        outputs: Translations of its inputs, bytes, shape (n, ...).
    """
    scores: dict[str, float] = {}
    if reference.aligned:
        values = _by_pairs(outputs, reference.targets)
        scores |= {name: float(one.mean()) for name, one in values.items()}
    if reference.nets:
        features = reference_features(reference, outputs, "translated")
        scores |= feature_distances(reference.real, features)
    return scores


def check_score(metric: str, measured: Sequence[str] = tuple(LOWER_IS_BETTER)) -> None:
    """Raises InputError unless a checkpoint can be chosen by a score.

    Args:
        metric: Name of the score, or "none" for no such checkpoint.
        measured: Names of the scores that are measured in this run.
    """
    if metric == "none" or (metric in measured and metric in LOWER_IS_BETTER):
        return
    names = ", ".join(name for name in LOWER_IS_BETTER if name in measured)
    why = (
        "is unknown"
        if metric not in LOWER_IS_BETTER
        else "is not measured in this run (pairs are needed for l1, psnr and ssim, two "
        "directions for cycle)"
    )
    raise InputError(
        f"The metric {metric!r} of the best checkpoint {why}: expected one of "
        f"{names or 'nothing'}."
    )


def mean_absolute_differences(images: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Calculates the L1 of each pair of images, pixels from 0 to 1, shape (n,).

    Args:
        images: Bytes, shape (n, height, width, channels).
        truth: Bytes of the same shape.
    """
    return np.array(
        [
            np.abs(x.astype(np.int16) - y.astype(np.int16)).mean() / 255
            for x, y in zip(images, truth, strict=True)
        ]
    )


def _pair_scores(
    reference: TranslationReference, outputs: np.ndarray
) -> dict[str, TranslationScore]:
    truth = reference.targets
    same = reference.inputs.shape == truth.shape
    own = _by_pairs(outputs, truth)
    copied = _by_pairs(reference.inputs, truth) if same else {}
    # Another copy of the mean image for each target would fill the memory.
    mean = _by_pairs(np.broadcast_to(reference.mean_image, truth.shape), truth)
    scores = {}
    for name, values in own.items():
        sign = 1.0 if LOWER_IS_BETTER[name] else -1.0
        scores[name] = TranslationScore(
            name,
            _over_images(values),
            _over_images(copied[name]) if same else None,
            _over_images(mean[name]),
            _over_images(sign * (copied[name] - values)) if same else None,
            _over_images(sign * (mean[name] - values)),
        )
    return scores


def _distances(
    key: PRNGKeyArray, reference: TranslationReference, outputs: np.ndarray
) -> dict[str, TranslationScore]:
    real = reference.real
    features = reference_features(reference, outputs, "translated")
    counts = len(reference.targets), len(outputs)
    both = halves(random.stream(key, "halves"), _RESAMPLES, *counts)
    if reference.aligned:
        both = Halves(both.real, both.real)  # pairs stay together
    values = feature_distances(real, features)
    replicates = distance_replicates(real, features, both)
    copied: dict[str, float] = {}
    if reference.inputs.shape[1:] == reference.targets.shape[1:]:
        inputs = reference_features(reference, reference.inputs, "input")
        copied = feature_distances(real, inputs)
    bounds = {"fd": (0.0, np.inf), "kid": (-np.inf, np.inf)}
    return {
        name: TranslationScore(
            name,
            interval(values[name], replicates[name], bounds=bounds[name]),
            Interval(*[copied[name]] * 3) if copied else None,
            floor=reference.floor[name],
        )
        for name in bounds
    }


def _by_pairs(images: np.ndarray, truth: np.ndarray) -> dict[str, np.ndarray]:
    """Returns each score of pairs, shape (n,)."""
    values = {
        "l1": mean_absolute_differences(images, truth),
        "psnr": psnr(images, truth, ceiling=_CEILING),
    }
    if min(truth.shape[1:3]) >= 3:
        values["ssim"] = ssim(images, truth)
    return values


def _over_images(values: np.ndarray) -> Interval:
    if len(values) < 2:
        return Interval(*[float(values.mean())] * 3)
    return mean_interval(values)


def translation_score_table(
    scores: Mapping[str, TranslationScore],
    reference: TranslationReference,
    *,
    title: str | None = None,
) -> ScoreTable:
    """Returns the table of held-out scores beside the identity and the mean image.

    Args:
        scores: See `translation_scores`.
        reference: The held-out images.
        title: By default with the direction.
    """
    paired = any(score.mean_image is not None for score in scores.values())
    columns = ["metric", "model", "input"]
    if paired:
        columns += ["mean image", "over input", "over mean"]
    if any(score.floor is not None for score in scores.values()):
        columns.append("real")
    rows = [_row(score, columns, paired=paired) for score in scores.values()]
    told = reference.protocol
    note = f"{told['held-out inputs']} held-out images of {told['size']}. "
    if paired:
        note += (
            "Over input, over mean: by how much the model is better than the input as "
            "it is and than the mean training image, with the half width of a 95 % "
            "interval over images. L1 is in units of the pixels from 0 to 1."
        )
        if "SSIM window" in told:
            note += f" SSIM has a window of {told['SSIM window']} pixels."
    else:
        note += "Distances have 95 % intervals over images."
    if reference.nets:
        note += (
            f" FD and KID are distances to {told['held-out targets']} held-out images "
            f"of the domain, in features of {told['features']}: no FID, and "
            "comparable with the same features, sizes and numbers of images alone."
        )
    heading = title or f"Held-out images, {told['direction']}"
    return ScoreTable(heading, columns, rows, note)


def _row(score: TranslationScore, columns: Sequence[str], *, paired: bool) -> list[str]:
    name = score.name
    model = _number(name, score.model.value)
    if not paired:  # There are no margins, whose intervals say more.
        low, high = (_number(name, end) for end in score.model[1:])
        model += f" ({low} to {high})"
    cells = {
        "metric": SCORE_TITLES[name],
        "model": model,
        "input": _value(name, score.identity),
        "mean image": _value(name, score.mean_image),
        "over input": _margin(name, score.over_identity),
        "over mean": _margin(name, score.over_mean_image),
        "real": "–" if score.floor is None else _number(name, score.floor),
    }
    return [cells[column] for column in columns]


def _value(name: str, value: Interval | None) -> str:
    return "–" if value is None else _number(name, value.value)


def _margin(name: str, margin: Interval | None) -> str:
    if margin is None:
        return "–"
    # Intervals of means over images are symmetric.
    half = _number(name, margin.high - margin.value)
    return f"{_number(name, margin.value)} ± {half}"


def _number(name: str, value: float) -> str:
    return f"{value:.{_DIGITS[name]}f}".replace("-", "\N{MINUS SIGN}")

"""What a translation's page is drawn from: one function a figure, and its tables.

The files, and what is in them, are told in `jaxgen.report.translation`.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.translation_studies.judge import LOWER, TITLES, Judge, Score
from jaxgen.errors import InputError
from jaxgen.files import write_npz
from jaxgen.images import to_bytes
from jaxgen.metrics import Interval, mean_interval
from jaxgen.run_files import read_arrays

MOST_LOOKS = 16
"""Looks whose pictures are kept, evenly spread in the logarithm of the step."""

Show = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""`(inputs, images) -> pictures` of images that cannot be looked at as they are, such
as two channels of chroma whose luminance is the input; arrays of bytes."""


def write_triples(
    folder: Path,
    inputs: Any,
    outputs: Any,
    truth: Any,
    *,
    show: Show | None = None,
) -> None:
    """Writes `translation_triples.npz`: inputs, outputs and what was to be made.

    Args:
        folder: `RUN/arrays`.
        inputs: Shape (n, height, width, channels), bytes or floats in [0, 1].
        outputs: Shape (n, height', width', channels').
        truth: Likewise.
        show: See `Show`; for outputs and truth.
    """
    write_npz(
        folder / "translation_triples.npz",
        inputs=pictures(inputs),
        outputs=_shown(inputs, outputs, show),
        truth=_shown(inputs, truth, show),
    )


def write_cycles(
    folder: Path,
    *,
    a: Any,
    a_to_b: Any,
    a_again: Any,
    b: Any,
    b_to_a: Any,
    b_again: Any,
) -> None:
    """Writes `translation_cycles.npz`: there and back, in both directions.

    Args:
        folder: `RUN/arrays`.
        a: Images of the first domain, shape (n, ...), bytes or floats in [0, 1].
        a_to_b: Their translations.
        a_again: Those, translated back.
        b: Images of the second domain, shape (m, ...).
        b_to_a: Likewise.
        b_again: Likewise.
    """
    write_npz(
        folder / "translation_cycles.npz",
        **{"a": pictures(a), "a_to_b": pictures(a_to_b), "a_again": pictures(a_again)},
        **{"b": pictures(b), "b_to_a": pictures(b_to_a), "b_again": pictures(b_again)},
    )


def write_translations(folder: Path, inputs: Any, outputs: Any) -> None:
    """Writes `translation_pairs.npz`: inputs and outputs, where no more is known.

    Args:
        folder: `RUN/arrays`.
        inputs: Shape (n, height, width, channels), bytes or floats in [0, 1].
        outputs: Shape (n, height', width', channels').
    """
    write_npz(
        folder / "translation_pairs.npz",
        inputs=pictures(inputs),
        outputs=pictures(outputs),
    )


def add_look(
    folder: Path,
    direction: str,
    *,
    step: int,
    epoch: float,
    inputs: Any,
    outputs: Any,
    truth: Any = None,
    show: Show | None = None,
) -> None:
    """Adds a look at the same images to `translation_looks_DIRECTION.npz`.

    Looks at later steps belong to a run that was cut off, and go. Of more than
    `MOST_LOOKS` that one goes which is nearest to its neighbours in the logarithm: the
    picture changes most at the beginning.

    Args:
        folder: `RUN/arrays`.
        direction: "a_to_b" or "b_to_a".
        step: Steps done.
        epoch: Likewise in epochs.
        inputs: Shape (n, ...), the same at each look.
        outputs: Their translations now.
        truth: What they should become, where that is known.
        show: See `Show`.
    """
    path = folder / f"translation_looks_{direction}.npz"
    folder.mkdir(parents=True, exist_ok=True)
    frames = {
        "step": np.array([step]),
        "epoch": np.array([epoch]),
        "outputs": _shown(inputs, outputs, show)[None],
    }
    if path.exists():
        before = read_arrays(path)
        kept = before["step"] < step
        frames = {
            name: np.concatenate([before[name][kept], new])
            for name, new in frames.items()
        }
    if len(frames["step"]) > MOST_LOOKS:
        steps = frames["step"]
        crowded = 1 + int(np.argmin(steps[2:] / steps[:-2]))
        frames = {name: np.delete(old, crowded, 0) for name, old in frames.items()}
    known = {} if truth is None else {"truth": _shown(inputs, truth, show)}
    write_npz(path, inputs=pictures(inputs), **frames, **known)


def write_shares(
    folder: Path,
    *,
    names: Sequence[str],
    shares: Sequence[float],
    pairs: Sequence[int],
    values: Any,
    metric: str = "l1",
    intervals: Any = None,
    identity: float | None = None,
    mean_image: float | None = None,
) -> None:
    """Writes `translation_shares.npz`: learning curves over the share of the pairs.

    Args:
        folder: `RUN/arrays`.
        names: Of the methods.
        shares: Of the training pairs, from 0 to 1.
        pairs: How many pairs each share is.
        values: Of the metric on held-out images, shape (shares, methods, seeds).
        metric: Its name, a key of `translation_studies.judge.LOWER`.
        intervals: Value, low and high, shape (shares, methods, 3); by default the mean
            over seeds with its 95 % interval by Student's t (no interval of one seed).
        identity: Of the inputs as they are, for a dashed line.
        mean_image: Of the mean training target, likewise.
    """
    values = np.asarray(values, np.float64)
    expected = (len(shares), len(names))
    if values.ndim != 3 or values.shape[:2] != expected or len(pairs) != len(shares):
        raise InputError(
            f"The values have shape {values.shape} for {len(shares)} shares, "
            f"{len(pairs)} numbers of pairs and {len(names)} names: expected (shares, "
            "methods, seeds)."
        )
    if intervals is None:
        intervals = [[_over_seeds(one) for one in row] for row in values]
    baselines = {"identity": identity, "mean_image": mean_image}
    write_npz(
        folder / "translation_shares.npz",
        names=list(names),
        share=np.asarray(shares, np.float64),
        pairs=np.asarray(pairs),
        values=values,
        intervals=np.asarray(intervals, np.float64),
        metric="L1 (pixels 0 to 1)" if metric == "l1" else TITLES[metric],
        lower=int(LOWER[metric]),
        **{name: value for name, value in baselines.items() if value is not None},
    )


def scores_table(
    scores: Mapping[str, Score], judge: Judge, *, title: str | None = None
) -> dict[str, Any]:
    """Returns the table of the page: held-out scores beside the identity and the mean.

    Args:
        scores: See `translation_studies.judge.scores`.
        judge: The judge.
        title: By default with the direction.
    """
    paired = any(score.mean_image is not None for score in scores.values())
    columns = ["metric", "model", "input"]
    if paired:
        columns += ["mean image", "over input", "over mean"]
    if any(score.floor is not None for score in scores.values()):
        columns.append("real")
    rows = [_row(score, columns, paired=paired) for score in scores.values()]
    told = judge.protocol
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
    if judge.nets:
        note += (
            f" FD and KID are distances to {told['held-out targets']} held-out images "
            f"of the domain, in features of {told['features']}: no FID, and "
            "comparable with the same features, sizes and numbers of images alone."
        )
    return {
        "title": title or f"Held-out images, {told['direction']}",
        "note": note,
        "columns": columns,
        "words": 1,
        "rows": rows,
    }


def results(
    scores: Mapping[str, Score], *, where: str = ""
) -> dict[str, tuple[float, str]]:
    """Returns the numbers for the head of the page and of the terminal.

    Two decimals are shown there, so L1 is in percent of the range of a pixel.

    Args:
        scores: See `translation_studies.judge.scores`.
        where: What stands behind each name, as ", a to b".
    """
    units = {"l1": "% of the range", "psnr": "dB"}
    found: dict[str, tuple[float, str]] = {}
    for metric, score in scores.items():
        unit, title = units.get(metric, ""), TITLES[metric].split(",")[0]
        scale = 100.0 if metric == "l1" else 1.0
        found[f"{title}{where}"] = (scale * score.model.value, unit)
        if metric != "l1":
            continue
        for name, margin in (
            ("identity", score.over_identity),
            ("mean image", score.over_mean_image),
        ):
            if margin is not None:
                found[f"{title} below that of the {name}{where}"] = (
                    scale * margin.value,
                    unit,
                )
    return found


def pictures(images: Any) -> np.ndarray:
    """Brings images to bytes of 1 or 3 channels that can be looked at.

    A fourth channel is left out, as transparency. Two channels, or more than four, are
    drawn in false colours: each has its own, and they add up as far as each is on.

    Args:
        images: Shape (n, height, width, channels), bytes or floats in [0, 1].
    """
    images = np.asarray(images)
    if images.dtype != np.uint8:
        images = to_bytes(images)
    channels = images.shape[-1]
    if channels in (1, 3, 4):
        return images[..., : min(channels, 3)]
    # Only here: drawing asks for matplotlib, and writing need not.
    from jaxgen.report.style import CLASS_COLOURS

    palette = np.array(
        [
            [
                int(CLASS_COLOURS[c % len(CLASS_COLOURS)][i : i + 2], 16)
                for i in (1, 3, 5)
            ]
            for c in range(channels)
        ],
        np.float32,
    )
    share = images.astype(np.float32) / 255
    share /= np.maximum(share.sum(axis=-1, keepdims=True), 1)
    return (share @ palette).round().astype(np.uint8)


def _shown(inputs: Any, images: Any, show: Show | None) -> np.ndarray:
    if show is None:
        return pictures(images)
    both = [np.asarray(one) for one in (inputs, images)]
    return pictures(
        show(*(one if one.dtype == np.uint8 else to_bytes(one) for one in both))
    )


def _over_seeds(values: np.ndarray) -> tuple[float, float, float]:
    if len(values) < 2:
        mean = float(values.mean())
        return mean, mean, mean
    value, low, high = mean_interval(values)
    return value, low, high


def _row(score: Score, columns: Sequence[str], *, paired: bool) -> list[str]:
    metric = score.metric
    model = _number(metric, score.model.value)
    if not paired:  # There are no margins, whose intervals say more.
        low, high = (_number(metric, end) for end in score.model[1:])
        model += f" ({low} to {high})"
    cells = {
        "metric": TITLES[metric],
        "model": model,
        "input": _said(metric, score.identity),
        "mean image": _said(metric, score.mean_image),
        "over input": _margin(metric, score.over_identity),
        "over mean": _margin(metric, score.over_mean_image),
        "real": "–" if score.floor is None else _number(metric, score.floor),
    }
    return [cells[column] for column in columns]


def _said(metric: str, value: Interval | None) -> str:
    return "–" if value is None else _number(metric, value.value)


def _margin(metric: str, margin: Interval | None) -> str:
    """Of an interval that is symmetric, as those of means over images are."""
    if margin is None:
        return "–"
    half = _number(metric, margin.high - margin.value)
    return f"{_number(metric, margin.value)} ± {half}"


def _number(metric: str, value: float) -> str:
    digits = {"l1": 4, "psnr": 2, "ssim": 3, "fd": 2, "kid": 3}[metric]
    return f"{value:.{digits}f}".replace("-", "\N{MINUS SIGN}")

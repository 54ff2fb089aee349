"""Figures of what the monitor of a translation recorded: its health and its scores."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jaxgen.report import wording
from jaxgen.report.kinds import Curve, CurvePanel, Curves, Zone
from jaxgen.report.run import Row, Run, numeric_names, series
from jaxgen.report.terms import term_panels
from jaxgen.report.translation.images import DIRECTIONS
from jaxgen.run_files import is_number, read_records

__all__ = ["FILE", "READINGS", "Reading", "health", "reading_panel", "scores"]

FILE = "translation.jsonl"
_SCORES = {
    **{"l1": "pixels 0 to 1", "psnr": "dB", "ssim": ""},
    **{"fd": "", "kid": "", "cycle": "pixels 0 to 1"},
}
"""Scores in the order of their panels, with their units."""

_HIGHEST = 4.0
"""The largest upper end of an axis; readings above it are rare and large."""


class Reading(NamedTuple):
    """How one reading is drawn.

    Attributes:
      title: above the panel.
      bad: what it means to be past the threshold.
      low: the lower end of the axis.
      high: the upper end, at least.
      above: whether what is above the threshold is bad.
    """

    title: str
    bad: str
    low: float
    high: float
    above: bool = False


READINGS = {
    "inversion": Reading("Luminance of output and input", "negatives", -1.05, 1.05),
    "collapse": Reading("Distance among outputs", "all alike", 0.0, 1.2),
    "critic": Reading("Critic: share told right", "critic wins", 0.4, 1.02, above=True),
    "idle": Reading("Change of the input", "does nothing", 0.0, 1.2),
}


def health(run: Run) -> Curves | None:
    """The four readings over training, with their thresholds."""
    rows = read_records(run.path / FILE)
    names = [name for name in READINGS if name in numeric_names(rows)]
    if not names:
        return None
    caption = (
        "Four ways in which translation fails, at each look at held-out images; pale "
        "bands are 95 % intervals over images, and in the shaded zones there is a "
        "warning. Luminance: the correlation of output and input over pixels, per "
        "image, averaged; dotted, that of true pairs, where they are known. Distance: "
        "how far outputs for different inputs are from each other, over how far "
        "targets are; dotted, the inputs. Critic: the share of held-out real and of "
        "translated images, or patches of them, that it tells right; 0.5 is a guess. "
        "Change: how far outputs are from their inputs, over how far targets are."
    )
    splits: list[str] = list(dict.fromkeys(row["split"] for row in rows))
    told = "; ".join(
        f"{DIRECTIONS.get(split, split)}: "
        + ", ".join(
            f"{name} {wording.short(float(values[-1]))}"
            for name in names
            if len(values := series(rows, split, name)[1])
        )
        for split in splits
    )
    panels = {READINGS[name].title: reading_panel(rows, name, splits) for name in names}
    several = len(splits) > 1
    return Curves(
        "Health over training",
        caption,
        f"Curves of four readings over the epochs; their last values are, {told}.",
        panels,
        tones={
            str(curve): f"class {splits.index(split)}" if several else "train"
            for split in splits
            for curve in (DIRECTIONS.get(split, split), _expected_name(split))
            if any(curve in panel.curves for panel in panels.values())
        },
        columns=2,
        legend=False,
    )


def reading_panel(rows: Sequence[Row], name: str, splits: Sequence[str]) -> CurvePanel:
    """Returns the panel of one reading.

    Args:
      rows: the lines of `translation.jsonl`.
      name: the reading, of `READINGS`.
      splits: the directions.
    """
    reading, curves = READINGS[name], {}
    high = reading.high
    for split in splits:
        epochs, values = series(rows, split, name)
        if not len(values):
            continue
        at, low = series(rows, split, f"{name}_low")
        top = series(rows, split, f"{name}_high")[1]
        band = len(at) == len(top) == len(values)
        curves[DIRECTIONS.get(split, split)] = Curve(
            epochs, values, low if band else None, top if band else None
        )
        high = max(high, float(values.max()), float(np.max(top, initial=0.0)))
        known, expected = series(rows, split, f"{name}_expected")
        if len(known) and name in ("inversion", "collapse"):
            curves[_expected_name(split)] = Curve(known, expected, style="dotted")
    if reading.low >= 0:
        high = min(1.06 * high, _HIGHEST) if high > reading.high else reading.high
    return CurvePanel(curves, limits=(reading.low, high), zone=_zone(rows, name))


def _expected_name(split: str) -> str:
    return f"{DIRECTIONS.get(split, split)}, expected"


def _zone(rows: Sequence[Row], name: str) -> Zone | None:
    """What is past the threshold that most directions have."""
    thresholds = [
        row[f"{name}_threshold"]
        for row in rows
        if is_number(row.get(f"{name}_threshold"))
    ]
    if not thresholds:
        return None
    threshold = float(np.median(thresholds))
    # Pairs that are negatives of each other warn on the other side.
    above = READINGS[name].above or (name == "inversion" and threshold > 0)
    return Zone(threshold, READINGS[name].bad, above)


def scores(run: Run) -> Curves | None:
    """Scores of held-out images over training."""
    rows = read_records(run.path / FILE)
    logged = numeric_names(rows)
    names = [name for name in _SCORES if name in logged]
    if not names:
        return None
    splits = list(dict.fromkeys(str(row["split"]) for row in rows))
    called: dict[str, str] = {split: DIRECTIONS.get(split, split) for split in splits}
    if len(splits) == 1:
        called = {splits[0]: "test"}
    rows = [{**row, "split": called[row["split"]]} for row in rows]
    parts = []
    if {"l1", "psnr", "ssim"} & set(names):
        parts.append("L1, PSNR and SSIM are of pairs, output and truth")
    if {"fd", "kid"} & set(names):
        parts.append(
            "FD and KID are distances of outputs from real images of the domain, in "
            "the features that the table of the page names"
        )
    if "cycle" in names:
        parts.append("the cycle is the distance between an input and its way back")
    caption = (
        f"Scores of held-out images at each look: {'; '.join(parts)}. Look for the "
        "epoch at which they are best (not always the last), and for L1 that falls "
        "while FD rises: outputs grow blurred."
    )
    last = "; ".join(
        f"{wording.spoken(name)} "
        + ", ".join(
            wording.short(float(values[-1])) + (f" ({own})" if len(splits) > 1 else "")
            for own in called.values()
            if len(values := series(rows, own, name)[1])
        )
        for name in names
    )
    return Curves(
        "Held-out scores over training",
        caption,
        f"Curves over the epochs, with their last values: {last}.",
        term_panels(rows, names, units=_SCORES),
    )

"""Panels of what a run logged, a term each."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from jaxgen.report.kinds import Curve, CurvePanel
from jaxgen.report.run import Row, series
from jaxgen.report.wording import spoken

__all__ = ["curve_of", "term_panels"]


def term_panels(
    rows: Sequence[Row],
    names: Sequence[str],
    *,
    units: Mapping[str, str] | None = None,
    floors: Mapping[str, float] | None = None,
    counts: Collection[str] = (),
) -> dict[str, CurvePanel]:
    """Returns a panel for each term that was logged, with a curve for each split.

    Args:
        rows: The lines of `metrics.jsonl`.
        names: The terms.
        units: What stands beside a term's axis.
        floors: The entropies that terms cannot go below.
        counts: The terms that are whole numbers.
    """
    panels: dict[str, CurvePanel] = {}
    for name in names:
        splits = {
            split: curve
            for split in dict.fromkeys(row["split"] for row in rows)
            if (curve := curve_of(rows, split, name)) is not None
        }
        if not splits:
            continue
        floor = (floors or {}).get(name)
        title = spoken(name)
        panels[name if title in panels else title] = CurvePanel(
            splits,
            unit=(units or {}).get(name, ""),
            levels={} if floor is None else {"floor": floor},
            whole=name in counts,
        )
    return panels


def curve_of(
    rows: Sequence[Row], split: str, name: str, *, quiet: bool = False
) -> Curve | None:
    """Returns the curve of a term on a split, or None where it has no number.

    Args:
        rows: The lines of `metrics.jsonl`.
        split: The split.
        name: The term.
        quiet: Whether it is drawn thin.
    """
    epochs, values = series(rows, split, name)
    if not np.isfinite(values).any():
        return None
    order = np.argsort(epochs, kind="stable")
    values = np.where(np.isfinite(values), values, np.nan)
    return Curve(epochs[order], values[order], style="thin" if quiet else "solid")

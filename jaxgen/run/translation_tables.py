"""Numbers, tables and the finding of a run that translates images.

`results` are those of `metrics.translation_results`.
"""

from collections.abc import Mapping
from typing import Any

from jaxgen.run.claims import Finding
from jaxgen.run.tables import Estimate, Table

__all__ = [
    "margin_finding",
    "too_little_known",
    "translation_head",
    "translation_tables",
]


_LEAST_PAIRS = 10
"""With fewer held-out pairs an interval says little."""


def translation_head(results: Mapping[str, Any]) -> dict[str, Estimate]:
    """Returns the numbers for the head of the page: L1 and FD of each direction.

    Args:
        results: By direction.
    """
    head: dict[str, Estimate] = {}
    for name, result in results.items():
        where = "" if len(results) == 1 else f", {name.replace('_', ' ')}"
        if "l1" in result.scores:
            l1 = [100 * end for end in result.scores["l1"].model]
            head[f"L1{where}"] = Estimate(*l1, unit="% of the range")
        if "fd" in result.scores:
            head[f"FD{where}"] = Estimate(*result.scores["fd"].model)
    return head


def translation_tables(results: Mapping[str, Any]) -> list[Table]:
    """Returns the table of scores of each direction."""
    return [Table(**result.table()._asdict()) for result in results.values()]


def too_little_known(results: Mapping[str, Any], *, least_steps: int) -> str:
    """Returns why held-out pairs tell nothing of a claim; empty where they do.

    Args:
        results: By direction.
        least_steps: With fewer steps of training nothing can be told.
    """
    if not all(result.direction.reference.aligned for result in results.values()):
        return "no pairs are known"
    pairs = min(len(one.direction.reference.inputs) for one in results.values())
    if pairs < _LEAST_PAIRS:
        return f"too few held-out pairs: {pairs}"
    steps = min(result.step for result in results.values())
    return f"too few steps: {steps:,} of {least_steps:,}" if steps < least_steps else ""


def margin_finding(words: str, margin: tuple[float, float, float]) -> Finding:
    """Returns what a margin of the L1 over trivial translations says.

    It holds where the interval lies above 0, and it does not where it lies below.

    Args:
        words: What it is a margin over; see `metrics.smallest_margin`.
        margin: The margin and the ends of its interval, in pixels from 0 to 1.
    """
    value, low, high = (100 * end for end in margin)
    return Finding(
        held=None if low <= 0 <= high else low > 0,
        name=f"L1 {words}",
        number=Estimate(value, low, high, unit="% of the range"),
        reference="the smallest margin over the input and the mean image",
        note="one seed",
    )

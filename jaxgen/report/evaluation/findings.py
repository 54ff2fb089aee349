"""What an evaluation found, read from `evaluation.json`."""

import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeGuard

from jaxgen.errors import InputError
from jaxgen.report.run import Run
from jaxgen.run_files import is_number

__all__ = ["Findings", "Measure", "finite", "is_reconstruction", "read"]

_KEYS = ("metric", "images", "value", "low", "high")
_BETTER = ("lower", "higher", "near")


@dataclasses.dataclass(frozen=True)
class Measure:
    """One metric of one set of images.

    Attributes:
      metric: its name, with the network in brackets.
      images: the set.
      value: the number; NaN where it was not finite.
      low: the lower end of its interval; minus infinity where it has none.
      high: the upper end.
      floor: what a second set of real images gets, or None.
      better: "lower", "higher", or "near" where the floor is best.
      note: what a reader must know, or "".
    """

    metric: str
    images: str
    value: float
    low: float
    high: float
    floor: float | None
    better: str
    note: str

    @property
    def ends(self) -> list[float]:
        """The finite ones of value, ends and floor."""
        floor = [] if self.floor is None else [self.floor]
        return [v for v in (self.value, self.low, self.high, *floor) if finite(v)]


@dataclasses.dataclass(frozen=True)
class Findings:
    """An evaluation.

    Attributes:
      measures: one per metric and set.
      protocol: what the numbers depend on.
      confidence: the level of the intervals.
    """

    measures: Sequence[Measure]
    protocol: Mapping[str, Any]
    confidence: float

    @functools.cached_property
    def sets(self) -> list[str]:
        """The sets of images, in order of appearance."""
        return list(dict.fromkeys(one.images for one in self.measures))

    @functools.cached_property
    def metrics(self) -> dict[str, dict[str, Measure]]:
        """By metric, in order of appearance: the measure of each set."""
        table: dict[str, dict[str, Measure]] = {}
        for one in self.measures:
            table.setdefault(one.metric, {})[one.images] = one
        return table

    @property
    def level(self) -> str:
        """The level of the intervals, such as 95%."""
        return f"{100 * self.confidence:g}%"


def read(run: Run) -> Findings | None:
    """Reads a run's `evaluation.json`.

    Args:
      run: the run.

    Returns:
      What it holds, or None where the run was not evaluated.

    Raises:
      InputError: the file is damaged.
    """
    content = run.document("evaluation")
    if content is None:
        return None
    path = run.path / "evaluation.json"
    measures, confidence = content.get("measures"), content.get("confidence")
    protocol = content.get("protocol", {})
    if not isinstance(measures, list) or not measures:
        raise _damaged(path, "its 'measures' are no list with something in it")
    if not isinstance(protocol, Mapping):
        raise _damaged(path, "its 'protocol' is no JSON object")
    if not is_number(confidence) or not 0 < confidence < 1:
        raise _damaged(
            path, f"its 'confidence' is {confidence!r}, and no number between 0 and 1"
        )
    rows = [_measure(path, *numbered) for numbered in enumerate(measures, start=1)]
    return Findings(rows, protocol, float(confidence))


def is_reconstruction(images: str) -> bool:
    """Whether a set was made of test images one by one, and so is no rival of samples.

    Examples:
      >>> is_reconstruction("reconstructions of model 2")
      True
    """
    return images.startswith("reconstructions")


def finite(value: float | None) -> TypeGuard[float]:
    """Whether there is a number, and a finite one."""
    return value is not None and math.isfinite(value)


def _measure(path: Path, number: int, row: Any) -> Measure:
    if not isinstance(row, Mapping) or not set(_KEYS) <= set(row):
        raise _damaged(path, f"its measure {number} lacks one of {', '.join(_KEYS)}")
    metric, images = row["metric"], row["images"]
    if not isinstance(metric, str) or not isinstance(images, str):
        raise _damaged(path, f"its measure {number} has no texts for metric and images")
    better = row.get("better", "lower")
    if better not in _BETTER:
        raise _damaged(
            path,
            f"its measure {number} is better {better!r}, not {' or '.join(_BETTER)}",
        )
    # JSON has no infinity: what was not finite comes as null.
    instead = {"value": math.nan, "low": -math.inf, "high": math.inf, "floor": None}
    numbers = {}
    for name, fallback in instead.items():
        value = row.get(name)
        if value is not None and not is_number(value):
            raise _damaged(path, f"its measure {number} has {value!r} as {name!r}")
        numbers[name] = float(value) if finite(value) else fallback
    note = str(row.get("note") or "")
    return Measure(metric, images, **numbers, better=better, note=note)


def _damaged(path: Path, what: str) -> InputError:
    return InputError(
        f"{path} is damaged: {what}; evaluate the run again, or delete the file to "
        "leave the evaluation out."
    )

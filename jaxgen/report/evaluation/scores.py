"""The rows of the table of measures: digits, units, and which set is the best."""

import dataclasses
import math
from collections.abc import Mapping, Sequence

from jaxgen.report.evaluation.findings import (
    Findings,
    Measure,
    finite,
    is_reconstruction,
)

__all__ = ["ARROWS", "Row", "rows", "split_name"]

ARROWS = {"lower": "↓", "higher": "↑", "near": "≈"}
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclasses.dataclass(frozen=True)
class Row:
    """One metric of all sets.

    Attributes:
      metric: its name without the network.
      network: the network that it was measured with, or "".
      better: "lower", "higher" or "near".
      exponent: its numbers are shown as multiples of ten to this power.
      cells: the measure of each set that has one.
      best: the set that is better than every other set of samples, or None where no
        interval lies apart from all others.
    """

    metric: str
    network: str
    better: str
    exponent: int
    cells: Mapping[str, Measure]
    best: str | None

    @property
    def unit(self) -> str:
        """The power of ten, such as ×10⁻³, or ""."""
        return f"×10{str(self.exponent).translate(_SUPERSCRIPTS)}" * bool(self.exponent)

    @property
    def arrow(self) -> str:
        """Which way is better."""
        return ARROWS[self.better]

    def scaled(self, value: float) -> float:
        """A number in the row's unit."""
        return value / 10.0**self.exponent

    def number(self, images: str) -> str:
        """The value of a set, with the digits that its interval justifies."""
        one = self.cells[images]
        if not finite(one.value):
            return "not finite"
        return _written(self.scaled(one.value), self._decimals(one))

    def interval(self, images: str) -> str:
        """The interval of a set."""
        one = self.cells[images]
        low, high = (
            _written(self.scaled(v), self._decimals(one)) for v in (one.low, one.high)
        )
        return f"[{low}, {high}]"

    def floor(self) -> str:
        """What real images get; two numbers where the sets differ in size."""
        floors = [one.floor for one in self.cells.values() if one.floor is not None]
        scaled = [self.scaled(floor) for floor in floors]
        finest = max(map(self._decimals, self.cells.values()))
        written = [_written(v, max(finest, _three_digits(v))) for v in scaled]
        return " / ".join(dict.fromkeys(written))

    def notes(self) -> list[str]:
        """What a reader must know of the numbers."""
        return list(dict.fromkeys(one.note for one in self.cells.values() if one.note))

    def _decimals(self, one: Measure) -> int:
        return _justified(*map(self.scaled, (one.value, one.low, one.high)))


def rows(findings: Findings) -> list[Row]:
    """Makes a row of each metric.

    Args:
      findings: the evaluation.
    """
    made = []
    for name, cells in findings.metrics.items():
        metric, network = split_name(name)
        better = next(iter(cells.values())).better
        best = _best(list(cells.values()), better)
        made.append(Row(metric, network, better, _exponent(cells), cells, best))
    return made


def split_name(name: str) -> tuple[str, str]:
    """Parts a metric from the network that it was measured with.

    Examples:
      >>> split_name("FD(classifier of mnist)")
      ('FD', 'classifier of mnist')
      >>> split_name("PSNR")
      ('PSNR', '')
    """
    metric, bracket, network = name.partition("(")
    if not bracket or not network.endswith(")") or not metric.strip():
        return name, ""
    return metric.strip(), network[:-1]


def _best(measures: Sequence[Measure], better: str) -> str | None:
    # Reconstructions have seen the very images: no set of samples competes with them.
    rivals = [
        (*_badness(one, better), one.images)
        for one in measures
        if finite(one.value) and not is_reconstruction(one.images)
    ]
    unknown = better == "near" and any(one.floor is None for one in measures)
    if len(rivals) < 2 or unknown:
        return None
    rivals.sort()
    return rivals[0][2] if rivals[0][1] < min(low for low, *_ in rivals[1:]) else None


def _badness(one: Measure, better: str) -> tuple[float, float]:
    """The ends of an interval on a scale on which less is better."""
    if better == "near" and one.floor is not None:
        ends = (abs(one.low - one.floor), abs(one.high - one.floor))
        inside = one.low <= one.floor <= one.high
        return 0.0 if inside else min(ends), max(ends)
    return (-one.high, -one.low) if better == "higher" else (one.low, one.high)


def _exponent(cells: Mapping[str, Measure]) -> int:
    """A multiple of three, for numbers that would need many noughts."""
    most = max((abs(end) for one in cells.values() for end in one.ends), default=0.0)
    wanted = max(_justified(one.value, one.low, one.high) for one in cells.values())
    if most == 0 or most >= 0.1 or wanted < 5:
        return 0
    return 3 * round(math.log10(most) / 3)


def _justified(value: float, low: float, high: float) -> int:
    """Decimals: those of half the interval's width, by the Particle Data Group's rule.

    It has two digits where they are below 36, else one.
    """
    half = (high - low) / 2
    if not math.isfinite(half) or half <= 0:
        return _three_digits(value)
    return max(1 - math.ceil(math.log10(half / 3.55)), 0)


def _three_digits(value: float) -> int:
    if not math.isfinite(value) or value == 0:
        return 0
    return min(max(2 - math.floor(math.log10(abs(value))), 0), 9)


def _written(value: float, decimals: int) -> str:
    if math.isinf(value):
        return "∞" if value > 0 else "\N{MINUS SIGN}∞"
    # Rounded first, so that no nought gets a sign.
    rounded = round(value, decimals) + 0.0
    return f"{rounded:,.{decimals}f}".replace("-", "\N{MINUS SIGN}")

"""What an evaluation found: numbers with intervals, floors and the protocol."""

import itertools
import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from jaxgen.checks import check_count

__all__ = ["Better", "Evaluation", "Measure", "rows", "text_tables"]

Better = Literal["higher", "lower", "near"]

_GAP = "  "
"""Between the columns of a table."""

_NAME = 24
"""Columns that the name of a metric gets at least, if it has as many letters."""


class Measure(NamedTuple):
    """One metric of one set of images.

    Attributes:
        metric: Its name, with the feature network: "FD(classifier of mnist)".
        images: Which set: "reconstructions", "samples" ...
        value: The number.
        low: Lower end of its interval.
        high: Upper end.
        floor: What a second set of real images of the same size gets, or None where
            there is no such number.
        better: Whether higher or lower is better, or "near" where the floor is best.
        note: What a reader must know of it, or "".
    """

    metric: str
    images: str
    value: float
    low: float
    high: float
    floor: float | None = None
    better: Better = "lower"
    note: str = ""


class Evaluation(NamedTuple):
    """What `evaluate` found.

    Attributes:
        measures: One per metric and set of images.
        protocol: What the numbers depend on: examples, split, resize, networks ...
        confidence: Level of the intervals.
        curves: Precision and recall for distributions, shape (2, angles), by
            "NET: SET".
        pictures: uint8 images for figures: `real`, `samples/SET` and `neighbours/SET`,
            the latter of shape (rows, 1 + k, height, width, channels): an image of the
            set and its nearest training images.
    """

    measures: Sequence[Measure]
    protocol: Mapping[str, Any]
    confidence: float
    curves: Mapping[str, np.ndarray]
    pictures: Mapping[str, np.ndarray]

    def table(self, width: int = 80) -> str:
        """Returns a text: a row per metric, a column per set, the floor last.

        Sets that do not fit side by side go to further tables. Below them stand what a
        reader must know of single numbers, and the protocol.

        Args:
            width: Columns of text. Numbers are never cut: one set needs about 70.

        Raises:
            InputError: The width is not a whole number above 0.
        """
        check_count("width", width, 1)
        foot = "\n".join(
            textwrap.fill(
                line,
                width,
                subsequent_indent=_GAP,
                break_long_words=False,
                break_on_hyphens=False,
            )
            for line in self.foot()
        )
        return "\n\n".join([*text_tables(*rows(self), width), foot])

    def foot(self) -> list[str]:
        """Returns the lines below a table: signs, notes and the protocol."""
        signs = "↓ lower is better, ↑ higher is better, ≈ best near real images"
        notes = [
            f"{one.metric}, {one.images}: {one.note}."
            for one in self.measures
            if one.note
        ]
        protocol = [f"{name}: {_said(value)}" for name, value in self.protocol.items()]
        return [f"[ , ] {self.confidence:.0%} intervals; {signs}", *notes, *protocol]

    def to_json(self) -> dict[str, Any]:
        """Returns numbers and protocol for `json.dumps`; infinite numbers are None."""
        return {
            "confidence": self.confidence,
            "protocol": dict(self.protocol),
            "measures": [
                {name: _plain(value) for name, value in one._asdict().items()}
                for one in self.measures
            ],
        }


def rows(evaluation: Evaluation) -> tuple[list[str], list[list[str]]]:
    """Returns the head and the rows of a table: metrics by sets, and the floor.

    Args:
        evaluation: What was found.
    """
    sets = list(dict.fromkeys(one.images for one in evaluation.measures))
    head = ["metric", "", *sets, "real against real"]
    cells: dict[str, dict[str, Measure]] = {}
    for one in evaluation.measures:
        cells.setdefault(one.metric, {})[one.images] = one
    table = []
    for metric, found in cells.items():
        first = next(iter(found.values()))
        arrow = {"higher": "↑", "lower": "↓", "near": "≈"}[first.better]
        shown = [_cell(found[name]) if name in found else "" for name in sets]
        digits = max(map(_digits, found.values()))
        floor = "" if first.floor is None else f"{first.floor:.{digits}f}"
        table.append([metric, arrow, *shown, floor])
    return head, table


def text_tables(
    head: Sequence[str], lines: Sequence[Sequence[str]], width: int
) -> list[str]:
    """Returns tables of text with as many sets side by side as the width allows.

    Numbers are never cut or wrapped; names and heads are wrapped between words.

    Args:
        head: As of `rows`: the metric, its arrow, the sets, the floor.
        lines: Likewise.
        width: Columns of text; a single set needs about 70.
    """
    columns = list(zip(head, *lines, strict=True))
    longest = max(map(len, columns[0]))
    sizes = [max(map(len, [*column[0].split(), *column[1:]])) for column in columns[1:]]
    arrow, *of_sets, floor = (size + len(_GAP) for size in sizes)
    made, sets = [], list(range(len(of_sets)))
    while sets:
        # What is left of the width beside the floor and a name that may be wrapped.
        room = width - min(longest, _NAME) - arrow - floor
        ends = itertools.accumulate(of_sets[place] for place in sets)
        count = max(sum(end <= room for end in ends), 1)
        part, sets = sets[:count], sets[count:]
        chosen = [0, 1, *(place + 2 for place in part), len(columns) - 1]
        rest = arrow + floor + sum(of_sets[place] for place in part)
        name = min(longest, max(width - rest, _NAME))
        made.append(
            _text_table(
                [head[place] for place in chosen],
                [
                    [line[place] for place in chosen]
                    for line in lines
                    if any(line[place] for place in chosen[2:-1])
                ],
                [name, *(sizes[place - 1] for place in chosen[1:])],
            )
        )
    return made


def _text_table(
    head: Sequence[str], lines: Sequence[Sequence[str]], widths: Sequence[int]
) -> str:
    def text(cells: Sequence[str]) -> list[str]:
        wrapped = [
            # The interval of a number stays beside it.
            [cell] if len(cell) <= width else textwrap.wrap(cell, width)
            for cell, width in zip(cells, widths, strict=True)
        ]
        return [
            _GAP.join(
                part.ljust(width) if place < 2 else part.rjust(width)
                for place, (part, width) in enumerate(zip(parts, widths, strict=True))
            ).rstrip()
            for parts in itertools.zip_longest(*wrapped, fillvalue="")
        ]

    rule = "-" * (sum(widths) + len(_GAP) * (len(widths) - 1))
    return "\n".join([*text(head), rule, *itertools.chain(*map(text, lines))])


def _digits(one: Measure) -> int:
    # Two digits of the interval's half width are as many as it justifies.
    width = (one.high - one.low) / 2
    if not math.isfinite(width) or width <= 0:
        return 3
    return min(max(1 - math.floor(math.log10(width)), 0), 6)


def _cell(one: Measure) -> str:
    digits = _digits(one)
    return f"{one.value:.{digits}f} [{one.low:.{digits}f}, {one.high:.{digits}f}]"


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_said(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(map(_said, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value

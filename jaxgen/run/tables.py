"""Tables of a page, and the one form in which a number stands with its interval."""

import dataclasses
import math
import shutil
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy

from jaxgen.errors import InputError

__all__ = ["Estimate", "Table", "mean_estimate", "print_tables"]


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval and its unit.

    Attributes:
        value: The number.
        low: Lower end of the interval, or None where there is no interval.
        high: Upper end.
        unit: Such as "nats per image"; empty for a plain number.

    Examples:
        >>> str(Estimate(168.104, 167.48, 168.728, "nats"))
        '168.10 ± 0.62 nats'
        >>> str(Estimate(0.9, 0.76, 0.96))
        '0.90 (0.76 to 0.96)'
    """

    value: float
    low: float | None = None
    high: float | None = None
    unit: str = ""

    def __post_init__(self):
        """Raises an InputError unless the interval holds the value."""
        low, high = self.low, self.high
        if (low is None) != (high is None):
            raise InputError(
                f"The interval is {low} to {high}: give both ends or none."
            )
        if low is not None and high is not None:
            if not -math.inf < low <= self.value <= high < math.inf:
                raise InputError(
                    f"The interval {low} to {high} does not hold the value "
                    f"{self.value}."
                )

    def __str__(self) -> str:
        """Returns `value ± half width unit`, or `value (low to high) unit`."""
        text = self.text
        return f"{text} {self.unit}" if self.unit else text

    @property
    def text(self) -> str:
        """The number and its interval without the unit."""
        if self.low is None or self.high is None:
            small = 0 < abs(self.value) < 0.01
            return f"{self.value:.3g}" if small else _decimal(self.value, 2)
        below, above = self.value - self.low, self.high - self.value
        half = (below + above) / 2
        digits = 2 if half <= 0 else min(max(1 - math.floor(math.log10(half)), 0), 6)
        if abs(below - above) <= 0.1 * half:
            return f"{_decimal(self.value, digits)} ± {_decimal(half, digits)}"
        low, high = _decimal(self.low, digits), _decimal(self.high, digits)
        return f"{_decimal(self.value, digits)} ({low} to {high})"

    def as_json(self) -> dict[str, Any]:
        """Returns what `summary.json` keeps."""
        return {
            "value": float(self.value),
            "low": None if self.low is None else float(self.low),
            "high": None if self.high is None else float(self.high),
            "unit": self.unit,
            "text": self.text,
        }


def _decimal(value: float, digits: int) -> str:
    # Adding 0 makes -0 a 0.
    text = f"{round(value, digits) + 0.0:,.{digits}f}"
    return text.replace("-", "\N{MINUS SIGN}")


def mean_estimate(
    values: np.ndarray, unit: str = "", *, mean: float | None = None
) -> Estimate:
    """Returns the mean of independent values with its 95 % interval, of Student's t.

    One value, or a mean that is not finite, has no interval.

    Args:
        values: Such as one for each test image, shape (n,), n at least 1.
        unit: Their unit.
        mean: Their mean, where it is known to more digits or was recorded before.

    Raises:
        InputError: There are no values.

    Examples:
        >>> str(mean_estimate(np.array([1.0, 2.0, 3.0]), "nats"))
        '2.0 ± 2.5 nats'
    """
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or not len(values):
        raise InputError(
            f"values has shape {values.shape}: a mean needs at least one value."
        )
    mean = float(values.mean()) if mean is None else mean
    if len(values) == 1 or not np.isfinite(values).all():
        return Estimate(mean, unit=unit)
    number = len(values)
    quantile = float(scipy.special.stdtrit(number - 1, 0.975))
    half = quantile * float(values.std(ddof=1)) / math.sqrt(number)
    return Estimate(mean, mean - half, mean + half, unit)


@dataclasses.dataclass(frozen=True)
class Table:
    """A table of a page.

    Attributes:
        title: What stands above it.
        columns: The heads of the columns.
        rows: Cells as texts, as many in each row as there are columns.
        note: What to look for, a sentence or two.
        words: How many of the first columns hold words; the others hold numbers.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    words: int = 1

    def __post_init__(self):
        """Raises an InputError where a row has not as many cells as columns."""
        for row in self.rows:
            if len(row) != len(self.columns):
                raise InputError(
                    f"The table {self.title!r} has {len(self.columns)} columns and a "
                    f"row of {len(row)} cells: {list(row)}."
                )

    def as_json(self) -> dict[str, Any]:
        """Returns what `summary.json` keeps."""
        return {
            "title": self.title,
            "note": self.note,
            "columns": list(self.columns),
            "words": self.words,
            "rows": [list(row) for row in self.rows],
        }


def print_tables(tables: Sequence[Table]) -> None:
    """Prints tables, as wide as the terminal; a pipe has 80 columns.

    Cells that are too wide are wrapped, and none is cut.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable

    console = Console(width=shutil.get_terminal_size().columns, markup=False)
    for table in tables:
        text = RichTable(title=table.title, box=box.SIMPLE, title_justify="left")
        for number, column in enumerate(table.columns):
            if number < table.words:
                parts = [column, *(row[number] for row in table.rows)]
                least = max((len(w) for part in parts for w in part.split()), default=1)
                text.add_column(
                    column, overflow="fold", min_width=min(least, console.width // 6)
                )
                continue
            # Numbers stay on one line where they can; heads and words are wrapped.
            parts = [*column.split(), *(row[number] for row in table.rows)]
            size = max(map(len, parts), default=0)
            text.add_column(column, justify="right", width=size, overflow="fold")
        for row in table.rows:
            text.add_row(*row)
        console.print(text)

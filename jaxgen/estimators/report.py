"""What a comparison found: rows, the best of them, table, JSON and plot."""

import dataclasses
import json
import math
import textwrap
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgen.errors import InputError
from jaxgen.estimators.base import Cost
from jaxgen.estimators.checks import bias_test, normal_quantile
from jaxgen.estimators.problem import Gradient
from jaxgen.estimators.streaming import Moments
from jaxgen.typing import PyTree

__all__ = ["HEAD", "Report", "Row", "measured_row"]

HEAD = (
    "estimator",
    "N",
    "evaluations",
    "pilot",
    "bias",
    "",
    "variance",
    "",
    "var x eval",
    "us each",
    "",
)
"""The columns of the table."""


class Row(NamedTuple):
    """What was measured of one estimator. Pytrees are like the parameters.

    Attributes:
        name: The call that makes the estimator.
        skipped: Why it was left out, a sentence; then there is nothing else.
        num_samples: Samples (or pairs) of one gradient.
        cost: Evaluations of one gradient.
        pilot: Evaluations made once for all gradients of the distribution, not in cost.
        claims_unbiased: What the estimator says of itself.
        mean: Mean gradient.
        bias: Mean minus truth.
        bias_half_width: Half the width of its simultaneous interval.
        p_value: Of the largest bias, corrected for all entries of all estimators.
        biased: Whether a bias was found.
        variance: Variance of each entry.
        variance_error: Its standard error.
        total_variance: Sum of the variances of all entries.
        total_interval: Its confidence interval.
        seconds: Time of one gradient.
    """

    name: str
    skipped: str | None = None
    num_samples: int = 0
    cost: Cost = Cost(0)
    pilot: Cost = Cost(0)
    claims_unbiased: bool = False
    mean: PyTree = None
    bias: PyTree = None
    bias_half_width: PyTree = None
    p_value: float = math.nan
    biased: bool = False
    variance: PyTree = None
    variance_error: PyTree = None
    total_variance: float = math.nan
    total_interval: tuple[float, float] = (math.nan, math.nan)
    seconds: float = math.nan

    def __repr__(self) -> str:
        """Returns one line of numbers; the pytrees are left out."""
        if self.skipped is not None:
            return f"Row(skipped: {_said(self)})"
        return (
            f"Row({self.name}: variance {self.total_variance:.4g} for "
            f"{_evaluations(self.cost)}, bias {math.sqrt(self.squared_bias):.2g})"
        )

    @property
    def squared_bias(self) -> float:
        """The sum of the squared biases of all entries."""
        return _squared_norm(self.bias)

    def price(self, by: str = "evaluations") -> float:
        """Returns variance x cost: what a variance of 1 costs, less is better."""
        per = self.cost.total if by == "evaluations" else self.seconds
        return self.total_variance * per

    def cells(self) -> tuple[str, ...]:
        """Returns what the table has of a row that was measured, by `HEAD`."""
        low, high = self.total_interval
        if not math.isfinite(self.total_variance):
            verdict = "NOT FINITE"
        elif self.claims_unbiased:
            verdict = f"BIASED (p = {self.p_value:.1g})" if self.biased else ""
        else:
            verdict = "biased" if self.biased else "no bias seen"
        return (
            self.name,
            str(self.num_samples),
            _evaluations(self.cost),
            _evaluations(self.pilot) if self.pilot.total else "",
            f"{math.sqrt(self.squared_bias):.2g}",
            f"+- {math.sqrt(_squared_norm(self.bias_half_width)):.1g}",
            f"{self.total_variance:.4g}",
            f"+- {(high - low) / 2:.1g}",
            f"{self.price():.4g}",
            f"{self.seconds * 1e6:.2g}",
            verdict,
        )


@dataclasses.dataclass(frozen=True)
class Report:
    """A comparison of estimators.

    Attributes:
        rows: One per estimator, in the order given.
        truth: The gradient they are held against, a pytree like the parameters.
        reference: Where the truth comes from.
        repeats: Gradients drawn of each.
        level: Level of the intervals.
        budget: What every gradient was allowed, in words.
    """

    rows: tuple[Row, ...]
    truth: PyTree
    reference: str
    repeats: int
    level: float
    budget: str

    def ranking(self, unbiased: bool = True, by: str = "evaluations") -> list[Row]:
        """Returns the rows that were measured, the best first.

        Args:
            unbiased: Only those that claim no bias and showed none, by variance x
                cost. Otherwise all, by squared bias + variance of one gradient.
            by: The cost: "evaluations" of f or "seconds".
        """
        if by not in ("evaluations", "seconds"):
            raise InputError(f'by={by!r}: give "evaluations" or "seconds".')
        rows = [row for row in self.rows if math.isfinite(row.total_variance)]
        if not unbiased:
            return sorted(rows, key=lambda row: row.squared_bias + row.total_variance)
        rows = [row for row in rows if row.claims_unbiased and not row.biased]
        # Of several without variance the cheapest wins.
        return sorted(
            rows, key=lambda row: (row.price(by), row.cost.total, row.pilot.total)
        )

    def best(self, unbiased: bool = True, by: str = "evaluations") -> Row:
        """Returns the best row; see `ranking`.

        Raises:
            InputError: No estimator qualifies.
        """
        rows = self.ranking(unbiased, by)
        if not rows:
            raise InputError("No estimator was measured that could be the best.")
        return rows[0]

    def table(self) -> str:
        """Returns the comparison as text, the best first, for the terminal."""
        ranked = self.ranking()
        places = {id(row) for row in ranked}
        measured = [row for row in self.rows if row.skipped is None]
        rest = [row for row in measured if id(row) not in places]
        lines = [HEAD, *(row.cells() for row in ranked + rest)]
        if ranked:
            lines[1] = (*lines[1][:-1], "best")
        pilots = any(row.pilot.total for row in measured)
        text = _aligned(lines if pilots else [row[:3] + row[4:] for row in lines])
        text.insert(1, "-" * max(map(len, text)))
        skipped = [row for row in self.rows if row.skipped is not None]
        if skipped:
            text += ["", "skipped, because"]
            text += [_wrapped(_said(row), "  ", "    ") for row in skipped]
        text += ["", *(_wrapped(note) for note in self._notes())]
        return "\n".join(text)

    def __str__(self) -> str:
        """Returns the table."""
        return self.table()

    def __repr__(self) -> str:
        """Returns one line: the best, and how many estimators there are."""
        ranked = self.ranking()
        best = f"best {ranked[0].name}" if ranked else "no best"
        measured = sum(row.skipped is None for row in self.rows)
        skipped = len(self.rows) - measured
        return f"Report({best} of {measured}, {skipped} skipped; print it: a table)"

    def to_json(self, path: Path | str | None = None) -> str:
        """Returns the whole comparison as JSON, and writes it to `path` if given."""
        content = {
            "truth": _leaves(self.truth),
            "reference": self.reference,
            "repeats": self.repeats,
            "level": self.level,
            "budget": self.budget,
            "rows": [_plain(row) for row in self.rows],
        }
        text = json.dumps(_finite(content), indent=2, allow_nan=False)
        if path is not None:
            Path(path).write_text(text + "\n")
        return text

    def plot(self, path: Path | str | None = None) -> Any:
        """Draws variance and bias of every estimator; a matplotlib figure.

        Args:
            path: A file to write, as PNG, if given.

        Raises:
            InputError: matplotlib is missing.
        """
        from jaxgen.report import comparison

        return comparison.draw(json.loads(self.to_json()), path)

    def _notes(self) -> list[str]:
        pilot = "pilot: evaluations made once for all gradients of one distribution, "
        pilot += "and again after every step of a training; they are not in var x eval."
        return [
            f"truth: {self.reference}, of norm "
            f"{math.sqrt(_squared_norm(self.truth)):.4g}; "
            f"{self.repeats:,} gradients each, of {self.budget} or the fewest "
            "possible (f with its derivative counts as three; calls that warm up a "
            "state are not counted).",
            "N: samples of a gradient, or antithetic pairs; var x eval: total variance "
            "x evaluations, the price of a variance of 1.",
            *([pilot] if any(row.pilot.total for row in self.rows) else []),
            f"intervals at {self.level:.0%}; those of the bias hold for all entries "
            "of all estimators together.",
        ]


def measured_row(
    gradient: Gradient,
    cost: Cost,
    pilot: Cost,
    found: Moments,
    squared_error: Moments,
    *,
    truth: PyTree,
    truth_error: PyTree,
    seconds: float,
    level: float,
    tests: int,
) -> Row:
    """Returns the row of the moments of one estimator's draws."""
    test = bias_test(found, truth, level=level, tests=tests, truth_error=truth_error)
    total = sum(float(np.sum(leaf)) for leaf in jax.tree.leaves(found.variance))
    reach = normal_quantile((1 + level) / 2) * float(squared_error.standard_error)
    return Row(
        name=str(gradient.estimator),
        num_samples=gradient.num_samples,
        cost=cost,
        pilot=pilot,
        claims_unbiased=gradient.estimator.unbiased,
        mean=found.mean,
        bias=test.bias,
        bias_half_width=test.half_width,
        p_value=test.p_value,
        biased=test.p_value < 1 - level,
        variance=found.variance,
        variance_error=found.variance_standard_error,
        total_variance=total,
        total_interval=(max(total - reach, 0.0), total + reach),
        seconds=seconds,
    )


def _aligned(lines: list[tuple[str, ...]]) -> list[str]:
    """Returns lines of equal columns: names, errors and words left, numbers right."""
    columns = []
    for column in zip(*lines, strict=True):
        width = max(map(len, column))
        number = column[0] not in ("estimator", "")
        columns.append([c.rjust(width) if number else c.ljust(width) for c in column])
    return ["  ".join(line).rstrip() for line in zip(*columns, strict=True)]


def _wrapped(text: str, first: str = "", others: str = "  ") -> str:
    return textwrap.fill(text, 88, initial_indent=first, subsequent_indent=others)


def _squared_norm(tree: PyTree) -> float:
    return sum(float(np.sum(np.square(leaf))) for leaf in jax.tree.leaves(tree))


def _evaluations(cost: Cost) -> str:
    if not cost.gradients:
        return f"{cost.evaluations:,} f"
    derivative = f"{cost.gradients:,} f'"
    return f"{cost.evaluations:,} f + {derivative}" if cost.evaluations else derivative


def _finite(content: Any) -> Any:
    """The content with null for what is not finite, which JSON has no word for."""
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    finite = not isinstance(content, float) or math.isfinite(content)
    return content if finite else None


def _said(row: Row) -> str:
    reason = row.skipped or ""
    return reason if reason.startswith(row.name) else f"{row.name}: {reason}"


def _leaves(tree: PyTree) -> dict[str, Any]:
    return {
        jax.tree_util.keystr(path) or "params": np.asarray(leaf).tolist()
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    }


def _plain(row: Row) -> dict[str, Any]:
    if row.skipped is not None:
        return {"name": row.name, "skipped": row.skipped}
    trees = ("mean", "bias", "bias_half_width", "variance", "variance_error")
    plain = {
        k: v for k, v in row._asdict().items() if k not in trees and k != "skipped"
    }
    for name, cost in (("cost", row.cost), ("pilot", row.pilot)):
        plain[name] = {**cost._asdict(), "total": cost.total}
    plain["squared_bias"] = row.squared_bias
    return plain | {name: _leaves(getattr(row, name)) for name in trees}

"""What a page opens with: the verdict on the claim, and the final numbers."""

from collections.abc import Mapping
from typing import Any

from jaxgen.errors import InputError
from jaxgen.report.run import Run
from jaxgen.report.wording import said
from jaxgen.run_files import shown

__all__ = ["damaged", "numbers", "verdict"]

_MARKS = {
    "held": "held",
    "not held": "missed",
    "cannot be told here": "open",
}
"""Verdicts, each with its class in the style sheet."""


def verdict(run: Run) -> dict[str, str] | None:
    """Returns whether the claim held, with its number; None where a run says nothing.

    Raises:
      InputError: the entry "claim" of `summary.json` is damaged.
    """
    claim = run.summary.get("claim")
    if claim is None:
        return None
    if not isinstance(claim, Mapping) or claim.get("verdict") not in _MARKS:
        raise damaged(run, f"its claim is {shown(claim)}, not a verdict")
    number = claim.get("number")
    value = number.get("text", "") if isinstance(number, Mapping) else ""
    unit = number.get("unit", "") if isinstance(number, Mapping) else ""
    named = {key: str(claim.get(key) or "") for key in ("name", "reference", "reason")}
    outcome = claim["verdict"]
    return named | {
        "outcome": outcome,
        "mark": _MARKS[outcome],
        "number": str(value),
        "unit": str(unit),
    }


def numbers(run: Run) -> dict[str, Any]:
    """Returns the numbers at the head of the page, and where they come from.

    Raises:
      InputError: the entry "results" of `summary.json` is damaged.
    """
    results = run.summary.get("results", {})
    if not isinstance(results, Mapping):
        raise damaged(run, f"its results are {shown(results)}, not numbers by name")
    if results:
        return {"tiles": [_tile(*one) for one in results.items()], "note": ""}
    # A run that was stopped has no summary, but its last evaluation.
    rows = [row for row in run.rows if row["split"] == "test"]
    if not rows:
        return {"tiles": [], "note": ""}
    tiles = [
        _tile(f"test {name}", {"value": rows[-1][name], "unit": run.units.get(name)})
        for name in run.terms
        if name in rows[-1]
    ]
    note = (
        f"This run did not end: the numbers are those of epoch {rows[-1]['epoch']:g}."
    )
    return {"tiles": tiles, "note": note}


def _tile(label: str, result: Any) -> dict[str, str]:
    """Returns a number with its interval and unit apart."""
    whole = result if isinstance(result, Mapping) else {"value": result}
    unit = str(whole.get("unit") or "")
    if whole.get("low") is None or not isinstance(whole.get("text"), str):
        return {"label": label, "value": _figure(whole.get("value")), "unit": unit}
    value, _, interval = whole["text"].partition(" ")
    return {"label": label, "value": value, "unit": f"{interval} {unit}".strip()}


def _figure(value: Any) -> str:
    """A result, with two decimals, so that numbers side by side compare."""
    if isinstance(value, float) and 0.1 <= abs(value) and not value.is_integer():
        return f"{value:,.2f}".replace("-", "\N{MINUS SIGN}")
    return said(value)


def damaged(run: Run, why: str) -> InputError:
    """Returns the error of a `summary.json` that is not as it was written."""
    return InputError(
        f"{run.path / 'summary.json'} is damaged: {why}; run the experiment again, or "
        "delete the file to leave its numbers out."
    )

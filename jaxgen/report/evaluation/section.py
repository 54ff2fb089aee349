"""The words and tables of the page's section on an evaluation."""

from collections.abc import Mapping
from typing import Any

from jaxgen.report.evaluation import findings as reading
from jaxgen.report.evaluation import looks, scores
from jaxgen.report.evaluation.findings import Findings, is_reconstruction
from jaxgen.report.run import Run
from jaxgen.report.wording import said

__all__ = ["section"]

_DIRECTIONS = {
    "lower": "lower is better",
    "higher": "higher is better",
    "near": "best near what real images get",
}


def section(run: Run) -> dict[str, Any] | None:
    """The table of measures and the protocol, for the template.

    Args:
      run: the run.

    Returns:
      What the template shows, or None where the run was not evaluated.

    Raises:
      InputError: `evaluation.json` is damaged.
    """
    findings = reading.read(run)
    if findings is None:
        return None
    rows = scores.rows(findings)
    shown = [_shown(row, findings) for row in rows]
    floors = any(row["floor"] for row in shown)
    best = any(row.best for row in rows)
    return {
        "sets": findings.sets,
        "rows": shown,
        "floors": floors,
        "lead": _lead(findings, floors, best),
        "directions": [
            (arrow, _DIRECTIONS[better])
            for better, arrow in scores.ARROWS.items()
            if any(row.better == better for row in rows)
        ],
        "protocol": _protocol(findings),
    }


def _shown(row: scores.Row, findings: Findings) -> dict[str, Any]:
    return {
        "metric": looks.parts(row.metric),
        "network": row.network,
        "arrow": row.arrow,
        "direction": _DIRECTIONS[row.better],
        "unit": row.unit,
        "notes": row.notes(),
        "floor": row.floor(),
        "cells": [
            {
                "value": row.number(name),
                "interval": row.interval(name),
                "best": name == row.best,
            }
            if name in row.cells
            else None
            for name in findings.sets
        ],
    }


def _lead(findings: Findings, floors: bool, best: bool) -> str:
    words = [f"Each number stands above its {findings.level} interval."]
    if floors:
        words.append(
            "The last column is what a second set of real images of the same size "
            "gets: where a model reaches it, the metric cannot tell its images from "
            "real ones."
        )
    if best:
        apart = any(map(is_reconstruction, findings.sets))
        words.append(
            "Bold is the best set of samples, where its interval lies apart from those "
            "of all others"
            + (
                "; reconstructions start from real images, so they do not compete."
                if apart
                else "."
            )
        )
    return " ".join(words)


def _protocol(findings: Findings) -> list[tuple[str, str]]:
    """A line for each choice, and for each of several that share a name."""
    lines = []
    for name, value in findings.protocol.items():
        parts = _parts(value)
        if parts is None:
            lines.append((name, said(value)))
        else:
            lines += [(f"{name}: {key}", said(part)) for key, part in parts]
    return lines


def _parts(value: Any) -> list[tuple[str, Any]] | None:
    """What has a name of its own inside a choice: a network, a model."""
    if isinstance(value, list) and all(
        isinstance(part, Mapping) and "name" in part for part in value
    ):
        return [
            (str(part["name"]), {k: part[k] for k in part if k != "name"})
            for part in value
        ]
    if isinstance(value, Mapping) and any(
        isinstance(part, Mapping) for part in value.values()
    ):
        return [(str(key), part) for key, part in value.items()]
    return None

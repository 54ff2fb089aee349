"""What scripts make their results of: records, and numbers that have to be in them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxgen import training
from jaxgen.errors import InputError
from jaxgen.run_files import is_number, shown

__all__ = ["last_record", "median_rate", "number_of", "records_of"]


def median_rate(path: Path) -> float | None:
    """Returns the median of the examples a second in some records, if there are any.

    Args:
        path: Their file, `metrics.jsonl`.
    """
    found = [
        number_of(row, "images_per_second", path)
        for row in training.read_records(path)
        if "images_per_second" in row
    ]
    return float(np.median(found)) if found else None


def records_of(path: Path, split: str = "test") -> list[dict[str, Any]]:
    """Returns the records of a split, in order of steps.

    Raises:
        InputError: The file cannot be read, or has none of that split.
    """
    found = [row for row in training.read_records(path) if row["split"] == split]
    if not found:
        raise InputError(
            f"{path} has no record of the split {split!r}, which the results are made "
            "of: restore the file, or start the run anew under another name."
        )
    return sorted(found, key=lambda row: row["step"])


def last_record(path: Path, *names: str, split: str = "test") -> dict[str, Any]:
    """Returns the last record of a split.

    Args:
        path: The file of records.
        names: What it has to hold, as numbers.
        split: The split.

    Raises:
        InputError: There is none, or it lacks a number.
    """
    record = records_of(path, split)[-1]
    for name in names:
        number_of(record, name, path)
    return record


def number_of(record: Mapping[str, Any], name: str, path: Path) -> float:
    """Returns a number of a record.

    Args:
        record: One of `training.read_records`.
        name: What is asked for.
        path: The file of the record, for the message.

    Raises:
        InputError: The record lacks it, or it is no number.
    """
    value = record.get(name)
    if not is_number(value):
        seen = f"{name!r} is {shown(value)}" if name in record else f"it lacks {name!r}"
        raise InputError(
            f"{path}: in the record of step {record['step']} and split "
            f"{record['split']!r} {seen}, and a number was expected: restore the file, "
            "or start the run anew under another name."
        )
    return value

"""Reads the JSON files of a run: its description, its records, its results.

A run may be killed at any time, copied, and edited by hand. Whatever a file holds,
reading it gives checked content or an `InputError` that names the file; no file is
changed but by `add_records`.
"""

import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from jaxgen import files
from jaxgen.errors import InputError
from jaxgen.files import read_npz, write_whole

__all__ = [
    "LONGEST_NAME",
    "MOST_BYTES",
    "Record",
    "add_records",
    "differences",
    "is_number",
    "read_arrays",
    "read_config",
    "read_json",
    "read_object",
    "read_records",
    "shown",
]

Record = dict[str, Any]
"""One point of the curves: `step`, `epoch`, `split` and the terms by name."""

MOST_BYTES = 2**24
"""Of a JSON file, or a line of records; those of the scripts have a few thousand."""

LONGEST_NAME = 200
"""Characters of the name of a split or a term."""

_DEEPEST = 32
_MOST_STEPS = 2**63 - 1
_CURE = "restore the file, or run the experiment again under another name"

_ENTRIES: dict[str, tuple[type, str]] = {
    **dict.fromkeys(("experiment", "title", "claim", "command"), (str, "a text")),
    **dict.fromkeys(("config", "environment"), (dict, "an object")),
    **dict.fromkeys(("units", "labels"), (dict, "texts by name")),
    **dict.fromkeys(
        ("floors", "constraint"),
        (dict, 'numbers by the name of their term, such as {"kl": 25.0}'),
    ),
    **dict.fromkeys(("records", "conditional", "aligned"), (bool, "true or false")),
}
"""Entries of `config.json` that the library reads: their type, and in words."""


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether a value of a JSON file is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def shown(value: Any) -> str:
    """Returns a value of a file for a message, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:60]} ... ({len(text):,} characters)"


def differences(
    former: Mapping[str, Any], now: Mapping[str, Any], *, free: Set[str] = frozenset()
) -> str:
    """Says how the options of a run differ from those it was begun with, or nothing.

    Args:
        former: Options by name, as JSON has them.
        now: Likewise.
        free: Those that may differ.

    Examples:
        >>> former, now = {"rate": 0.1, "steps": 5}, {"rate": 0.2, "steps": 9}
        >>> differences(former, now, free={"steps"})
        'rate was 0.1 and is now 0.2'
    """
    return "; ".join(
        f"{name} was {shown(former.get(name))} and is now {shown(now.get(name))}"
        for name in sorted(former.keys() | now.keys())
        if name not in free and not _same(former.get(name), now.get(name))
    )


def _same(one: Any, other: Any) -> bool:
    """Whether two options are equal; True is not 1."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def read_json(path: Path, *, cure: str = _CURE) -> Any:
    """Reads a JSON file of any content.

    Args:
        path: The file.
        cure: What to do about a damaged file, for the message.

    Raises:
        InputError: The file cannot be read or is damaged.
    """
    content = _read_bytes(path)
    try:
        return _parsed(content)
    except ValueError as error:
        raise InputError(f"{path} is damaged: {error}; {cure}.") from error


def read_object(path: Path, *, cure: str = _CURE) -> dict[str, Any]:
    """Reads a JSON file that holds an object; see `read_json`."""
    content = read_json(path, cure=cure)
    if not isinstance(content, dict):
        raise InputError(f"{path} is damaged: it holds no JSON object; {cure}.")
    return content


def read_config(path: Path) -> dict[str, Any]:
    """Reads a run's `config.json`, and checks the entries that the library knows.

    Args:
        path: The file.

    Returns:
        The entries; each of those that the library reads is missing or of its type.

    Raises:
        InputError: The file cannot be read or is damaged, or an entry is of another
            type.
    """
    content = read_object(path)
    for name, (kind, wanted) in _ENTRIES.items():
        value = content.get(name)
        good = name not in content or isinstance(value, kind)
        if good and name in ("floors", "constraint"):
            good = all(
                is_number(number) and math.isfinite(number)
                for number in (value or {}).values()
            )
        if good and name in ("units", "labels"):
            good = all(isinstance(text, str) for text in (value or {}).values())
        if not good:
            raise InputError(
                f"{path}: {name!r} is {shown(value)}; {wanted} was expected; correct "
                "it or leave it out."
            )
    return content


def read_records(path: Path) -> list[Record]:
    """Reads a file of records, one JSON object a line.

    A last line that a killed process did not end is left out. Of two lines of the same
    step and split the later counts: a resumed run logs some steps again.

    Args:
        path: The file. None is there before the first record.

    Returns:
        The records in the order of the file. `step` is a whole number of at least 0,
        `epoch` a finite number and `split` a text; other entries may be anything.

    Raises:
        InputError: The file cannot be read, or a line of it is no record.
    """
    if not os.path.lexists(path):
        return []
    records: dict[tuple[str, int], Record] = {}
    for number, line, ended in _lines(_read_bytes(path)):
        try:
            record = _parsed(line)
        except ValueError as error:
            if not ended:
                break
            raise _damaged(path, number, str(error)) from error
        why = _flaw(record)
        if why:
            raise _damaged(path, number, why)
        records[record["split"], record["step"]] = record
    return list(records.values())


def add_records(path: Path, records: Sequence[Record]) -> None:
    """Adds records of one step to a file, in place of those of that step and later.

    Later records belong to a run that was cut off and is resumed.

    Args:
        path: The file. It is made where there is none.
        records: At least one, all of the same step.

    Raises:
        InputError: The file cannot be read.

    Examples:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "monitor.jsonl"
        >>> for step in (1, 2, 3, 2):
        ...     add_records(path, [{"step": step, "epoch": 0.5, "split": "monitor"}])
        >>> [record["step"] for record in read_records(path)]
        [1, 2]
    """
    step = records[0]["step"]
    kept = [record for record in read_records(path) if record["step"] < step]
    text = "".join(json.dumps(record) + "\n" for record in [*kept, *records])
    write_whole(path, text.encode())


def _lines(content: bytes) -> Iterator[tuple[int, bytes, bool]]:
    """The lines that are not blank: their number, their bytes, whether they end."""
    lines = content.split(b"\n")
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield number, line, number < len(lines)


def _flaw(record: Any) -> str:
    """Returns why a value is no record, or ""."""
    if not isinstance(record, dict):
        return "it is no JSON object with step, epoch and split"
    step, epoch, split = (record.get(name) for name in ("step", "epoch", "split"))
    if not isinstance(step, int) or isinstance(step, bool):
        return f"its step is {shown(step)}, not a whole number"
    if not 0 <= step <= _MOST_STEPS:
        return f"its step is {shown(step)}, not a number of steps"
    if not is_number(epoch) or not math.isfinite(epoch):
        return f"its epoch is {shown(epoch)}, not a finite number"
    if not isinstance(split, str):
        return f"its split is {shown(split)}, not a text"
    long = [name for name in (split, *record) if len(name) > LONGEST_NAME]
    if long:
        return f"the name {shown(long[0])} in it is too long"
    return ""


def _damaged(path: Path, number: int, why: str) -> InputError:
    return InputError(
        f"{path} is damaged: its line {number} is no record, {why}; remove that line "
        "and try again."
    )


def _read_bytes(path: Path) -> bytes:
    try:
        with files.open_regular(path) as file:
            return file.read()
    except OSError as error:
        why = error.strerror or error
        raise InputError(f"{path} cannot be read ({why}): {_CURE}.") from error
    except MemoryError as error:
        raise InputError(f"{path} does not fit into memory: {_CURE}.") from error


def _parsed(content: bytes) -> Any:
    """Returns a JSON value; raises ValueError with a clause that says what is wrong."""
    if len(content) > MOST_BYTES:
        raise ValueError(f"it has {len(content):,} bytes, more than {MOST_BYTES:,}")
    try:
        value = json.loads(content.decode("utf-8"), parse_int=_whole)
        _check_plain(value, _DEEPEST)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"it is no UTF-8 ({error.reason})") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"it is no JSON ({error})") from error
    return value


def _whole(digits: str) -> int:
    # Larger ones are no float, and Python refuses to print the largest.
    if len(digits) > 300:
        raise ValueError(f"it has a number of {len(digits):,} digits")
    return int(digits)


def _check_plain(value: Any, levels: int) -> None:
    """Refuses deep nesting, and texts that cannot be written as UTF-8 again."""
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise ValueError(f"it has half a character in {value[:40]!a}") from error
    elif isinstance(value, dict | list):
        if not levels:
            raise ValueError(f"it is nested more than {_DEEPEST} levels deep")
        parts = [*value, *value.values()] if isinstance(value, dict) else value
        for part in parts:
            _check_plain(part, levels - 1)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Reads a file of `files.write_npz`.

    Raises:
        InputError: It is missing or damaged.
    """
    try:
        return read_npz(path)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read ({error}): delete it to begin it anew, or train "
            "anew."
        ) from error

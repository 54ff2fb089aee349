"""Runs every script at tiny settings and records what comes out: names and numbers.

`python -m tests.experiments.golden --output A.json` writes the exact record of this
tree; `--compare A.json` prints every difference to it and exits with status 1 if there
is one. Both take about five minutes of one core, half of it once everything is in the
cache of compiled programs (JAX_COMPILATION_CACHE_DIR). Name scripts to run those alone.
To record another tree, copy this file and `tiny_settings.py` out of here and run the
copy with PYTHONPATH set to that tree.

`--keep` rewrites `golden.json`, which `test_golden.py` compares with: names, and within
1 % the numbers of scripts that are no games.

The record of a script maps names to values: what `main` returns, results and tables of
its summary, the last records of each split, the names of its figures, and a digest of
each array that its figures are drawn from. Floats are in hexadecimal, to the last bit.
What depends on the clock is left out.
"""

# The settings of the compiler, which the numbers depend on, stand before jax starts.
from tests import conftest  # isort: skip  # noqa: F401

import argparse
import contextlib
import hashlib
import importlib
import io
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from PIL import Image

from jaxgen.metrics.features import inception
from jaxgen.metrics.features.weights import Weights

try:
    from tests.experiments.tiny_settings import OF_RUNS, SETTINGS
except ModuleNotFoundError:  # a copy that records another tree
    from tiny_settings import OF_RUNS, SETTINGS

Values = dict[str, Any]
"""Of one script, by name: text, whole numbers, floats in hexadecimal."""

KEPT = Path(__file__).with_name("golden.json")

CLOCK = re.compile(r"second|speed|\btime\b|images/s|\bms\b|µs", re.IGNORECASE)
"""Names of what depends on the clock."""

TOLERANCE = 0.01
"""How far a kept number may move, relative to the kept one."""


CHAOTIC = {
    *("adagan", "cut", "cyclegan", "dag", "few_pairs", "gan", "gan_modes"),
    *("gan_vs_vae", "pix2pix", "stacked_mnist", "stylegan"),
}
"""Scripts of games: rounding grows from step to step, so only their names are kept."""


def record(script: str, folder: Path) -> Values:
    """Runs a script at its tiny settings; returns what came out, by name.

    Args:
        script: Its name.
        folder: The folder of all scripts' runs. A script may be recorded once in it.
    """
    module = importlib.import_module(f"experiments.{script}")
    options = dict(SETTINGS[script])
    own = folder / script
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        if script in OF_RUNS:
            options |= _options_of_run(script, _run_of(OF_RUNS[script], folder), own)
        elif script == "convert_weights":
            own.mkdir(parents=True)
            options["files"] = (Path("a.pth"), own / "b.safetensors")
            stack.enter_context(_weights())
        else:
            options["output"] = str(own)
        before = _of_files(own, folder)
        returned = module.main(module.Config(**options))
    made = {k: v for k, v in _of_files(own, folder).items() if before.get(k) != v}
    return dict(_flat("returned", returned, folder)) | made


def _run_of(script: str, folder: Path) -> Path:
    # Apart from the runs that are recorded, whose names would be numbered.
    apart = folder / "of runs"
    record(script, apart)
    (summary,) = (apart / script).glob(f"{script}/*/summary.json")
    return summary.parent


def _options_of_run(script: str, run: Path, own: Path) -> dict[str, Any]:
    # The options of a script that works on a copy of the run of another one.
    copied = own / "run"
    shutil.copytree(run, copied)
    if script == "evaluate":
        return {"paths": (str(copied),)}
    picture = own / "input" / "a.png"
    picture.parent.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (20, 16, 3), np.uint8)
    Image.fromarray(noise).save(picture)
    return {"model": copied, "input": picture, "output": own / "output"}


def _weights() -> contextlib.AbstractContextManager:
    # Released weights are not to be had here.
    params = {"unit": {"kernel": np.arange(6, dtype=np.float32).reshape(2, 3)}}
    return mock.patch.object(
        inception, "load_inception", lambda path: Weights(params, (path.name,))
    )


def _of_files(own: Path, folder: Path) -> Values:
    values: Values = {}
    for path in sorted(own.rglob("*")):
        if path.is_file() and "checkpoints" not in path.relative_to(own).parts:
            values |= _of_file(path, folder)
    return values


def _of_file(path: Path, folder: Path) -> Values:
    # What a file of a run adds to the record.
    name = path.relative_to(folder).as_posix()
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            values = {
                f"array {name} {key}": digest(arrays[key])
                for key in arrays
                if not CLOCK.search(key)
            }
    elif path.suffix == ".jsonl":
        records = [json.loads(line) for line in path.read_text().splitlines()]
        last = {row.get("split", ""): row for row in records}
        values = dict(_flat(f"record {name}", last, folder))
    elif path.name in ("summary.json", "evaluation.json"):
        content = json.loads(path.read_text())
        tables = content.pop("tables", [])
        values = dict(_flat(f"summary {name}", content, folder))
        for place, table in enumerate(tables):
            values |= _of_table(f"table {name} {place}", table)
    elif path.suffix == ".safetensors":  # its metadata come in any order
        values = {f"file {name}": True}
    elif path.suffix == ".png" and path.parent.name != "figures":
        with Image.open(path) as image:
            values = {f"file {name}": digest(np.asarray(image))}
    else:
        values = {}
    if path.parent.name == "figures":
        values[f"figure {path.stem}"] = True
    return values


def digest(array: np.ndarray) -> str:
    """Returns type, shape and a hash of the bytes of an array."""
    hashed = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]
    return f"{array.dtype} {array.shape} {hashed}"


def _of_table(name: str, table: Mapping[str, Any]) -> Values:
    columns = table["columns"]
    values: Values = {
        f"{name} title": table["title"],
        f"{name} columns": " | ".join(columns),
        f"{name} rows": " | ".join(str(row[0]) for row in table["rows"]),
        f"{name} note": table.get("note", ""),
    }
    for place, row in enumerate(table["rows"]):
        for column, cell in zip(columns, row, strict=True):
            if not CLOCK.search(column):
                values[f"{name} row {place} {column!r}"] = cell
    return values


def _flat(name: str, value: Any, folder: Path) -> Iterator[tuple[str, Any]]:
    # Leaves of nested values, by name; paths without the folder of all runs.
    if isinstance(value, Mapping):
        for key, entry in value.items():
            if not CLOCK.search(str(key)):
                yield from _flat(f"{name} / {key}", entry, folder)
    elif isinstance(value, list | tuple):
        for place, entry in enumerate(value):
            yield from _flat(f"{name} / {place}", entry, folder)
    elif isinstance(value, np.ndarray) and value.ndim:
        yield name, digest(value)
    elif isinstance(value, str | Path):
        yield name, str(value).replace(str(folder), "")
    elif value is None or isinstance(value, bool | int):
        yield name, value
    else:
        yield name, float(value).hex()


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Returns a line for each name whose value differs, or that one record lacks."""
    lines = []
    for name in sorted({*one, *other}):
        a, b = (of.get(name, "missing") for of in (one, other))
        if not _agree(a, b):
            lines.append(f"{name}: {a} -> {b}")
    return lines


def _agree(one: Any, other: Any) -> bool:
    # Kept numbers are floats; those of an exact record are text.
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= TOLERANCE * abs(one) + 1e-6
    return type(one) is type(other) and one == other


def kept(script: str, values: Values) -> dict[str, str | float]:
    """Returns what `golden.json` keeps of an exact record.

    That are the names of figures, returned values and terms of records; title, columns
    and first column of each table; and the numbers that `main` returns, where another
    CPU repeats them. Numbers inside names are left out: some are results.

    Args:
        script: Its name.
        values: Of `record`.
    """
    found: dict[str, str | float] = {}
    for name, value in values.items():
        kind, _, rest = name.partition(" ")
        named = re.sub(r"\d+\.\d+(e-?\d+)?", "#", name)
        if kind in ("figure", "file", "record"):
            found[named] = "name"
        elif kind == "table" and rest.endswith((" title", " columns", " rows")):
            found[named] = re.sub(r"-?\d+(\.\d+)?(e-?\d+)?", "#", value)
        elif kind == "returned":
            number = isinstance(value, str) and value.lstrip("-").startswith("0x")
            exact = number and script not in CHAOTIC
            found[named] = float(f"{float.fromhex(value):.7g}") if exact else "name"
    return found


def record_all(scripts: Iterable[str]) -> dict[str, Values]:
    """Runs scripts; an error is what comes out of one that fails."""
    found = {}
    with tempfile.TemporaryDirectory() as temporary:
        for script in scripts:
            start = time.process_time()
            try:
                found[script] = record(script, Path(temporary))
            except Exception as error:
                found[script] = {"error": f"{type(error).__name__}: {error}"}
            spent = time.process_time() - start
            said = found[script].get("error", f"{len(found[script])} values")
            print(f"{script}: {spent:.1f} s of CPU, {said}", file=sys.stderr)
    return found


def write(path: Path, content: Mapping[str, Any]) -> None:
    """Writes a record as JSON, sorted, a line for each name."""
    text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False)
    path.write_text(text + "\n")


def main() -> None:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("scripts", nargs="*", help="those alone (default: all)")
    parser.add_argument("--output", type=Path, help="where to write the exact record")
    parser.add_argument("--compare", type=Path, help="an exact record to compare with")
    parser.add_argument("--keep", action="store_true", help="rewrite golden.json")
    given = parser.parse_args()
    found = record_all(given.scripts or SETTINGS)
    if given.output:
        write(given.output, found)
    failed = [name for name, values in found.items() if "error" in values]
    if given.keep and not failed:
        old = json.loads(KEPT.read_text()) if given.scripts and KEPT.exists() else {}
        write(KEPT, old | {name: kept(name, found[name]) for name in found})
    lines = [f"{name} failed: {found[name]['error']}" for name in failed]
    if given.compare:
        wanted = json.loads(given.compare.read_text())
        for name in found:
            own = differences(wanted.get(name, {}), found[name])
            lines += [f"{name}: {line}" for line in own]
    print("\n".join(lines) or "No difference.")
    raise SystemExit(bool(lines))


if __name__ == "__main__":
    os.environ["CI"] = "true"  # progress as plain lines
    main()

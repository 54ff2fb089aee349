"""Ratios of times measured side by side, and what is written about them.

Absolute times of a shared machine drift; the ratio of two candidates that take turns
(A B A B ...) does not.
"""

import dataclasses
import datetime
import importlib.metadata
import json
import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax

RESULTS = Path(__file__).parent / "results"


class Ratio(NamedTuple):
    """How many times longer one candidate took than another, over the rounds."""

    minimum: float
    median: float
    maximum: float


class Comparison(NamedTuple):
    """What `compare` measured.

    Attributes:
        seconds: Median seconds of a call, by candidate.
        ratios: `ratios[a][b]` is the time of a over the time of b in the same round.
        first_call: Seconds of the first call (with compilation), by candidate.
        rounds: Every time measured, by candidate, in order.
    """

    seconds: dict[str, float]
    ratios: dict[str, dict[str, Ratio]]
    first_call: dict[str, float]
    rounds: dict[str, list[float]]


def compare(
    candidates: Mapping[str, Callable[[], Any]],
    *,
    repeats: int = 10,
    warmup: int = 2,
    clock: Callable[[], float] = time.perf_counter,
) -> Comparison:
    """Times the candidates in turns, each until its result is ready.

    The order is turned round every other round, so that none always follows another.

    Args:
        candidates: Functions of no argument. What they return is waited for, if it has
            arrays of JAX in it.
        repeats: Rounds measured; at least 1.
        warmup: Rounds not measured; the first call of all compiles. At least 1.
        clock: The clock, for tests.

    Raises:
        ValueError: No candidate, or no round to measure.
    """
    if not candidates or repeats < 1 or warmup < 1:
        raise ValueError(
            f"candidates={list(candidates)}, repeats={repeats}, warmup={warmup}: give "
            "at least one of each."
        )

    def timed(candidate: Callable[[], Any]) -> float:
        start = clock()
        jax.block_until_ready(candidate())
        return clock() - start

    first_call = {name: timed(candidate) for name, candidate in candidates.items()}
    for _ in range(warmup - 1):
        for candidate in candidates.values():
            timed(candidate)
    rounds: dict[str, list[float]] = {name: [] for name in candidates}
    for repeat in range(repeats):
        names = list(candidates) if repeat % 2 == 0 else list(candidates)[::-1]
        for name in names:
            rounds[name].append(timed(candidates[name]))
    ratios = {
        a: {b: _ratio(rounds[a], rounds[b]) for b in candidates if b != a}
        for a in candidates
    }
    seconds = {name: statistics.median(times) for name, times in rounds.items()}
    return Comparison(seconds, ratios, first_call, rounds)


def peak_memory() -> int:
    """Returns the most bytes of memory that this process has held so far.

    It only grows: to compare candidates, measure each in a process of its own.
    """
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # Linux counts in KiB.


def environment() -> dict[str, Any]:
    """Returns what a reader must know of the machine, and nothing that names it."""
    devices = jax.devices()
    versions = {}
    for package in ("jax", "jaxlib", "flax", "torch"):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = None
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "device": devices[0].device_kind,
        "platform": devices[0].platform,
        "devices": len(devices),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "processor": _processor(),
        "python": platform.python_version(),
        "versions": versions,
    }


def record(name: str, results: Any, *, directory: Path = RESULTS) -> Path:
    """Writes results and the environment they hold for to `directory/name.json`.

    Args:
        name: Name of the file, without its ending.
        results: Numbers, strings, lists, mappings, NamedTuples and dataclasses.
        directory: Where; by default the results beside the benchmarks.
    """
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{name}.json"
    content = {"environment": environment(), "results": _plain(results)}
    path.write_text(json.dumps(content, indent=2) + "\n")
    return path


def _ratio(numerators: list[float], denominators: list[float]) -> Ratio:
    pairs = [a / b for a, b in zip(numerators, denominators, strict=True)]
    return Ratio(min(pairs), statistics.median(pairs), max(pairs))


def _processor() -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or None
    return next(
        (line.split(":", 1)[1].strip() for line in lines if "model name" in line), None
    )


def _plain(value: Any) -> Any:
    """Makes a value fit for JSON: names kept, floats to four digits."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _plain(dataclasses.asdict(value))
    if hasattr(value, "_asdict"):
        return _plain(value._asdict())
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    return float(f"{value:.4g}") if isinstance(value, float) else value

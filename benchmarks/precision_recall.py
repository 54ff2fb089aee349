"""What do precision, recall, density and coverage cost, against the package `prdc`?

Two samples of a 64-dimensional Gaussian; all four numbers of 10,000 against 10,000
examples, by `prdc` (which holds three matrices of all pairs), by jaxgen, and by jaxgen
with 50 half-samples for intervals. Last, 50,000 against 50,000 by jaxgen alone. Each
candidate runs in a process of its own, for its peak memory, and they take turns. The
first call, which compiles, is reported apart.

Command: python -m benchmarks.precision_recall [--quick]
Needs: pip install "jaxgen[bench]" for prdc; without it only jaxgen is measured.
Time: 6 minutes on a CPU core shared with others.

Seen on 1 core under a load of 7 to 5: jaxgen took 0.26 (0.25 to 0.32) of prdc's time,
and 0.42 (0.38 to 0.48) with 50 half-samples besides; 415 and 473 MiB at most, where
prdc holds 1,633. The numbers are the same. 50,000 against 50,000 took 90 seconds and
469 MiB. Results are in results/precision_recall.json.
"""

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from typing import Any

import jax
import numpy as np

from benchmarks.timing import peak_memory, record
from jaxgen.metrics import halves, improved_precision_recall, neighbour_metrics

REPEATS = 50
CANDIDATES = ("prdc", "jaxgen", "jaxgen with half-samples", "precision and recall")


def calculate(candidate: str, real: np.ndarray, generated: np.ndarray) -> list[float]:
    """Returns what a candidate finds with k = 3 and the strict rule.

    Args:
        candidate: One of `CANDIDATES`.
        real: Shape (n, d).
        generated: Shape (m, d).
    """
    if candidate == "prdc":
        import prdc

        found = prdc.compute_prdc(real, generated, nearest_k=3)
        names = ("precision", "recall", "density", "coverage")
        return [float(found[name]) for name in names]
    if candidate == "precision and recall":
        return list(improved_precision_recall(real, generated, tie="prdc"))
    split = None
    if candidate == "jaxgen with half-samples":
        split = halves(jax.random.key(0), REPEATS, len(real), len(generated))
    found = neighbour_metrics(
        real, generated, precision_k=3, density_k=3, tie="prdc", halves=split
    )
    return list(found[:4])


def measure(candidate: str, number: int, dimension: int, calls: int) -> dict[str, Any]:
    """Times a candidate in this process.

    Args:
        candidate: One of `CANDIDATES`.
        number: Examples of each set.
        dimension: d.
        calls: How many, the first apart.
    """
    rng = np.random.default_rng(0)
    real, generated = rng.normal(size=(2, number, dimension)).astype(np.float32)
    before = peak_memory()
    seconds = []
    for _ in range(calls):
        start = time.perf_counter()
        values = calculate(candidate, real, generated)
        seconds.append(time.perf_counter() - start)
    return {
        "first_call_seconds": seconds[0],
        "seconds": min(seconds[1:], default=seconds[0]),
        "peak_mebibytes": peak_memory() / 2**20,
        "mebibytes_before": before / 2**20,
        "values": values,
    }


def alone(candidate: str, number: int, dimension: int, calls: int) -> dict[str, Any]:
    """Measures a candidate in a process of its own; see `measure`."""
    given = json.dumps([candidate, number, dimension, calls])
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.precision_recall", "--measure", given],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def main(
    *,
    number: int = 10_000,
    large: int = 50_000,
    dimension: int = 64,
    rounds: int = 3,
) -> dict[str, Any]:
    """Measures all; returns times, ratios and peak memory."""
    candidates = [
        name
        for name in CANDIDATES[:3]
        if name != "prdc" or importlib.util.find_spec("prdc")
    ]
    load = os.getloadavg()[0]
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in candidates}
    for turn in range(rounds):
        for name in candidates[:: 1 if turn % 2 == 0 else -1]:
            found[name].append(alone(name, number, dimension, 2))
    results: dict[str, Any] = {"number": number, "dimension": dimension}
    for name in candidates:
        rows = found[name]
        results[name] = rows[0] | {
            key: statistics.median(row[key] for row in rows)
            for key in rows[0]
            if key != "values"
        }
        if name != "prdc" and "prdc" in found:
            ratios = [
                one["seconds"] / other["seconds"]
                for one, other in zip(rows, found["prdc"], strict=True)
            ]
            results[name]["time_over_prdc"] = sorted(ratios)
        print(
            f"{name}: {results[name]['seconds']:.2f} s (first call "
            f"{results[name]['first_call_seconds']:.2f} s), "
            f"{results[name]['peak_mebibytes']:.0f} MiB at most"
        )
    results["large"] = {"number": large} | alone(CANDIDATES[3], large, dimension, 1)
    print(
        f"{large} against {large}: {results['large']['seconds']:.0f} s, "
        f"{results['large']['peak_mebibytes']:.0f} MiB at most"
    )
    results["load_average"] = [load, os.getloadavg()[0]]
    return results


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="small, no record")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(*json.loads(options.measure))))
    elif options.quick:
        main(number=2000, large=5000, rounds=1)
    else:
        print(record("precision_recall", main()))

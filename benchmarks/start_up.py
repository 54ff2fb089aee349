"""How long does a user wait before the first line of work?

Each candidate is a process of its own: the import of the four libraries that jaxgen
stands on, that of jaxgen's losses, models, networks and training, `--help` of a script,
an option mistyped, and a run of one step with its figures and page, whose programs are
compiled (cold) or come from the compilation cache (warm). They take turns, and each is
given as a ratio to the import of the four libraries in the same round. Python's own
cache of bytecode is filled before anything is measured, as after an installation.

Command: python -m benchmarks.start_up   (extra `experiments`; 4 minutes on 2 cores)
Result: benchmarks/results/start_up.json
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks import timing

BASE = "import of jax, flax, optax, numpyro"
FOUR = "import jax, flax, optax, numpyro"
OURS = "from jaxgen import losses, models, networks, training"
SCRIPT = ("-m", "experiments.vae")


def process(*words: str, status: int = 0, **environment: str) -> Callable[[], None]:
    """Returns what runs Python with these words in a process, to its end.

    Args:
        words: After `python`.
        status: Its exit status; another is an error.
        environment: What is added to the environment.
    """
    left_out = ("JAX_", "PYTHONDONTWRITEBYTECODE")
    others = {k: v for k, v in os.environ.items() if not k.startswith(left_out)}

    def run() -> None:
        done = subprocess.run(
            [sys.executable, *words],
            env=others | {"JAX_PLATFORMS": "cpu"} | environment,
            capture_output=True,
            text=True,
        )
        if done.returncode != status:
            raise RuntimeError(f"{words} ended with {done.returncode}: {done.stderr}")

    return run


def starts(bytecode: Path) -> dict[str, Callable[[], None]]:
    """Returns the candidates that do no work."""
    prefix = str(bytecode)
    return {
        BASE: process("-c", FOUR, PYTHONPYCACHEPREFIX=prefix),
        "import of jaxgen": process("-c", OURS, PYTHONPYCACHEPREFIX=prefix),
        "--help": process(*SCRIPT, "--help", PYTHONPYCACHEPREFIX=prefix),
        "an option mistyped": process(
            *SCRIPT, "--latnets", "3", status=2, PYTHONPYCACHEPREFIX=prefix
        ),
    }


def steps(bytecode: Path, folder: Path) -> dict[str, Callable[[], None]]:
    """Returns the runs of one step, and the import that they are compared with."""
    words = (*SCRIPT, "--steps", "1", "--output", str(folder / "runs"))
    places = {
        name: {
            "PYTHONPYCACHEPREFIX": str(bytecode),
            "XDG_CACHE_HOME": str(folder / name),
        }
        for name in ("cold", "warm")
    }
    compiling = process(*words, **places["cold"])

    def cold() -> None:
        shutil.rmtree(folder / "cold", ignore_errors=True)
        compiling()

    return {
        BASE: process("-c", FOUR, PYTHONPYCACHEPREFIX=str(bytecode)),
        "one step, cold": cold,
        "one step, warm": process(*words, **places["warm"]),
    }


def table(measured: timing.Comparison) -> Mapping[str, Mapping[str, float]]:
    """Prints and returns the median seconds and the ratio to the base of each."""
    rows = {}
    for name, seconds in measured.seconds.items():
        ratio = 1.0 if name == BASE else measured.ratios[name][BASE].median
        least = min(measured.rounds[name])
        rows[name] = {"seconds": seconds, "least_seconds": least, "ratio": ratio}
        print(f"{name:<38}{seconds:>8.2f} s{least:>8.2f} s{ratio:>8.2f}x")
    return rows


def main(repeats: int = 7) -> dict[str, Any]:
    """Measures, prints a table and records it."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        bytecode = folder / "bytecode"
        print(f"{'':<38}{'median':>10}{'least':>10}{'ratio':>9}")
        begun = timing.compare(starts(bytecode), repeats=repeats, warmup=1)
        results: dict[str, Any] = {"starts": table(begun)}
        done = timing.compare(
            steps(bytecode, folder), repeats=max(1, repeats // 2), warmup=1
        )
        results["steps"] = table(done)
    results["comparisons"] = {"starts": begun, "steps": done}
    print("recorded in", timing.record("start_up", results).name)
    return results


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7, help="rounds of the starts")
    main(parser.parse_args().repeats)

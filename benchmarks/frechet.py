"""How much faster is the Frechet distance than by scipy's sqrtm, at d = 2048?

Both start from the same means and covariances, in float64. The peer is what most
programs do: the trace of the real part of `scipy.linalg.sqrtm(S1 @ S2)`. Two kinds of
features: of spectra so flat that roots of eigenvalues are accurate, and of variances
over eight decades, as real features have them, where singular values are needed.

Threads of BLAS wait for each other by spinning: on a machine that does anything else
the ratio says nothing. The load before and after is written beside the results.

Command: python -m benchmarks.frechet [--quick]
Time: 3 minutes on 2 idle CPU cores.

Seen on 2 idle cores: 8.9 (8.5 to 11.2) times faster for flat spectra, 5.9 (5.8 to 6.3)
for eight decades; the values are 9e-15 and 6e-10 apart. Results are in
results/frechet.json.
"""

import argparse
import os
from typing import Any

import numpy as np
from scipy import linalg

from benchmarks.timing import compare, record
from jaxgen.metrics import FeatureStatistics, feature_statistics, frechet_distance

DIMENSION = 2048
SPECTRA = {"flat": 0.0, "eight decades of variance": 4.0}
"""Decades of standard deviation, by name."""


def statistics_of(seed: int, dimension: int, decades: float) -> FeatureStatistics:
    """Returns statistics of features whose spectrum falls by so many decades.

    Args:
        seed: Of the features. The axes are those of seed 0, up to a small turn.
        dimension: d; there are twice as many features.
        decades: Of their standard deviations.
    """
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.standard_normal((dimension, dimension))).Q
    scales = np.logspace(0, -decades, dimension)
    mixing = scales[:, np.newaxis] * axes
    rng = np.random.default_rng(seed)
    turn = rng.standard_normal((dimension, dimension)) / np.sqrt(dimension)
    mixing = mixing @ (np.eye(dimension) + 0.1 * turn)
    return feature_statistics(rng.standard_normal((2 * dimension, dimension)) @ mixing)


def by_sqrtm(real: FeatureStatistics, generated: FeatureStatistics) -> float:
    """Calculates the distance by the root of the product of the covariances."""
    step = real.mean - generated.mean
    root: Any = linalg.sqrtm(real.covariance @ generated.covariance)
    traces = np.trace(real.covariance) + np.trace(generated.covariance)
    return float(step @ step + traces - 2 * np.trace(root).real)


def main(*, dimension: int = DIMENSION, repeats: int = 3) -> dict[str, Any]:
    """Measures both kinds of features; returns the ratios."""
    results = {}
    load_before = os.getloadavg()[0]
    for name, decades in SPECTRA.items():
        pair = [statistics_of(seed, dimension, decades) for seed in (1, 2)]
        values: dict[str, float] = {}

        def ours(pair: Any = pair, values: dict[str, float] = values) -> None:
            values["ours"] = frechet_distance(*pair)

        def peer(pair: Any = pair, values: dict[str, float] = values) -> None:
            values["scipy sqrtm"] = by_sqrtm(*pair)

        found = compare({"ours": ours, "scipy sqrtm": peer}, repeats=repeats, warmup=1)
        results[name] = {
            "times_faster": list(found.ratios["scipy sqrtm"]["ours"]),
            "seconds": found.seconds,
            "rounds": found.rounds,
            "distance": values["ours"],
            "relative_difference": abs(values["scipy sqrtm"] / values["ours"] - 1),
            "of_itself": frechet_distance(pair[0], pair[0]),
        }
        low, middle, high = results[name]["times_faster"]
        print(
            f"{name}: {middle:.1f} ({low:.1f} to {high:.1f}) times faster than sqrtm, "
            f"values {results[name]['relative_difference']:.0e} apart"
        )
    return {
        "dimension": dimension,
        "load": {"before": load_before, "after": os.getloadavg()[0]},
        "spectra": results,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="d = 512, no record")
    if parser.parse_args().quick:
        main(dimension=512)
    else:
        print(record("frechet", main()))

"""Gradient estimators side by side, held to exact values: no estimator dominates.

Source: Mohamed, Rosca, Figurnov and Mnih, Monte Carlo Gradient Estimation in Machine
Learning, 2020: figures 2 and 3, section 8.3. The variances of binary variables follow
Dong, Mnih and Tucker, DisARM, 2020.

Command: `python -m experiments.estimator_variance`; 3 minutes on 2 idle cores. Every
mean and variance that is known exactly is met within 4.5 standard errors, and the ratio
at cos 5x is 25. In the regression the variances fall in the order score, score + moving
average, score + delta method, pathwise from the second measured point on (at step 0 the
delta method's is the highest); coupled measure-valued is about pathwise.
"""

import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import jax

from experiments.variance_studies import coins, normals, regression
from experiments.variance_studies.study import Study
from jaxgen import random, run, training
from jaxgen.errors import InputError
from jaxgen.files import write_npz
from jaxgen.progress import Progress

CLAIM = (
    "No gradient estimator dominates. The pathwise gradient, the best there is for "
    "smooth functions, is 25 times worse than the score function at cos 5x; a "
    "coupling, a baseline or a relaxation helps in one place and hurts in another."
)

Name = Literal["three_ways", "integrands", "bernoulli", "regression"]


@dataclasses.dataclass(frozen=True)
class Config:
    """Options of the script."""

    studies: tuple[Name, ...] = ("three_ways", "integrands", "bernoulli", "regression")
    """Which of the four studies to make; each has its figure."""
    seed: int = 0
    """Seed of everything: the same seed gives the same numbers."""

    slope: float = 1.0
    """three_ways: m of f = m z and (m z)^2."""
    mean: float = 1.0
    """three_ways: the mean of z, whose variance is 1."""
    histogram_draws: int = 200_000
    """three_ways: gradients drawn of each estimator."""
    integrand_draws: int = 200_000
    """integrands: gradients drawn of each estimator at each k."""
    coins: tuple[int, ...] = (1, 2, 5, 10, 20, 50)
    """bernoulli: the numbers of binary latents."""
    coin_draws: int = 20_000
    """bernoulli: gradients drawn of each estimator for each number of latents."""

    steps: int = 5000
    """regression: steps of SGD."""
    batch_size: int = 32
    """regression: rows of a mini-batch."""
    samples: int = 50
    """regression: samples of the weights in each step."""
    learning_rate: float = 1e-3
    """regression: the first learning rate; it falls to 0 by a cosine."""
    snapshots: int = 250
    """regression: points of the curves; the steps are cut to a multiple of it."""
    variance_draws: int = 2000
    """regression: gradients of one sample drawn at each point of the variance."""

    output: str = "runs"
    """Folder of all runs; this one goes to OUTPUT/estimator_variance/NAME."""
    name: str | None = None
    """Name of the run; by default `default`, or the studies'; numbered if taken."""


def build(config: Config, show: Progress) -> Iterator[tuple[str, Study]]:
    """Makes the studies that were asked for, one after another."""
    key = jax.random.key(config.seed)
    for name in config.studies:
        own = random.stream(key, name)
        if name == "three_ways":
            study = normals.three_ways(
                own, config.histogram_draws, show, slope=config.slope, mean=config.mean
            )
        elif name == "integrands":
            study = normals.integrands(own, config.integrand_draws, show)
        elif name == "bernoulli":
            study = coins.bernoulli(own, config.coin_draws, config.coins, show)
        else:
            study = regression.regression(
                own,
                show,
                steps=config.steps,
                batch_size=config.batch_size,
                samples=config.samples,
                learning_rate=config.learning_rate,
                snapshots=config.snapshots,
                draws=config.variance_draws,
            )
        yield name, study


def main(config: Config) -> dict[str, Any]:
    """Makes the studies and their page; returns the numbers at its head."""
    from jaxgen import report

    _check(config)
    usual = "default" if config.studies == Config.studies else "-".join(config.studies)
    folder = training.open_run(
        Path(config.output) / "estimator_variance",
        usual if config.name is None else config.name,
        {
            "experiment": "estimator_variance",
            "title": "Gradient estimators side by side",
            "claim": CLAIM,
            "command": run.command_of(config),
            "config": dataclasses.asdict(config),
            # Nothing here is resumed, and no record is logged along the way.
            "records": False,
        },
        resume=False,
        free=set(),
        exact=config.name is not None,
    )
    run.follow_run(folder, new=True)
    start = time.monotonic()
    tables, z = [], []
    results: dict[str, tuple[float, str]] = {}
    with run.display() as show:
        for name, study in build(config, show):
            write_npz(folder.arrays / f"{name}.npz", **study.arrays)
            tables += study.tables
            z += study.z
            results |= study.results
    if z:
        worst = max(map(abs, z))
        # Estimators and settings of a study share their draws.
        name = f"largest of {len(z)} deviations from exact values (not independent)"
        results[name] = (worst, "standard errors")
    training.write_json(
        folder.summary,
        {
            "results": {
                name: {"value": float(value), "unit": unit}
                for name, (value, unit) in results.items()
            },
            "tables": [table.as_json() for table in tables],
            "seconds": time.monotonic() - start,
        },
    )
    with run.display() as show:
        page = report.write_page(folder.path, progress=show)
    run.print_tables(tables)
    for name, (value, unit) in results.items():
        print(f"{name}: {value:.4g} {unit}")
    print(f"The page of this run: {page}")
    training.release_run(folder)
    return {name: float(value) for name, (value, _) in results.items()} | {
        "page": str(page)
    }


def _check(config: Config) -> None:
    run.check_positive(
        config, "histogram_draws", "integrand_draws", "coin_draws", "coins", "steps"
    )
    run.check_positive(
        config, "batch_size", "samples", "learning_rate", "snapshots", "variance_draws"
    )
    if not config.studies:
        raise InputError("--studies is empty: name at least one study.")
    if config.snapshots > config.steps:
        raise InputError(
            f"--snapshots is {config.snapshots}: give at most as many as --steps, "
            f"{config.steps}."
        )


if __name__ == "__main__":
    run.command_line(main, Config, __doc__ or "")

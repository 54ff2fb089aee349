"""What KL, JS and Wasserstein distances say of distributions that part, and critics.

Source: Arjovsky, Chintala and Bottou, Wasserstein GAN, 2017: example 1, figures 1, 2.
Arjovsky and Bottou, Towards Principled Methods for Training Generative Adversarial
Networks, 2017: theorem 2.5. Gulrajani et al., Improved Training of Wasserstein GANs,
2017.

Command: `python -m experiments.divergences`; a minute on one core of a CPU. Over 8
seeds: between lines 0.02 to 1 apart JS is read as log 2 to 0.01 %, W at most 5 % too
large, as its gradient penalty of weight 10 lets it be (weight 0.1: up to six times).
From 1 down to 0.02 the non-saturating gradient grows from 16 to 1,130, the Wasserstein
gradient stays within 0.99 and 1.05, and the minimax gradient is 3e-6 to 8e-3. Between
Gaussians 4 deviations apart JS is read as 0.635 +- 0.002 nats (0.633 in truth), and W
as 4.80 +- 0.06 (4.81 at the best under the penalty, 4 in truth).
"""

import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import jax

from experiments.critic_studies import critics, earth, gaussians, lines
from experiments.variance_studies.study import Study
from jaxgen import random, run, training
from jaxgen.errors import InputError
from jaxgen.files import write_npz
from jaxgen.progress import Progress

CLAIM = (
    "Where two distributions do not overlap, KL is infinite and JS is log 2 however "
    "far apart they are: a discriminator reads exactly that, and its minimax "
    "gradient vanishes. The Wasserstein distance, and a critic that is kept "
    "Lipschitz, still tell how far and which way."
)

Name = Literal["parallel_lines", "moving_apart", "learned_critics", "moved_earth"]


@dataclasses.dataclass(frozen=True)
class Config:
    """Options of the script."""

    studies: tuple[Name, ...] = (
        "parallel_lines",
        "moving_apart",
        "learned_critics",
        "moved_earth",
    )
    """Which of the four studies to make; each has its figure."""
    seed: int = 0
    """Seed of everything: the same seed gives the same numbers."""
    seeds: int = 8
    """Critics trained of each setting: the intervals are over them."""

    steps: int = 1500
    """Steps of Adam of every critic."""
    batch_size: int = 64
    """Samples of either side in a step."""
    learning_rate: float = 1e-2
    """The first learning rate; it falls to 0 by a cosine."""
    hidden: tuple[int, ...] = (32, 32)
    """Widths of a critic's hidden layers."""
    penalties: tuple[float, ...] = (10.0, 0.1)
    """Weights of the gradient penalty: the first makes all figures, all make the one of
    what a penalty costs."""
    draws: int = 4096
    """Fresh samples of either side that trained critics are measured on."""

    distances: tuple[float, ...] = (0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0)
    """parallel_lines: the distances of the lines; both signs are trained, and 0."""
    farthest: float = 8.0
    """moving_apart: the largest distance of two Gaussians of variance 1."""
    distance: float = 4.0
    """learned_critics: the distance of two Gaussians of variance 1."""
    bins: int = 25
    """moved_earth: bins of the histograms."""

    output: str = "runs"
    """Folder of all runs; this one goes to OUTPUT/divergences/NAME."""
    name: str | None = None
    """Name of the run; by default `default`, or the studies'; numbered if taken."""


def build(config: Config, show: Progress) -> Iterator[tuple[str, Study]]:
    """Makes the studies that were asked for, one after another."""
    key = jax.random.key(config.seed)
    options = critics.Options(
        steps=config.steps,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        hidden=config.hidden,
        penalty=config.penalties[0],
        seeds=config.seeds,
    )
    for name in config.studies:
        own = random.stream(key, name)
        show(name.replace("_", " "), 0, None)
        if name == "parallel_lines":
            study = lines.parallel_lines(
                own,
                show,
                distances=config.distances,
                penalties=config.penalties,
                options=options,
                draws=config.draws,
            )
        elif name == "moving_apart":
            study = gaussians.moving_apart(farthest=config.farthest, points=321)
        elif name == "learned_critics":
            study = gaussians.learned_critics(
                own,
                show,
                distance=config.distance,
                options=options,
                draws=config.draws,
            )
        else:
            study = earth.moved_earth(bins=config.bins)
        yield name, study


def main(config: Config) -> dict[str, Any]:
    """Makes the studies and their page; returns the numbers at its head."""
    _check(config)
    usual = "default" if config.studies == Config.studies else "-".join(config.studies)
    folder = training.open_run(
        Path(config.output) / "divergences",
        usual if config.name is None else config.name,
        {
            "experiment": "divergences",
            "title": "Divergences, and the critics that read them",
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
    tables: list[run.Table] = []
    results: dict[str, tuple[float, str]] = {}
    with run.display() as show:
        for name, study in build(config, show):
            write_npz(folder.arrays / f"{name}.npz", **study.arrays)
            tables += study.tables
            results |= study.results
    return run.finish(folder, results, seconds=time.monotonic() - start, tables=tables)


def _check(config: Config) -> None:
    run.check_positive(
        config, "seeds", "steps", "batch_size", "learning_rate", "hidden", "penalties"
    )
    run.check_positive(config, "draws", "distances", "farthest", "distance")
    if not config.studies:
        raise InputError("--studies is empty: name at least one study.")
    run.check_bounds(config, "bins", least=2)


if __name__ == "__main__":
    run.command_line(main, Config, __doc__ or "")

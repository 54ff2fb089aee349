"""What runs on stacked digits found, as files for the figures and a table."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from experiments.stacked_modes import (
    HALVES,
    SURE,
    Judge,
    Looks,
    Measured,
    Read,
    modes_of,
)
from jaxgen import run
from jaxgen.files import write_npz

PUBLISHED = {
    "none": ("DCGAN", "99", "3.40"),
    "unroll5": ("Unrolled GAN", "48.7", "4.32"),
    "veegan": ("VEEGAN", "150", "2.95"),
    "pac2": ("PacDCGAN2", "1000", "0.06"),
}
"""Lin et al., 2018, table of stacked MNIST: name there, modes and reverse KL."""


def write_arrays(
    folder: Path,
    judge: Judge,
    seen: Mapping[str, Sequence[Looks]],
    real: Read,
    pictures: Mapping[str, np.ndarray],
) -> None:
    """Writes what the figures are drawn from.

    Args:
        folder: Where the `.npz` files go.
        judge: The judge.
        seen: What was read of each system, by its label, an entry a seed.
        real: What was read of real images.
        pictures: Images by what they are called, as many of each.
    """
    rows = []
    for system, seeds in enumerate(seen.values()):
        for seed, looks in enumerate(seeds):
            for step, *own in zip(looks.step, *looks.read, strict=True):
                modes = modes_of(judge, Read(*own))
                told = modes.captured, modes.reverse_kl, modes.high_quality
                rows.append((step, system, seed, *told))
    step, system, seed, captured, reverse_kl, sure = np.array(rows).T
    last = [[modes_of(judge, own.last) for own in looks] for looks in seen.values()]
    truth = modes_of(judge, real)
    cube = (len(judge.net.class_names or ()),) * 3
    write_npz(
        folder / "stacked_modes.npz",
        names=list(seen),
        step=step,
        system=system.astype(int),
        seed=seed.astype(int),
        captured=captured,
        reverse_kl=reverse_kl,
        sure=sure,
        counts=[[own.counts.reshape(cube) for own in seeds] for seeds in last],
        real_counts=truth.counts.reshape(cube),
        real_reverse_kl=truth.reverse_kl,
        real_sure=truth.high_quality,
    )
    write_npz(
        folder / "gan_samples.npz",
        images=np.stack(list(pictures.values())),
        names=list(pictures),
    )


def modes_table(
    found: Mapping[str, Measured],
    labels: Mapping[str, str],
    floor: Measured,
    *,
    title: str,
    note: str,
    seeds: int,
    accuracy: float,
    compared: bool,
) -> run.Table:
    """Returns the table of the page.

    Args:
        found: What was measured of each system, by its word.
        labels: What each system is called.
        floor: What was measured of real images.
        title: Of the table.
        note: What begins the note: how many samples and steps.
        seeds: Of each system.
        accuracy: Of the judge.
        compared: Whether the published figures may stand beside ours.
    """
    rows = [["real images", *_cells(floor)]]
    rows += [[labels[word], *_cells(one)] for word, one in found.items()]
    if compared:
        rows = [
            [*row, *PUBLISHED.get(word, ("", "", ""))[1:]]
            for word, row in zip(("", *found), rows, strict=True)
        ]
        rows += [
            [f"{name} (published)", "", "", "", "", *numbers]
            for word, (name, *numbers) in PUBLISHED.items()
            if word not in found
        ]
    interval = (
        f"means over {seeds} seeds with 95% intervals by Student's t"
        if seeds > 1
        else f"one seed, with 95% intervals over samples by {HALVES} half-samples, "
        "which tell nothing of other seeds"
    )
    return run.Table(
        title=title,
        note=f"{note}; {interval}. A mode is found by one sample. The "
        f"classifier takes {accuracy:.2%} of the single test digits right, but "
        "it reads digits in noise as well, and so finds modes that were not drawn: "
        "sure are samples whose three digits it gives a probability of "
        f"{SURE:g} at least, and sure modes those of them. Reverse KL: of the "
        "histogram of all samples from the data's as it sees them, nats; that of real "
        "images is what chance alone gives so many samples."
        + (
            " Published: Lin et al., 2018, with networks four times as wide, 100,000 "
            "steps and 26,000 samples; see the script for what else differs."
            if compared
            else ""
        ),
        columns=[
            "system",
            "modes",
            "sure modes",
            "sure",
            "reverse KL",
            *(("published modes", "published KL") if compared else ()),
        ],
        words=1,
        rows=rows,
    )


def _cells(one: Measured) -> list[str]:
    found, surely, divergence = (
        [f"{value:.{digits}f}" for value in interval]
        for interval, digits in zip(one[:3], (0, 0, 2), strict=True)
    )
    return [_spoken(found), _spoken(surely), f"{one.sure:.1%}", _spoken(divergence)]


def _spoken(interval: Sequence[str]) -> str:
    value, low, high = interval
    return f"{value} ({low} to {high})"

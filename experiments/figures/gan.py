"""What the page of `experiments.gan` shows: numbers, tables and figures."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from jaxgen import metrics, models, report, run
from jaxgen.metrics import QualityReference, SampleQuality
from jaxgen.report import gans
from jaxgen.run_files import is_number
from jaxgen.training import RunFolder, read_snapshots

SIGNALS = {
    "critic_loss": "critic loss",
    "generator_loss": "generator loss",
    "estimate": "critic's estimate",
}
"""Curves of a training that might tell how good the samples are."""

CLAIMED = {"wgan_gp": SIGNALS["estimate"], "non_saturating": SIGNALS["generator_loss"]}
"""The signals of the claim, by system."""

_NOTE = (
    "Spearman's rank correlation with FD over the looks of a training, with 95% "
    "intervals (as if looks were independent): 1 ranks all looks as FD does, 0 tells "
    "nothing, -1 is the wrong way round. Two curves that both fall correlate whatever "
    "they are of, so the correlation of their changes from look to look stands beside "
    "it."
)


class System(NamedTuple):
    """What a run found of one system.

    Attributes:
        looks: By name, the epoch, FD and each signal at every look at the samples.
        correlations: By signal, with FD.
        samples: At the end, images as bytes, shape (n, height, width, channels).
        epochs: By epoch, samples of the same latents, likewise.
    """

    label: str
    steps: int
    looks: Mapping[str, np.ndarray]
    correlations: Mapping[str, metrics.SignalCorrelation]
    quality: SampleQuality
    samples: np.ndarray
    epochs: Mapping[int, np.ndarray]

    @property
    def agreement(self) -> run.Estimate | None:
        """Share of samples of the class that was asked for, in %, if there is one."""
        share = self.quality.label_agreement
        return share and run.Estimate(*(100 * number for number in share), unit="%")


def read_system(
    folder: RunFolder, name: str, quality: SampleQuality, samples: np.ndarray
) -> System:
    """Returns a system with what its records and snapshots hold."""
    records = run.records_of(folder.metrics, name)
    rows = [row for row in records if is_number(row.get("fd"))]
    looks = {
        title: np.array([row[term] for row in rows])
        for term, title in ({"epoch": "epoch", "fd": "fd"} | SIGNALS).items()
        if all(is_number(row.get(term)) for row in rows)
    }
    signals = {title: looks[title] for title in SIGNALS.values() if title in looks}
    return System(
        models.PUBLISHED_GANS[name].label,
        records[-1]["step"],
        looks,
        metrics.signal_correlations(signals, looks["fd"]),
        quality,
        samples,
        read_snapshots(folder.path / "parts" / name / "epochs.npz"),
    )


def headline(systems: Mapping[str, System]) -> dict[str, run.Estimate]:
    """Returns the first four numbers of the page; the tables have all of them."""
    found: dict[str, run.Estimate] = {}
    for name, signal in CLAIMED.items():
        if name in systems and signal in systems[name].correlations:
            level = systems[name].correlations[signal].level
            title = f"{signal} and FD, {systems[name].label}"
            found[title] = run.Estimate(*level, "rank correlation")
    for one in systems.values():
        found[f"FD, {one.label}"] = run.Estimate(*one.quality.fd)
        if one.agreement is not None:
            found[f"label agreement, {one.label}"] = one.agreement
    return dict(list(found.items())[:4])


def tables(systems: Mapping[str, System], real: QualityReference) -> list[run.Table]:
    """Returns the tables of the quality of samples, and of the rank correlations."""
    rows, correlations, agree = [], [], []
    for one in systems.values():
        row = [one.label, run.Estimate(*one.quality.fd).text]
        if one.agreement is not None:
            agree = ["agreement, %"]
            row.append(one.agreement.text)
        rows.append([*row, f"{one.steps:,}"])
        for signal, (level, change, looks) in one.correlations.items():
            texts = [run.Estimate(*found).text for found in (level, change)]
            correlations.append([one.label, signal, *texts, f"{looks}"])
    note = (
        f"FD: Frechet distance in the features of {real.nets[0].name} between "
        f"{real.num_images:,} samples and as many test images, with its 95% "
        f"interval; as many real training images get {real.floor:.2f}."
    )
    if agree:
        note += (
            " Agreement: of samples drawn anew, the share that the classifier takes "
            "for the class they were asked for (Wilson's 95% interval); it names "
            f"{100 * (real.accuracy or 0):.1f}% of test images right."
        )
    columns = ["system", "FD", *agree, "generator steps"]
    found = [run.Table("How good the samples are", columns, rows, note)]
    if correlations:
        columns = ["system", "curve", "with FD", "of changes", "looks"]
        title = "Which curve tells how good the samples are"
        found.append(run.Table(title, columns, correlations, _NOTE, words=2))
    return found


def figures(
    systems: Mapping[str, System], real: np.ndarray, class_names: Sequence[str]
) -> dict[str, report.FigureSpec]:
    """Returns the figures of the page by name; real images stand beside samples."""
    named = {one.label: one for one in systems.values()}
    samples = {name: one.samples for name, one in named.items()}
    epochs = {name: one.epochs for name, one in named.items()}
    looks = {name: one.looks for name, one in named.items() if one.correlations}
    levels = {
        name: {s: c.level.value for s, c in named[name].correlations.items()}
        for name in looks
    }
    found: dict[str, report.FigureSpec] = {
        "gan_samples": gans.samples({"real images": real} | samples),
        "gan_epochs": gans.over_epochs(epochs, class_names),
    }
    if looks:
        shown = list(CLAIMED.values())
        found["gan_telling"] = gans.distance_and_signals(looks, levels, shown)
    return found

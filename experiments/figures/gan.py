"""What the page of `experiments.gan` shows: numbers, tables and figures."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxgen import metrics, report, run
from jaxgen.metrics import Interval
from jaxgen.report import gan
from jaxgen.run_files import is_number

SIGNALS = {
    "critic_loss": "critic loss",
    "generator_loss": "generator loss",
    "estimate": "critic's estimate",
}
"""Curves of a training that might tell how good the samples are."""

_NOTE = (
    "Spearman's rank correlation with FD over the looks of a training, with 95% "
    "intervals (as if looks were independent): 1 ranks all looks as FD does, 0 tells "
    "nothing, -1 is the wrong way round. Two curves that both fall correlate whatever "
    "they are of, so the correlation of their changes from look to look stands beside "
    "it."
)


class Correlation(NamedTuple):
    """Rank correlations with FD.

    Attributes:
        level: Of the values.
        change: Of their changes from one look to the next.
        looks: How often the samples were measured.
    """

    level: Interval
    change: Interval
    looks: int


class System(NamedTuple):
    """What a run found of one system.

    Attributes:
        label: Its name on the page.
        rows: Its records in order, with `fd` where the samples were measured.
        quality: Of the samples at the end.
        samples: Images as bytes, shape (n, height, width, channels).
        epochs: By epoch, samples of the same latents, likewise.
    """

    label: str
    rows: Sequence[Mapping[str, Any]]
    quality: metrics.SampleQuality
    samples: np.ndarray
    epochs: Mapping[int, np.ndarray]

    @property
    def looks(self) -> list[Mapping[str, Any]]:
        """The records with `fd`."""
        return [row for row in self.rows if is_number(row.get("fd"))]

    @property
    def correlations(self) -> dict[str, Correlation]:
        """Of each signal with FD, if there are at least 4 looks."""
        looks, found = self.looks, {}
        distances = np.array([row["fd"] for row in looks])
        for name in SIGNALS:
            if len(looks) >= 4 and all(is_number(row.get(name)) for row in looks):
                values = np.array([row[name] for row in looks])
                found[name] = Correlation(
                    metrics.rank_correlation(values, distances),
                    metrics.rank_correlation(np.diff(values), np.diff(distances)),
                    len(looks),
                )
        return found


def headline(systems: Mapping[str, System]) -> dict[str, run.Estimate]:
    """Returns the numbers for the head of the page, four at most."""
    found: dict[str, run.Estimate] = {}
    for name, signal in (("wgan_gp", "estimate"), ("non_saturating", "generator_loss")):
        if name in systems and signal in systems[name].correlations:
            level = systems[name].correlations[signal].level
            title = f"{SIGNALS[signal]} and FD, {systems[name].label}"
            found[title] = run.Estimate(*level, "rank correlation")
    for one in systems.values():
        found[f"FD, {one.label}"] = run.Estimate(*one.quality.fd)
        if one.quality.label_agreement is not None:
            shares = (100 * share for share in one.quality.label_agreement)
            found[f"label agreement, {one.label}"] = run.Estimate(*shares, "%")
    return dict(list(found.items())[:4])


def tables(
    systems: Mapping[str, System], reference: metrics.QualityReference
) -> list[run.Table]:
    """Returns the tables of the quality of samples, and of the rank correlations."""
    rows, correlations = [], []
    for one in systems.values():
        row = [one.label, run.Estimate(*one.quality.fd).text]
        if one.quality.label_agreement is not None:
            shares = (100 * share for share in one.quality.label_agreement)
            row.append(run.Estimate(*shares).text)
        rows.append([*row, f"{one.rows[-1]['step']:,}"])
        correlations += [
            [
                *(one.label, SIGNALS[name], run.Estimate(*found.level).text),
                *(run.Estimate(*found.change).text, f"{found.looks}"),
            ]
            for name, found in one.correlations.items()
        ]
    note = (
        f"FD: Frechet distance in the features of {reference.nets[0].name} between "
        f"{reference.num_images:,} samples and as many test images, with its 95% "
        f"interval; as many real training images get {reference.floor:.2f}."
    )
    agreement = ["agreement, %"] if len(rows[0]) > 3 else []
    if agreement:
        note += (
            " Agreement: of samples drawn anew, the share that the classifier takes "
            "for the class they were asked for (Wilson's 95% interval); it names "
            f"{100 * (reference.accuracy or 0):.1f}% of test images right."
        )
    columns = ["system", "FD", *agreement, "generator steps"]
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
    drawn = {"real images": real} | {one.label: one.samples for one in systems.values()}
    found: dict[str, report.FigureSpec] = {
        "gan_samples": gan.samples(drawn),
        "gan_epochs": gan.over_epochs(
            {one.label: one.epochs for one in systems.values()}, class_names
        ),
        "gan_telling": gan.distance_and_signals(
            {one.label: one.looks for one in systems.values()},
            {"generator_loss": SIGNALS["generator_loss"], ...},
        ),
    }
    return found

"""What runs of GANs found, as files for the figures and tables for the page."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments.gan_studies import curves
from jaxgen import files, training
from jaxgen.files import write_npz
from jaxgen.metrics import Interval, QualityReference, RankCorrelation, SampleQuality
from jaxgen.run_files import is_number, read_arrays

Told = Mapping[str, Mapping[str, tuple[RankCorrelation, RankCorrelation]]]
"""Rank correlations by system and signal: of values, and of their changes."""


def write_pictures(
    folder: training.RunFolder,
    labels: Mapping[str, str],
    samples: Mapping[str, np.ndarray],
    *,
    class_names: Sequence[str] | None = None,
) -> None:
    """Writes the samples of the end, and those of fixed latents over training.

    Args:
        folder: The run's folder, whose parts have their `epochs.npz`.
        labels: What each system is called.
        samples: Images by what they are called, as many of each.
        class_names: Of the columns, where each has its class.
    """
    write_npz(
        folder.arrays / "gan_samples.npz",
        images=np.stack(list(samples.values())),
        names=list(samples),
    )
    images, epochs, system = [], [], []
    for number, name in enumerate(labels):
        taken = read_arrays(folder.path / "parts" / name / "epochs.npz")
        images += list(taken["images"])
        epochs += list(taken["epoch"])
        system += [number] * len(taken["epoch"])
    named = {} if class_names is None else {"class_names": list(class_names)}
    write_npz(
        folder.arrays / "gan_epochs.npz",
        images=np.stack(images),
        epoch=epochs,
        system=system,
        names=list(labels.values()),
        **named,
    )


def write_telling(
    folder: training.RunFolder,
    labels: Mapping[str, str],
    rows: Mapping[str, Sequence[Mapping[str, Any]]],
    told: Told,
) -> None:
    """Writes the distance and the curves at each look.

    Args:
        folder: The run's folder.
        labels: What each system is called.
        rows: Records of each system.
        told: What `curves.correlations` says of them.
    """
    signals = ("generator_loss", "estimate")
    seen = [
        (number, row)
        for number, name in enumerate(labels)
        for row in rows[name]
        if is_number(row.get("fd"))
    ]
    nothing = float("nan")
    correlation = [
        [told[name][s][0].value if s in told[name] else nothing for s in signals]
        for name in labels
    ]
    write_npz(
        folder.arrays / "gan_telling.npz",
        fd=np.array([row["fd"] for _, row in seen]),
        epoch=np.array([row["epoch"] for _, row in seen]),
        system=np.array([number for number, _ in seen]),
        values=np.array(
            [
                [row[s] if is_number(row.get(s)) else nothing for s in signals]
                for _, row in seen
            ]
        ),
        correlation=np.array(correlation),
        names=list(labels.values()),
        signals=[curves.SIGNALS[signal] for signal in signals],
    )


def write_monitor(folder: training.RunFolder, labels: Mapping[str, str]) -> None:
    """Puts what the monitors of the systems saw into one file, a split each."""
    rows = [
        row | {"split": label}
        for name, label in labels.items()
        for row in training.read_records(folder.path / "parts" / name / "monitor.jsonl")
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    files.write_whole(folder.path / "monitor.jsonl", text.encode())


def quality_table(
    labels: Mapping[str, str],
    found: Mapping[str, SampleQuality],
    judge: QualityReference,
    steps: Any,
) -> dict[str, Any]:
    """Returns the table of how good the samples are.

    Args:
        labels: What each system is called.
        found: What the judge says, by system.
        judge: The judge.
        steps: Steps of the generator, by system.
    """
    agree = any(one.label_agreement is not None for one in found.values())
    rows = []
    for name, one in found.items():
        share = (
            []
            if one.label_agreement is None
            else [said(one.label_agreement, percent=True)]
        )
        rows.append([labels[name], said(one.fd), *share, f"{steps[name]:,}"])
    note = (
        f"FD: Frechet distance in the features of {judge.nets[0].name} between "
        f"{judge.num_images:,} samples and as many test images, with its 95% "
        f"interval; as many real training images get {judge.floor:.2f}."
    )
    if agree:
        note += (
            " Agreement: of samples drawn anew, the share that the classifier takes "
            "for the class they were asked for (Wilson's 95% interval); it names "
            f"{100 * (judge.accuracy or 0):.1f}% of test images right."
        )
    columns = ["system", "FD", *(["agreement, %"] if agree else []), "generator steps"]
    return {
        "title": "How good the samples are",
        "note": note,
        "columns": columns,
        "words": 1,
        "rows": rows,
    }


def telling_table(
    labels: Mapping[str, str],
    told: Told,
) -> dict[str, Any]:
    """Returns the table of which curves rank the looks as the distance does."""
    rows = [
        [labels[name], curves.SIGNALS[signal], said(level), said(change), f"{level[3]}"]
        for name, signals in told.items()
        for signal, (level, change) in signals.items()
    ]
    return {
        "title": "Which curve tells how good the samples are",
        "note": "Spearman's rank correlation with FD over the looks of a training, "
        "with 95% intervals (as if looks were independent): 1 ranks all looks as FD "
        "does, 0 tells nothing, -1 is the wrong way round. Two curves that both fall "
        "correlate whatever they are of, so the correlation of their changes from look "
        "to look stands beside it.",
        "columns": ["system", "curve", "with FD", "of changes", "looks"],
        "words": 2,
        "rows": rows,
    }


def said(one: Interval | RankCorrelation, *, percent: bool = False) -> str:
    """Writes a number with its interval."""
    value, low, high = (x * (100 if percent else 1) for x in one[:3])
    digits = 1 if percent or value >= 20 else 2
    text = f"{value:.{digits}f}"
    # Of ranks that agree in full there is no interval.
    if not isinstance(one, RankCorrelation) or high - low < 2:
        text += f" ({low:.{digits}f} to {high:.{digits}f})"
    return text.replace("-", "\N{MINUS SIGN}")

"""What came of translators of few pairs, as arrays and as a table."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from experiments.few_pairs_studies.judge import Judged
from experiments.few_pairs_studies.parts import Method
from experiments.translation_studies import findings as translation_findings
from jaxgen import metrics, run
from jaxgen.files import write_npz
from jaxgen.images import every_nth
from jaxgen.metrics import TranslationReference, mean_interval

SHOWN = 10
"""Held-out images in the figure of the least share."""


class Findings(NamedTuple):
    """What came out.

    Attributes:
        reference: The held-out images.
        methods: In the order of the rows.
        shares: Of the training pairs, from the least.
        found: What models are worth by share and method's word, one entry a seed.
        setup: The data; `train` are the pairs of each share.
    """

    reference: TranslationReference
    methods: list[Method]
    shares: tuple[float, ...]
    found: Mapping[tuple[float, str], list[Judged]]
    setup: run.Setup


def _metric(reference: TranslationReference) -> str:
    return "l1" if reference.aligned else "fd"


def write(folder: Path, findings: Findings) -> None:
    """Writes what the figures are drawn from.

    Args:
        folder: `RUN/arrays`.
        findings: See `Findings`.
    """
    reference, methods, shares, found, setup = findings
    metric = _metric(reference)

    def all_of(value: Any) -> np.ndarray:
        return np.array(
            [
                [[value(one) for one in found[share, m.word]] for m in methods]
                for share in shares
            ],
            float,
        )

    identity, mean = _baselines(reference)
    translation_findings.write_shares(
        folder,
        names=[method.label for method in methods],
        shares=shares,
        pairs=[len(pairs) for pairs in setup.train],
        values=all_of(lambda one: one.scores[metric]),
        metric=metric,
        identity=identity,
        mean_image=mean,
    )
    names = np.array([method.label for method in methods])
    pairs = np.array([len(one) for one in setup.train])
    nan = float("nan")
    write_npz(
        folder / "few_pairs.npz",
        names=names,
        pairs=pairs,
        gaps=all_of(lambda one: nan if one.gap is None else one.gap),
        remembered=all_of(
            lambda one: nan if one.trained is None else one.scores["l1"] - one.trained
        ),
        **{
            f"held_out_{name}": all_of(lambda one, name=name: one.scores[name])
            for name in reference.metrics
        },
    )
    some = every_nth(len(reference.inputs), SHOWN)
    outputs = [found[shares[0], m.word][0].outputs[some] for m in methods]
    truth = reference.targets[some] if reference.aligned else None
    write_npz(
        folder / "few_pairs_pictures.npz",
        names=names,
        pairs=pairs[0],
        inputs=reference.inputs[some],
        outputs=np.stack(outputs),
        **({} if truth is None else {"truth": truth}),
    )


def _baselines(reference: TranslationReference) -> tuple[float | None, float | None]:
    """The main metric of the inputs as they are, and of the mean training target."""
    identity = mean = None
    if reference.inputs.shape[1:] == reference.targets.shape[1:]:
        identity = metrics.mean_translation_scores(reference, reference.inputs)[
            _metric(reference)
        ]
    if reference.aligned:
        same = np.broadcast_to(reference.mean_image, reference.targets.shape)
        mean = float(metrics.mean_absolute_differences(same, reference.targets).mean())
    return identity, mean


def results(findings: Findings) -> dict[str, tuple[float, str]]:
    """Returns the main metric of each method, with the fewest pairs."""
    reference, methods, shares, found, _ = findings
    metric = _metric(reference)
    scale, unit = (100.0, "% of the range") if metric == "l1" else (1.0, "")
    return {
        f"{metrics.SCORE_TITLES[metric]}, {method.label}": (
            scale * float(_mean(found[shares[0], method.word], metric)),
            f"{unit}, {shares[0]:.0%} of the pairs".lstrip(", "),
        )
        for method in methods
    }


def table(config: Any, findings: Findings) -> run.Table:
    """Returns the table of the page.

    Args:
        config: The options of the script.
        findings: See `Findings`.
    """
    reference, methods, shares, found, setup = findings
    told = reference.protocol
    margins = reference.aligned and "plain" in config.methods
    columns = ["pairs", "method"]
    if reference.aligned:
        columns += ["L1", "of each seed", "L1 of training pairs", "PSNR, dB", "SSIM"]
    if margins:
        columns.insert(4, "below no remedy by")
    columns += ["FD", "critic's gap"] if reference.nets else ["critic's gap"]
    rows = []
    for pairs, share in zip(setup.train, shares, strict=True):
        for method in methods:
            own = found[share, method.word]
            row = [f"{len(pairs):,}", method.label]
            if reference.aligned:
                row.append(f"{_mean(own, 'l1'):.4f}")
                row.append(" ".join(f"{one.scores['l1']:.4f}" for one in own))
                if margins:
                    row.append(margin(found[share, "plain"], own, method))
                row.append(f"{np.mean([one.trained for one in own]):.4f}")  # pyright: ignore[reportCallIssue, reportArgumentType]
                row += [f"{_mean(own, 'psnr'):.2f}", f"{_mean(own, 'ssim'):.3f}"]
            if reference.nets:
                row.append(f"{_mean(own, 'fd'):.2f}")
            gaps = [one.gap for one in own if one.gap is not None]
            row.append(f"{np.mean(gaps):.2f}" if gaps else "–")
            rows.append(row)
    note = (
        f"{told['held-out inputs']} held-out images of {told['size']}, all models "
        f"after {setup.steps:,} steps of {config.batch_size} pairs, means over "
        f"{config.seeds} seeds. "
    )
    if reference.aligned:
        note += "L1 is in units of the pixels from 0 to 1. "
    if margins:
        note += (
            "Margins have the half width of a 95 % interval over images, of these very "
            "models. "
        )
    note += (
        "The critic's gap says how far from training images to translations it puts "
        "held-out real ones: 0 is a critic that judges, 1 one that remembers; none "
        "where it does not tell real from translated."
    )
    return run.Table(
        title=f"Held-out images by how many pairs there are, {told['direction']}",
        note=note,
        columns=columns,
        words=2,
        rows=rows,
    )


def _mean(models: list[Judged], metric: str) -> float:
    return float(np.mean([one.scores[metric] for one in models]))


def margin(plain: list[Judged], own: list[Judged], method: Method) -> str:
    """Tells by how much the L1 is below that without a remedy.

    Args:
        plain: Models without a remedy, one a seed.
        own: Those of the same seeds with one.
        method: Of `own`.

    Returns:
        The mean over seeds, with the half width of a 95 % interval over images.
    """
    if method.word == "plain":
        return "–"
    less = np.mean(
        [
            one.distances - other.distances
            for one, other in zip(plain, own, strict=True)
        ],
        axis=0,
    )
    value, _, high = mean_interval(less)
    text = f"{value:.4f} ± {high - value:.4f}"
    return text.replace("-", "\N{MINUS SIGN}")

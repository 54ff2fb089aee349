"""The records of several GANs as one table of curves, and what each curve tells."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxgen import run, training
from jaxgen.metrics import RankCorrelation, rank_correlation
from jaxgen.run_files import is_number

AT = ("step", "epoch", "split")

SIGNALS = {
    "critic_loss": "critic loss",
    "generator_loss": "generator loss",
    "estimate": "critic's estimate",
}
"""What training shows anyway, and might tell how good the samples are."""


def merge(folder: training.RunFolder, parts: Sequence[str]) -> None:
    """Writes the run's `metrics.jsonl` from those of its parts, one split each.

    The test split's logits of data stand beside the training ones as
    `held_out_logit`, and what `QualityMonitor` found beside both.

    Args:
        folder: The run's folder.
        parts: Names of the systems.
    """

    def beside(part: str) -> dict[int, dict[str, Any]]:
        home = folder.path / "parts" / part
        found: dict[int, dict[str, Any]] = defaultdict(dict)
        path = home / "metrics.jsonl"
        for record in training.read_records(path):
            if record["split"] == "test":
                logit = run.number_of(record, "real_logit", path)
                found[record["step"]]["held_out_logit"] = logit
        for row in training.read_records(home / "quality.jsonl"):
            found[row["step"]] |= {k: v for k, v in row.items() if k not in AT}
        return found

    run.merge_parts(folder, parts, split="train", more=beside)


def correlations(
    rows: Sequence[Mapping[str, Any]],
) -> dict[str, tuple[RankCorrelation, RankCorrelation]]:
    """Compares each signal with the Frechet distance over training.

    Args:
        rows: Records of one system, in order.

    Returns:
        By signal, the rank correlation of its value with the distance, and that of
        their changes from one look to the next.
    """
    seen = [row for row in rows if is_number(row.get("fd"))]
    distances = np.array([row["fd"] for row in seen])
    found = {}
    for name in SIGNALS:
        if len(seen) < 4 or not all(is_number(row.get(name)) for row in seen):
            continue
        values = np.array([row[name] for row in seen])
        found[name] = (
            rank_correlation(values, distances),
            rank_correlation(np.diff(values), np.diff(distances)),
        )
    return found

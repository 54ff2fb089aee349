"""The records of several GANs as one table of curves, and what each curve tells."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from experiments.gan_studies.quality import looks
from jaxgen import run, training
from jaxgen.run_files import is_number

SIGNALS = {
    "critic_loss": "critic loss",
    "generator_loss": "generator loss",
    "estimate": "critic's estimate",
}
"""What training shows anyway, and might tell how good the samples are."""


class RankCorrelation(NamedTuple):
    """Spearman's rank correlation.

    Attributes:
        value: From -1 to 1.
        low: Lower end of its 95% interval, for looks that are independent.
        high: Upper end.
        number: Of pairs.
    """

    value: float
    low: float
    high: float
    number: int


def merge(folder: training.RunFolder, parts: Sequence[str]) -> None:
    """Writes the run's `metrics.jsonl` from those of its parts, one split each.

    The test split's logits of data stand beside the training ones as
    `held_out_logit`, and what `Watch` found beside both.

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
        for row in looks(home / "looks.json"):
            found[row["step"]] |= row
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


def rank_correlation(one: np.ndarray, other: np.ndarray) -> RankCorrelation:
    """Calculates Spearman's rank correlation and its interval.

    Args:
        one: Shape (n,), n at least 3.
        other: Shape (n,).

    References:
        Bonett and Wright, Sample size requirements for estimating Pearson, Kendall and
        Spearman correlations, 2000, for the standard error of atanh(rho).
    """
    from scipy.stats import rankdata

    ranks = [rankdata(values) for values in (one, other)]
    spread = [ranked.std() for ranked in ranks]
    if min(spread) == 0:  # one of them never changed, and tells nothing
        return RankCorrelation(0.0, -1.0, 1.0, len(one))
    value = float(np.corrcoef(*ranks)[0, 1])
    if len(one) < 4 or abs(value) > 1 - 1e-9:
        return RankCorrelation(value, -1.0, 1.0, len(one))
    half = 1.96 * math.sqrt((1 + value**2 / 2) / (len(one) - 3))
    middle = math.atanh(value)
    ends = (math.tanh(middle - half), math.tanh(middle + half))
    return RankCorrelation(value, *ends, len(one))

"""What a translation's page is drawn from: one function a figure, and its results.

The files, and what is in them, are told in `jaxgen.report.translation`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxgen.errors import InputError
from jaxgen.files import write_npz
from jaxgen.metrics import (
    LOWER_IS_BETTER,
    SCORE_TITLES,
    mean_interval,
)


def write_shares(
    folder: Path,
    *,
    names: Sequence[str],
    shares: Sequence[float],
    pairs: Sequence[int],
    values: Any,
    metric: str = "l1",
    intervals: Any = None,
    identity: float | None = None,
    mean_image: float | None = None,
) -> None:
    """Writes `translation_shares.npz`: learning curves over the share of the pairs.

    Args:
        folder: `RUN/arrays`.
        names: Of the methods.
        shares: Of the training pairs, from 0 to 1.
        pairs: How many pairs each share is.
        values: Of the metric on held-out images, shape (shares, methods, seeds).
        metric: Its name, a key of `jaxgen.metrics.SCORE_TITLES`.
        intervals: Value, low and high, shape (shares, methods, 3); by default the mean
            over seeds with its 95 % interval by Student's t (no interval of one seed).
        identity: Of the inputs as they are, for a dashed line.
        mean_image: Of the mean training target, likewise.
    """
    values = np.asarray(values, np.float64)
    expected = (len(shares), len(names))
    if values.ndim != 3 or values.shape[:2] != expected or len(pairs) != len(shares):
        raise InputError(
            f"The values have shape {values.shape} for {len(shares)} shares, "
            f"{len(pairs)} numbers of pairs and {len(names)} names: expected (shares, "
            "methods, seeds)."
        )
    if intervals is None:
        intervals = [[_over_seeds(one) for one in row] for row in values]
    baselines = {"identity": identity, "mean_image": mean_image}
    write_npz(
        folder / "translation_shares.npz",
        names=list(names),
        share=np.asarray(shares, np.float64),
        pairs=np.asarray(pairs),
        values=values,
        intervals=np.asarray(intervals, np.float64),
        metric="L1 (pixels 0 to 1)" if metric == "l1" else SCORE_TITLES[metric],
        lower=int(LOWER_IS_BETTER[metric]),
        **{name: value for name, value in baselines.items() if value is not None},
    )


def _over_seeds(values: np.ndarray) -> tuple[float, float, float]:
    if len(values) < 2:
        mean = float(values.mean())
        return mean, mean, mean
    value, low, high = mean_interval(values)
    return value, low, high

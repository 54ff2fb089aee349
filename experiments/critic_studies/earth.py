"""Two histograms on a line, and how one is moved onto the other."""

import jax.numpy as jnp
import numpy as np

from experiments.variance_studies.study import Study, exact_text
from jaxgen import divergences, run


def moved_earth(*, bins: int) -> Study:
    """Finds the earth mover's plan between two hills and one.

    Args:
        bins: Bins of either histogram on [0, 10].
    """
    width = 10 / bins
    positions = width * (np.arange(bins) + 0.5)

    def hill(centre: float, deviation: float) -> np.ndarray:
        # A hill ends: bins that hold next to nothing would only clutter the picture.
        heights = np.exp(-0.5 * ((positions - centre) / deviation) ** 2)
        return np.where(heights > 0.02, heights, 0.0)

    source = 0.6 * hill(2.0, 0.8) / 0.8 + 0.4 * hill(5.2, 0.6) / 0.6
    target = hill(6.9, 1.1)
    source, target = source / source.sum(), target / target.sum()
    cost = np.abs(positions[:, None] - positions)
    found = divergences.transport(source, target, cost)
    # Of all plans that cost no more, the one in which nothing overtakes.
    ordered = divergences.transport(source, target, cost + 1e-3 * cost**2)
    area = divergences.histogram_wasserstein_1(
        *(jnp.asarray(x, jnp.float32) for x in (source, target, positions))
    )
    with np.errstate(divide="ignore"):
        logs = np.log(source), np.log(target)
    js = float(divergences.categorical_js(*(jnp.asarray(x, jnp.float32) for x in logs)))
    there = target > 0
    kl = float(np.sum(target[there] * (logs[1] - logs[0])[there]))
    rows = [
        ["cost of the plan, a linear program", exact_text(found.cost)],
        ["cost of the plan that is drawn", exact_text(np.sum(ordered.plan * cost))],
        ["area between the cumulative sums", exact_text(float(area))],
        [
            "its dual: what the potentials promise",
            exact_text(_dual(found, source, target)),
        ],
        ["JS (nats)", exact_text(js)],
        ["KL(target || source) (nats)", exact_text(kl)],
    ]
    table = run.Table(
        title="Earth moved between two histograms",
        note="Four ways to the same W, in units of the line; what JS and KL say.",
        columns=["", "value"],
        words=1,
        rows=rows,
    )
    arrays = {
        "positions": positions,
        "source": source,
        "target": target,
        "plan": ordered.plan,
        "cost": np.array([found.cost]),
    }
    results = {"histograms: W, the cost of the plan": (found.cost, "units of the line")}
    return Study(arrays, [table], [], results)


def _dual(
    found: divergences.Transport, source: np.ndarray, target: np.ndarray
) -> float:
    return float(source @ found.potential + target @ found.other_potential)

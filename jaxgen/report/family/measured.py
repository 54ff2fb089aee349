"""Figures of scores and bounds, and what to look for in each."""

import numpy as np

from jaxgen.report import shapes
from jaxgen.report.family import bounds as bound_panels
from jaxgen.report.family import disentanglement as score_panels
from jaxgen.report.plate import Plate
from jaxgen.report.run import Run
from jaxgen.report.style import Figure, Theme

__all__ = ["bounds", "disentanglement"]


def disentanglement(run: Run) -> Plate | None:
    """Scores of every seed over settings, and rate against distortion."""
    pairs = "settings seeds"
    data = shapes.read(
        run,
        "disentanglement",
        {"scores": f"metrics {pairs}", "kl": pairs, "reconstruction": pairs},
        words={"names": "settings", "metrics": "metrics"},
    )
    if data is None:
        return None
    names, metrics = shapes.texts(data["names"]), shapes.texts(data["metrics"])
    seeds = data["kl"].shape[1]
    caption = (
        f"Above: {', '.join(metrics)} (higher is better) for each setting; a dot is "
        f"one of {seeds} seeds, the bar their median. Below: the KL and the "
        "reconstruction term of the same runs; down and to the left is "
        "better in both. Look first at the spread: a setting is better only where "
        "its dots leave those of another behind. Then look for what a higher score "
        "costs in reconstruction."
    )
    medians = "; ".join(
        f"{metric}: "
        + ", ".join(f"{n} {m:.2f}" for n, m in zip(names, middle, strict=True))
        for metric, middle in zip(metrics, np.median(data["scores"], -1), strict=True)
    )

    def draw(theme: Theme) -> Figure:
        return score_panels.disentanglement(
            names=names,
            metrics=metrics,
            scores=data["scores"],
            kl=data["kl"],
            reconstruction=data["reconstruction"],
            theme=theme,
        )

    return Plate(
        "disentanglement",
        "arrays/disentanglement.npz",
        "Disentanglement and its price",
        caption,
        f"Dots of every seed; medians are: {medians}.",
        draw,
    )


def bounds(run: Run) -> Plate | None:
    """Importance-weighted bounds against k, and the latents they keep alive."""
    data = shapes.read(
        run,
        "bounds",
        {
            **{"k": "samples", "bound": "models samples", "nll": "models"},
            **{"half_width": "models samples", "activity": "models dimensions"},
            "threshold": "",
        },
        words={"names": "models"},
    )
    if data is None:
        return None
    names, threshold = shapes.texts(data["names"]), float(data["threshold"])
    nll = ", ".join(f"{n} {v:.2f}" for n, v in zip(names, data["nll"], strict=True))
    alive = (data["activity"] > threshold).sum(axis=1)
    active = ", ".join(f"{n} {a}" for n, a in zip(names, alive, strict=True))
    caption = (
        "On the left the bound on the log-likelihood of the test set with k samples, "
        "with 99% intervals: in expectation it rises with k. Where a curve becomes "
        "flat, the posterior fits; where it climbs far, the posterior is poor and only "
        f"many samples make up for it. Negative log-likelihoods: {nll} nats. On the "
        "right how much each latent's posterior mean varies over the test set, from "
        "the most active down; below the line its mean hardly depends on the image. "
        "Look for how many latents training with more samples keeps alive."
    )

    def draw(theme: Theme) -> Figure:
        return bound_panels.bounds(
            k=data["k"],
            names=names,
            bound=data["bound"],
            half_width=data["half_width"],
            activity=data["activity"],
            threshold=threshold,
            theme=theme,
        )

    return Plate(
        "bounds",
        "arrays/bounds.npz",
        "Bounds with more samples",
        caption,
        f"Curves of the bound over k; active latents: {active}.",
        draw,
    )

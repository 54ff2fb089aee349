"""The figure of learning curves: what each method makes of few pairs."""

import numpy as np

from jaxgen.report import shapes, wording
from jaxgen.report.plate import Plate
from jaxgen.report.run import Arrays, Run
from jaxgen.report.style import LIGHT, WIDTH, Axes, Figure, Theme
from jaxgen.report.translation import method_axes

__all__ = ["learning_curves", "shares"]

_BASELINES = {"identity": "input as it is", "mean_image": "mean training image"}


def shares(run: Run) -> Plate | None:
    """A metric of held-out images over the share of the training pairs."""
    cells = "shares methods"
    data = shapes.read(
        run,
        "translation_shares",
        {
            **{"share": "shares", "pairs": "shares", "lower": ""},
            **{"values": f"{cells} seeds", "intervals": f"{cells} 3"},
        },
        words={"names": "methods", "metric": ""},
        optional=dict.fromkeys(_BASELINES, ""),
    )
    if data is None:
        return None
    names, metric = shapes.texts(data["names"]), str(data["metric"])
    seeds, better = data["values"].shape[2], "less" if data["lower"] else "more"
    caption = (
        f"{metric} of held-out images ({better} is better), by how many of the "
        "training pairs there are, on a logarithmic axis. "
    )
    caption += (
        f"Lines are means over {seeds} seeds with 95 % intervals over seeds, small "
        "dots the seeds. "
        if seeds > 1
        else "Each point is one training. "
    )
    caption += (
        "Look for curves that part on the left: there a method makes up for pairs. "
        "Where it says no more than the dashed lines, nothing was learnt."
    )
    order = np.argsort(data["share"])
    told = "; ".join(
        f"{name} "
        + ", ".join(
            f"{wording.short(float(data['intervals'][at, place, 0]))} at "
            f"{data['share'][at]:.0%}"
            for at in order
        )
        for place, name in enumerate(names)
    )
    return Plate(
        "translation_shares",
        "arrays/translation_shares.npz",
        "What each method makes of few pairs",
        caption,
        f"Learning curves of {metric}: {told}.",
        lambda theme: learning_curves(data, theme=theme),
    )


def learning_curves(data: Arrays, *, theme: Theme = LIGHT) -> Figure:
    """Draws a curve for each method over the number of pairs.

    Args:
      data: see `jaxgen.report.translation`.
      theme: the colours.

    Returns:
      The figure.
    """
    names, order = shapes.texts(data["names"]), np.argsort(data["share"])
    pairs = data["pairs"][order].astype(float)
    with theme.applied():
        figure = Figure(figsize=(0.72 * WIDTH, 3.2), layout="constrained")
        axes = figure.subplots()
        for place, _ in enumerate(names):
            # Methods side by side, so that their intervals do not hide each other.
            at = pairs * 1.025 ** (place - (len(names) - 1) / 2)
            value, low, high = data["intervals"][order, place].T
            method_axes.curve(
                axes,
                at,
                value,
                data["values"][order, place],
                method_axes.colour(theme, place),
                reach=np.maximum([value - low, high - value], 0),
            )
        _baselines(axes, data, theme)
        marks = [
            f"{share:.0%}\n{int(count):,}"
            for share, count in zip(data["share"][order], pairs, strict=True)
        ]
        method_axes.over_pairs(axes, pairs, marks)
        axes.set_xlabel("share and number of training pairs")
        axes.set_title(f"{data['metric']} of held-out images")
        method_axes.legend(figure, names, theme, most=4)
    return figure


def _baselines(axes: Axes, data: Arrays, theme: Theme) -> None:
    for name, label in _BASELINES.items():
        if name not in data:
            continue
        value = float(data[name])
        axes.axhline(value, color=theme.muted, linewidth=0.9, linestyle=(0, (4, 3)))
        axes.annotate(
            label,
            (0.995, value),
            xycoords=("axes fraction", "data"),
            xytext=(0, 2),
            textcoords="offset points",
            ha="right",
            fontsize=7.5,
            color=theme.muted,
            path_effects=theme.halo(),
        )

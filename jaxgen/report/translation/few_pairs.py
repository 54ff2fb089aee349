"""Figures of translators of few pairs: what they make, and what they know by heart."""

import numpy as np

from jaxgen.report import shapes, wording
from jaxgen.report.family.tables import table
from jaxgen.report.pictures import fitted, picture_size
from jaxgen.report.plate import Plate
from jaxgen.report.run import Arrays, Run
from jaxgen.report.style import LIGHT, WIDTH, Figure, Theme
from jaxgen.report.translation import method_axes
from jaxgen.report.translation.channels import viewable

__all__ = ["learned_by_heart", "pictures", "remembered"]

_PANELS = {
    "remembered": "L1 of held-out less that of training pairs",
    "gaps": "critic's gap",
}


def pictures(run: Run) -> Plate | None:
    """Held-out translations of every method, in rows."""
    data = shapes.read(
        run,
        "few_pairs_pictures",
        {
            "inputs": "columns height width channels",
            "outputs": "methods columns height_b width_b channels_b",
            "pairs": "",
        },
        words={"names": "methods"},
        optional={"truth": "columns height_b width_b channels_b"},
    )
    if data is None:
        return None
    names = ["input", *shapes.texts(data["names"])]
    parts = [data["inputs"], *data["outputs"]]
    if "truth" in data:
        names.append("truth")
        parts.append(data["truth"])
    caption = (
        f"Held-out images, and what a model of each method makes of them that was "
        f"trained on {int(data['pairs']):,} pairs; nothing was picked. Look for shapes "
        "of training images that are laid over what is there, and for blurs."
    )

    def draw(theme: Theme) -> Figure:
        size = picture_size(parts, 96)
        images = np.stack([fitted(viewable(part), *size) for part in parts])
        return table(images, rows=names, apart=1, theme=theme)

    return Plate(
        "few_pairs_pictures",
        "arrays/few_pairs_pictures.npz",
        "Translations by models of the least pairs",
        caption,
        f"Rows of images: {', '.join(names)}.",
        draw,
    )


def remembered(run: Run) -> Plate | None:
    """What generators and critics know by heart, over the share of the pairs."""
    cells = "shares methods seeds"
    data = shapes.read(
        run,
        "few_pairs",
        {"pairs": "shares"},
        words={"names": "methods"},
        optional=dict.fromkeys(_PANELS, cells),
    )
    shown = [] if data is None else [n for n in _PANELS if _is_known(data, n)]
    if data is None or not shown:
        return None
    names = shapes.texts(data["names"])
    caption = "By the number of training pairs, on a logarithmic axis. "
    if "remembered" in shown:
        caption += (
            "The generator: by how much the L1 of held-out pairs is above that of "
            "pairs of the training. "
        )
    if "gaps" in shown:
        caption += (
            "The critic: how far from training images to translations it puts held-out "
            "real ones; 0 is a critic that judges, 1 one that remembers. "
        )
    caption += (
        "Lines are means over seeds, small dots the seeds. Look for curves that are "
        "high on the left, and for methods that keep them low."
    )
    told = "; ".join(
        f"{_PANELS[panel]} of {name} "
        + ", ".join(
            f"{wording.short(float(value))} of {int(count)} pairs"
            for count, value in zip(
                data["pairs"], _means(data[panel][:, place]), strict=True
            )
            if np.isfinite(value)
        )
        for panel in shown
        for place, name in enumerate(names)
        if np.isfinite(data[panel][:, place]).any()
    )
    return Plate(
        "few_pairs_remembered",
        "arrays/few_pairs.npz",
        "What is known by heart",
        caption,
        f"{told}.",
        lambda theme: learned_by_heart(data, shown, theme=theme),
    )


def learned_by_heart(
    data: Arrays, panels: list[str], *, theme: Theme = LIGHT
) -> Figure:
    """Draws a panel for the generator and one for the critic.

    Args:
      data: see `jaxgen.report.translation`.
      panels: which of them.
      theme: the colours.

    Returns:
      The figure.
    """
    names = shapes.texts(data["names"])
    with theme.applied():
        width = WIDTH * (1.0 if len(panels) > 1 else 0.6)
        figure = Figure(figsize=(width, 3.0), layout="constrained")
        every = figure.subplots(1, len(panels), squeeze=False)[0]
        for axes, panel in zip(every, panels, strict=True):
            axes.set_title(_PANELS[panel])
            axes.axhline(0.0, color=theme.rule, linewidth=0.8)
            order = np.argsort(data["pairs"])
            pairs = data["pairs"][order]
            for place, _ in enumerate(names):
                shade = method_axes.colour(theme, place)
                seeds = data[panel][order, place]
                method_axes.curve(axes, pairs, _means(seeds), seeds, shade)
            method_axes.over_pairs(axes, pairs, [f"{count:,}" for count in pairs])
            axes.set_xlabel("training pairs")
        method_axes.legend(figure, names, theme, most=6)
    return figure


def _means(values: np.ndarray) -> np.ndarray:
    """Means over seeds, as far as they are known; shape (shares,)."""
    known = np.isfinite(values)
    total = np.where(known, values, 0.0).sum(axis=1)
    return np.where(known.any(axis=1), total / np.maximum(known.sum(axis=1), 1), np.nan)


def _is_known(data: Arrays, panel: str) -> bool:
    return panel in data and bool(np.isfinite(data[panel]).any())

"""The figure of what adapts in the training of a GAN: augmentation, path length."""

import dataclasses

from jaxgen.report import wording
from jaxgen.report.kinds import Curves
from jaxgen.report.run import Run
from jaxgen.report.terms import term_panels
from jaxgen.report.translation import terms as translation
from jaxgen.run_files import is_number

__all__ = ["SHOWN", "regularization"]

_MEANINGS = {
    "augment_probability": "of each transform of what the critic sees",
    "augment_sign": "the mean sign of the critic's logits of training images; the "
    "probability rises while it is above its target, which is 0.6 in the paper, and "
    "falls while it is below",
    "path_length": "the mean length of the gradient of an image by its style, which "
    "the generator is to keep constant",
}

SHOWN = tuple(_MEANINGS)
"""Terms that are drawn here, and so not among those of losses."""


def regularization(run: Run) -> Curves | None:
    """The probability of augmentation, the sign that moves it, and the path length."""
    names = [name for name in _MEANINGS if name in run.terms]
    if not names or "critic_loss" not in run.terms or translation.is_translation(run):
        return None
    labels = run.config.get("labels", {})
    rows = [
        {**row, "split": labels.get(row["split"], row["split"])} for row in run.rows
    ]
    panels = term_panels(rows, names)
    title = wording.spoken("augment_sign")
    if title in panels:
        level = {"published target": 0.6}
        panels[title] = dataclasses.replace(panels[title], levels=level)
    terms = "; ".join(
        f"{wording.spoken(name).lower()}, {_MEANINGS[name]}" for name in names
    )
    last = ", ".join(
        f"{wording.spoken(name).lower()} {wording.short(float(found[-1]))}"
        for name in names
        if (found := [row[name] for row in rows if is_number(row.get(name))])
    )
    return Curves(
        "What adapts in the training",
        f"Means over the steps of an epoch: {terms}. Look for a sign that settles at "
        "its target: one that stays above says that the critic learns its data by "
        "heart faster than the probability rises, and a probability near 1 that the "
        "data are too few. A path length that grows without end says that its penalty "
        "is too weak.",
        f"Curves over the epochs; at the end {last}.",
        panels,
    )

"""The figure of the terms of a translation's training, each under its own name."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from jaxgen.report import frames, wording
from jaxgen.report.plate import Plate
from jaxgen.report.run import Row, Run, series
from jaxgen.report.style import LIGHT, WIDTH, Axes, Figure, Theme
from jaxgen.run_files import is_number

__all__ = [
    "HALF",
    "PANELS",
    "SHOWN",
    "Line",
    "is_translation",
    "lines_of",
    "term_panels",
    "terms",
]

HALF = "critic_half_sum"
"""Made here of `critic_sum`: the sum with the half, as it is minimised."""

PANELS: dict[str, dict[str, str]] = {
    "Generator, weighted sum": {"generator_loss": ""},
    "Adversarial, generator": {
        **{"adversarial": "", "adversarial_a_to_b": "a to b"},
        "adversarial_b_to_a": "b to a",
    },
    "L1, pixels \N{MINUS SIGN}1 to 1": {
        **{"l1": "", "l1_a_to_b": "a to b", "l1_b_to_a": "b to a"},
    },
    "Cycle, pixels \N{MINUS SIGN}1 to 1": {"cycle_a": "a", "cycle_b": "b"},
    "Identity, pixels \N{MINUS SIGN}1 to 1": {"identity_a": "a", "identity_b": "b"},
    "Contrastive, nats": {"nce": "NCE", "nce_identity": "of b"},
    "Critic, halved as minimised": {
        **{"critic_loss": "", "critic_a_loss": "D_A", "critic_b_loss": "D_B"},
    },
    "Sum of critics": {"critic_sum": "no half", HALF: "with half"},
    "Logits": {"real_logit": "real", "fake_logit": "made"},
    "Logits of D_A": {"real_logit_a": "real", "fake_logit_a": "made"},
    "Logits of D_B": {"real_logit_b": "real", "fake_logit_b": "made"},
}

_OF_PAIRS = ("l1", "l1_a_to_b", "l1_b_to_a")

SHOWN = frozenset(term for lines in PANELS.values() for term in lines)
"""Terms that are drawn here, and so not among the terms of other losses."""


class Line(NamedTuple):
    """One curve: its name, and its epochs and values by split."""

    name: str
    splits: Mapping[str, tuple[np.ndarray, np.ndarray]]


def is_translation(run: Run) -> bool:
    """Whether the run trained a translation, whose critics log both conventions."""
    return "critic_sum" in run.terms


def terms(run: Run) -> Plate | None:
    """Every term of the training by its name."""
    if not is_translation(run):
        return None
    # Of sets that are no pairs, this distance is logged and means nothing.
    unpaired = run.config.get("aligned") is False
    panels = lines_of(run.rows, leave_out=_OF_PAIRS if unpaired else ())
    if not panels:
        return None
    held_out = any("test" in line.splits for lines in panels.values() for line in lines)
    caption = (
        "Every term as it was logged, without its weight: means over the steps of an "
        "epoch"
    )
    if held_out:
        caption += (
            "; thin and dashed, the same terms on held-out images, of the averaged "
            "generator where there is one"
        )
    caption += (
        ". Distances are of pixels from \N{MINUS SIGN}1 to 1, as in the papers: twice "
        "those of pixels from 0 to 1. A critic minimises half of its loss; the sum of "
        "critics is drawn in both conventions, since published logs differ: without "
        "the half, as PyTorch users know it from D_A + D_B, and with it. Look for a "
        "critic loss that stays off 0, and for distances that still fall."
    )
    told = ", ".join(
        f"{title}{f', {line.name}' if line.name else ''} "
        f"{wording.short(float(line.splits['train'][1][-1]))}"
        for title, lines in panels.items()
        for line in lines
        if "train" in line.splits
    )
    return Plate(
        "translation_terms",
        "metrics.jsonl",
        "The terms of training",
        caption,
        f"Curves over the epochs, with their last values in training: {told}.",
        lambda theme: term_panels(panels, theme=theme),
    )


def lines_of(
    rows: Sequence[Row], *, leave_out: Sequence[str] = ()
) -> dict[str, list[Line]]:
    """Returns the curves of each panel that has any.

    Args:
      rows: the lines of `metrics.jsonl`.
      leave_out: terms that are not drawn.
    """
    rows = [
        {**row, HALF: both / 2} if is_number(both := row.get("critic_sum")) else row
        for row in rows
    ]
    found = {}
    for title, names in PANELS.items():
        lines = []
        for term, name in names.items():
            if term in leave_out:
                continue
            splits = {
                split: (epochs[kept], values[kept])
                for split in ("train", "test")
                for epochs, values in [series(rows, split, term)]
                for kept in [np.isfinite(values)]
                if kept.any()
            }
            if splits:
                lines.append(Line(name, splits))
        if lines:
            found[title] = lines
    return found


def term_panels(
    panels: Mapping[str, Sequence[Line]], *, theme: Theme = LIGHT
) -> Figure:
    """Draws a panel for each group of terms.

    Args:
      panels: the curves by the title of their panel, see `lines_of`.
      theme: the colours.

    Returns:
      The figure.
    """
    columns = 2 if len(panels) == 4 else min(3, len(panels))
    lines = -(-len(panels) // columns)
    with theme.applied():
        figure = Figure(figsize=(WIDTH, 0.3 + 1.75 * lines), layout="constrained")
        places = list(figure.subplots(lines, columns, squeeze=False).flat)
        for axes in places[len(panels) :]:
            axes.remove()
        for axes, (title, curves_of) in zip(places, panels.items(), strict=False):
            _draw(axes, curves_of, theme)
            axes.set_title(title, fontsize=8.5)
        for axes in figure.axes[-columns:]:
            axes.set_xlabel("epoch")
    return figure


def _draw(axes: Axes, lines: Sequence[Line], theme: Theme) -> None:
    shades = (theme.train, theme.test, theme.classes[8], theme.classes[1])
    ends, low, high = [], np.inf, -np.inf
    for place, line in enumerate(lines):
        colour = shades[place % len(shades)]
        for split, (epochs, values) in line.splits.items():
            held_out = split == "test"
            axes.plot(
                epochs,
                values,
                color=colour,
                linewidth=0.9 if held_out else 1.5,
                linestyle=(0, (3, 2)) if held_out else "-",
                marker="o" if len(values) == 1 else None,
                markersize=3,
            )
            settled = frames.after_first_epoch(epochs, values)
            low, high = min(low, settled.min()), max(high, settled.max())
        values = line.splits.get("train", line.splits.get("test"))
        assert values is not None
        ends.append((float(values[1][-1]), line.name, colour))
    low, high = frames.frame(axes, low, high)
    frames.name_ends(axes, ends, low, high)

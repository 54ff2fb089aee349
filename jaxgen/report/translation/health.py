"""Figures of what the monitor of a translation saw: its health and its scores."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from jaxgen.report import wording
from jaxgen.report.kinds import Curves
from jaxgen.report.plate import Plate
from jaxgen.report.run import Row, Run, numeric_names, series
from jaxgen.report.style import LIGHT, WIDTH, Axes, Figure, Line2D, Theme
from jaxgen.report.terms import term_panels
from jaxgen.report.translation.pictured import DIRECTIONS
from jaxgen.run_files import is_number, read_records

__all__ = ["FILE", "PANELS", "Panel", "health", "panels", "scores"]

FILE = "translation.jsonl"
_SCORES = {
    **{"l1": "pixels 0 to 1", "psnr": "dB", "ssim": ""},
    **{"fd": "", "kid": "", "cycle": "pixels 0 to 1"},
}
"""Scores in the order of their panels, with their units."""

_DASHED = (0, (4, 3))
_DOTTED = (0, (1, 2))


class Panel(NamedTuple):
    """How one reading is drawn.

    Attributes:
      title: above the panel.
      bad: what it means to be past the threshold.
      low: the lower end of the axis.
      high: the upper end, at least.
      above: whether what is above the threshold is bad.
    """

    title: str
    bad: str
    low: float
    high: float
    above: bool = False


PANELS = {
    "inversion": Panel("Luminance of output and input", "negatives", -1.05, 1.05),
    "collapse": Panel("Distance among outputs", "all alike", 0.0, 1.2),
    "critic": Panel("Critic: share told right", "critic wins", 0.4, 1.02, above=True),
    "idle": Panel("Change of the input", "does nothing", 0.0, 1.2),
}


def health(run: Run) -> Plate | None:
    """The four readings over training, with their thresholds."""
    rows = read_records(run.path / FILE)
    names = [name for name in PANELS if name in numeric_names(rows)]
    if not names:
        return None
    caption = (
        "Four ways in which translation fails, at each look at held-out images; pale "
        "bands are 95 % intervals over images, and in the shaded zones there is a "
        "warning. Luminance: the correlation of output and input over pixels, per "
        "image, averaged; dotted, that of true pairs, where they are known. Distance: "
        "how far outputs for different inputs are from each other, over how far "
        "targets are; dotted, the inputs. Critic: the share of held-out real and of "
        "translated images, or patches of them, that it tells right; 0.5 is a guess. "
        "Change: how far outputs are from their inputs, over how far targets are."
    )
    splits = list(dict.fromkeys(row["split"] for row in rows))
    told = "; ".join(
        f"{DIRECTIONS.get(split, split)}: "
        + ", ".join(
            f"{name} {wording.short(float(values[-1]))}"
            for name in names
            if len(values := series(rows, split, name)[1])
        )
        for split in splits
    )
    return Plate(
        "translation_health",
        FILE,
        "Health over training",
        caption,
        f"Curves of four readings over the epochs; their last values are, {told}.",
        lambda theme: panels(rows, names, theme=theme),
    )


def scores(run: Run) -> Curves | None:
    """Scores of held-out images over training."""
    rows = read_records(run.path / FILE)
    logged = numeric_names(rows)
    names = [name for name in _SCORES if name in logged]
    if not names:
        return None
    splits = list(dict.fromkeys(str(row["split"]) for row in rows))
    called: dict[str, str] = {split: DIRECTIONS.get(split, split) for split in splits}
    if len(splits) == 1:
        called = {splits[0]: "test"}
    rows = [{**row, "split": called[row["split"]]} for row in rows]
    parts = []
    if {"l1", "psnr", "ssim"} & set(names):
        parts.append("L1, PSNR and SSIM are of pairs, output and truth")
    if {"fd", "kid"} & set(names):
        parts.append(
            "FD and KID are distances of outputs from real images of the domain, in "
            "the features that the table of the page names"
        )
    if "cycle" in names:
        parts.append("the cycle is the distance between an input and its way back")
    caption = (
        f"Scores of held-out images at each look: {'; '.join(parts)}. Look for the "
        "epoch at which they are best (not always the last), and for L1 that falls "
        "while FD rises: outputs grow blurred."
    )
    last = "; ".join(
        f"{wording.spoken(name)} "
        + ", ".join(
            wording.short(float(values[-1])) + (f" ({own})" if len(splits) > 1 else "")
            for own in called.values()
            if len(values := series(rows, own, name)[1])
        )
        for name in names
    )
    return Curves(
        "Held-out scores over training",
        caption,
        f"Curves over the epochs, with their last values: {last}.",
        term_panels(rows, names, units=_SCORES),
    )


def panels(
    rows: Sequence[Row], names: Sequence[str], *, theme: Theme = LIGHT
) -> Figure:
    """Draws a panel for each reading.

    Args:
      rows: the lines of `translation.jsonl`.
      names: the readings, of `PANELS`.
      theme: the colours.

    Returns:
      The figure.
    """
    splits = list(dict.fromkeys(row["split"] for row in rows))
    colours = {split: theme.classed(place)[0] for place, split in enumerate(splits)}
    if len(splits) == 1:
        colours = {splits[0]: theme.train}
    lines = -(-len(names) // 2)
    with theme.applied():
        figure = Figure(figsize=(WIDTH, 0.3 + 1.9 * lines), layout="constrained")
        places = list(figure.subplots(lines, 2, squeeze=False, sharex=True).flat)
        for axes in places[len(names) :]:
            axes.remove()
        for axes, name in zip(places, names, strict=False):
            _draw(axes, rows, name, colours, theme)
        for axes in places[max(0, len(names) - 2) : len(names)]:
            axes.set_xlabel("epoch")
            axes.tick_params(labelbottom=True)
        if len(splits) > 1:
            handles = [
                Line2D([], [], color=colours[s], label=DIRECTIONS.get(s, s))
                for s in splits
            ]
            figure.legend(
                handles=handles, loc="outside upper center", ncols=min(4, len(splits))
            )
    return figure


def _draw(
    axes: Axes,
    rows: Sequence[Row],
    name: str,
    colours: Mapping[str, str],
    theme: Theme,
) -> None:
    panel = PANELS[name]
    high = panel.high
    for split, colour in colours.items():
        epochs, values = series(rows, split, name)
        if not len(values):
            continue
        one = "o" if len(values) < 3 else None
        axes.plot(epochs, values, color=colour, marker=one, markersize=3, zorder=3)
        at, low = series(rows, split, f"{name}_low")
        top = series(rows, split, f"{name}_high")[1]
        if len(at) == len(top):
            axes.fill_between(at, low, top, color=colour, alpha=0.18, linewidth=0)
            high = max(high, float(np.max(top, initial=0.0)))
        high = max(high, float(values.max()))
        known, expected = series(rows, split, f"{name}_expected")
        if len(known) and name in ("inversion", "collapse"):
            axes.plot(known, expected, color=colour, linestyle=_DOTTED, linewidth=1.1)
    if panel.low >= 0:
        high = min(1.06 * high, 4.0) if high > panel.high else panel.high
    axes.set_ylim(panel.low, high)
    _zone(axes, rows, name, theme)
    axes.set_title(panel.title)
    axes.grid(axis="y")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.locator_params(axis="x", nbins=5, integer=True)
    axes.locator_params(axis="y", nbins=5)
    axes.margins(x=0.02)


def _zone(axes: Axes, rows: Sequence[Row], name: str, theme: Theme) -> None:
    """Shades what is past the threshold that most directions have, and names it."""
    found = [
        row[f"{name}_threshold"]
        for row in rows
        if is_number(row.get(f"{name}_threshold"))
    ]
    if not found:
        return
    threshold, panel = float(np.median(found)), PANELS[name]
    low, high = axes.get_ylim()
    # Pairs that are negatives of each other warn on the other side.
    above = panel.above or (name == "inversion" and threshold > 0)
    edge = high if above else low
    axes.axhspan(threshold, edge, color=theme.test, alpha=0.09, linewidth=0, zorder=0)
    axes.axhline(threshold, color=theme.muted, linewidth=0.9, linestyle=_DASHED)
    # A zone too thin for its name has it on the other side of the line.
    thin = abs(edge - threshold) < 0.14 * (high - low)
    # What is bad above is reached from below: there its name is out of the way.
    axes.annotate(
        panel.bad,
        (0.015 if above else 0.985, threshold if thin else edge),
        xycoords=("axes fraction", "data"),
        xytext=(0, -3 if above else 3),
        textcoords="offset points",
        ha="left" if above else "right",
        va="top" if above else "bottom",
        fontsize=7.5,
        color=theme.muted,
        path_effects=theme.halo(),
    )

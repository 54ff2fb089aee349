"""The figure of what the monitor of a GAN saw: modes, diversity, a critic's memory."""

from jaxgen.report import curves
from jaxgen.report.plate import Plate
from jaxgen.report.run import Run, numeric_names
from jaxgen.report.style import Figure, Theme
from jaxgen.run_files import is_number, read_records

__all__ = ["health"]

_SEEN = {
    "modes": "how many modes have a sample near them",
    "coverage": "the share of data with a sample nearby, over that of perfect samples",
    "diversity": "how far samples are from each other, over how far data are",
    "sign": "the mean sign of the logits of training data, 1 for a sure critic",
    "held_out": "where the critic sees held-out data between training data (0) and "
    "samples (1)",
}


_COUNTS = ("modes",)


def health(run: Run) -> Plate | None:
    """What each look of the monitor found."""
    rows = read_records(run.path / "monitor.jsonl")
    logged = numeric_names(rows)
    names = [name for name in _SEEN if name in logged]
    if not names:
        return None
    said = "; ".join(f"{curves.spoken(name).lower()}, {_SEEN[name]}" for name in names)
    caption = (
        f"What the monitor saw at each look: {said}. Look for modes or diversity that "
        "fall and do not come back (the generator collapses), and for held-out data "
        "that move towards 1 (the critic learns its data by heart)."
    )
    last = ", ".join(
        curves.spoken(name).lower()
        + f" {curves.short(float(found[-1]), whole=name in _COUNTS)}"
        for name in names
        if (found := [row[name] for row in rows if is_number(row.get(name))])
    )

    def draw(theme: Theme) -> Figure:
        return curves.curves(rows, names, counts=_COUNTS, theme=theme)

    return Plate(
        "monitor",
        "monitor.jsonl",
        "What the monitor saw",
        caption,
        f"Curves over the epochs; at the end {last}.",
        draw,
    )

"""The figure of what the monitor of a GAN saw: modes, diversity, a critic's memory."""

from jaxgen.report import wording
from jaxgen.report.kinds import Curves
from jaxgen.report.run import Run, numeric_names
from jaxgen.report.terms import term_panels
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


def health(run: Run) -> Curves | None:
    """What each look of the monitor found."""
    labels = run.config.get("labels", {})
    rows = [
        row | {"split": labels.get(row["split"], row["split"])}
        for row in read_records(run.path / "monitor.jsonl")
    ]
    logged = numeric_names(rows)
    names = [name for name in _SEEN if name in logged]
    if not names:
        return None
    said = "; ".join(f"{wording.spoken(name).lower()}, {_SEEN[name]}" for name in names)
    caption = (
        f"What the monitor saw at each look: {said}. Look for modes or diversity that "
        "fall and do not come back (the generator collapses), and for held-out data "
        "that move towards 1 (the critic learns its data by heart)."
    )
    last = ", ".join(
        wording.spoken(name).lower()
        + f" {wording.short(float(found[-1]), whole=name in _COUNTS)}"
        for name in names
        if (found := [row[name] for row in rows if is_number(row.get(name))])
    )

    return Curves(
        "What the monitor saw",
        caption,
        f"Curves over the epochs; at the end {last}.",
        term_panels(rows, names, counts=_COUNTS),
    )

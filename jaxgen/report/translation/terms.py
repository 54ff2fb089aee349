"""The figure of the terms of a translation's training, each under its own name."""

from collections.abc import Sequence

from jaxgen.report import wording
from jaxgen.report.kinds import Curve, CurvePanel, Curves
from jaxgen.report.run import Row, Run
from jaxgen.report.terms import curve_of
from jaxgen.run_files import is_number

__all__ = ["HALF", "PANELS", "SHOWN", "is_translation", "panels_of", "terms"]

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

_TONES = ("train", "test", "class 8", "class 1")
_TRAIN, _HELD_OUT = "train", "held out"


def is_translation(run: Run) -> bool:
    """Whether the run trained a translation, whose critics log both conventions."""
    return "critic_sum" in run.terms


def terms(run: Run) -> Curves | None:
    """Every term of the training by its name."""
    if not is_translation(run):
        return None
    # Of sets that are no pairs, this distance is logged and means nothing.
    unpaired = run.config.get("aligned") is False
    panels = panels_of(run.rows, leave_out=_OF_PAIRS if unpaired else ())
    if not panels:
        return None
    names = {name for panel in panels.values() for name in panel.curves}
    held_out = any(name.endswith(_HELD_OUT) for name in names)
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
        f"{title}{f', {name}' if name not in ('', _TRAIN) else ''} "
        f"{wording.short(float(curve.y[-1]))}"
        for title, panel in panels.items()
        for name, curve in panel.curves.items()
        if curve.style == "solid" and not name.endswith(_HELD_OUT)
    )
    return Curves(
        "The terms of training",
        caption,
        f"Curves over the epochs, with their last values in training: {told}.",
        panels,
        tones=_tones(names),
        legend=False,
    )


def panels_of(
    rows: Sequence[Row], *, leave_out: Sequence[str] = ()
) -> dict[str, CurvePanel]:
    """Returns a panel for each group of terms that were logged.

    Args:
      rows: the lines of `metrics.jsonl`.
      leave_out: terms that are not drawn.
    """
    rows = [
        {**row, HALF: both / 2} if is_number(both := row.get("critic_sum")) else row
        for row in rows
    ]
    panels = {}
    for title, names in PANELS.items():
        curves: dict[str, Curve] = {}
        for term, name in names.items():
            if term in leave_out:
                continue
            train, test = (curve_of(rows, split, term) for split in ("train", "test"))
            if train is not None:
                curves[name or ("" if test is None else _TRAIN)] = train
            if test is not None and train is not None:
                curves[_held_out(name)] = Curve(test.x, test.y, style="dashed")
            elif test is not None:
                # It has no curve of training to be named by.
                curves[_held_out(name)] = test
        if curves:
            panels[title] = CurvePanel(curves)
    return panels


def _held_out(name: str) -> str:
    return f"{name}, {_HELD_OUT}" if name else _HELD_OUT


def _tones(names: set[str]) -> dict[str, str]:
    """One colour for a term in training and on held-out images."""
    tones = dict.fromkeys(("", _TRAIN, _HELD_OUT), _TONES[0])
    for own in PANELS.values():
        for place, term in enumerate(term for term in own.values() if term):
            tones |= dict.fromkeys((term, _held_out(term)), _TONES[place])
    return {name: tone for name, tone in tones.items() if name in names}

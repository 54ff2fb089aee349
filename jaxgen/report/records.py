"""The figures of what a run logged as it went, and what to look for in each."""

from collections.abc import Callable, Mapping

import numpy as np

from jaxgen.report.gan import monitor, regularization, training
from jaxgen.report.kinds import CurvePanel, Curves, FigureSpec
from jaxgen.report.run import Run
from jaxgen.report.terms import curve_of, term_panels
from jaxgen.report.translation import health as monitoring
from jaxgen.report.translation import terms as translation
from jaxgen.report.wording import spoken

__all__ = ["constraint", "health", "losses", "read_constraint", "record_figures"]

# What the figure of a constraint shows is not shown again among the loss terms.
_STEERING = ("beta", "slack", "lagrange", "kl_average", "reconstruction_average")


def record_figures(run: Run) -> dict[str, FigureSpec]:
    """Returns the figures of what a run logs by name, also of one that goes on.

    Args:
      run: the run.
    """
    makers: Mapping[str, Callable[[Run], Curves | None]] = {
        "losses": losses,
        "adversarial": training.adversarial,
        "regularization": regularization.regularization,
        "constraint": constraint,
        "health": health,
        "monitor": monitor.health,
        "translation_health": monitoring.health,
        "translation_scores": monitoring.scores,
        "translation_terms": translation.terms,
    }
    found = {name: maker(run) for name, maker in makers.items()}
    return {name: figure for name, figure in found.items() if figure is not None}


def losses(run: Run) -> Curves | None:
    """The terms of the loss."""
    names = run.terms
    if read_constraint(run) is not None:
        names = [name for name in names if not name.startswith(_STEERING)]
    if translation.is_translation(run):
        # Its losses are drawn by name, and the estimate is one of them in other words.
        shown = {*translation.SHOWN, "estimate"}
        names = [name for name in names if name not in shown]
    if "critic_loss" in names:
        # A game has a figure of its own, and its losses are not read like others.
        shown = {*training.SHOWN, *regularization.SHOWN}
        names = [name for name in names if name not in shown]
    floors = run.config.get("floors", {})
    panels = term_panels(run.rows, names, units=run.units, floors=floors)
    if not panels:
        return None
    caption = (
        "Every term over all epochs, on the training and the test split; the number "
        "at the end of a curve is its last value. Look for curves "
        "that still fall (train longer), and for a test curve that turns upwards "
        "while the training curve falls on (overfitting). The axes cover what comes "
        "after the first epoch."
    )
    if set(floors) & set(names):
        caption += (
            " The floor, dashed or told at the edge, is the entropy of the grey "
            "pixels: read as a probability, each has one that no model can go below."
        )
    return Curves(
        "Loss terms",
        caption,
        f"Curves over the epochs of {', '.join(panels)}, for each split.",
        panels,
    )


def constraint(run: Run) -> Curves | None:
    """A constrained term, its multiplier and the slack."""
    found = read_constraint(run)
    if found is None or found[0] not in run.terms:
        return None
    term, target = found
    unit, panels = run.units.get(term, ""), {}
    for name in (term, "beta", "slack"):
        average = curve_of(run.rows, "train", f"{name}_average")
        own = curve_of(run.rows, "train", name, quiet=average is not None)
        lines = {"batches": own, "train": average} if average else {"train": own}
        lines = {line: curve for line, curve in lines.items() if curve is not None}
        if not lines:
            continue
        level = {term: target, "slack": 0.0}.get(name)
        log = name == "beta" and any(np.nanmax(c.y) > 0 for c in lines.values())
        panels[spoken(name)] = CurvePanel(
            lines,
            unit=unit if name == term else "",
            levels={} if level is None else {"target": level},
            log="y" if log else "",
        )
    if not panels:
        return None
    words = spoken(term) if spoken(term).isupper() else spoken(term).lower()
    return Curves(
        "The constraint and its price",
        f"On the training split: the {words}, which is to meet its target of "
        f"{target:g}{' ' if unit else ''}{unit}, the dashed line; beta, the "
        "price of the constraint, on a logarithmic axis; and the slack, by which it is "
        "missed. Look for a slack that settles around 0 while beta stops drifting: "
        "the constraint is then met at a price that is constant. A beta that still "
        "climbs or falls says that the target is out of reach, or that the run is "
        "too short.",
        f"Curves over the epochs of the {words} with its target {target:g}, of beta "
        "and of the slack.",
        panels,
        tones={name: "train" for p in panels.values() for name in p.curves},
    )


def health(run: Run) -> Curves | None:
    """Norms and speed."""
    units: Mapping[str, str] = {"images_per_second": "images/s"}
    panels = term_panels(run.rows, run.diagnostics, units=units)
    if not panels:
        return None
    return Curves(
        "How training went",
        "Norms over all parameters, and speed. Look for a gradient norm that stays "
        "within bounds, and for jumps: they tell of a step that went wrong before the "
        "loss does.",
        f"Curves of {', '.join(panels)}.",
        panels,
    )


def read_constraint(run: Run) -> tuple[str, float] | None:
    """The constrained term and its target, where `config.json` names one."""
    return next(iter(run.config.get("constraint", {}).items()), None)

"""The figures of what a run logged as it went, and what to look for in each."""

from collections.abc import Mapping

from jaxgen.report import curves
from jaxgen.report.family.constraint import constraint as draw_constraint
from jaxgen.report.gan import training
from jaxgen.report.plate import Plate
from jaxgen.report.run import Run
from jaxgen.report.style import Figure, Theme
from jaxgen.report.translation import terms as translation

__all__ = ["constraint", "health", "losses", "read_constraint"]

# What the figure of a constraint shows is not shown again among the loss terms.
_STEERING = ("beta", "slack", "lagrange", "kl_average", "reconstruction_average")


def losses(run: Run) -> Plate | None:
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
        names = [name for name in names if name not in training.SHOWN]
    if not names:
        return None
    floors = run.config.get("floors", {})
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
    last = ", ".join(curves.spoken(name) for name in names)
    alt = f"Curves over the epochs of {last}, for each split."

    def draw(theme: Theme) -> Figure:
        return curves.curves(
            run.rows, names, units=run.units, floors=floors, theme=theme
        )

    return Plate("losses", "metrics.jsonl", "Loss terms", caption, alt, draw)


def constraint(run: Run) -> Plate | None:
    """A constrained term, its multiplier and the slack."""
    found = read_constraint(run)
    if found is None or found[0] not in run.terms:
        return None
    term, target = found
    spoken, unit = curves.spoken(term), run.units.get(term, "")
    said = spoken if spoken.isupper() else spoken.lower()
    caption = (
        f"On the training split: the {said}, which is to meet its target of "
        f"{target:g}{' ' if unit else ''}{unit}, the dashed line; beta, the "
        "price of the constraint, on a logarithmic axis; and the slack, by which it is "
        "missed. Look for a slack that settles around 0 while beta stops drifting: "
        "the constraint is then met at a price that is constant. A beta that still "
        "climbs or falls says that the target is out of reach, or that the run is "
        "too short."
    )
    alt = f"Curves over the epochs of the {said} with its target {target:g}, of beta "

    def draw(theme: Theme) -> Figure:
        return draw_constraint(run.rows, term, target, unit=unit, theme=theme)

    return Plate(
        "constraint",
        "metrics.jsonl",
        "The constraint and its price",
        caption,
        alt + "and of the slack.",
        draw,
    )


def health(run: Run) -> Plate | None:
    """Norms and speed."""
    if not run.diagnostics:
        return None
    caption = (
        "Norms over all parameters, and speed. Look for a gradient norm that stays "
        "within bounds, and for jumps: they tell of a step that went wrong before the "
        "loss does."
    )
    units: Mapping[str, str] = {"images_per_second": "images/s"}

    def draw(theme: Theme) -> Figure:
        return curves.curves(run.rows, run.diagnostics, units=units, theme=theme)

    alt = "Curves of " + ", ".join(curves.spoken(n) for n in run.diagnostics) + "."
    return Plate("health", "metrics.jsonl", "How training went", caption, alt, draw)


def read_constraint(run: Run) -> tuple[str, float] | None:
    """The constrained term and its target, where `config.json` names one."""
    return next(iter(run.config.get("constraint", {}).items()), None)

"""The figure of the game of two networks: what each of them logs."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from jaxgen.report import wording
from jaxgen.report.kinds import Curve, CurvePanel, Curves
from jaxgen.report.run import Row, Run, series
from jaxgen.report.translation import terms as translation

__all__ = ["SHOWN", "Game", "adversarial", "games_of"]

SHOWN = (
    "critic_loss",
    "generator_loss",
    "penalty",
    "real_logit",
    "fake_logit",
    "held_out_logit",
    "estimate",
    "fd",
    "fd_low",
    "fd_high",
    "label_agreement",
)
"""Terms that are drawn here or by their script, and so not among those of losses."""

_LINES = {
    "losses": {
        "critic_loss": "critic",
        "generator_loss": "generator",
        "penalty": "penalty",
    },
    "logits": {
        "real_logit": "real",
        "held_out_logit": "held out",
        "fake_logit": "generated",
    },
    "estimate": {"estimate": ""},
}

_TONES = {
    "critic": "train",
    "generator": "test",
    "penalty": "muted",
    "real": "train",
    "held out": "muted",
    "generated": "test",
}


class Game(NamedTuple):
    """The records of one pair of networks.

    Attributes:
      name: what stands above its panels, or nothing.
      lines: by panel and term the curve.
    """

    name: str
    lines: Mapping[str, Mapping[str, Curve]]


def adversarial(run: Run) -> Curves | None:
    """Both losses, the logits, and what the critic estimates."""
    games = games_of(run)
    if not games:
        return None
    caption = (
        "Means over the steps of an epoch, which both networks took against each "
        "other. The losses need not fall: look for a critic loss that stays off 0 and "
        "a generator loss that does not grow without end; a critic that is always "
        "right has nothing left to teach. Logits are the critic's numbers for real and "
        "generated images"
    )
    if any("held_out_logit" in game.lines["logits"] for game in games):
        caption += (
            "; where those of held-out images leave those of training images, it "
            "learns its data by heart"
        )
    caption += "."
    if any(game.lines["estimate"] for game in games):
        caption += (
            " The estimate of the distance between data and samples is made of the "
            "critic's loss: log 2 \N{MINUS SIGN} loss / 2, or \N{MINUS SIGN}loss for a "
            "Wasserstein critic, so it is to fall."
        )
    told = "; ".join(
        f"{game.name or 'training'}: "
        + ", ".join(
            f"{wording.spoken(term).lower()} {wording.short(float(curve.y[-1]))}"
            for lines in game.lines.values()
            for term, curve in lines.items()
        )
        for game in games
    )
    panels = _panels(games)
    names = {name for panel in panels.values() for name in panel.curves}
    return Curves(
        title="The two networks against each other",
        caption=caption,
        alt=f"Curves over the epochs, with their last values. {told}.",
        panels=panels,
        tones={name: tone for name, tone in _TONES.items() if name in names},
        columns=sum(any(game.lines[p] for game in games) for p in _LINES),
        legend=False,
    )


def games_of(run: Run) -> list[Game]:
    """Returns the games of a run: one a split, or one of training and test."""
    if "critic_loss" not in run.terms or translation.is_translation(run):
        return []
    labels = run.config.get("labels", {})
    logged = [row["split"] for row in run.rows if row["split"] != "test"]
    # Those that were named, in that order: records come by step.
    splits = [s for s in dict.fromkeys([*labels, *logged]) if s in logged]
    games = []
    for split in splits:
        lines = {
            panel: {
                term: found
                for term in terms
                if (found := _curve(run.rows, split, term)) is not None
            }
            for panel, terms in _LINES.items()
        }
        held_out = _curve(run.rows, "test", "real_logit")
        if split == "train" and held_out is not None:
            lines["logits"]["held_out_logit"] = held_out
        name = "" if split == "train" else labels.get(split, split)
        if lines["losses"]:
            games.append(Game(name, lines))
    return games


def _panels(games: Sequence[Game]) -> dict[str, CurvePanel]:
    """A row of panels for each game."""
    return {
        f"{game.name}: {panel}" if game.name else panel.capitalize(): CurvePanel(
            {_LINES[panel][term]: curve for term, curve in game.lines[panel].items()},
            unit=_kind(game) if panel == "estimate" else "",
            levels={"": 0.0},
        )
        for game in games
        for panel in _LINES
        if game.lines[panel]
    }


def _curve(rows: Sequence[Row], split: str, term: str) -> Curve | None:
    epochs, values = series(rows, split, term)
    kept = np.isfinite(values)
    return Curve(epochs[kept], values[kept]) if kept.any() else None


def _kind(game: Game) -> str:
    """Which distance is estimated, as the records show it."""
    estimate, loss = game.lines["estimate"], game.lines["losses"]
    if "critic_loss" not in loss:
        return ""
    mirrored = np.allclose(estimate["estimate"].y[-1], -loss["critic_loss"].y[-1])
    return "W" if mirrored else "JS, nats"

"""The figure of the game of two networks: what each of them logs."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from jaxgen.report import frames, wording
from jaxgen.report.plate import Plate
from jaxgen.report.run import Row, Run, series
from jaxgen.report.style import LIGHT, WIDTH, Axes, Figure, Theme
from jaxgen.report.translation import terms as translation

__all__ = ["SHOWN", "Game", "adversarial", "game_curves", "games_of"]

SHOWN = (
    "critic_loss",
    "generator_loss",
    "penalty",
    "real_logit",
    "fake_logit",
    "held_out_logit",
    "estimate",
    "fd",
    "label_agreement",
)
"""Terms that are drawn here, and so not among the terms of other losses."""

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


class Game(NamedTuple):
    """The records of one pair of networks.

    Attributes:
      name: what stands above its panels, or nothing.
      lines: by panel and term the epochs and the values.
    """

    name: str
    lines: Mapping[str, Mapping[str, tuple[np.ndarray, np.ndarray]]]


def adversarial(run: Run) -> Plate | None:
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
            f"{wording.spoken(term).lower()} {wording.short(float(values[-1]))}"
            for lines in game.lines.values()
            for term, (_, values) in lines.items()
        )
        for game in games
    )
    return Plate(
        "adversarial",
        "metrics.jsonl",
        "The two networks against each other",
        caption,
        f"Curves over the epochs, with their last values. {told}.",
        lambda theme: game_curves(games, theme=theme),
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
                if (found := _finite(run.rows, split, term)) is not None
            }
            for panel, terms in _LINES.items()
        }
        held_out = _finite(run.rows, "test", "real_logit")
        if split == "train" and held_out is not None:
            lines["logits"]["held_out_logit"] = held_out
        name = "" if split == "train" else labels.get(split, split)
        if lines["losses"]:
            games.append(Game(name, lines))
    return games


def game_curves(games: Sequence[Game], *, theme: Theme = LIGHT) -> Figure:
    """Draws a row of panels for each game.

    Args:
      games: the games.
      theme: the colours.

    Returns:
      The figure.
    """
    panels = [p for p in _LINES if any(game.lines[p] for game in games)]
    colours = {
        "critic_loss": theme.train,
        "generator_loss": theme.test,
        "penalty": theme.muted,
        "real_logit": theme.train,
        "held_out_logit": theme.muted,
        "fake_logit": theme.test,
        "estimate": theme.train,
    }
    with theme.applied():
        figure = Figure(figsize=(WIDTH, 0.35 + 2.0 * len(games)), layout="constrained")
        places = figure.subplots(len(games), len(panels), squeeze=False)
        for game, row in zip(games, places, strict=True):
            for panel, axes in zip(panels, row, strict=True):
                if not game.lines[panel]:
                    axes.remove()
                    continue
                named = f"{game.name}: {panel}" if game.name else panel.capitalize()
                axes.set_title(named if panel == panels[0] else panel.capitalize())
                if panel == "estimate":
                    axes.set_ylabel(_kind(game))
                _draw(axes, game.lines[panel], _LINES[panel], colours, theme)
        for column in places.T:
            left = [axes for axes in column if axes in figure.axes]
            left[-1].set_xlabel("epoch")
    return figure


def _finite(
    rows: Sequence[Row], split: str, term: str
) -> tuple[np.ndarray, np.ndarray] | None:
    epochs, values = series(rows, split, term)
    kept = np.isfinite(values)
    return (epochs[kept], values[kept]) if kept.any() else None


def _kind(game: Game) -> str:
    """Which distance is estimated, as the records show it."""
    estimate, loss = game.lines["estimate"], game.lines["losses"]
    if "critic_loss" not in loss:
        return ""
    mirrored = np.allclose(estimate["estimate"][1][-1], -loss["critic_loss"][1][-1])
    return "W" if mirrored else "JS, nats"


def _draw(
    axes: Axes,
    lines: Mapping[str, tuple[np.ndarray, np.ndarray]],
    names: Mapping[str, str],
    colours: Mapping[str, str],
    theme: Theme,
) -> None:
    ends, low, high = [], np.inf, -np.inf
    for term, (epochs, values) in lines.items():
        one = "o" if len(values) == 1 else None
        axes.plot(epochs, values, color=colours[term], marker=one, markersize=3)
        settled = frames.after_first_epoch(epochs, values)
        low, high = min(low, settled.min()), max(high, settled.max())
        ends.append((float(values[-1]), names[term], colours[term]))
    low, high = frames.frame(axes, low, high)
    if low < 0 < high:
        axes.axhline(0, color=theme.rule, linewidth=0.9, zorder=0)
    frames.name_ends(axes, ends, low, high)

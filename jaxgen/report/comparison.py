"""The figure of a comparison of estimators, drawn from its JSON."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

from jaxgen.errors import InputError
from jaxgen.report.page import write_file
from jaxgen.report.style import (
    LIGHT,
    WIDTH,
    Annotation,
    Axes,
    Figure,
    Line2D,
    Theme,
    png,
)

__all__ = ["Row", "draw"]

Row = Mapping[str, Any]


def draw(
    content: Mapping[str, Any], path: Path | str | None = None, theme: Theme = LIGHT
) -> Figure:
    """Draws total variance x evaluations of every estimator, the best first.

    The biased ones stand apart below, with their squared bias, in grey where it is
    within its error; skipped ones are left out. What has no variance stands at the left
    edge. Above it says what was taken for the truth, and how much was measured.

    Args:
      content: what `jaxgen.estimators.Report.to_json` wrote, read again.
      path: a PNG file to write, if given.
      theme: the colours.

    Returns:
      The figure.

    Raises:
      InputError: no estimator was measured, or the file cannot be written.
    """
    measured = [row for row in content["rows"] if row.get("skipped") is None]
    if not measured:
        raise InputError("The comparison measured no estimator: there is no figure.")
    sound = sorted((row for row in measured if not _biased(row)), key=_price)
    biased = sorted(filter(_biased, measured), key=_price)
    # Half a line of paper between the two groups.
    heights = [*range(len(sound)), *(len(sound) + 0.6 + i for i in range(len(biased)))]
    rows = [*sound, *biased]
    with theme.applied():
        figure = Figure(
            figsize=(WIDTH, 0.25 * heights[-1] + 1.95), layout="constrained"
        )
        axes = figure.add_subplot()
        _head(figure, content, bool(biased), theme)
        axes.set_xscale("log")
        low, high = _range(rows)
        axes.set_xlim(low, high)
        for row, height in zip(rows, heights, strict=True):
            _draw_row(axes, row, height, low, theme)
        axes.set_ylim(heights[-1] + 0.6, -0.6)
        axes.set_yticks(heights, [row["name"] for row in rows])
        axes.tick_params(axis="y", length=0, labelcolor=theme.ink)
        axes.tick_params(which="minor", length=0)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x")
        # From the right, so that it may reach under the names.
        axes.set_xlabel(
            f"total variance × evaluations of f, with {content['level']:.0%} intervals",
            loc="right",
        )
        if biased:
            _say(axes, "bias²", len(sound) - 0.2, theme.test)
    if path is not None:
        write_file(Path(path), png(figure))
    return figure


def _head(
    figure: Figure, content: Mapping[str, Any], biased: bool, theme: Theme
) -> None:
    """Says what was measured, against what, and what the marks mean."""
    said = (
        f"Truth: {content['reference']}. {content['repeats']:,} gradients each, "
        f"of {content['budget']} (f with its derivative counts as three)."
    )
    said = fill(said, 105)
    # The lines below the title are room for what stands there in another font.
    title = figure.suptitle(
        "What each gradient estimator costs: less is better"
        + "\n " * len(said.split("\n")),
        x=0.01,
        ha="left",
        fontsize=9.5,
        fontweight="bold",
    )
    figure.add_artist(
        Annotation(
            said, (0, 0), xycoords=title, va="bottom", fontsize=8, color=theme.muted
        )
    )
    kinds = [(theme.train, theme.train, "unbiased")]
    if biased:
        words = "biased, with its bias² (grey: within its error)"
        kinds.append((theme.test, theme.paper, words))
    figure.legend(
        handles=[
            Line2D(
                [],
                [],
                color=colour,
                marker="o",
                markersize=5,
                markerfacecolor=inside,
                linewidth=2,
                label=label,
            )
            for colour, inside, label in kinds
        ],
        loc="outside lower left",
        ncols=2,
        fontsize=8,
    )


def _draw_row(axes: Axes, row: Row, height: float, edge: float, theme: Theme) -> None:
    biased = _biased(row)
    colour = theme.test if biased else theme.train
    price, cost = _price(row), row["cost"]["total"]
    if price > edge:
        interval = [max(end * cost, edge) for end in row["total_interval"]]
        axes.plot([edge, price], [height] * 2, color=theme.rule, linewidth=1)
        axes.plot(interval, [height] * 2, color=colour, linewidth=2)
        axes.plot(
            price,
            height,
            "o",
            markersize=5,
            color=theme.paper if biased else colour,
            markeredgecolor=colour,
        )
    else:
        axes.plot(edge, height, "<", color=colour, markersize=6, clip_on=False)
        axes.annotate(
            "no variance",
            (edge, height),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=theme.muted,
        )
    if biased:
        seen = theme.test if row["biased"] else theme.muted
        _say(axes, f"{row['squared_bias']:.2g}", height, seen)


def _say(axes: Axes, text: str, height: float, colour: str) -> None:
    """Writes to the right of the panel."""
    axes.annotate(
        text,
        (1, height),
        xycoords=("axes fraction", "data"),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        fontsize=8,
        color=colour,
    )


def _biased(row: Row) -> bool:
    return bool(row["biased"] or not row["claims_unbiased"])


def _price(row: Row) -> float:
    return row["total_variance"] * row["cost"]["total"]


def _range(rows: Sequence[Row]) -> tuple[float, float]:
    """Wide enough for every interval; what is rounding counts as no variance."""
    most = max(map(_price, rows))
    if not most > 0:
        return 0.1, 10.0
    least = min(price for price in map(_price, rows) if price > 1e-10 * most)
    furthest = max(row["total_interval"][1] * row["cost"]["total"] for row in rows)
    return least / 4, 1.5 * furthest

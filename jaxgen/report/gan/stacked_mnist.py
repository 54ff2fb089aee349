"""Figures of stacked digits: modes over training, and how often each mode comes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxgen.errors import InputError
from jaxgen.report import shapes
from jaxgen.report.plate import Plate
from jaxgen.report.run import Arrays, Run
from jaxgen.report.style import LIGHT, WIDTH, Axes, Figure, Line2D, Theme

__all__ = ["counts", "curves", "over_training", "ranks"]

_COLOURS = (7, 6, 8, 1, 3)  # of the systems, among those of the theme's classes
_DASHED = (0, (4, 3))


def over_training(run: Run) -> Plate | None:
    """Modes and their evenness over training."""
    data = _read(run)
    if data is None or len(np.unique(data["step"])) < 2:
        return None
    names = shapes.texts(data["names"])
    caption = (
        "On the left the modes that samples have, by a classifier of each channel; "
        "then the reverse KL of their histogram from the data's, 0 where every mode "
        "comes as often as in the data; on the right the share of samples whose three "
        "digits the classifier is sure of. Thick lines are means over seeds, thin "
        "ones the seeds; dashed are as many real images, the best to be had. Noise "
        "has modes too, as the classifier must name some digit: trust the first two "
        "as far as the third has risen. Look for modes that are lost again while it "
        "rises: that is collapse, not slowness."
    )
    last = "; ".join(
        f"{name}: {_at_the_end(data, number):.0f}" for number, name in enumerate(names)
    )
    return Plate(
        "stacked_curves",
        "arrays/stacked_modes.npz",
        "Modes over training",
        caption,
        f"Curves of modes and reverse KL over steps. Modes at the end: {last}.",
        lambda theme: curves(data, theme=theme),
    )


def counts(run: Run) -> Plate | None:
    """How often each mode and each digit comes."""
    data = _read(run)
    if data is None:
        return None
    names = shapes.texts(data["names"])
    caption = (
        "On the left how often each mode comes at the end of training, from the "
        "commonest to the rarest, a line a seed: a flat line that reaches as far as "
        "that of real images (dashed) has all of them evenly, and one that ends early "
        "lacks the rest. On the right how often each digit comes, a dot for each "
        "channel and seed, beside real images (bars). Look for a digit that is rare "
        "in all channels: the modes lost are the hundreds it belongs to."
    )
    return Plate(
        "stacked_counts",
        "arrays/stacked_modes.npz",
        "How often each mode comes",
        caption,
        f"Ranked counts of modes, and shares of digits, of {', '.join(names)}.",
        lambda theme: ranks(data, theme=theme),
    )


def curves(data: Arrays, *, theme: Theme = LIGHT) -> Figure:
    """Draws modes and reverse KL over training.

    Args:
      data: `names` [systems]; `step`, `system`, `seed`, `captured`, `reverse_kl` and
        `sure` [looks]; `real_counts` [digits, digits, digits], `real_reverse_kl` and
        `real_sure`.
      theme: the colours.

    Returns:
      The figure.
    """
    names, modes = shapes.texts(data["names"]), data["real_counts"].size
    panels = (
        ("captured", np.count_nonzero(data["real_counts"]), f"Modes, of {modes:,}"),
        ("reverse_kl", data["real_reverse_kl"], "Reverse KL, nats"),
        ("sure", data["real_sure"], "Sure samples"),
    )
    with theme.applied():
        figure = Figure(figsize=(WIDTH, 2.5), layout="constrained")
        for axes, (term, best, title) in zip(
            figure.subplots(1, 3), panels, strict=True
        ):
            axes.axhline(float(best), **_real(theme))
            for number in range(len(names)):
                _over_steps(axes, data, term, number, _shade(theme, number))
            axes.set_title(title)
            axes.set_xlabel("step")
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_major_formatter(lambda value, _: f"{value:,g}")
            axes.locator_params(axis="x", nbins=4)
            axes.grid(axis="y")
            top = {"captured": modes, "sure": 1.0}.get(term)
            axes.set_ylim(0, top and 1.05 * top)
        _legend(figure, names, theme)
    return figure


def ranks(data: Arrays, *, theme: Theme = LIGHT) -> Figure:
    """Draws ranked counts of modes beside shares of digits.

    Args:
      data: `names` [systems]; `counts` [systems, seeds, digits, digits, digits] and
        `real_counts` [digits, digits, digits].
      theme: the colours.

    Returns:
      The figure.
    """
    names = shapes.texts(data["names"])
    with theme.applied():
        figure = Figure(figsize=(WIDTH, 2.9), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(1.1, 1))
        for number, seeds in enumerate(data["counts"]):
            for own in seeds:
                _ranked(left, own, color=_shade(theme, number), linewidth=1.3)
        real = data["real_counts"]
        _ranked(left, real, **_real(theme))
        left.set_yscale("log")
        for axis in (left.xaxis, left.yaxis):
            axis.set_major_formatter(lambda value, _: f"{value:,g}")
        left.set_ylim(bottom=0.8)
        left.set_xlim(0, 1.02 * real.size)
        left.set_title("Samples of each mode")
        left.set_xlabel("modes, the commonest first")
        left.grid(axis="y")
        left.tick_params(which="minor", length=0)
        digits = np.arange(len(real))
        right.bar(digits, _shares(real).mean(axis=0), width=0.8, color=theme.rule)
        for number, seeds in enumerate(data["counts"]):
            shares = np.concatenate([_shares(own) for own in seeds])
            beside = 0.32 * (2 * (number + 0.5) / len(names) - 1)
            right.plot(
                np.broadcast_to(digits + beside, shares.shape).ravel(),
                shares.ravel(),
                "o",
                color=_shade(theme, number),
                markersize=2.8,
                markeredgewidth=0,
            )
        right.set_xticks(digits)
        right.set_title("Share of each digit, %")
        right.set_xlabel("digit")
        right.grid(axis="y")
        right.tick_params(axis="x", length=0)
        _legend(figure, names, theme)
    return figure


def _read(run: Run) -> Arrays | None:
    data = shapes.read(
        run,
        "stacked_modes",
        {
            **dict.fromkeys(
                ("step", "system", "seed", "captured", "reverse_kl", "sure"), "looks"
            ),
            "counts": "systems seeds digits digits digits",
            "real_counts": "digits digits digits",
            "real_reverse_kl": "",
            "real_sure": "",
        },
        words={"names": "systems"},
    )
    if data is not None:
        known = np.arange(len(data["names"]))
        if not np.array_equal(np.unique(data["system"]), known):
            raise InputError(
                f"{run.path / 'arrays' / 'stacked_modes.npz'}: its looks belong to "
                f"the systems {np.unique(data['system']).tolist()}, and there are "
                f"{len(known)} names; run the experiment again."
            )
    return data


def _at_the_end(data: Arrays, number: int) -> float:
    captured = np.count_nonzero(data["counts"][number], axis=(1, 2, 3))
    return float(captured.mean())


def _over_steps(axes: Axes, data: Arrays, term: str, number: int, colour: str) -> None:
    """Each seed of a system, and their mean at the steps that all were looked at."""
    own = data["system"] == number
    step, seed, values = data["step"][own], data["seed"][own], data[term][own]
    seeds = np.unique(seed)
    if len(seeds) > 1:
        for one in seeds:
            at = seed == one
            axes.plot(step[at], values[at], color=colour, linewidth=0.6, alpha=0.5)
    steps, times = np.unique(step, return_counts=True)
    common = steps[times == len(seeds)]
    means = [values[step == one].mean() for one in common]
    axes.plot(common, means, color=colour, marker="o", markersize=3)


def _ranked(axes: Axes, counts: np.ndarray, **line: Any) -> None:
    found = np.sort(counts[counts > 0])[::-1]
    axes.plot(np.arange(1, len(found) + 1), found, **line)


def _shares(counts: np.ndarray) -> np.ndarray:
    """Shares of each digit in each channel in percent, [channels, digits]."""
    others = ((1, 2), (0, 2), (0, 1))
    return np.stack([100 * counts.sum(axis=axes) / counts.sum() for axes in others])


def _shade(theme: Theme, number: int) -> str:
    return theme.classes[_COLOURS[number % len(_COLOURS)]]


def _real(theme: Theme) -> dict[str, Any]:
    return {"color": theme.muted, "linewidth": 1.2, "linestyle": _DASHED}


def _legend(figure: Figure, names: Sequence[str], theme: Theme) -> None:
    lines = [
        Line2D([], [], color=_shade(theme, number), label=name)
        for number, name in enumerate(names)
    ]
    lines.append(Line2D([], [], **_real(theme), label="real images"))
    figure.legend(handles=lines, loc="outside upper center", ncols=min(len(lines), 4))

"""The figure of importance-weighted bounds, and of the latents they keep alive."""

from collections.abc import Sequence

import numpy as np

from jaxgen.report.frames import legend_columns
from jaxgen.report.style import LIGHT, WIDTH, Figure, Theme

__all__ = ["bounds"]

_MARKERS = ("o", "s", "D", "^", "v", "P")
_LEAST = 1e-6  # what varies less has no place of its own on the logarithmic axis
_COLOURS = (6, 7, 3, 8, 1, 9)  # places among the classes, far apart in hue


def bounds(
    k: np.ndarray,
    names: Sequence[str],
    bound: np.ndarray,
    half_width: np.ndarray,
    activity: np.ndarray,
    *,
    threshold: float,
    theme: Theme = LIGHT,
) -> Figure:
    """Draws each model's bound against k, and the activity of its latents.

    Args:
      k: the numbers of samples, [K].
      names: one a model.
      bound: nats per image, [models, K].
      half_width: of its interval, [models, K].
      activity: the variance of the posterior's mean, [models, dimensions].
      threshold: a latent above it counts as active.
      theme: the colours.

    Returns:
      The figure.
    """
    with theme.applied():
        figure = Figure(figsize=(WIDTH, 3.3), layout="constrained")
        left, right = figure.subplots(1, 2)
        for row, name in enumerate(names):
            colour = theme.classed(_COLOURS[row % len(_COLOURS)])[0]
            marker = _MARKERS[row % len(_MARKERS)]
            look = {"color": colour, "markersize": 4.2}
            look |= {"markeredgecolor": theme.paper, "markeredgewidth": 0.4}
            left.errorbar(
                k,
                bound[row],
                half_width[row],
                fmt=f"{marker}-",
                elinewidth=1.0,
                label=f"{name} ({_active(activity[row], threshold)})",
                **look,
            )
            falling = np.sort(np.maximum(activity[row], _LEAST))[::-1]
            right.plot(
                np.arange(1, len(falling) + 1),
                falling,
                f"{marker}-",
                linewidth=1.0,
                **{**look, "markersize": 3},
            )
        left.set_xscale("log")
        left.set_xticks(k, _sparse(k))
        left.set_xticks([], minor=True)
        left.set_xlabel("samples k")
        left.set_ylabel("bound on log p(x) (nats per image)")
        left.set_title("Bound by number of samples")
        right.set_yscale("log")
        within = np.clip([activity.min(), activity.max(), threshold], _LEAST, None)
        right.set_ylim(within.min() / 2, 3 * within.max())
        right.axhline(threshold, color=theme.muted, linewidth=1, linestyle=(0, (4, 3)))
        right.annotate(
            f"active above {threshold:g}",
            (0, threshold),
            xycoords=("axes fraction", "data"),
            xytext=(4, -10),
            textcoords="offset points",
            fontsize=8,
            color=theme.muted,
            path_effects=theme.halo(),
        )
        right.set_xlabel("latent, most active first")
        right.set_ylabel("variance of the posterior's mean")
        right.set_title("Active latents")
        for axes in (left, right):
            axes.grid(axis="y")
            axes.tick_params(which="minor", length=0)
        handles, said = left.get_legend_handles_labels()
        columns = legend_columns(said, handle=0.6)
        figure.legend(handles, said, loc="outside upper center", ncols=columns)
    return figure


def _active(activity: np.ndarray, threshold: float) -> str:
    return f"{(activity > threshold).sum()} of {len(activity)} active"


def _sparse(k: np.ndarray) -> list[str]:
    """The numbers as tick labels, without those too close to the one before."""
    shown, last = [], 0.0
    for value in k:
        close = value < 2.4 * last
        shown.append("" if close else f"{value:,}")
        last = last if close else float(value)
    return shown

"""Names beside points, where they cover neither points nor each other."""

from collections.abc import Sequence

import numpy as np

from jaxgen.report.style import Axes, Figure, Theme

__all__ = ["name_points"]

# Where a name may stand: offsets in points from its point, and how it is aligned.
_PLACES = (
    (7, 0, "left", "center"),
    (-7, 0, "right", "center"),
    (0, 8, "center", "bottom"),
    (0, -8, "center", "top"),
    (6, 6, "left", "bottom"),
    (6, -6, "left", "top"),
    (-6, 6, "right", "bottom"),
    (-6, -6, "right", "top"),
    (18, 12, "left", "bottom"),
    (18, -12, "left", "top"),
    (-18, 12, "right", "bottom"),
    (-18, -12, "right", "top"),
    (30, 24, "left", "bottom"),
    (30, -24, "left", "top"),
    (-30, 24, "right", "bottom"),
    (-30, -24, "right", "top"),
)


def name_points(
    figure: Figure,
    axes: Axes,
    points: np.ndarray,
    names: Sequence[str],
    avoid: np.ndarray,
    theme: Theme,
) -> None:
    """Writes each name beside its point, at the first place that is free.

    Args:
      figure: the figure, with all else drawn.
      axes: one of its panels, with its final limits.
      points: in data units, [N, 2].
      names: what stands there.
      avoid: points that should stay visible, [M, 2].
      theme: for the outline.
    """
    figure.draw_without_rendering()
    dots = axes.transData.transform(avoid)
    frame = axes.get_window_extent()
    taken: list[tuple[float, float, float, float]] = []
    for point, name in zip(points, names, strict=True):
        best, least = None, np.inf
        for order, (right, up, horizontal, vertical) in enumerate(_PLACES):
            text = axes.annotate(
                name,
                tuple(point),
                xytext=(right, up),
                textcoords="offset points",
                ha=horizontal,
                va=vertical,
                fontsize=8.5,
                color=theme.ink,
                path_effects=theme.halo(),
            )
            box = text.get_window_extent()
            inside = (
                (dots[:, 0] > box.x0 - 3)
                & (dots[:, 0] < box.x1 + 3)
                & (dots[:, 1] > box.y0 - 3)
                & (dots[:, 1] < box.y1 + 3)
            )
            crossed = sum(
                box.x0 < x1 and x0 < box.x1 and box.y0 < y1 and y0 < box.y1
                for x0, y0, x1, y1 in taken
            )
            out = box.x0 < frame.x0 or box.x1 > frame.x1
            out |= box.y0 < frame.y0 or box.y1 > frame.y1
            cost = inside.sum() + 20 * crossed + 20 * out + 0.05 * order
            if cost < least:
                if best is not None:
                    best.remove()
                best, least = text, cost
            else:
                text.remove()
        if best is not None:
            box = best.get_window_extent()
            taken.append((box.x0, box.y0, box.x1, box.y1))
            if abs(best.xyann[1]) > 8:
                # A name that had to go far is tied to its point.
                _tie(axes, point, best.xyann, theme)


def _tie(axes: Axes, point: np.ndarray, offset: tuple, theme: Theme) -> None:
    axes.annotate(
        "",
        tuple(point),
        xytext=offset,
        textcoords="offset points",
        arrowprops={
            "arrowstyle": "-",
            "color": theme.muted,
            "linewidth": 0.6,
            "shrinkA": 0,
            "shrinkB": 3,
        },
    )

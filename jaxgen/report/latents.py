"""Figures of the latent space: where images lie, and what each dimension carries."""

import math
from collections.abc import Sequence

import numpy as np

from jaxgen.report.style import LIGHT, WIDTH, Axes, Figure, Line2D, Theme

__all__ = ["ACTIVE_KL", "kl_per_dimension", "latent_scatter", "shown_dimensions"]

# The mean KL (nats) above which a latent dimension is said to carry something.
ACTIVE_KL = 0.01


def latent_scatter(
    mean: np.ndarray,
    label: np.ndarray | None = None,
    *,
    class_names: Sequence[str] | None = None,
    kl: np.ndarray | None = None,
    theme: Theme = LIGHT,
) -> Figure:
    """Draws the latent means of the test set, coloured by class.

    Of more than two latent dimensions the two of highest KL are drawn.

    Args:
      mean: the latent means, [N, L].
      label: the classes, [N] int.
      class_names: the names of the classes; their numbers without it.
      kl: the mean KL of each dimension in nats, [L].
      theme: the colours.

    Returns:
      The figure.
    """
    shown = shown_dimensions(mean, kl)
    x = mean[:, shown[0]]
    y = mean[:, shown[1]] if len(shown) == 2 else None
    classes = [] if label is None else [int(c) for c in np.unique(label)]
    size = float(np.clip(260 / math.sqrt(len(mean)), 2.5, 12))
    with theme.applied():
        figure = Figure(figsize=(WIDTH, _height(mean[:, shown])), layout="constrained")
        axes = figure.add_subplot()
        # Points of a class drawn later must not bury those drawn earlier.
        order = np.random.default_rng(0).permutation(len(mean))
        style = {"s": size, "linewidths": 0, "alpha": 0.85}
        if y is None:
            spread = np.random.default_rng(1).uniform(-0.4, 0.4, len(mean))
            y = spread if label is None else label + spread
        if label is None:
            axes.scatter(x, y, color=theme.train, **style)
        else:
            colours, markers = zip(*(theme.classed(int(c)) for c in label), strict=True)
            for marker in dict.fromkeys(markers):
                some = [i for i in order if markers[i] == marker]
                tints = [colours[i] for i in some]
                axes.scatter(x[some], y[some], c=tints, marker=marker, **style)
        names = [_class_name(c, class_names) for c in classes]
        if classes and len(shown) == 2:
            _label_classes(axes, x, y, label, classes, names, theme)
        if len(shown) == 2 and 0 < len(classes) <= 30:
            _legend(figure, classes, names, theme)
        _label_latents(axes, shown, kl)
        if len(shown) == 1:
            axes.set_yticks(classes, names)
            axes.set_ylabel("class" if classes else "")
        elif _near_square(mean[:, shown]):
            axes.set_aspect("equal", adjustable="datalim")
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
        axes.grid()
    return figure


def shown_dimensions(mean: np.ndarray, kl: np.ndarray | None = None) -> list[int]:
    """The one or two latent dimensions that a plane shows, in order of index.

    Examples:
      >>> shown_dimensions(np.zeros([5, 3]), np.array([2.0, 0.0, 1.5]))
      [0, 2]
    """
    weight = mean.var(axis=0) if kl is None else kl
    return sorted(int(i) for i in np.argsort(-weight, kind="stable")[:2])


def _height(points: np.ndarray) -> float:
    """The height in inches at which equal units leave the least empty paper."""
    if points.shape[1] == 1:
        return 4.0
    wide, high = np.maximum(np.ptp(points, axis=0), 1e-9)
    return float(np.clip((WIDTH - 1.2) * high / wide, 3.8, 6.2))


def _near_square(points: np.ndarray) -> bool:
    """Whether equal units on both axes would not leave most of the paper empty."""
    wide, high = np.maximum(np.ptp(points, axis=0), 1e-9)
    return bool(1 / 3 < high / wide < 3)


def _class_name(index: int, names: Sequence[str] | None) -> str:
    inside = names is not None and 0 <= index < len(names)
    return str(names[index]) if inside and names is not None else str(index)


def _label_classes(axes, x, y, label, classes, names, theme) -> None:
    for index, name in zip(classes, names, strict=True):
        at = (np.median(x[label == index]), np.median(y[label == index]))
        axes.annotate(
            name,
            at,
            ha="center",
            va="center",
            fontsize=11 if len(name) < 3 else 8.5,
            fontweight="bold",
            path_effects=theme.halo(3),
        )


def _legend(
    figure: Figure, classes: Sequence[int], names: Sequence[str], theme: Theme
) -> None:
    handles = []
    for index, name in zip(classes, names, strict=True):
        colour, marker = theme.classed(index)
        handles.append(
            Line2D([], [], color=colour, marker=marker, linestyle="", label=name)
        )
    figure.legend(
        handles=handles,
        loc="outside right upper",
        title="class",
        alignment="left",
        handletextpad=0.1,
        ncols=math.ceil(len(names) / 20),
    )


def _label_latents(axes, shown, kl) -> None:
    def name(index: int) -> str:
        suffix = "" if kl is None else f"  (KL {kl[index]:.2f} nats)"
        return f"latent {index + 1}{suffix}"

    axes.set_xlabel(name(shown[0]))
    if len(shown) == 2:
        axes.set_ylabel(name(shown[1]))


def kl_per_dimension(
    kl: np.ndarray, *, threshold: float = ACTIVE_KL, theme: Theme = LIGHT
) -> Figure:
    """Draws the mean KL of each latent dimension, largest first.

    Args:
      kl: the mean KL of each dimension in nats, [L].
      threshold: dimensions above it count as active; the line is drawn where there
        are more than two dimensions.
      theme: the colours.

    Returns:
      The figure.
    """
    order = np.argsort(-kl, kind="stable")
    values, active = kl[order], kl[order] > threshold
    with theme.applied():
        height = 2.6 if len(kl) > 2 else 1.0 + 0.36 * len(kl)
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        axes = figure.add_subplot()
        total = f"{kl.sum():.2f} nats in all"
        axes.set_title(f"{active.sum()} of {len(kl)} dimensions active, {total}")
        colours = [theme.train if on else theme.muted for on in active]
        if len(kl) <= 2:
            names = [f"latent {i + 1}" for i in order]
            bars = axes.barh(names, values, color=colours, height=0.62)
            axes.bar_label(bars, fmt="%.2f", padding=4, fontsize=8.5)
            axes.invert_yaxis()
            axes.set_xlabel("mean KL on the test set (nats)")
            axes.spines["left"].set_visible(False)
            axes.tick_params(axis="y", length=0)
            axes.margins(x=0.08)
        else:
            _draw_columns(axes, order, values, colours)
            axes.axhline(
                threshold, color=theme.test, linewidth=1, linestyle=(0, (4, 3))
            )
            axes.annotate(
                f"active above {threshold:g} nats",
                (1, threshold),
                xycoords=("axes fraction", "data"),
                xytext=(0, 5),
                textcoords="offset points",
                ha="right",
                color=theme.test,
                fontsize=8,
                path_effects=theme.halo(),
            )
    return figure


def _draw_columns(axes: Axes, order, values, colours) -> None:
    number = len(values)
    places = range(number)
    axes.bar(places, values, color=colours, width=0.72 if number <= 32 else 0.9)
    axes.set_ylabel("mean KL (nats)")
    axes.set_xlabel("latent dimension, largest KL first")
    # A few columns stay as slim as many.
    axes.set_xlim(-0.6, max(number, 8) - 0.4)
    axes.grid(axis="y")
    # The threshold lies close to 0 and takes the place of the axis.
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(length=0)
    axes.set_xticks([])
    if number <= 32:
        axes.set_xticks(places, [str(i + 1) for i in order])

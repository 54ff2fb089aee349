"""Figures of what GANs draw: at the end, and from fixed latents over training."""

from collections.abc import Sequence

import numpy as np

from jaxgen.errors import InputError
from jaxgen.report import shapes
from jaxgen.report.family.tables import panels
from jaxgen.report.pictures import canvas, montage, scaled
from jaxgen.report.plate import Plate
from jaxgen.report.run import Run
from jaxgen.report.style import LIGHT, Figure, Theme

__all__ = ["blocks", "over_epochs", "samples"]

_BATCH = "images height width channels"
_WIDTH = 1180  # dots that a row of images aims at
_ABOVE = 52  # dots above each system, for its name


def samples(run: Run) -> Plate | None:
    """Samples of every system beside real images."""
    axes = {"images": f"panels {_BATCH}"}
    data = shapes.read(run, "gan_samples", axes, words={"names": "panels"})
    if data is None:
        return None
    images, names = data["images"], shapes.texts(data["names"])
    listed = ", ".join(names)
    caption = (
        f"{images.shape[1]} images of each, none of them picked: {listed}. Look for "
        "images that come twice, for kinds of the real ones that never come, and then "
        "for strokes that no real image has."
    )

    def draw(theme: Theme) -> Figure:
        return panels(images, names, theme=theme)

    return Plate(
        "gan_samples",
        "arrays/gan_samples.npz",
        "Samples beside real images",
        caption,
        f"Squares of {images.shape[1]} images: {listed}.",
        draw,
    )


def over_epochs(run: Run) -> Plate | None:
    """The same latents as training goes on."""
    axes = {
        "images": "rows columns height width channels",
        "epoch": "rows",
        "system": "rows",
    }
    data = shapes.read(run, "gan_epochs", axes, words={"names": "systems"})
    if data is None:
        return None
    images, epoch, system = data["images"], data["epoch"], data["system"]
    names = shapes.texts(data["names"])
    if not np.isin(system, np.arange(len(names))).all():
        raise InputError(
            f"{run.path / 'arrays' / 'gan_epochs.npz'}: rows of systems that have no "
            "name; run the experiment again."
        )
    classes = shapes.texts(data["class_names"]) if "class_names" in data else []
    caption = (
        "A column is one latent, a row one epoch: the same latents as the generator "
        "learns. "
    )
    caption += (
        "Each column was asked for the class above it: look for the epoch from which "
        "it shows it."
        if classes
        else "Look for the epoch when shapes appear, and for columns that grow alike: "
        "a generator that collapses draws the same from all of them. Shapes that "
        "still change from row to row are two networks chasing each other."
    )

    def draw(theme: Theme) -> Figure:
        return blocks(images, epoch, system, names, columns=classes, theme=theme)

    return Plate(
        "gan_epochs",
        "arrays/gan_epochs.npz",
        "The same latents as training goes on",
        caption,
        f"Rows of {images.shape[1]} images, one an epoch, of {', '.join(names)}.",
        draw,
    )


def blocks(
    images: np.ndarray,
    epoch: np.ndarray,
    system: np.ndarray,
    names: Sequence[str],
    *,
    columns: Sequence[str] = (),
    theme: Theme = LIGHT,
) -> Figure:
    """Draws a block of rows for each system, one below the other.

    Args:
      images: [rows, columns, H, W, C] uint8.
      epoch: of each row, [rows].
      system: of each row, [rows].
      names: of the systems.
      columns: what stands above each column.
      theme: the colours.

    Returns:
      The figure.
    """
    across = images.shape[1]
    flat = scaled(images.reshape(-1, *images.shape[2:]), _WIDTH // across)
    images = flat.reshape(*images.shape[:2], *flat.shape[1:])
    height, width, gap = flat.shape[1], flat.shape[2], 3
    parts, ticks, heads = [], [], []
    top = 0
    for number in range(len(names)):
        if parts:
            parts.append(np.zeros([_ABOVE, parts[0].shape[1], 4], np.uint8))
            top += _ABOVE
        rows = images[system == number]
        sheet = montage(rows.reshape(-1, *rows.shape[2:]), across, gap=gap)
        heads.append(top)
        ticks += [top + row * (height + gap) + height / 2 for row in range(len(rows))]
        parts.append(sheet)
        top += len(sheet)
    labels = [
        f"epoch {e:g}" for number in range(len(names)) for e in epoch[system == number]
    ]
    with theme.applied():
        figure, axes = canvas(
            np.concatenate(parts), left=0.75, top=0.5 if len(columns) else 0.3
        )
        axes.set_yticks(ticks, labels)
        axes.set_xticks([])
        for head, name in zip(heads, names, strict=True):
            axes.annotate(
                name,
                (0, head),
                # Above the classes, which stand over the first block.
                xytext=(0, 18 if len(columns) and head == 0 else 4),
                textcoords="offset points",
                fontsize=9,
                fontweight="bold",
            )
        for place, name in enumerate(columns):
            axes.annotate(
                name,
                ((place + 0.5) * (width + gap) - gap / 2, 0),
                xytext=(0, 4),
                textcoords="offset points",
                ha="center",
                fontsize=8,
                color=theme.muted,
            )
    return figure

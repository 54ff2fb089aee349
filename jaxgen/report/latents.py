"""Figures of models with latents: functions from arrays to a figure."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxgen.errors import InputError
from jaxgen.files import write_npz
from jaxgen.report.kinds import (
    BarPanel,
    Bars,
    FigureSpec,
    ImageTable,
    Plane,
    Scatter,
    ScatterPanel,
)

__all__ = [
    "ACTIVE_KL",
    "epochs",
    "kl_per_latent",
    "latent_figures",
    "latent_scatter",
    "manifold",
    "reconstructions",
    "samplers",
    "samples",
    "shown_dimensions",
    "write_explorer",
]

ACTIVE_KL = 0.01
"""The mean KL, in nats, above which a latent dimension carries something."""

_MAX_COLUMNS = 16  # more decoded latents than this are shown as one square an epoch


def latent_figures(
    views: Any,
    *,
    label: np.ndarray | None = None,
    class_names: Sequence[str] = (),
    conditional: bool = False,
    snapshots: Mapping[int, np.ndarray] | None = None,
) -> dict[str, FigureSpec]:
    """Returns the figures of a model with latents by name, in the order of the page.

    Args:
        views: What `models.view_latents` returned.
        label: The classes of the test images, [images] int.
        class_names: Their names.
        conditional: Whether the encoder was given the label.
        snapshots: By epoch, images of the same latents.
    """
    figures: dict[str, FigureSpec] = {}
    side = min(views.planes, default=None)
    if side is not None:
        figures["manifold"] = manifold(views.planes[side], *views.axes[side])
    figures["samples"] = samples(views.samples)
    if views.samplers:
        figures["samplers"] = samplers(views.samplers)
    if views.kl is not None:
        figures["latents"] = latent_scatter(
            views.mean,
            kl=views.kl,
            label=label,
            class_names=class_names,
            conditional=conditional,
        )
    figures["reconstructions"] = reconstructions(views.inputs, views.outputs)
    if snapshots:
        figures["epochs"] = epochs(snapshots)
    if views.kl is not None:
        figures["kl"] = kl_per_latent(views.kl)
    return figures


def write_explorer(
    run: Path,
    views: Any,
    *,
    label: np.ndarray | None = None,
    class_names: Sequence[str] = (),
) -> None:
    """Writes what the page needs to let a reader walk through a plane of two latents.

    Args:
        run: The run's folder.
        views: What `models.view_latents` returned; without a plane nothing is written.
        label: The classes of the test images, [images] int.
        class_names: Their names.
    """
    side = max(views.planes, default=None)
    if side is None:
        return
    x, y = views.axes[side]
    write_npz(run / "arrays" / "explorer.npz", images=views.planes[side], x=x, y=y)
    known = {} if label is None else {"label": label, "class_names": list(class_names)}
    write_npz(run / "arrays" / "latents.npz", mean=views.mean, **known)


def manifold(images: np.ndarray, x: np.ndarray, y: np.ndarray) -> ImageTable:
    """Shows the latent plane, decoded.

    Args:
        images: Row by row from the largest y down, [columns * rows, height, width,
            channels] uint8.
        x: The first latent of each column, growing, [columns].
        y: The second latent of each row, falling, [rows].
    """
    return ImageTable(
        title="The latent plane, decoded",
        caption=f"Latents on an even {len(x)} × {len(y)} grid, decoded. The grid spans "
        "the smallest to the largest latent of the test set on each axis, so its "
        "corners may lie where no image was ever encoded. Look for smooth change from "
        "cell to cell, and for the classes keeping to regions of their own.",
        alt=f"A grid of {len(x)} by {len(y)} decoded images over the two latents.",
        panels={"": {"": images}},
        plane=Plane(x, y, "latent 1", "latent 2"),
    )


def samples(images: np.ndarray) -> ImageTable:
    """Shows samples from the prior.

    Args:
        images: [number, height, width, channels] uint8.
    """
    return ImageTable(
        title="Samples from the prior",
        caption="Latents drawn from the prior, decoded. Nothing here was picked. Look "
        "for variety, for every class being there, and for images that belong to none.",
        alt=f"{len(images)} images drawn from the model.",
        panels={"": {"": images}},
    )


def samplers(images: Mapping[str, np.ndarray]) -> ImageTable:
    """Shows samples by several samplers of the latent.

    Args:
        images: By the name of the sampler, [number, height, width, channels] uint8.
    """
    names = ", ".join(images)
    number = len(next(iter(images.values())))
    return ImageTable(
        title="Where the latents of samples come from",
        caption=f"One decoder, {len(images)} ways to draw its latents: {names}. "
        "Nothing here was picked. The prior is what the model was trained towards; a "
        "density fitted afterwards to the encoded training set leaves out the regions "
        "that no image was encoded to. Look for how many images in each panel "
        "belong to no class.",
        alt=f"Panels of {number} samples each: {names}.",
        panels={"": images},
    )


def reconstructions(inputs: np.ndarray, outputs: np.ndarray) -> ImageTable:
    """Shows test images beside their reconstructions.

    Args:
        inputs: [number, height, width, channels] uint8.
        outputs: What the decoder makes of their latent means, of the same shape.

    Raises:
        InputError: The shapes differ.
    """
    if inputs.shape != outputs.shape:
        raise InputError(
            f"Inputs of shape {inputs.shape} and outputs of shape {outputs.shape} "
            "cannot be paired; both must have the same shape."
        )
    return ImageTable(
        title="Inputs and reconstructions",
        caption=f"{len(inputs)} test images, each with the mean of the decoder's "
        "distribution at its latent mean on the right. Look for what is lost: thin "
        "strokes, unusual slants, fine texture. Blur is the model's uncertainty made "
        "visible.",
        alt=f"{len(inputs)} pairs of a test image and its reconstruction.",
        panels={"": {"input": inputs, "output": outputs}},
        layout="groups",
    )


def epochs(images: Mapping[int, np.ndarray]) -> ImageTable:
    """Shows the same latents as training goes on.

    Few latents make one row an epoch, read from top to bottom; many make one square an
    epoch, read from left to right.

    Args:
        images: By epoch, growing, [latents, height, width, channels] uint8.

    Raises:
        InputError: There is no epoch, or they do not grow.
    """
    if not images or list(images) != sorted(images):
        raise InputError(f"The epochs are {list(images)}; growing ones were expected.")
    listed = ", ".join(str(epoch) for epoch in images)
    few = all(len(decoded) <= _MAX_COLUMNS for decoded in images.values())
    return ImageTable(
        title="The same latents as training goes on",
        caption=f"The same latents, decoded after epochs {listed}. Look for the moment "
        "when shapes appear, and for places whose class changes: the decoder and the "
        "latent space are still moving against each other.",
        alt=f"The same latents decoded after epochs {listed}.",
        panels={"": {f"epoch {epoch}": decoded for epoch, decoded in images.items()}},
        layout="rows" if few else "squares",
    )


def latent_scatter(
    mean: np.ndarray,
    *,
    kl: np.ndarray | None = None,
    label: np.ndarray | None = None,
    class_names: Sequence[str] = (),
    conditional: bool = False,
) -> Scatter:
    """Shows where test images lie, of more than two latents in those that carry most.

    Args:
        mean: The latent means, [images, latents].
        kl: The mean KL of each latent, nats, [latents].
        label: The classes, [images] int.
        class_names: Their names.
        conditional: Whether the encoder was given the label.

    Raises:
        InputError: Arrays do not belong together, or a class has no name.
    """
    _check_latents(mean, kl, label, class_names)
    number, total = mean.shape
    shown = shown_dimensions(mean, kl)
    most = "vary most" if kl is None else "carry the most KL"
    which = f" Of {total} dimensions it shows the two that {most}." if total > 2 else ""
    words, coloured = "", "."
    names = [""] if label is None else [str(name) for name in class_names]
    own = np.zeros(number, int) if label is None else label
    if label is not None:
        coloured = ", coloured by class."
        words = " The number or name in bold stands at the median of its class. "
        words += (
            "The encoder was told the label, and so was the decoder: look for classes "
            "that lie on top of each other, since the latents need not tell them apart."
            if conditional
            else "Look for classes that form clusters, although training never saw a "
            "label, and for those that run into each other: their images look alike."
        )
    points = mean[:, shown].astype(np.float32)
    if len(shown) == 1:
        # One latent leaves an axis free: it holds the classes, a little apart.
        spread = np.random.default_rng(1).uniform(-0.4, 0.4, number)
        points = np.stack([points[:, 0], own + spread], axis=1)
    groups = {name: points[own == index] for index, name in enumerate(names)}
    axes = [_axis(index, kl if total > 2 else None) for index in shown]
    line = len(shown) == 1
    present = np.unique(own) if label is not None else []
    return Scatter(
        title="Where the test images lie",
        caption=f"Each point is the latent mean of one of {number:,} test images."
        f"{which}{words}",
        alt=f"Scatter of {number} test latents over latent "
        f"{' and '.join(str(index + 1) for index in shown)}{coloured}",
        panels={
            "": ScatterPanel(
                groups,
                x_label=axes[0],
                y_label=("class" if label is not None else "") if line else axes[1],
                y_ticks={names[c]: float(c) for c in present} if line else {},
            )
        },
        medians=label is not None and not line,
        equal=False if line else None,
        legend_title="class",
    )


def shown_dimensions(mean: np.ndarray, kl: np.ndarray | None = None) -> list[int]:
    """Returns the one or two latents that a plane shows, in order of index.

    Examples:
        >>> shown_dimensions(np.zeros([5, 3]), np.array([2.0, 0.0, 1.5]))
        [0, 2]
    """
    weight = mean.var(axis=0) if kl is None else kl
    return sorted(int(i) for i in np.argsort(-weight, kind="stable")[:2])


def kl_per_latent(kl: np.ndarray, *, threshold: float = ACTIVE_KL) -> Bars:
    """Shows the KL of each latent, largest first.

    Args:
        kl: The mean KL of each latent on the test set, nats, [latents].
        threshold: Latents above it count as active.
    """
    order = [int(i) for i in np.argsort(-kl, kind="stable")]
    few = len(kl) <= 2
    caption = (
        "How many nats each latent dimension carries about an image: the KL of its "
        "posterior to the prior, averaged over the test set. Their sum is the KL term "
        "of the loss."
    )
    if not few:
        caption += (
            " A dimension near 0 is not used: its posterior has collapsed to the prior."
        )
    listed = ", ".join(f"latent {i + 1} {kl[i]:.2f} nats" for i in order[:8])
    active = int((kl > threshold).sum())
    title = f"{active} of {len(kl)} dimensions active, {kl.sum():.2f} nats in all"
    return Bars(
        title="KL per latent dimension",
        caption=caption,
        alt=f"Bars: {listed}.",
        panels={
            title: BarPanel(
                {f"latent {i + 1}" if few else str(i + 1): float(kl[i]) for i in order},
                unit="mean KL on the test set (nats)" if few else "mean KL (nats)",
                names_label="latent dimension, largest KL first",
                levels={f"active above {threshold:g} nats": threshold},
            )
        },
    )


def _axis(index: int, kl: np.ndarray | None) -> str:
    suffix = "" if kl is None else f"  (KL {kl[index]:.2f} nats)"
    return f"latent {index + 1}{suffix}"


def _check_latents(
    mean: np.ndarray,
    kl: np.ndarray | None,
    label: np.ndarray | None,
    class_names: Sequence[str],
) -> None:
    if mean.ndim != 2 or not mean.size or not np.isfinite(mean).all():
        raise InputError(
            f"The latent means have shape {mean.shape}; finite numbers [images, "
            "latents] were expected."
        )
    for name, array, length in (("label", label, 0), ("kl", kl, 1)):
        if array is not None and array.shape != mean.shape[length : length + 1]:
            raise InputError(
                f"The array {name!r} has shape {array.shape}; "
                f"{mean.shape[length : length + 1]} was expected beside latent means "
                f"of shape {mean.shape}."
            )
    if label is not None:
        if not np.issubdtype(label.dtype, np.integer):
            raise InputError(f"The labels are of type {label.dtype}; whole numbers.")
        if label.min() < 0 or label.max() >= len(class_names):
            raise InputError(
                f"The labels reach from {label.min()} to {label.max()}, and "
                f"{len(class_names)} classes have names."
            )
        if len(set(class_names)) != len(class_names):
            raise InputError(f"Two classes have one name: {list(class_names)}.")

"""Figures of GANs: functions from arrays to a figure."""

from collections.abc import Mapping, Sequence

import numpy as np

from jaxgen.errors import InputError
from jaxgen.report.kinds import ImageTable, Scatter, ScatterPanel

__all__ = ["distance_and_signals", "over_epochs", "samples"]


def samples(images: Mapping[str, np.ndarray]) -> ImageTable:
    """Shows samples of several models beside real images.

    Args:
        images: By name, as many of each, [number, height, width, channels] uint8.
    """
    listed, number = ", ".join(images), len(next(iter(images.values())))
    return ImageTable(
        title="Samples beside real images",
        caption=f"{number} images of each, none of them picked: {listed}. Look for "
        "images that come twice, for kinds of the real ones that never come, and then "
        "for strokes that no real image has.",
        alt=f"Squares of {number} images: {listed}.",
        panels={"": images},
    )


def over_epochs(
    images: Mapping[str, Mapping[int, np.ndarray]], class_names: Sequence[str] = ()
) -> ImageTable:
    """Shows the same latents of several models as training goes on.

    Args:
        images: By the name of a model, by epoch, [latents, height, width, channels]
            uint8.
        class_names: Of the classes that the latents are asked for, [latents]; empty for
            models without classes.
    """
    looks = (
        "Each column was asked for the class above it: look for the epoch from which "
        "it shows it."
        if class_names
        else "Look for the epoch when shapes appear, and for columns that grow alike: "
        "a generator that collapses draws the same from all of them. Shapes that "
        "still change from row to row are two networks chasing each other."
    )
    number = len(next(iter(next(iter(images.values())).values())))
    return ImageTable(
        title="The same latents as training goes on",
        caption="A column is one latent, a row one epoch: the same latents as the "
        f"generator learns. {looks}",
        alt=f"Rows of {number} images, one an epoch, of {', '.join(images)}.",
        panels={
            name: {f"epoch {epoch}": decoded for epoch, decoded in rows.items()}
            for name, rows in images.items()
        },
        layout="rows",
        across=tuple(class_names),
    )


def distance_and_signals(
    looks: Mapping[str, Mapping[str, np.ndarray]],
    correlations: Mapping[str, Mapping[str, float]],
    curves: Sequence[str],
) -> Scatter:
    """Shows which curve of a training tells how good the samples are.

    Args:
        looks: By the name of a model, `epoch` and `fd`, the Frechet distance of its
            samples at these epochs, and each curve by its name, all of shape [looks].
        correlations: By model, by curve, its rank correlation with the distance.
        curves: Those that are shown, in this order; a model may lack some.

    Raises:
        InputError: A curve is missing, or arrays of a model differ in length.
    """
    panels: dict[str, ScatterPanel] = {}
    shown = {
        model: {curve: found[curve] for curve in curves if curve in found}
        for model, found in correlations.items()
    }
    for model, found in shown.items():
        for curve in ("epoch", *found):
            values, distances = (looks[model].get(one) for one in (curve, "fd"))
            if (
                values is None
                or distances is None
                or np.shape(values) != np.shape(distances)
            ):
                raise InputError(
                    f"The looks at {model!r} have {curve!r} and 'fd' of other lengths, "
                    "or lack one of them: give an array of as many numbers for each."
                )
            title = model
            if curve != "epoch":
                rho = f"{found[curve]:.2f}".replace("-", "\N{MINUS SIGN}")
                title = f"rank correlation {rho}"
                if title in panels:
                    title = f"{model}, {curve}: {rho}"
            panels[title] = ScatterPanel(
                {"": np.column_stack([values, distances])},
                x_label=curve,
                y_label="Frechet distance" if curve == "epoch" else "",
                log="y",
            )
    told = "; ".join(
        f"{model}: " + ", ".join(f"{name} {value:.2f}" for name, value in found.items())
        for model, found in shown.items()
    )
    return Scatter(
        title="Which curve tells how good the samples are",
        caption="On the left the Frechet distance between samples and test images over "
        "training. Beside it each look at the samples is a point: the distance above "
        "what a curve of training said at that time, from the first look (faint) to "
        "the last. A curve that tells how good the samples are gives points that rise "
        "from left to right; the number is Spearman's rank correlation, 1 where it "
        "ranks all looks as the distance does. Look for points that go up and down at "
        "the same value, or the wrong way: such a curve tells nothing.",
        alt=f"Frechet distance against curves of training; rank correlations: {told}.",
        panels=panels,
        ordered=True,
        columns=1 + max(map(len, shown.values())),
    )

"""Figures of GANs: functions from arrays to a figure."""

from collections.abc import Mapping, Sequence

import numpy as np

from jaxgen.errors import InputError
from jaxgen.report.kinds import (
    Curve,
    CurvePanel,
    Curves,
    ImageTable,
    Scatter,
    ScatterPanel,
)

__all__ = [
    "distance_and_signals",
    "distance_over_training",
    "over_epochs",
    "samples",
    "style_mixing",
]


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


def distance_over_training(
    looks: Mapping[str, Mapping[str, np.ndarray]], floor: float, axis: str
) -> Curves:
    """Shows the Frechet distance of samples of several models in their training.

    Args:
        looks: By the name of a model, `fd`, the distance at some times, `fd_low` and
            `fd_high`, the ends of its 95 % interval, and these times by the name of
            the axis, all of shape [looks].
        floor: Distance of real images.
        axis: Its name, such as "seconds of training".
    """
    curves = {
        name: Curve(own[axis], own["fd"], own["fd_low"], own["fd_high"])
        for name, own in looks.items()
    }
    ends = np.array([0.0, max(curve.x[-1] for curve in curves.values())])
    curves["real images"] = Curve(ends, np.full(2, floor))
    last = ", ".join(f"{name} {own['fd'][-1]:.2f}" for name, own in looks.items())
    return Curves(
        title="Frechet distance over training",
        caption="Frechet distance between samples and test images, with its 95% "
        "interval; the level of real images is that of training images. Look for a "
        "curve that still falls at its end, for one that turns back (the critic knows "
        f"its data by heart), and for which is lower at equal {axis}.",
        alt=f"Curves of Frechet distances; at the end {last}; real images {floor:.2f}.",
        panels={"Frechet distance": CurvePanel(curves, log="y")},
        x_label=axis,
        tones={"real images": "muted"},
    )


def style_mixing(images: Mapping[str, np.ndarray]) -> ImageTable:
    """Shows images whose coarse layers have one source and whose fine ones another.

    Args:
        images: By the name of a row: in the first row the image of the average style,
            then the sources of fine styles; in each other row the source of coarse
            styles, then its mixture with each of those above. As many of each, [number,
            height, width, channels] uint8.
    """
    rows, number = len(images) - 1, len(next(iter(images.values()))) - 1
    return ImageTable(
        title="Mixed styles",
        caption="Each image has the coarse layers, up to the middle, of the image at "
        "the left of its row, and the fine layers of the image above its column; in "
        "the corner is the image of the average style. Look for what stays along a "
        "row, such as shapes, and along a column, such as colours: then layers learned "
        "different things. Rows of equal images say that fine layers do "
        "nothing.",
        alt=f"A table of images: {rows} sources of coarse styles at the left, {number} "
        "of fine styles above, and their mixtures.",
        panels={"": images},
        layout="rows",
        set_apart=True,
    )

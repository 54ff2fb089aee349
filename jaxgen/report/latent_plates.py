"""The figures of any model with latents, and what to look for in each."""

from collections.abc import Mapping

import numpy as np

from jaxgen.errors import InputError
from jaxgen.report import latents, pictures
from jaxgen.report.plate import Plate
from jaxgen.report.run import Run
from jaxgen.report.style import Figure, Theme

__all__ = [
    "class_names",
    "epochs",
    "kl",
    "manifold",
    "read_latents",
    "reconstructions",
    "samples",
    "scatter",
]


def manifold(run: Run) -> Plate | None:
    """The latent plane, decoded."""
    data = run.arrays("manifold", images=4, x=1, y=1)
    if data is None:
        return None
    x, y = data["x"], data["y"]
    caption = (
        f"Latents on an even {len(x)} × {len(y)} grid, decoded. The grid spans the "
        "smallest to the largest latent of the test set on each axis, so its corners "
        "may lie where no image was ever encoded. Look for smooth change from cell "
        "to cell, and for the classes keeping to regions of their own."
    )
    alt = f"A grid of {len(x)} by {len(y)} decoded images over the two latents."

    def draw(theme: Theme) -> Figure:
        return pictures.manifold(data["images"], x, y, theme=theme)

    return Plate(
        "manifold",
        "arrays/manifold.npz",
        "The latent plane, decoded",
        caption,
        alt,
        draw,
    )


def samples(run: Run) -> Plate | None:
    """Samples from the prior."""
    data = run.arrays("samples", images=4)
    if data is None:
        return None
    caption = (
        "Latents drawn from the prior, decoded. Nothing here was picked. Look for "
        "variety, for every class being there, and for images that belong to none."
    )
    alt = f"{len(data['images'])} images drawn from the model."

    def draw(theme: Theme) -> Figure:
        return pictures.samples(data["images"], theme=theme)

    return Plate(
        "samples", "arrays/samples.npz", "Samples from the prior", caption, alt, draw
    )


def scatter(run: Run) -> Plate | None:
    """Where the test images lie."""
    data = read_latents(run)
    if data is None:
        return None
    mean, label, names = data["mean"], data.get("label"), class_names(data)
    weight = data.get("kl")
    total = mean.shape[1]
    shown = latents.shown_dimensions(mean, weight)
    most = "vary most" if weight is None else "carry the most KL"
    which = f" Of {total} dimensions it shows the two that {most}." if total > 2 else ""
    colours = ""
    if label is not None:
        colours = " The number or name in bold stands at the median of its class. "
        colours += (
            "The encoder was told the label, and so was the decoder: look for classes "
            "that lie on top of each other, since the latents need not tell them apart."
            if run.config.get("conditional")
            else "Look for classes that form clusters, although training never saw a "
            "label, and for those that run into each other: their images look alike."
        )
    caption = (
        f"Each point is the latent mean of one of {len(mean):,} test images.{which}"
        f"{colours}"
    )
    alt = f"Scatter of {len(mean)} test latents over latent " + " and ".join(
        str(i + 1) for i in shown
    )
    alt += "." if label is None else ", coloured by class."

    def draw(theme: Theme) -> Figure:
        return latents.latent_scatter(
            mean,
            label,
            class_names=names,
            kl=weight if total > 2 else None,
            theme=theme,
        )

    return Plate(
        "latents", "arrays/latents.npz", "Where the test images lie", caption, alt, draw
    )


def reconstructions(run: Run) -> Plate | None:
    """Inputs and reconstructions."""
    data = run.arrays("reconstructions", inputs=4, outputs=4)
    if data is None:
        return None
    number = len(data["inputs"])
    caption = (
        f"{number} test images, each with the mean of the decoder's distribution at "
        "its latent mean on the right. Look for what is lost: thin strokes, unusual "
        "slants, fine texture. Blur is the model's uncertainty made visible."
    )
    alt = f"{number} pairs of a test image and its reconstruction."

    def draw(theme: Theme) -> Figure:
        return pictures.reconstructions(data["inputs"], data["outputs"], theme=theme)

    return Plate(
        "reconstructions",
        "arrays/reconstructions.npz",
        "Inputs and reconstructions",
        caption,
        alt,
        draw,
    )


def epochs(run: Run) -> Plate | None:
    """The same latents as training goes on."""
    data = run.arrays("epochs", images=5, epoch=1)
    if data is None:
        return None
    listed = ", ".join(str(epoch) for epoch in data["epoch"])
    caption = (
        f"The same latents, decoded after epochs {listed}. Look for the moment when "
        "shapes appear, and for places whose class changes: the decoder and the "
        "latent space are still moving against each other."
    )
    alt = f"The same latents decoded after epochs {listed}."

    def draw(theme: Theme) -> Figure:
        return pictures.epochs(data["images"], data["epoch"], theme=theme)

    return Plate(
        "epochs",
        "arrays/epochs.npz",
        "The same latents as training goes on",
        caption,
        alt,
        draw,
    )


def kl(run: Run) -> Plate | None:
    """KL per latent dimension."""
    data = read_latents(run)
    if data is None or "kl" not in data:
        return None
    nats = data["kl"]
    caption = (
        "How many nats each latent dimension carries about an image: the KL of its "
        "posterior to the prior, averaged over the test set. Their sum is the KL term "
        "of the loss."
    )
    if len(nats) > 2:
        caption += (
            " A dimension near 0 is not used: its posterior has collapsed to the prior."
        )
    alt = "Bars: " + ", ".join(
        f"latent {i + 1} {nats[i]:.2f} nats" for i in np.argsort(-nats)[:8]
    )

    def draw(theme: Theme) -> Figure:
        return latents.kl_per_dimension(nats, theme=theme)

    return Plate(
        "kl", "arrays/latents.npz", "KL per latent dimension", caption, alt + ".", draw
    )


def read_latents(run: Run) -> dict[str, np.ndarray] | None:
    """Reads the test latents and checks that their arrays belong together."""
    data = run.arrays("latents", mean=2)
    if data is None:
        return None
    number, dimensions = data["mean"].shape
    for name, length in (("label", number), ("kl", dimensions)):
        if name in data and data[name].shape != (length,):
            raise InputError(
                f"{run.path / 'arrays' / 'latents.npz'}: the array {name!r} has shape "
                f"{data[name].shape}; ({length},) was expected beside a mean of shape "
                f"{data['mean'].shape}."
            )
    return data


def class_names(data: Mapping[str, np.ndarray]) -> list[str] | None:
    """The names of the classes, where a run has them."""
    names = data.get("class_names")
    return None if names is None else [str(name) for name in names]

"""Figures made of images, and what to look for in each."""

import numpy as np

from jaxgen.errors import InputError
from jaxgen.report import shapes, wording
from jaxgen.report.family import codes as code_maps
from jaxgen.report.family.tables import table
from jaxgen.report.kinds import ImageTable, Plane
from jaxgen.report.plate import Plate, as_plate
from jaxgen.report.run import Run
from jaxgen.report.style import Figure, Theme

__all__ = ["all_labels", "class_plane", "codes", "comparison", "traversals"]

_BATCH = "images height width channels"


def class_plane(run: Run) -> Plate | None:
    """One label over the latent plane."""
    axes = {"images": _BATCH, "x": "columns", "y": "rows", "label": "1"}
    data = shapes.read(run, "class_plane", axes, words={"class_names": "classes"})
    if data is None:
        return None
    label, names = int(data["label"][0]), shapes.texts(data["class_names"])
    if not 0 <= label < len(names):
        raise InputError(
            f"{run.path / 'arrays' / 'class_plane.npz'}: the label {label} is none of "
            f"the {len(names)} classes; run the experiment again."
        )
    x, y, name = data["x"], data["y"], names[label]
    caption = (
        f"The label is held at {name} and the latent moves over an even {len(x)} × "
        f"{len(y)} grid. Every image should show that class: what changes from cell "
        "to cell is what the label does not say, such as slant, width and weight. An "
        "image of another class means that the latent still tells the class."
    )

    figure = ImageTable(
        "One label over the latent plane",
        caption,
        f"A grid of {len(x)} by {len(y)} images decoded with the label {name}.",
        panels={"": {"": data["images"]}},
        plane=Plane(x, y, "latent 1", "latent 2"),
    )
    return as_plate("class_plane", "arrays/class_plane.npz", figure)


def all_labels(run: Run) -> Plate | None:
    """All labels from one latent."""
    axes = {"images": "rows classes height width channels"}
    data = shapes.read(run, "all_labels", axes, words={"class_names": "classes"})
    if data is None:
        return None
    images, names = data["images"], shapes.texts(data["class_names"])
    caption = (
        "Each row is one latent from the prior, decoded with every label. Look along "
        "a row for one style in all classes (the same slant and the same stroke), and "
        "down a column for one class in every style."
    )

    def draw(theme: Theme) -> Figure:
        return table(images, columns=names, theme=theme)

    return Plate(
        "all_labels",
        "arrays/all_labels.npz",
        "All labels from one latent",
        caption,
        f"A table of images: {len(images)} latents by {len(names)} labels.",
        draw,
    )


def comparison(run: Run) -> Plate | None:
    """Two models on the same inputs."""
    data = shapes.read(
        run,
        "comparison",
        {"inputs": _BATCH, "outputs": f"2 {_BATCH}", "errors": "2"},
        words={"names": "2", "unit": ""},
    )
    if data is None:
        return None
    inputs, outputs = data["inputs"], data["outputs"]
    (first, second), unit = shapes.texts(data["names"]), str(data["unit"])
    a, b = (float(error) for error in data["errors"])
    better = first if a < b else second
    caption = (
        f"{len(inputs)} test images, each with its reconstruction by {first} and by "
        f"{second}. Over the whole test set the reconstruction term is {a:.2f} {unit} "
        f"for {first} and {b:.2f} {unit} for {second}: {abs(a - b):.2f} {unit} less "
        f"for {better}. Look where the two differ: a shape that one of them gives up "
        "for the average of its class, and the strokes that only the other keeps."
    )

    figure = ImageTable(
        "Two models on the same inputs",
        caption,
        f"{len(inputs)} test images with reconstructions by {first} and {second}.",
        panels={"": {"input": inputs, first: outputs[0], second: outputs[1]}},
        layout="groups",
    )
    return as_plate("comparison", "arrays/comparison.npz", figure)


def traversals(run: Run) -> Plate | None:
    """Latent traversals, sorted by the KL of the latents."""
    data = shapes.read(
        run,
        "traversals",
        {
            "images": "dimensions steps height width channels",
            **{"values": "steps", "kl": "dimensions", "dimension": "dimensions"},
        },
    )
    if data is None:
        return None
    order = np.argsort(-data["kl"], kind="stable")
    kl, which = data["kl"][order], data["dimension"][order].astype(int) + 1
    rows = [f"z{i}  {nats:.1f} nats" for i, nats in zip(which, kl, strict=True)]
    values = [wording.tick(float(value)) for value in data["values"]]
    caption = (
        "In each row one latent moves while the others stay where they are; beside it "
        "the KL that it carries on average. Rows are sorted by it. Look for rows that "
        "change one thing alone (place, size, slant), for two rows that change the "
        "same thing, and for rows near 0 nats, which should change nothing."
    )

    def draw(theme: Theme) -> Figure:
        images = data["images"][order]
        return table(
            images, rows=rows, columns=values, below="value of the latent", theme=theme
        )

    return Plate(
        "traversals",
        "arrays/traversals.npz",
        "Latent traversals",
        caption,
        f"Rows of images as a latent moves, for {len(rows)} latents: {rows[0]} first.",
        draw,
    )


def codes(run: Run) -> Plate | None:
    """Discrete codes of images."""
    data = shapes.read(
        run,
        "codes",
        {
            **{"inputs": _BATCH, "outputs": _BATCH},
            "probabilities": "images variables classes",
        },
    )
    if data is None:
        return None
    variables, classes = data["probabilities"].shape[1:]
    number = len(code_maps.shown(len(data["inputs"])))
    caption = (
        f"{number} test images, what the decoder makes of their codes, and the "
        f"posterior over the codes: a row for each of {variables} variables, a cell "
        f"for each of its {classes} classes. A row with one dark cell is sure of its "
        "class. Look for rows that are the same for every image: such a variable "
        "tells nothing; and for rows that are even, which cost nothing."
    )

    def draw(theme: Theme) -> Figure:
        return code_maps.codes(
            data["inputs"], data["outputs"], data["probabilities"], theme=theme
        )

    return Plate(
        "codes",
        "arrays/codes.npz",
        "Codes of test images",
        caption,
        f"{number} images over their reconstructions and heat maps of "
        f"{variables} variables by {classes} classes.",
        draw,
    )

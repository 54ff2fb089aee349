"""Figures of translations of held-out images, beside the truth or there and back."""

import numpy as np

from jaxgen.report import shapes
from jaxgen.report.plate import Plate
from jaxgen.report.run import Run
from jaxgen.report.style import Figure, Theme
from jaxgen.report.translation.groups import groups

__all__ = ["DIRECTIONS", "cycles", "image_axes", "pairs", "triples"]

DIRECTIONS = {"a_to_b": "a to b", "b_to_a": "b to a"}
"""In a reader's words."""


def image_axes(*names: str, number: str = "images") -> dict[str, str]:
    """The axes of arrays of images that may differ in size, for `shapes.read`."""
    return {
        name: f"{number} {name}-height {name}-width {name}-channels" for name in names
    }


def triples(run: Run) -> Plate | None:
    """Input, output and truth, where pairs are known."""
    data = shapes.read(
        run, "translation_triples", image_axes("inputs", "outputs", "truth")
    )
    if data is None:
        return None
    parts = [data[name] for name in ("inputs", "outputs", "truth")]
    caption = (
        f"{len(parts[0])} held-out images, none of them picked: the input, what the "
        "generator makes of it, and what was to be made. Look first for what the "
        "truth has and the output lacks, then for parts that no input asks for: an "
        "output may be sharp and yet of something else."
    )

    def draw(theme: Theme) -> Figure:
        return groups({"": parts}, {"": ["input", "output", "truth"]}, theme=theme)

    return Plate(
        "translation_triples",
        "arrays/translation_triples.npz",
        "Input, output and truth",
        caption,
        f"{len(parts[0])} groups of three images: an input, its translation and the "
        "true image.",
        draw,
    )


def pairs(run: Run) -> Plate | None:
    """Input and output, where no more is known."""
    data = shapes.read(run, "translation_pairs", image_axes("inputs", "outputs"))
    if data is None:
        return None
    parts = [data["inputs"], data["outputs"]]
    caption = (
        f"{len(parts[0])} images, none of them picked, each with its translation. "
        "Look for outputs that are alike whatever the input, for negatives, and for "
        "outputs that are their input again."
    )
    return Plate(
        "translation_pairs",
        "arrays/translation_pairs.npz",
        "Input and output",
        caption,
        f"{len(parts[0])} pairs of images: an input and its translation.",
        lambda theme: groups({"": parts}, {"": ["input", "output"]}, theme=theme),
    )


def cycles(run: Run) -> Plate | None:
    """There and back, in both directions."""
    names = {"a_to_b": ("a", "a_to_b", "a_again"), "b_to_a": ("b", "b_to_a", "b_again")}
    axes = image_axes(*names["a_to_b"]) | image_axes(
        *names["b_to_a"], number="other-images"
    )
    # The way back ends where it began.
    axes |= {"a_again": axes["a"], "b_again": axes["b"]}
    data = shapes.read(run, "translation_cycles", axes)
    if data is None:
        return None
    blocks = {
        DIRECTIONS[direction]: [data[name] for name in parts]
        for direction, parts in names.items()
    }
    away = {
        block: float(
            np.abs(parts[0].astype(float) - parts[2].astype(float)).mean() / 255
        )
        for block, parts in blocks.items()
    }
    said = " and ".join(f"{value:.3f} ({block})" for block, value in away.items())
    caption = (
        "Held-out images, none of them picked: the input, its translation, and that "
        "translated back. Of these images the way back misses the input by "
        f"{said} a pixel, from 0 to 1. A good cycle alone says little: a generator "
        "that copies, or that gives negatives, has it too, and one that hides its "
        "input in faint patterns comes back from an image that shows nothing of it."
    )
    labels = ["input", "output", "cycle"]

    def draw(theme: Theme) -> Figure:
        return groups(blocks, dict.fromkeys(blocks, labels), theme=theme)

    return Plate(
        "translation_cycles",
        "arrays/translation_cycles.npz",
        "There and back, in both directions",
        caption,
        "Groups of three images, an input, its translation and that translated back: "
        f"{len(data['a'])} from a to b, {len(data['b'])} from b to a.",
        draw,
    )

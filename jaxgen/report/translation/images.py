"""Figures of translations of held-out images: functions from arrays to a figure.

Images are uint8 [number, height, width, channels]; those of one figure may differ in
size, and images of two channels or of more than four are drawn in false colours.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from jaxgen.errors import InputError
from jaxgen.report.kinds import FigureSpec, ImageTable
from jaxgen.report.translation.channels import viewable

__all__ = [
    "DIRECTIONS",
    "ShownImages",
    "chosen_steps",
    "cycles",
    "held_out_figures",
    "over_training",
    "pairs",
    "triples",
]

DIRECTIONS = {"a_to_b": "a to b", "b_to_a": "b to a"}
"""In a reader's words."""

_MOST_STEPS = 6  # beside each other


class ShownImages(Protocol):
    """Held-out images of one direction, such as `metrics.ShownTranslations`."""

    @property
    def inputs(self) -> np.ndarray:
        """The inputs."""
        ...

    @property
    def outputs(self) -> np.ndarray:
        """Their translations."""
        ...

    @property
    def truth(self) -> np.ndarray | None:
        """What they should become, where that is known."""
        ...

    @property
    def cycle(self) -> np.ndarray | None:
        """The inputs there and back, where there is a way back."""
        ...


def held_out_figures(
    shown: Mapping[str, ShownImages],
    history: Mapping[str, Mapping[str, np.ndarray]],
) -> dict[str, FigureSpec]:
    """Returns the figures of held-out images, by name in the order of the page.

    Args:
        shown: By direction, "a_to_b" first, images at the end of the training.
        history: By direction the arrays of `over_training`; with fewer than two steps
            there is no such figure.
    """
    first = next(iter(shown.values()))
    figures: dict[str, FigureSpec] = {}
    if first.truth is not None:
        figures["translation_triples"] = triples(
            first.inputs, first.outputs, first.truth
        )
    else:
        figures["translation_pairs"] = pairs(first.inputs, first.outputs)
    back = {
        name: (one.inputs, one.outputs, one.cycle)
        for name, one in shown.items()
        if one.cycle is not None
    }
    if back:
        figures["translation_cycles"] = cycles(back)
    for name, arrays in history.items():
        if len(arrays["step"]) > 1:
            figures[f"translation_looks_{name}"] = over_training(name, **arrays)
    return figures


def triples(inputs: np.ndarray, outputs: np.ndarray, truth: np.ndarray) -> ImageTable:
    """Shows input, output and truth, where pairs are known.

    Args:
        inputs: Held-out images.
        outputs: Their translations.
        truth: What was to be made.
    """
    return ImageTable(
        title="Input, output and truth",
        caption=f"{len(inputs)} held-out images, none of them picked: the input, what "
        "the generator makes of it, and what was to be made. Look first for what the "
        "truth has and the output lacks, then for parts that no input asks for: an "
        "output may be sharp and yet of something else.",
        alt=f"{len(inputs)} groups of three images: an input, its translation and the "
        "true image.",
        panels={"": _viewable(input=inputs, output=outputs, truth=truth)},
        layout="groups",
    )


def pairs(inputs: np.ndarray, outputs: np.ndarray) -> ImageTable:
    """Shows input and output, where no more is known.

    Args:
        inputs: Held-out images.
        outputs: Their translations.
    """
    return ImageTable(
        title="Input and output",
        caption=f"{len(inputs)} images, none of them picked, each with its "
        "translation. Look for outputs that are alike whatever the input, for "
        "negatives, and for outputs that are their input again.",
        alt=f"{len(inputs)} pairs of images: an input and its translation.",
        panels={"": _viewable(input=inputs, output=outputs)},
        layout="groups",
    )


def cycles(
    directions: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]],
) -> ImageTable:
    """Shows images translated there and back.

    Args:
        directions: By "a_to_b" and "b_to_a" the inputs, their translations, and those
            translated back.

    Raises:
        InputError: The way back does not end in images of the inputs' shape.
    """
    away = []
    for name, (inputs, _, back) in directions.items():
        if inputs.shape != back.shape:
            raise InputError(
                f"The inputs of {name} have shape {inputs.shape}, and there and back "
                f"they have {back.shape}: the same shape was expected."
            )
        miss = np.abs(inputs.astype(float) - back.astype(float)).mean() / 255
        away.append(f"{miss:.3f} ({DIRECTIONS[name]})")
    counts = ", ".join(
        f"{len(inputs)} from {DIRECTIONS[name]}"
        for name, (inputs, _, _) in directions.items()
    )
    return ImageTable(
        title="There and back, in both directions",
        caption="Held-out images, none of them picked: the input, its translation, and "
        "that translated back. Of these images the way back misses the input by "
        f"{' and '.join(away)} a pixel, from 0 to 1. A good cycle alone says little: a "
        "generator that copies, or that gives negatives, has it too, and one that "
        "hides its input in faint patterns comes back from an image that shows nothing "
        "of it.",
        alt="Groups of three images, an input, its translation and that translated "
        f"back: {counts}.",
        panels={
            DIRECTIONS[name]: _viewable(input=inputs, output=outputs, cycle=back)
            for name, (inputs, outputs, back) in directions.items()
        },
        layout="groups",
    )


def over_training(
    direction: str,
    *,
    step: np.ndarray,
    epoch: np.ndarray,
    inputs: np.ndarray,
    outputs: np.ndarray,
    truth: np.ndarray | None = None,
) -> ImageTable:
    """Shows the same images, translated as training goes on.

    Args:
        direction: "a_to_b" or "b_to_a".
        step: Steps of training, growing and above 0, [steps].
        epoch: The same in epochs, [steps].
        inputs: Held-out images, [images, height, width, channels].
        outputs: Their translations at each step, [steps, images, ...].
        truth: What they should become, where that is known.

    Raises:
        InputError: Steps do not grow, or there are not as many of each.
    """
    counts = len(step), len(epoch), len(outputs)
    if not len(step) or len(set(counts)) > 1:
        raise InputError(
            f"There are {counts[0]} steps, {counts[1]} epochs and outputs of "
            f"{counts[2]} steps: as many of each were expected."
        )
    if (step <= 0).any() or (np.diff(step) <= 0).any():
        raise InputError(
            f"The steps are {step.tolist()}: growing numbers above 0 were expected."
        )
    columns = {"input": inputs}
    shown = chosen_steps(step)
    for place in shown:
        columns[f"epoch {epoch[place]:.3g}"] = outputs[place]
    if truth is not None:
        columns["truth"] = truth
    return ImageTable(
        title=f"The same images as training goes on, {DIRECTIONS[direction]}",
        caption="A row is one held-out image, a column one look at the generator, from "
        "left to right as training goes on; the noise is the same at each look. Look "
        "for the epoch when the other domain appears, and for what still changes at "
        "the end: two networks that chase each other.",
        alt=f"A table of {len(inputs)} images by {len(shown)} looks at the generator, "
        f"the last at epoch {epoch[-1]:.3g}.",
        panels={"": _viewable(**columns)},
        layout="columns",
    )


def chosen_steps(steps: Sequence[int] | np.ndarray) -> list[int]:
    """Returns up to six places evenly spread in the logarithm, with both ends.

    Args:
        steps: Growing numbers above 0.

    Examples:
        >>> chosen_steps([1, 2, 3, 4, 8, 9, 16, 17])
        [0, 1, 2, 3, 5, 7]
    """
    steps = np.asarray(steps)
    if len(steps) <= _MOST_STEPS:
        return list(range(len(steps)))
    wanted = np.geomspace(steps[0], steps[-1], _MOST_STEPS)
    nearest = [int(np.argmin(np.abs(np.log(steps / one)))) for one in wanted]
    return sorted({0, *nearest, len(steps) - 1})


def _viewable(**images: np.ndarray) -> dict[str, np.ndarray]:
    return {name: viewable(some) for name, some in images.items()}

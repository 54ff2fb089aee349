"""The figure of the same images, translated as training goes on."""

import numpy as np

from jaxgen.errors import InputError
from jaxgen.report import shapes
from jaxgen.report.family.tables import table
from jaxgen.report.pictures import fitted, picture_size
from jaxgen.report.plate import Plate
from jaxgen.report.run import Run
from jaxgen.report.style import Figure, Theme
from jaxgen.report.translation.pictured import DIRECTIONS, image_axes

__all__ = ["a_to_b", "b_to_a", "chosen"]

_MOST = 6  # looks beside each other


def a_to_b(run: Run) -> Plate | None:
    """Translations from a to b over training."""
    return _over_training(run, "a_to_b")


def b_to_a(run: Run) -> Plate | None:
    """Translations from b to a over training."""
    return _over_training(run, "b_to_a")


def chosen(steps: np.ndarray, most: int = _MOST) -> list[int]:
    """Looks that are evenly spread in the logarithm of the step, with both ends.

    Examples:
      >>> chosen(np.array([1, 2, 3, 4, 8, 9, 16]), 5)
      [0, 1, 3, 4, 6]
    """
    if len(steps) <= most:
        return list(range(len(steps)))
    wanted = np.geomspace(steps[0], steps[-1], most)
    nearest = [int(np.argmin(np.abs(np.log(steps / one)))) for one in wanted]
    return sorted({0, *nearest, len(steps) - 1})


def _over_training(run: Run, direction: str) -> Plate | None:
    name = f"translation_looks_{direction}"
    data = shapes.read(
        run,
        name,
        image_axes("inputs")
        | {"outputs": "looks images height width channels"}
        | dict.fromkeys(("step", "epoch"), "looks"),
        optional=image_axes("truth"),
    )
    if data is None or len(data["step"]) < 2:
        return None
    if (data["step"] <= 0).any() or (np.diff(data["step"]) <= 0).any():
        raise InputError(
            f"{run.path / 'arrays' / name}.npz: its looks are at the steps "
            f"{data['step'].tolist()}; growing numbers above 0 were expected; run the "
            "experiment again."
        )
    looks = chosen(data["step"])
    columns = {"input": data["inputs"]}
    for look in looks:
        columns[f"epoch {data['epoch'][look]:.3g}"] = data["outputs"][look]
    if "truth" in data:
        columns["truth"] = data["truth"]
    height, width = picture_size(list(columns.values()), 1180 // len(columns))
    images = np.stack(
        [fitted(part, height, width)[..., :3] for part in columns.values()], axis=1
    )
    caption = (
        "A row is one held-out image, a column one look at the generator, from left "
        "to right as training goes on; the noise is the same at each look. Look for "
        "the epoch when the other domain appears, and for what still changes at the "
        "end: two networks that chase each other."
    )
    last = f"epoch {data['epoch'][-1]:.3g}"

    def draw(theme: Theme) -> Figure:
        return table(images, columns=list(columns), theme=theme)

    return Plate(
        name,
        f"arrays/{name}.npz",
        f"The same images as training goes on, {DIRECTIONS[direction]}",
        caption,
        f"A table of {len(images)} images by {len(looks)} looks at the generator, the "
        f"last at {last}.",
        draw,
    )

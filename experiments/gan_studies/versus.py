"""How a VAE and a GAN differ: sharpness, quality and diversity, and what they cost."""

from collections.abc import Callable, Mapping, Sequence

import jax
import numpy as np

from jaxgen import run, training
from jaxgen.files import write_npz
from jaxgen.images import every_nth, to_bytes
from jaxgen.metrics import Evaluation, Interval, sharpness
from jaxgen.typing import Array, PRNGKeyArray

SHOWN = 49
"""Images of each set in the figure."""

MEASURES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "Laplacian variance": sharpness.laplacian_variance,
    "high-frequency power": sharpness.high_frequency_power,
}
"""Of sharpness, one number per image."""

COMPARED = ("FD", "precision", "recall", "density", "coverage")
"""What of an evaluation the table shows."""

Sharpness = dict[str, list[Interval]]
"""By measure, that of each set of generated images relative to real ones."""


def draw_sets(
    key: PRNGKeyArray,
    setup: run.Setup,
    samplers: Mapping[str, Callable[[PRNGKeyArray, int], Array]],
    number: int,
) -> dict[str, np.ndarray]:
    """Returns test images, and as many samples of each model, as bytes.

    Args:
        key: It is consumed.
        setup: The data.
        samplers: By the name of the model.
        number: Images of each set.
    """
    sets = {"real images": setup.test.read(every_nth(len(setup.test), number))["image"]}
    for place, (name, draw) in enumerate(samplers.items()):
        own = jax.random.fold_in(key, place)
        sets[f"{name} samples"] = to_bytes(draw(own, number))
    return sets


def write_sharpness(
    folder: training.RunFolder, sets: Mapping[str, np.ndarray]
) -> Sharpness:
    """Measures the sharpness of sets, and writes what the figures show.

    Args:
        folder: The run's folder.
        sets: Images by name, real ones first.
    """
    real, *others = sets.values()
    found = {
        name: [sharpness.relative_mean(measure(o), measure(real)) for o in others]
        for name, measure in MEASURES.items()
    }
    table = np.array(list(found.values()))
    spectra = [sharpness.radial_power(images) for images in sets.values()]
    write_npz(
        folder.arrays / "sharpness.npz",
        frequency=spectra[0].frequency,
        power=np.stack([spectrum.power for spectrum in spectra]),
        ratio=table[..., 0],
        low=table[..., 1],
        high=table[..., 2],
        names=list(sets),
        measures=list(MEASURES),
    )
    write_npz(
        folder.arrays / "gan_samples.npz",
        # Evenly spread: test images may be sorted by class.
        images=np.stack([x[every_nth(len(x), SHOWN)] for x in sets.values()]),
        names=list(sets),
    )
    return found


def sharpness_table(found: Sharpness, names: Sequence[str], number: int) -> run.Table:
    """Returns the table of sharpness; the names begin with that of real images."""
    return run.Table(
        title="How sharp the images are",
        note=f"Means over {number:,} images of each set, relative to that of as "
        "many test images, with 95% intervals: 1 is as sharp as real images, less is "
        "blurred, more is grainy. High frequencies are those of at least 0.25 cycles "
        "per pixel.",
        columns=["measure", *names[1:]],
        words=1,
        rows=[[name, *map(_said, row)] for name, row in found.items()],
    )


def quality_table(
    evaluation: Evaluation, names: Sequence[str], steps: int, speeds: Sequence[str]
) -> run.Table:
    """Returns the table of quality and diversity, and of what they cost."""
    rows = []
    for metric in COMPARED:
        # The network of the features stands behind, in parentheses.
        some = [m for m in evaluation.measures if m.metric.split("(")[0] == metric]
        said = [_said(Interval(one.value, one.low, one.high)) for one in some]
        if said:
            rows.append([metric, *said])
    return run.Table(
        title="How good and how varied they are",
        note=f"Both were trained for {steps:,} steps on the same batches. Precision "
        "and density are high where the images of a set lie among real ones, recall "
        "and coverage where real images lie among them; FD is the Frechet distance. "
        "With 95% intervals; the floor of each stands in the evaluation below.",
        columns=["measure", *names[1:]],
        words=1,
        rows=[*rows, ["training images a second", *speeds]],
    )


def headline(found: Sharpness, names: Sequence[str]) -> dict[str, tuple[float, str]]:
    """Returns the numbers for the head of the page."""
    return {
        f"{measure}, {name}": (one.value, "of real images")
        for measure, row in found.items()
        for name, one in zip(names[1:], row, strict=True)
    }


def speed(folder: training.RunFolder, part: str) -> str:
    """Returns the median of the images a second that a model was trained with."""
    rate = run.median_rate(folder.path / "parts" / part / "metrics.jsonl")
    return "unknown" if rate is None else f"{rate:,.0f}"


def _said(one: Interval) -> str:
    digits = 1 if one.value >= 20 else 2
    return f"{one.value:.{digits}f} ({one.low:.{digits}f} to {one.high:.{digits}f})"

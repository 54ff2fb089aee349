"""The figure of what GANs draw in the end, from a file of arrays."""

from jaxgen.report import gans, shapes
from jaxgen.report.plate import Plate, as_plate
from jaxgen.report.run import Run

__all__ = ["samples"]


def samples(run: Run) -> Plate | None:
    """Samples of every system beside real images."""
    axes = {"images": "panels images height width channels"}
    data = shapes.read(run, "gan_samples", axes, words={"names": "panels"})
    if data is None:
        return None
    names = shapes.texts(data["names"])
    figure = gans.samples(dict(zip(names, data["images"], strict=True)))
    return as_plate("gan_samples", "arrays/gan_samples.npz", figure)

"""What the page needs to let a reader walk through the latent plane."""

import base64
import io
from typing import Any, NamedTuple

import numpy as np

from jaxgen.errors import InputError
from jaxgen.report.extras import require
from jaxgen.report.pictures import montage
from jaxgen.report.run import Run
from jaxgen.report.style import DARK, LIGHT

require("PIL")

from PIL import Image  # noqa: E402

__all__ = ["Explorer", "explorer"]

_MAX_SIDE = 4096  # dots; phones refuse larger images
_MAX_POINTS = 5000  # more cannot be told apart on a screen


class Explorer(NamedTuple):
    """The latent plane for the page.

    Attributes:
      sheet: a PNG file in base64: every decoded image, row by row from the largest
        second latent to the smallest.
      data: what the script reads; numbers and strings alone.
    """

    sheet: str
    data: dict[str, Any]


def explorer(run: Run) -> Explorer | None:
    """Prepares the explorer of a run with two latent dimensions.

    Args:
      run: the run.

    Returns:
      The explorer, or None where the run has no `arrays/explorer.npz`.

    Raises:
      InputError: its arrays do not belong together.
    """
    grid = run.arrays("explorer", images=4, x=1, y=1)
    if grid is None:
        return None
    images, x, y = grid["images"], np.sort(grid["x"]), np.sort(grid["y"])[::-1]
    source = run.path / "arrays" / "explorer.npz"
    if len(images) != len(x) * len(y):
        raise InputError(
            f"{source}: {len(images)} images do not fill a grid of {len(x)} by "
            f"{len(y)} latents."
        )
    images = images.reshape(len(y), len(x), *images.shape[1:])
    images, x, y = _thinned(images, x, y)
    height, width = images.shape[2:4]
    data: dict[str, Any] = {
        "x": _rounded(x),
        "y": _rounded(y),
        "width": width,
        "height": height,
        "points": {"x": [], "y": [], "label": []},
        "classes": [],
    }
    latents = _read_latents(run)
    if latents is not None and latents["mean"].shape[1] == 2:
        data.update(_points(latents))
    sheet = montage(images.reshape(-1, *images.shape[2:]), len(x))[..., :3]
    picture = Image.fromarray(sheet)
    if images.shape[-1] == 1:
        picture = picture.convert("L")  # a third of the bytes
    buffer = io.BytesIO()
    picture.save(buffer, format="png", optimize=True)
    return Explorer(base64.b64encode(buffer.getvalue()).decode("ascii"), data)


def _thinned(images, x, y) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Leaves out rows and columns until the sheet fits a phone."""
    down = -(-len(y) * images.shape[2] // _MAX_SIDE)
    across = -(-len(x) * images.shape[3] // _MAX_SIDE)
    return images[::down, ::across], x[::across], y[::down]


def _points(latents: dict[str, np.ndarray]) -> dict[str, Any]:
    step = -(-len(latents["mean"]) // _MAX_POINTS)
    mean, label = latents["mean"][::step], latents.get("label")
    if label is None:
        label = np.full(len(mean), -1)
        classes = []
    else:
        present, names = np.unique(label), _class_names(latents)
        classes = [
            {
                "name": names[c] if 0 <= c < len(names) else str(c),
                "colour": LIGHT.classed(int(c))[0],
                "night": DARK.classed(int(c))[0],
            }
            for c in present
        ]
        # The script counts classes by their place in the legend.
        label = np.searchsorted(present, label[::step])
    points = {
        "x": _rounded(mean[:, 0]),
        "y": _rounded(mean[:, 1]),
        "label": [int(c) for c in label],
    }
    return {"points": points, "classes": classes}


def _rounded(values: np.ndarray) -> list[float]:
    return [float(f"{value:.4g}") for value in values]


def _read_latents(run: Run) -> dict[str, np.ndarray] | None:
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


def _class_names(data: dict[str, np.ndarray]) -> list[str]:
    return [str(name) for name in data.get("class_names", ())]

"""What an evaluation left for its figures, read from `arrays/evaluation.npz`."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from jaxgen.errors import InputError
from jaxgen.report.run import Run

__all__ = ["Pictured", "read"]


class Pictured(NamedTuple):
    """The arrays by what they show.

    Attributes:
      curves: by network and set, precision and recall, [2, angles].
      neighbours: by set, images with their neighbours, [rows, 1 + k, H, W, C] uint8.
      samples: by set, images, [N, H, W, C] uint8.
      real: real images, [N, H, W, C] uint8, or None.
    """

    curves: Mapping[str, Mapping[str, np.ndarray]]
    neighbours: Mapping[str, np.ndarray]
    samples: Mapping[str, np.ndarray]
    real: np.ndarray | None


def read(run: Run) -> Pictured | None:
    """Reads `arrays/evaluation.npz` and checks what the figures need of it.

    Args:
      run: the run.

    Returns:
      Its arrays, or None where there is no such file.

    Raises:
      InputError: the file cannot be read, or one of its arrays has another shape or
        type than its name promises.
    """
    arrays = run.arrays("evaluation")
    if arrays is None:
        return None
    curves: dict[str, dict[str, np.ndarray]] = {}
    groups: dict[str, dict[str, np.ndarray]] = {"neighbours": {}, "samples": {}}
    real = None
    for key, array in arrays.items():
        kind, _, name = key.partition("/")
        if kind == "prd":
            _check(run, key, array, _is_curve(array), "floats [2, angles] from 0 to 1")
            network, parted, images = name.partition(": ")
            network, images = (network, images) if parted else ("", name)
            curves.setdefault(network, {})[images] = array
        elif kind == "neighbours":
            good = _are_images(array, 5) and array.shape[1] > 1
            wanted = "uint8 [rows, 1 + neighbours, height, width, channels]"
            _check(run, key, array, good, wanted)
            groups[kind][name] = array
        elif kind in ("samples", "real"):
            wanted = "uint8 [number, height, width, channels]"
            _check(run, key, array, _are_images(array, 4), wanted)
            if kind == "real":
                real = array
            else:
                groups[kind][name] = array
    return Pictured(curves, groups["neighbours"], groups["samples"], real)


def _is_curve(array: np.ndarray) -> bool:
    return (
        array.ndim == 2
        and len(array) == 2
        and array.size > 0
        and array.dtype.kind == "f"
        # Rounding may carry a curve a little over the edge; NaN is in no range.
        and bool(((array >= -1e-3) & (array <= 1 + 1e-3)).all())
    )


def _are_images(array: np.ndarray, ndim: int) -> bool:
    return (
        array.ndim == ndim
        and array.size > 0
        and array.dtype == np.uint8
        and array.shape[-1] in (1, 3, 4)
    )


def _check(run: Run, key: str, array: np.ndarray, good: bool, wanted: str) -> None:
    if not good:
        raise InputError(
            f"{run.path / 'arrays' / 'evaluation.npz'}: the array {key!r} has shape "
            f"{array.shape} and type {array.dtype}; {wanted} was expected; evaluate "
            "the run again, or delete the file to leave its figures out."
        )

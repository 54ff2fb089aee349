"""Array files whose arrays must belong together."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from jaxgen.errors import InputError
from jaxgen.report.run import Arrays, Run

__all__ = ["read", "texts"]


def read(
    run: Run,
    name: str,
    axes: Mapping[str, str],
    *,
    words: Mapping[str, str] | None = None,
    optional: Mapping[str, str] | None = None,
) -> Arrays | None:
    """Reads `arrays/NAME.npz` and checks its arrays against each other.

    An array's axes are written as "models images height": the same word stands for the
    same length in the whole file, and a number for itself.

    Args:
      run: the run.
      name: the file's name without its ending.
      axes: the arrays of finite numbers that must be there, each with its axes.
      words: the arrays of texts that must be there, each with its axes.
      optional: arrays of numbers that may be absent and may have gaps (NaN).

    Returns:
      Every array of the file by name, or None where there is no such file.

    Raises:
      InputError: as `Run.arrays`, or an array's shape does not fit the others.
    """
    data = run.arrays(name, **{key: len(axes[key].split()) for key in axes})
    if data is None:
        return None
    path = run.path / "arrays" / f"{name}.npz"
    for key in words or {}:
        if key not in data or data[key].dtype.kind != "U":
            raise InputError(
                f"{path}: it needs an array {key!r} of texts (it has {sorted(data)}); "
                "delete the file to leave its figure out, or run the experiment again."
            )
    allowed = {key: spec for key, spec in (optional or {}).items() if key in data}
    for key in allowed:
        if data[key].dtype.kind not in "uif":
            raise InputError(
                f"{path}: the array {key!r} ({data[key].dtype}) holds no numbers; "
                "delete the file to leave its figure out, or run the experiment again."
            )
    _fit(path, data, {**(words or {}), **axes, **allowed})
    return data


def _fit(path: Path, data: Arrays, axes: Mapping[str, str]) -> None:
    lengths: dict[str, tuple[int, str]] = {}
    for key, spec in axes.items():
        names, shape = spec.split(), data[key].shape
        known = [
            int(n) if n.isdigit() else lengths.get(n, (None, key))[0] for n in names
        ]
        pairs = zip(known, shape, strict=False)
        if len(known) != len(shape) or any(k not in (None, s) for k, s in pairs):
            wanted = ", ".join(
                n if k is None or n.isdigit() else f"{n} = {k} as in {lengths[n][1]!r}"
                for n, k in zip(names, known, strict=True)
            )
            raise InputError(
                f"{path}: the array {key!r} has shape {shape}; [{wanted}] was "
                "expected; delete the file to leave its figure out, or run the "
                "experiment again."
            )
        for n, s in zip(names, shape, strict=True):
            lengths.setdefault(n, (s, key))


def texts(names: np.ndarray) -> list[str]:
    """The names as Python's own strings."""
    return [str(name) for name in names]

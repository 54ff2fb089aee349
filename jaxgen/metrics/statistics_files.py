"""Statistics of features in files, as pytorch-fid keeps them."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from jaxgen.errors import InputError
from jaxgen.files import open_whole, read_npz
from jaxgen.metrics.statistics import FeatureStatistics, check_statistics

__all__ = ["load_statistics", "save_statistics"]


def save_statistics(
    path: str | os.PathLike[str], statistics: FeatureStatistics
) -> None:
    """Writes statistics to an `.npz` file that pytorch-fid and clean-fid read too.

    `mu` and `sigma` are theirs; what else is known is written beside them. The file is
    there whole or not at all.

    Args:
        path: Where to.
        statistics: What to write.

    Raises:
        InputError: They are not statistics, or the place cannot be written to.
    """
    check_statistics("The statistics to save", statistics)
    arrays: dict[str, Any] = {"mu": statistics.mean, "sigma": statistics.covariance}
    for name in ("num_examples", "net", "identity", "resize"):
        value = getattr(statistics, name)
        if value is not None:
            arrays[name] = np.array(value)
    try:
        with open_whole(Path(path)) as file:
            np.savez(file, **arrays)
    except OSError as error:
        raise InputError(
            f"The statistics cannot be written to {path}: {error.strerror or error}; "
            "choose another place."
        ) from error


def load_statistics(path: str | os.PathLike[str]) -> FeatureStatistics:
    """Reads statistics from an `.npz` file, ours or another program's.

    Nothing is unpickled. What a file does not say is None.

    Args:
        path: A file with `mu` and `sigma`.

    Raises:
        InputError: It is missing, damaged, or holds something else.
    """
    try:
        arrays = read_npz(path)
    except FileNotFoundError as error:
        raise InputError(
            f"{path}: there is no such file; write one by save_statistics."
        ) from error
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read ({error}): expected an .npz file of plain arrays "
            "`mu` and `sigma`; make it anew by save_statistics."
        ) from error
    missing = [name for name in ("mu", "sigma") if name not in arrays]
    if missing:
        raise InputError(
            f"{path} holds {sorted(arrays)} and no {' and no '.join(missing)}: "
            "expected statistics as pytorch-fid or save_statistics write them."
        )
    for name in ("mu", "sigma"):
        if arrays[name].dtype.kind not in "fiu":
            raise InputError(
                f"{name} of {path} is {arrays[name].dtype}: expected real numbers."
            )
    count = arrays.get("num_examples")
    if count is not None and (count.shape or count.dtype.kind not in "iu" or count < 2):
        raise InputError(
            f"num_examples of {path} is {count!r}: expected a whole number of at least "
            "2; make the file anew by save_statistics."
        )
    statistics = FeatureStatistics(
        np.asarray(arrays["mu"], np.float64),
        np.asarray(arrays["sigma"], np.float64),
        None if count is None else int(count),
        *(
            str(arrays[name]) if name in arrays else None
            for name in ("net", "identity", "resize")
        ),
    )
    check_statistics(str(path), statistics)
    return statistics

"""Decoded sets kept on disk: reading 60,000 PNGs takes seconds, one array does not.

A cache is never a reason to fail: whatever goes wrong, the set is decoded again.
"""

import contextlib
import hashlib
from collections.abc import Callable, Mapping

import numpy as np

from jaxgen import files

__all__ = ["load_or_compute"]

_MAX_BYTES = 512 * 2**20
"""Larger sets are decoded each time rather than fill the user's disk."""


def load_or_compute(
    name: str,
    shapes: Mapping[str, tuple[int, ...]],
    compute: Callable[[], dict[str, np.ndarray]],
) -> dict[str, np.ndarray]:
    """Returns the cached arrays of `name`, or computes and caches them.

    Args:
        name: It must change whenever the arrays would.
        shapes: The expected arrays; a cached file that differs is not used.
        compute: What makes the arrays.
    """
    try:
        digest = hashlib.sha256(name.encode()).hexdigest()[:32]
        path = files.cache_folder() / f"{digest}.npz"
        arrays = files.read_npz(path)
        if {key: array.shape for key, array in arrays.items()} == dict(shapes):
            return arrays
    except (OSError, RuntimeError, ValueError):
        pass
    arrays = compute()
    if sum(array.nbytes for array in arrays.values()) <= _MAX_BYTES:
        with contextlib.suppress(OSError, RuntimeError):
            path = files.cache_folder() / f"{digest}.npz"
            with files.open_whole(path) as file:
                np.savez(file, allow_pickle=False, **dict(arrays))
    return arrays
